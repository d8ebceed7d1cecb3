"""Access ends after the last day, at the portal's midnight."""

from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, InvitationFactory, MembershipFactory
from users import access, signals
from users.models import AuditEntry, Invitation

pytestmark = pytest.mark.django_db

# In Auckland it is the 2nd already, in Honolulu still the 1st.
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
THE_FIRST = date(2026, 3, 1)
YESTERDAY = date(2026, 2, 28)


def status_of(membership):
    membership.refresh_from_db()
    return membership.status


class TestEndAccessAfterLastDay:
    def test_ends_access_the_day_after(self):
        leaver = MembershipFactory(last_day=YESTERDAY, ended_by="gusto")

        assert access.end_access_after_last_day(now=NOON) == 1

        assert status_of(leaver) == "ended"
        assert (leaver.ended_at, leaver.ended_by) == (NOON, "gusto")

    def test_names_the_admin_when_nobody_is_named(self):
        leaver = MembershipFactory(last_day=YESTERDAY)

        access.end_access_after_last_day(now=NOON)

        leaver.refresh_from_db()
        assert leaver.ended_by == "admin"

    @pytest.mark.parametrize("last_day", [None, THE_FIRST, date(2026, 3, 2)])
    def test_leaves_those_alone_whose_last_day_is_not_over(self, last_day):
        learner = MembershipFactory(last_day=last_day)

        assert access.end_access_after_last_day(now=NOON) == 0
        assert status_of(learner) == "active"

    @pytest.mark.parametrize(
        ("zone", "status"), [("Pacific/Auckland", "ended"), ("UTC", "active"), ("Pacific/Honolulu", "active")]
    )
    def test_ends_the_day_where_the_portal_is(self, zone, status):
        leaver = MembershipFactory(portal__time_zone=zone, last_day=THE_FIRST)

        access.end_access_after_last_day(now=NOON)

        assert status_of(leaver) == status

    def test_changes_nothing_the_second_time(self):
        MembershipFactory(last_day=YESTERDAY)
        access.end_access_after_last_day(now=NOON)

        assert access.end_access_after_last_day(now=NOON) == 0
        assert AuditEntry.objects.count() == 1

    def test_kills_the_links(self):
        invitation = InvitationFactory(state="sent", membership__last_day=YESTERDAY)

        access.end_access_after_last_day(now=NOON)

        assert Invitation.objects.get().state == "cancelled"
        assert Invitation.objects.get().nonce != invitation.nonce

    def test_tells_the_audit_trail_and_the_listeners(self):
        leaver = MembershipFactory(last_day=YESTERDAY)
        heard = []

        def listen(**news):
            heard.append((news["portal_id"], news["membership_ids"]))

        signals.access_changed.connect(listen)
        access.end_access_after_last_day(now=NOON)
        signals.access_changed.disconnect(listen)

        entry = AuditEntry.objects.get()
        assert (entry.action, entry.object_id, entry.before["status"]) == ("access_ended", leaver.pk, "active")
        assert heard == [(leaver.portal_id, [leaver.pk])]

    def test_takes_few_statements_for_many_portals(self, monkeypatch):
        monkeypatch.setattr(access, "BATCH", 1000)
        zones = ["UTC", "Europe/Berlin", "Asia/Tokyo", "America/New_York"]
        for zone in zones:
            MembershipFactory.create_batch(3, portal=PortalFactory(time_zone=zone), last_day=date(2026, 2, 1))

        with CaptureQueriesContext(connection) as queries:
            assert access.end_access_after_last_day(now=NOON) == 12

        assert len(queries) <= 12

    def test_works_through_everyone_in_batches(self, monkeypatch):
        monkeypatch.setattr(access, "BATCH", 2)
        MembershipFactory.create_batch(5, last_day=YESTERDAY)

        assert access.end_access_after_last_day(now=NOON) == 5


class TestStaff:
    @pytest.mark.parametrize("role", ["manager", "instructor", "admin"])
    def test_is_never_ended_by_an_integration(self, role):
        AdminFactory(portal=(portal := PortalFactory()))
        staff = MembershipFactory(portal=portal, role=role, last_day=YESTERDAY, ended_by="gusto")

        assert access.end_access_after_last_day(now=NOON) == 0
        assert status_of(staff) == "active"

    @pytest.mark.parametrize("role", ["manager", "instructor", "admin"])
    def test_ends_on_the_day_that_an_admin_set(self, role):
        AdminFactory(portal=(portal := PortalFactory()))
        staff = MembershipFactory(portal=portal, role=role, last_day=YESTERDAY, ended_by="admin")

        access.end_access_after_last_day(now=NOON)

        assert status_of(staff) == "ended"

    def test_never_leaves_a_portal_without_an_admin(self):
        portal = PortalFactory()
        last_admins = AdminFactory.create_batch(2, portal=portal, last_day=YESTERDAY)
        AdminFactory(last_day=None)

        assert access.end_access_after_last_day(now=NOON) == 0
        assert [status_of(admin) for admin in last_admins] == ["active", "active"]


class TestMayEnter:
    def test_is_for_active_people(self):
        learner = MembershipFactory()

        assert access.may_enter(learner, portal=learner.portal, now=NOON)

    @pytest.mark.parametrize("status", ["pending", "ended"])
    def test_is_not_for_others(self, status):
        learner = MembershipFactory(status=status)

        assert not access.may_enter(learner, portal=learner.portal, now=NOON)

    def test_ends_at_the_portals_midnight(self):
        learner = MembershipFactory(portal__time_zone="Pacific/Auckland", last_day=THE_FIRST)

        assert access.may_enter(learner, portal=learner.portal, now=datetime(2026, 3, 1, 10, 59, tzinfo=UTC))
        assert not access.may_enter(learner, portal=learner.portal, now=datetime(2026, 3, 1, 11, tzinfo=UTC))

    def test_lets_staff_stay_until_it_is_ended(self):
        admin = AdminFactory(last_day=YESTERDAY)

        assert access.may_enter(admin, portal=admin.portal, now=NOON)

    def test_lets_learners_into_a_single_sign_on_portal_only_by_that(self):
        learner = MembershipFactory(portal__sign_in_method="saml")

        assert access.may_enter(learner, portal=learner.portal, now=NOON)
        assert not access.may_enter(learner, portal=learner.portal, now=NOON, by_password=True)
