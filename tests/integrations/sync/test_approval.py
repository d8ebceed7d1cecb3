"""Answering what the brake held."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import webhooks
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


class TestAnswerAfterAnEvent:
    """Something was told of single people since the run that holds them."""

    @pytest.fixture
    def told(self, held, sync):
        """Let an event about somebody come in, and return its run."""

        def about(name):
            identity = held.connection.identities.get(membership__user__first_name=name.partition(" ")[0])
            event = {"event_id": name, "kind": "person", "happened_at": timezone.now(), "received_at": timezone.now()}
            held.connection.events.create(provider="gusto", person_id=identity.external_id, **event)
            (run_id,) = webhooks.take_up(now=timezone.now())
            return sync_run.carry_out(run_id=run_id)

        return about

    def test_spares_whoever_stays_after_all(self, held, world, told, sync):
        world.rehire("Maya Okafor")
        told("Maya Okafor")

        approved = approval.approve(run=held, user=None, now=timezone.now())
        sync_run.carry_out(run_id=approved.pk)

        ended = Membership.objects.filter(status="ended").values_list("user__first_name", flat=True)
        assert sorted(ended) == ["Joy", "Wei", "Yuki"]
        assert held.changes.get(person__startswith="Maya", kind="end_access").reason == "changed_since"

    def test_is_asked_for_another_list_than_was_seen(self, held, world, told):
        seen = approval.plan_hash(held)
        world.rehire("Maya Okafor")
        told("Maya Okafor")

        with pytest.raises(approval.PlanChanged):
            approval.approve(run=held, user=None, now=timezone.now(), seen=seen)

    def test_is_still_needed_for_whoever_changed_in_another_way(self, held, world, told):
        world.rename("Maya Okafor", "Maya", "Lund")

        run = told("Maya Okafor")

        assert (run.totals["held"], run.totals.get("end_access", 0)) == (1, 0)
        assert held.changes.filter(state="held").count() == 3
        assert not Membership.objects.filter(status="ended").exists()


class TestReject:
    def test_leaves_everyone_and_does_not_ask_again(self, held, sync):
        assert approval.reject(run=held, user=None, now=timezone.now()) == 4

        again = sync(held.connection)

        assert again.totals.get("held", 0) == 0
        assert not Membership.objects.filter(status="ended").exists()
