"""A connection in trouble: it says so once, nobody loses access, and it goes on as soon as it can."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from integrations import tasks
from integrations.models import Connection
from tests.factories.users import OperatorFactory
from users import tasks as user_tasks
from users.models import Membership

from .browser import Browser
from .conftest import GUSTO, sync, sync_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once")]


@pytest.fixture
def reports(smtp, call):
    """Let the clock's tasks run, and return the subjects of the mails that admins got so far."""

    def told():
        call(tasks.tell_admins)
        call(user_tasks.send_notices)
        return [mail["Subject"] for mail in smtp if mail["To"] == "nora.bell@harborpine.example"]

    return told


@pytest.fixture
def synced(connection, mails_at_once, after_an_hour):
    """A connection whose people are all there."""
    mails_at_once(connection)
    sync_now(connection)
    after_an_hour(connection)
    return connection


def with_access():
    return Membership.objects.learners().exclude(status="ended").count()


class TestLostConsent:
    def test_is_told_once_shown_everywhere_and_over_after_connecting_again(
        self, admin, synced, world, connect, reports, after_an_hour
    ):
        people = with_access()
        world.revoke_grants()

        sync_now(synced)

        assert reports() == ["Harbor & Pine Academy: Gusto needs to be connected again"]
        assert reports() == ["Harbor & Pine Academy: Gusto needs to be connected again"]
        assert "no longer accepts the consent" in admin.open("/admin/users/membership/").words
        page = admin.follow("See what to do").words
        assert "Connect again with the same account." in page
        assert "Nobody loses access because of it." in page
        assert with_access() == people

        admin.press("Connect again")
        admin.press("Allow")
        admin.press("Finish")

        assert reports()[1:] == ["Harbor & Pine Academy: Gusto works again"]
        assert "no longer accepts" not in admin.open("/admin/").words
        assert "everyone is as they should be" in sync(admin).words
        assert with_access() == people

    def test_cannot_be_mended_with_another_company(self, admin, synced, world):
        world.add_company("Other Works", people=3)
        world.revoke_grants()
        sync_now(synced)

        admin.open(GUSTO).press("Connect again")
        page = admin.press("Allow", company="Other Works")
        page = page.press("Finish") if "Finish" in page.words else page

        assert "This is not Harbor & Pine Outfitters LLC" in page.words
        assert Connection.objects.get().external_account_name == synced.external_account_name
        assert Connection.objects.get().state == "needs_reconnecting"


class TestEmptiedList:
    def test_pauses_the_daily_sync_and_takes_nobodys_access(self, admin, synced, world, reports):
        people = with_access()
        world.set_fault("empty_list", times=None)

        page = sync(admin)

        assert "The list was empty." in page.words
        assert with_access() == people
        assert reports() == ["Harbor & Pine Academy: Gusto: the daily sync is paused"]
        page = admin.open(GUSTO).words
        assert "The daily sync is paused" in page
        assert "It is tried again by itself on" in page

    def test_ends_by_itself_when_the_people_are_back(self, admin, synced, world, reports, call):
        world.set_fault("empty_list", times=None)
        sync_now(synced)
        reports()
        world.clear_faults()

        with time_machine.travel(timezone.now() + timedelta(hours=1, minutes=5)):
            call(tasks.sync_due_connections)
            told = reports()

        assert told[-1] == "Harbor & Pine Academy: Gusto works again"
        assert "The daily sync is paused" not in admin.open(GUSTO).words


class TestSilence:
    def test_is_an_alarm_although_the_scheduler_is_dead(self, admin, synced, settings):
        long_ago = timezone.now() - timedelta(hours=40)
        Connection.objects.update(connected_at=long_ago, last_complete_sync_at=long_ago)

        assert "No sync has been completed for 36 hours" in admin.open(GUSTO).words

        operator = Browser(settings.PLATFORM_DOMAIN).sign_in(OperatorFactory().email)
        page = operator.open("/admin/").follow("Health").words
        assert "No job has ever gone through." in page
        assert "Harbor & Pine Academy Gusto No sync has been completed for 36 hours." in page


class TestWhoIsTold:
    def test_is_up_to_the_admins(self, admin, synced, world, reports):
        admin.open(GUSTO).follow("change").press("Save changes", wanted="The connection works again")
        world.set_fault("empty_list", times=None)
        sync_now(synced)

        assert reports() == []
        assert "The daily sync is paused" in admin.open(GUSTO).words
