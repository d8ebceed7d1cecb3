"""Answering what the brake held."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.models import SyncRun
from integrations.sync import approval
from integrations.sync import run as sync_run
from tests.factories.users import AdminFactory
from users.models import AuditEntry, Membership

pytestmark = pytest.mark.django_db

LEAVERS = ["Maya Okafor", "Wei Zhang", "Joy Delgado", "Yuki Desai"]


@pytest.fixture
def held(world, connect, sync):
    """A run that holds four leavers."""
    connection = connect()
    sync(connection)
    for name in LEAVERS:
        world.terminate(name, timezone.localdate() - timedelta(days=2))
    return sync(connection)


class TestApprove:
    def test_ends_access_for_everyone_held(self, held, world):
        admin = AdminFactory(portal=held.connection.portal).user

        approved = approval.approve(run=held, user=admin, now=timezone.now())
        sync_run.carry_out(run_id=approved.pk)

        approved.refresh_from_db()
        assert (approved.state, approved.totals["end_access"]) == (SyncRun.State.COMPLETED, 4)
        assert approved.started_at <= approved.finished_at
        assert Membership.objects.filter(status="ended").count() == 4
        assert AuditEntry.objects.get(action="removals_approved").actor_id == admin.pk

    def test_works_once(self, held):
        approved = approval.approve(run=held, user=None, now=timezone.now())
        sync_run.carry_out(run_id=approved.pk)

        with pytest.raises(approval.NothingHeld):
            approval.approve(run=held, user=None, now=timezone.now())

    def test_counts_nobody_as_missing(self, held):
        approved = approval.approve(run=held, user=None, now=timezone.now())
        sync_run.carry_out(run_id=approved.pk)

        assert not held.connection.identities.filter(times_missing__gt=0).exists()

    def test_lapses_after_a_day(self, held):
        with pytest.raises(approval.NothingHeld):
            approval.approve(run=held, user=None, now=timezone.now() + timedelta(hours=25))

    def test_is_for_the_newest_run_only(self, held, sync):
        newer = sync(held.connection)

        with pytest.raises(approval.NothingHeld):
            approval.approve(run=held, user=None, now=timezone.now())
        assert approval.held_changes(newer, timezone.now()) == 4


class TestReject:
    def test_leaves_everyone_and_does_not_ask_again(self, held, sync):
        assert approval.reject(run=held, user=None, now=timezone.now()) == 4

        again = sync(held.connection)

        assert again.totals.get("held", 0) == 0
        assert not Membership.objects.filter(status="ended").exists()
