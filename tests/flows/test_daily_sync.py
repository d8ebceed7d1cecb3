"""Once a day the portal's records are made equal to Gusto's: joiners, movers, leavers, and days without news."""

from datetime import timedelta

import pytest

from integrations import tasks
from integrations.models import InviteSettings, PlannedChange, SyncRun
from tests.factories.integrations import ConnectionFactory, FieldMappingFactory
from tests.factories.portals import CustomFieldFactory
from users.models import AuditEntry, Enrollment, GroupMembership, Invitation, Membership

from .conftest import GUSTO, sync_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once")]


@pytest.fixture
def first_sync_is_done(tasks_at_once, connection, smtp):
    """Everyone is in; the mailbox is empty again."""
    sync_now(connection)
    smtp.clear()


@pytest.fixture
def day(at, today, call):
    """Let beat look for due connections at some hours of a day, counted from today."""

    def pass_by(number, hours=(0, 6, 12, 23)):
        for hour in hours:
            with at(today + timedelta(days=number), hour=hour):
                call(tasks.sync_due_connections)

    return pass_by


def everything():
    """Return all that a sync could do, to compare before and after."""
    rows = [Membership, Invitation, GroupMembership, Enrollment, PlannedChange, AuditEntry]
    return [sorted(map(repr, model.objects.values_list())) for model in rows]


class TestDailySync:
    @pytest.mark.usefixtures("first_sync_is_done")
    def test_runs_once_per_local_day_in_the_portal_s_night(self, connection, today, day, portal):
        for number in (1, 2, 3):
            day(number)

        runs = SyncRun.objects.filter(trigger="schedule").order_by("pk")
        assert [run.local_day for run in runs] == [today + timedelta(days=number) for number in (1, 2, 3)]
        assert {run.state for run in runs} == {"completed"}
        connection.refresh_from_db()
        assert 1 <= connection.next_due_at.astimezone(portal.zone).hour < 5

    @pytest.mark.usefixtures("first_sync_is_done")
    def test_lets_joiners_in(self, world, day, people, smtp):
        world.hire("Noor", "Ahmadi", work_email="noor@harborpine.example")

        day(1)

        assert people("Noor Ahmadi").status == "pending"
        assert [mail["To"] for mail in smtp] == ["noor@harborpine.example"]

    @pytest.mark.usefixtures("first_sync_is_done")
    def test_follows_a_new_name_and_address_without_a_new_invitation(self, world, day, people, smtp):
        account = people("Maya Okafor").user_id
        world.rename("Maya Okafor", "Maya", "Winter")
        world.change("Maya Winter", work_email="maya.winter@harborpine.example")

        day(1)

        maya = people("Maya Winter")
        assert (maya.user_id, maya.user.email) == (account, "maya.winter@harborpine.example")
        assert smtp == []
        assert not maya.invitations.filter(state="scheduled").exists()

    def test_moves_people(self, tasks_at_once, connection, world, day, people):
        field = CustomFieldFactory(portal=connection.portal, label="Department")
        FieldMappingFactory(connection=connection, attribute="department", custom_field=field)
        sync_now(connection)
        world.change("Maya Okafor", department="Support")

        day(1)

        assert people("Maya Okafor").custom_data == {field.key: "Support"}

    @pytest.mark.usefixtures("first_sync_is_done")
    def test_ends_the_access_of_leavers(self, world, today, day, people):
        world.terminate("Maya Okafor", today - timedelta(days=1))

        day(1)

        assert (people("Maya Okafor").status, people("Maya Okafor").ended_by) == ("ended", "gusto")

    @pytest.mark.usefixtures("first_sync_is_done")
    def test_does_nothing_on_a_day_without_news(self, day, smtp):
        day(1)
        before = everything()

        day(2)

        run = SyncRun.objects.latest("pk")
        assert everything() == before
        assert run.totals["unchanged"] == run.totals["seen"] == 20
        assert smtp == []

    @pytest.mark.usefixtures("first_sync_is_done")
    def test_is_seen_on_the_page_of_runs(self, admin, day):
        day(1)

        page = admin.open(GUSTO).follow("Runs")

        assert "Daily sync" in page.words
        assert "Started by an admin" in page.words

    @pytest.mark.usefixtures("first_sync_is_done")
    def test_leaves_connections_that_need_their_admin_alone(self, world, connection, day):
        ConnectionFactory(state="needs_reconnecting")
        world.revoke_grants()
        day(1)
        connection.refresh_from_db()
        assert connection.state == "needs_reconnecting"
        runs = SyncRun.objects.count()

        day(2)

        assert SyncRun.objects.count() == runs

    @pytest.mark.usefixtures("first_sync_is_done")
    def test_tries_again_when_gusto_is_down_and_takes_nobody_s_access(self, world, connection, at, today, call):
        world.terminate("Maya Okafor", today - timedelta(days=1))
        world.set_fault("500", times=None, path="/v1/companies/", retry_after="0")
        with at(today + timedelta(days=1), hour=6):
            call(tasks.sync_due_connections)
        assert SyncRun.objects.latest("pk").state == "failed"
        assert not Membership.objects.filter(status="ended").exists()

        world.clear_faults()
        with at(today + timedelta(days=1), hour=7, minute=1):
            call(tasks.sync_due_connections)

        assert SyncRun.objects.latest("pk").trigger == "retry"
        assert Membership.objects.filter(status="ended").count() == 1

    def test_begins_by_itself_after_connecting(self, tasks_at_once, connection, day, smtp):
        InviteSettings.objects.update(how="active")

        day(1)

        assert Membership.objects.learners().count() > 10
