"""Remove Gusto from your portal, and come back to it."""

from datetime import timedelta

import pytest

from integrations import tasks
from integrations.models import Connection, Grant, SyncRun
from tests.factories.integrations import FieldMappingFactory
from tests.factories.portals import CustomFieldFactory
from users.models import Membership

from .conftest import GUSTO, sync, sync_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once", "smtp")]


def disconnect(browser):
    """Select Disconnect, and confirm."""
    return browser.open(GUSTO).follow("Disconnect").press("Disconnect")


@pytest.fixture
def synced(tasks_at_once, connection):
    field = CustomFieldFactory(portal=connection.portal, label="Department")
    FieldMappingFactory(connection=connection, attribute="department", custom_field=field)
    sync_now(connection)
    return connection


class TestDisconnect:
    def test_asks_first_and_says_what_will_happen(self, admin, synced):
        page = admin.open(GUSTO).follow("Disconnect")

        assert "Disconnect Gusto?" in page.words
        assert "linked learners keep account, groups, courses and progress" in page.words
        page.follow("Cancel")
        assert Connection.objects.get().state == "active"

    def test_takes_the_consent_back_at_gusto_and_deletes_the_tokens(self, admin, synced, world):
        page = disconnect(admin)

        assert "Gusto is disconnected." in page.words
        assert world.grants.living() == 0
        assert not Grant.objects.exists()
        assert Connection.objects.get().state == "disconnected"
        assert page.has_button("+ Connect")

    def test_leaves_the_people_as_they_are(self, admin, synced):
        before = sorted(map(repr, Membership.objects.values_list()))

        disconnect(admin)

        assert sorted(map(repr, Membership.objects.values_list())) == before
        assert synced.mappings.count() == 1

    def test_ends_the_daily_sync(self, admin, synced, at, today, call):
        disconnect(admin)
        runs = SyncRun.objects.count()

        with at(today + timedelta(days=1), hour=6):
            call(tasks.sync_due_connections)

        assert SyncRun.objects.count() == runs
        assert not admin.open(GUSTO).has_button("Sync")

    def test_works_while_gusto_is_away_and_says_what_to_do_there(self, admin, synced, world):
        world.set_fault("503", times=None, path="/oauth/revoke")

        page = disconnect(admin)

        assert "Gusto is disconnected." in page.words
        assert "Remove Rollcall from the list of connected apps there, too." in page.words
        assert not Grant.objects.exists()


class TestComingBack:
    def test_with_the_same_company_makes_no_duplicates(self, admin, synced, connect, world, smtp):
        before = set(Membership.objects.values_list("pk", "user__email"))
        sent = len(smtp)
        disconnect(admin)
        world.change("Maya Okafor", work_email="maya.new@harborpine.example")

        again = connect(admin)
        again.last_manual_sync_at = None
        again.save()
        run = sync(admin)

        assert "Completed" in run.words
        assert again.pk == synced.pk
        assert {pk for pk, _ in before} == set(Membership.objects.values_list("pk", flat=True))
        assert Membership.objects.get(user__last_name="Okafor").user.email == "maya.new@harborpine.example"
        assert len(smtp) == sent

    def test_with_another_company_is_refused(self, admin, synced, connect, world):
        disconnect(admin)

        connect(admin, company="Juniper Works Inc")

        assert admin.status == 400
        assert "This portal was connected to Harbor & Pine Outfitters LLC before" in admin.words
        assert Connection.objects.get().state == "disconnected"
        assert world.grants.living() == 0
