"""The wake-up calls: each may come late, twice or not at all."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import tasks
from integrations.models import SyncRun
from tests.factories.integrations import ConnectionFactory


@pytest.fixture
def started(monkeypatch):
    """The runs that were handed to workers."""
    run_ids = []
    monkeypatch.setattr(tasks.sync_connection, "delay", lambda *, run_id: run_ids.append(run_id))
    return run_ids


@pytest.mark.django_db
class TestSyncDueConnections:
    def test_starts_what_is_due_once_however_often_it_is_called(self, started):
        due = ConnectionFactory(next_due_at=timezone.now() - timedelta(minutes=1))
        ConnectionFactory(next_due_at=timezone.now() + timedelta(hours=1))
        ConnectionFactory(next_due_at=timezone.now() - timedelta(minutes=1), state="needs_reconnecting")

        for _ in range(3):
            tasks.sync_due_connections()

        assert started == [SyncRun.objects.get(connection=due).pk]

    def test_does_not_start_the_days_second_run(self, started):
        connection = ConnectionFactory(next_due_at=timezone.now() - timedelta(minutes=1))
        tasks.sync_due_connections()
        SyncRun.objects.update(state=SyncRun.State.COMPLETED)

        tasks.sync_due_connections()

        connection.refresh_from_db()
        assert len(started) == 1
        assert connection.next_due_at > timezone.now()

    def test_tries_a_failed_day_again(self, started):
        connection = ConnectionFactory(next_due_at=timezone.now() - timedelta(minutes=1))
        tasks.sync_due_connections()
        SyncRun.objects.update(state=SyncRun.State.FAILED)
        connection.refresh_from_db()
        connection.failures_in_a_row = 1
        connection.save()

        tasks.sync_due_connections()

        assert [run.trigger for run in SyncRun.objects.order_by("pk")] == ["schedule", "retry"]

    def test_lets_one_broken_portal_stop_no_other(self, started):
        busy = ConnectionFactory(next_due_at=timezone.now() - timedelta(minutes=2))
        SyncRun.objects.create(connection=busy, trigger="manual", created_at=timezone.now())
        free = ConnectionFactory(next_due_at=timezone.now() - timedelta(minutes=1))

        tasks.sync_due_connections()

        assert started == [SyncRun.objects.get(connection=free).pk]


@pytest.mark.django_db
class TestSweepRuns:
    def test_hands_a_dead_workers_run_to_another(self, started):
        connection = ConnectionFactory()
        long_ago = timezone.now() - timedelta(minutes=5)
        run = SyncRun.objects.create(
            connection=connection, trigger="manual", state="running", created_at=long_ago, lease_expires_at=long_ago
        )

        tasks.sweep_runs()

        assert started == [run.pk]
