"""If learners leave your organization: access ends based on the termination date in Gusto."""

from datetime import timedelta

import pytest

from integrations import tasks
from integrations.models import InviteSettings
from users import tasks as user_tasks
from users.models import Membership, User

from .conftest import PASSWORD, sync, sync_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("smtp")]

MAYA = "maya@harborpine.example"


@pytest.fixture(autouse=True)
def everyone_is_active(tasks_at_once, connection):
    InviteSettings.objects.update(how="active")
    sync_now(connection)


@pytest.fixture
def maya(portal, visit):
    """The leaver's browser, signed in."""
    account = User.objects.get(email=MAYA)
    account.set_password(PASSWORD)
    account.save()
    browser = visit(portal).sign_in(MAYA, PASSWORD)
    assert browser.has_button("Sign out")
    return browser


class TestLeaver:
    def test_keeps_access_through_the_last_day_and_loses_it_after(
        self, maya, connection, world, today, at, call, people, after_an_hour
    ):
        last_day = today + timedelta(days=3)
        world.terminate("Maya Okafor", last_day)
        after_an_hour(connection)
        sync_now(connection)
        assert people("Maya Okafor").status == "active"
        world.clear_calls()

        with at(last_day, hour=23, minute=59):
            call(user_tasks.end_access_after_last_day)
            assert maya.open("/").has_button("Sign out")
        with at(last_day + timedelta(days=1), hour=0, minute=1):
            # The check comes by once an hour; the door is shut without it.
            assert maya.open("/").has_button("Sign in")
        with at(last_day + timedelta(days=1), hour=1, minute=5):
            call(user_tasks.end_access_after_last_day)

        assert (people("Maya Okafor").status, people("Maya Okafor").ended_by) == ("ended", "gusto")
        # Gusto is not needed for it, and may be down or disconnected.
        assert world.calls.newest() == []

    def test_whose_date_has_passed_loses_access_by_the_next_sync(
        self, maya, connection, world, today, people, after_an_hour
    ):
        world.terminate("Maya Okafor", today - timedelta(days=1))
        after_an_hour(connection)

        sync_now(connection)

        assert people("Maya Okafor").status == "ended"
        assert maya.open("/").has_button("Sign in")
        assert maya.sign_in(MAYA, PASSWORD).has_button("Sign in")

    def test_whose_termination_is_taken_back_stays(self, connection, world, today, at, call, people, after_an_hour):
        world.terminate("Maya Okafor", today + timedelta(days=3))
        after_an_hour(connection)
        sync_now(connection)
        world.cancel_termination("Maya Okafor")
        after_an_hour(connection)
        sync_now(connection)

        with at(today + timedelta(days=5)):
            call(user_tasks.end_access_after_last_day)

        assert (people("Maya Okafor").status, people("Maya Okafor").last_day) == ("active", None)

    def test_who_is_hired_again_gets_the_old_account_back(self, maya, connection, world, today, at, call, people):
        before = people("Maya Okafor")
        world.terminate("Maya Okafor", today - timedelta(days=1))
        with at(today + timedelta(days=1), hour=6):
            call(tasks.sync_due_connections)
        assert people("Maya Okafor").status == "ended"
        world.rehire("Maya Okafor", today + timedelta(days=2))

        with at(today + timedelta(days=2), hour=6):
            call(tasks.sync_due_connections)
            assert maya.open("/").has_button("Sign out")

        after = people("Maya Okafor")
        assert (after.pk, after.status, after.last_day, after.ended_by) == (before.pk, "active", None, "")

    def test_whose_access_an_admin_ended_is_not_let_in_again(self, admin, connection, world, people, after_an_hour):
        page = admin.open(f"/admin/users/membership/{people('Maya Okafor').pk}/change/").follow("End access")
        page.press("End access")
        assert people("Maya Okafor").status == "ended"
        world.change("Maya Okafor", title="Advisor")
        after_an_hour(connection)

        sync_now(connection)

        assert people("Maya Okafor").status == "ended"


class TestManyLeaversAtOnce:
    def test_are_held_until_an_admin_approves(self, admin, connection, world, today, after_an_hour):
        names = ["Maya Okafor", "Wei Zhang", "Joy Delgado", "Yuki Desai"]
        for name in names:
            world.terminate(name, today - timedelta(days=1))
        after_an_hour(connection)

        run = sync(admin)

        assert "4 changes wait for your approval" in run.words
        assert not Membership.objects.filter(status="ended").exists()
        run.follow("Approve").press("Approve")
        ended = Membership.objects.filter(status="ended").values_list("user__first_name", "user__last_name")
        assert sorted(" ".join(name) for name in ended) == sorted(names)
