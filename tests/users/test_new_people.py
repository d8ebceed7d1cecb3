"""The mail of the morning: who was added the day before, once a day, to the portal's full admins."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users import new_people
from users.models import Notice

pytestmark = pytest.mark.django_db

# Eight in the morning where the portal is.
NOW = datetime(2026, 3, 31, 6, tzinfo=UTC)
YESTERDAY = NOW - timedelta(hours=12)


@pytest.fixture
def portal():
    return PortalFactory(name="North Academy", time_zone="Europe/Berlin", tells_of_new_people=True)


@pytest.fixture
def admin(portal):
    return AdminFactory(portal=portal, created_at=NOW - timedelta(days=90))


def tell(*, days=0, hours=0):
    return new_people.tell_admins(now=NOW + timedelta(days=days, hours=hours))


def arrive(portal, **fields):
    return MembershipFactory(portal=portal, **{"created_at": YESTERDAY, **fields})


class TestTellAdmins:
    def test_names_who_was_added_by_hand_or_came_by_single_sign_on(self, portal, admin):
        arrive(portal, user__first_name="Ada", user__email="ada@example.com", status="pending")
        arrive(portal, user__first_name="Bo", source="sso")
        arrive(portal, user__first_name="Cy", source="csv")
        arrive(portal, user__first_name="Di", source="gusto")

        assert tell() == 1

        mail = Notice.objects.get()
        assert (mail.kind, mail.user) == ("people_added", admin.user)
        assert mail.subject == "North Academy: 2 people were added"
        assert mail.text.splitlines()[0] == "Ada Vale (ada@example.com) · Pending"
        assert ("Bo Vale" in mail.text, "Cy Vale" in mail.text, "Di Vale" in mail.text) == (True, False, False)
        assert mail.link == portal.url("/admin/users/membership/")

    def test_counts_the_days_of_the_portal_and_each_once(self, portal, admin):
        arrive(portal)
        arrive(portal, created_at=NOW)
        arrive(portal, created_at=NOW - timedelta(days=2))

        assert [tell(), tell(hours=1), tell(days=1), tell(days=1, hours=3), tell(days=2)] == [1, 0, 1, 0, 0]
        assert {mail.subject for mail in Notice.objects.all()} == {"North Academy: 1 person was added"}

    def test_makes_up_for_days_that_were_missed(self, portal, admin):
        portal.new_people_told_on = date(2026, 3, 28)
        portal.save()
        arrive(portal, created_at=NOW - timedelta(days=2))

        assert tell() == 1

    def test_waits_for_the_morning(self, portal, admin):
        arrive(portal)

        assert tell(hours=-3) == 0

    def test_says_nothing_when_nobody_came(self, admin):
        assert tell() == 0

    def test_is_off_unless_the_portal_wants_it(self, portal, admin):
        portal.tells_of_new_people = False
        portal.save()
        arrive(portal)

        assert tell() == 0

    def test_shortens_a_long_list(self, portal, admin, monkeypatch):
        monkeypatch.setattr(new_people, "NAMED", 1)
        arrive(portal)
        arrive(portal)

        tell()

        assert Notice.objects.get().text.endswith("… and 1 more.")
