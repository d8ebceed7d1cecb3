"""Ten copies of one task at once, two beats, ticks that come again and again: one effect."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from integrations import tasks
from integrations.models import Connection, PlannedChange, SyncRun
from integrations.sync import leases
from tests.factories.integrations import ConnectionFactory
from tests.factories.users import InvitationFactory
from users import tasks as user_tasks
from users.models import AuditEntry, Invitation, Membership

pytestmark = pytest.mark.django_db(transaction=True)

COPIES = 10


@pytest.fixture
def started(monkeypatch):
    """The runs that were handed to workers."""
    run_ids = []
    monkeypatch.setattr(tasks.sync_connection, "delay", lambda *, run_id: run_ids.append(run_id))
    return run_ids


def at_once(work, *, times=COPIES):
    """Call the work in so many threads that begin together; raise what went wrong in one of them."""
    together, problems = threading.Barrier(times), []

    def one():
        together.wait(60)
        try:
            work()
        except Exception as problem:
            problems.append(problem)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, daemon=True) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


class TestTicks:
    def test_of_many_beats_at_once_start_one_run_of_the_day(self, started):
        connection = ConnectionFactory(next_due_at=timezone.now() - timedelta(minutes=1))

        at_once(tasks.sync_due_connections)

        run = SyncRun.objects.get(connection=connection)
        assert started == [run.pk]
        assert (run.trigger, run.local_day) == ("schedule", connection.portal.today(timezone.now()))

    def test_of_two_beats_all_day_long_start_no_second_one(self, started):
        connection = ConnectionFactory(next_due_at=timezone.now() - timedelta(minutes=1))

        for _ in range(5):
            at_once(tasks.sync_due_connections, times=2)
            # The worker is done, and a clock that was set back makes the day due again.
            SyncRun.objects.update(state=SyncRun.State.COMPLETED)
            Connection.objects.update(next_due_at=timezone.now() - timedelta(minutes=1))

        assert started == [SyncRun.objects.get(connection=connection).pk]

    def test_start_the_next_day_once_as_well(self, started):
        connection = ConnectionFactory(next_due_at=timezone.now() - timedelta(minutes=1))
        yesterday = connection.portal.today(timezone.now()) - timedelta(days=1)
        SyncRun.objects.create(
            connection=connection,
            trigger="schedule",
            state="completed",
            local_day=yesterday,
            created_at=timezone.now() - timedelta(days=1),
        )

        at_once(tasks.sync_due_connections)

        assert len(started) == 1
        assert SyncRun.objects.filter(connection=connection).count() == 2


class TestCopiesOfASync:
    def test_bring_everyone_in_once(self, connect, monkeypatch):
        connection = connect()
        run = leases.claim(connection=connection, trigger=SyncRun.Trigger.COMMAND, now=timezone.now())
        monkeypatch.setattr(user_tasks.send_invitations, "delay", lambda: None)

        at_once(lambda: tasks.sync_connection(run_id=run.pk))

        run.refresh_from_db()
        people = Membership.objects.filter(source="gusto")
        assert (run.state, run.attempt, run.totals["seen"]) == ("completed", 1, 50)
        assert people.count() == run.totals["invite"] == Invitation.objects.count()
        lines = Counter(PlannedChange.objects.values_list("external_id", "kind"))
        assert set(lines.values()) == {1}
        assert AuditEntry.objects.filter(action="learner_added").count() == people.count()

    def test_that_come_late_change_nothing(self, connect, monkeypatch):
        connection = connect()
        run = leases.claim(connection=connection, trigger=SyncRun.Trigger.COMMAND, now=timezone.now())
        monkeypatch.setattr(user_tasks.send_invitations, "delay", lambda: None)
        tasks.sync_connection(run_id=run.pk)
        before = SyncRun.objects.values().get(pk=run.pk), AuditEntry.objects.count(), PlannedChange.objects.count()

        at_once(lambda: tasks.sync_connection(run_id=run.pk))

        after = SyncRun.objects.values().get(pk=run.pk), AuditEntry.objects.count(), PlannedChange.objects.count()
        assert after == before


class TestCopiesOfTheMailing:
    def test_send_every_mail_once(self, smtp):
        InvitationFactory.create_batch(25, next_try_at=timezone.now() - timedelta(minutes=1))

        at_once(user_tasks.send_invitations)

        assert len(smtp) == 25
        assert len({mail["To"] for mail in smtp}) == 25
        assert set(Invitation.objects.values_list("state", "times_sent")) == {("sent", 1)}


class TestCopiesOfTheSweep:
    def test_count_a_lapse_once(self, started):
        long_ago = timezone.now() - timedelta(minutes=5)
        run = SyncRun.objects.create(
            connection=ConnectionFactory(),
            trigger="manual",
            state="running",
            created_at=long_ago,
            heartbeat_at=long_ago,
            lease_expires_at=long_ago,
        )

        at_once(tasks.sweep_runs)

        run.refresh_from_db()
        # Everybody may call for a worker: the lease gives the run to one of those who come.
        assert (run.state, run.lapses) == ("queued", 1)
        assert set(started) == {run.pk}
