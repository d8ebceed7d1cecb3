"""Who may start a run, and who may work on it."""

import threading
from datetime import timedelta

import pytest
from django.db import connection as database
from django.utils import timezone

from integrations.models import Connection, SyncRun
from integrations.sync import leases
from tests.factories.integrations import ConnectionFactory


def minutes_ago(minutes):
    return timezone.now() - timedelta(minutes=minutes)


def claimed(connection):
    return leases.claim(connection=connection, trigger=SyncRun.Trigger.COMMAND, now=timezone.now())


@pytest.mark.django_db
class TestClaimManual:
    def press(self, connection):
        return leases.claim_manual(connection=connection, user=None, now=timezone.now())

    def test_gives_a_run_that_waits(self):
        run = self.press(ConnectionFactory())

        assert (run.trigger, run.state) == (SyncRun.Trigger.MANUAL, SyncRun.State.QUEUED)

    def test_says_when_the_next_one_is_possible(self):
        connection = ConnectionFactory(last_manual_sync_at=minutes_ago(20))

        with pytest.raises(leases.TooSoon) as refusal:
            self.press(connection)

        assert refusal.value.free_at == connection.last_manual_sync_at + timedelta(hours=1)

    def test_is_possible_again_after_an_hour(self):
        assert self.press(ConnectionFactory(last_manual_sync_at=minutes_ago(61)))

    def test_does_not_count_the_daily_run(self):
        connection = ConnectionFactory()
        run = leases.claim_daily(connection=connection, day=timezone.localdate(), now=timezone.now())
        SyncRun.objects.filter(pk=run.pk).update(state=SyncRun.State.COMPLETED)

        assert self.press(connection)

    def test_names_the_run_that_is_under_way(self):
        connection = ConnectionFactory()
        under_way = claimed(connection)

        with pytest.raises(leases.AlreadyRunning) as refusal:
            self.press(connection)

        assert refusal.value.run == under_way
        connection.refresh_from_db()
        assert connection.last_manual_sync_at is None

    def test_is_possible_in_quarantine(self):
        connection = ConnectionFactory(state="quarantined", quarantine="emptied")

        run = leases.claim_manual(connection=connection, user=None, now=timezone.now())

        assert run.state == "queued"

    @pytest.mark.parametrize("state", ["disconnected", "needs_reconnecting"])
    def test_needs_a_working_connection(self, state):
        with pytest.raises(leases.NotConnected):
            self.press(ConnectionFactory(state=state))

    def test_is_the_same_hour_only_for_one_connection(self):
        self.press(ConnectionFactory())

        assert self.press(ConnectionFactory())


@pytest.mark.django_db(transaction=True)
class TestManyPresses:
    def test_at_once_give_one_run(self):
        connection = ConnectionFactory()
        outcomes = []
        together = threading.Barrier(6)

        def press():
            together.wait(60)
            try:
                outcomes.append(leases.claim_manual(connection=connection, user=None, now=timezone.now()))
            except leases.Refused as refusal:
                outcomes.append(type(refusal))
            finally:
                database.close()

        threads = [threading.Thread(target=press, daemon=True) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert SyncRun.objects.count() == 1
        assert len([outcome for outcome in outcomes if isinstance(outcome, SyncRun)]) == 1


@pytest.mark.django_db
class TestClaimDaily:
    def test_gives_one_run_per_connection_and_day(self):
        connection, day = ConnectionFactory(), timezone.localdate()
        run = leases.claim_daily(connection=connection, day=day, now=timezone.now())
        SyncRun.objects.filter(pk=run.pk).update(state=SyncRun.State.COMPLETED)

        with pytest.raises(leases.AlreadyRunning):
            leases.claim_daily(connection=connection, day=day, now=timezone.now())
        assert leases.claim_daily(connection=connection, day=day + timedelta(days=1), now=timezone.now())


@pytest.mark.django_db
class TestTake:
    def test_gives_a_waiting_run_to_one_worker(self):
        run = claimed(ConnectionFactory())

        assert leases.take(run.pk) == leases.Lease(run.pk, 1)
        assert leases.take(run.pk) is None

    def test_gives_a_lapsed_run_to_the_next(self):
        run = claimed(ConnectionFactory())
        first = leases.take(run.pk)
        SyncRun.objects.filter(pk=run.pk).update(lease_expires_at=minutes_ago(1))

        second = leases.take(run.pk)

        assert second.attempt == first.attempt + 1
        with pytest.raises(leases.LeaseLost):
            leases.renew(first)
        leases.renew(second)

    def test_does_not_give_a_finished_run(self):
        run = claimed(ConnectionFactory())
        SyncRun.objects.filter(pk=run.pk).update(state=SyncRun.State.COMPLETED)

        assert leases.take(run.pk) is None


@pytest.mark.django_db
class TestLapsedRuns:
    def test_leaves_a_run_alone_whose_worker_is_alive(self):
        leases.take(claimed(ConnectionFactory()).pk)

        assert leases.lapsed_runs() == []

    def test_finds_a_run_whose_wake_up_call_was_lost(self):
        run = claimed(ConnectionFactory())
        assert leases.lapsed_runs() == []

        SyncRun.objects.filter(pk=run.pk).update(created_at=minutes_ago(1))

        assert leases.lapsed_runs() == [run.pk]

    def test_finds_a_run_whose_worker_died(self):
        run = claimed(ConnectionFactory())
        leases.take(run.pk)
        SyncRun.objects.filter(pk=run.pk).update(lease_expires_at=minutes_ago(1))

        assert leases.lapsed_runs() == [run.pk]

    def test_gives_a_run_up_that_lapsed_three_times(self):
        run = claimed(ConnectionFactory())
        leases.take(run.pk)
        SyncRun.objects.filter(pk=run.pk).update(lease_expires_at=minutes_ago(1), lapses=2)

        assert leases.lapsed_runs() == []
        run.refresh_from_db()
        assert run.state == SyncRun.State.FAILED
        assert Connection.objects.filter(pk=run.connection_id, runs__state__in=SyncRun.LIVE).count() == 0
