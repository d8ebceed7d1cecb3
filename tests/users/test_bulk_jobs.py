"""Background jobs: one at a time, one worker each, and nothing is lost when it dies."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from tests.factories.portals import PortalFactory
from users import bulk_jobs, exports, tasks
from users.models import BulkJob, BulkJobPart

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 31, 20, tzinfo=UTC)
State, Purpose = BulkJob.State, BulkJobPart.Purpose


def started(portal=None, kind=BulkJob.Kind.EXPORT_USERS, **fields):
    portal = portal or PortalFactory()
    options = {"with_inviter": False, "everyone": True}
    return bulk_jobs.start(portal=portal, kind=kind, requested_by=None, now=NOW, options=options, **fields)


def lapse(job):
    BulkJob.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(days=1))


class TestStart:
    def test_keeps_the_files_in_parts(self, monkeypatch):
        monkeypatch.setattr(bulk_jobs, "PART_BYTES", 4)

        job = started(files={Purpose.UPLOAD: [b"abc", b"def", b"g"]})

        assert list(bulk_jobs.stored(job, Purpose.UPLOAD)) == [b"abcdef", b"g"]

    def test_refuses_a_second_of_the_kind_in_the_portal(self):
        first = started()

        with pytest.raises(bulk_jobs.AlreadyRunning):
            started(first.portal)

    def test_allows_another_kind_and_another_portal(self):
        first = started()

        started(first.portal, BulkJob.Kind.IMPORT_USERS)
        started()

    def test_allows_the_next_when_one_has_ended(self):
        first = started()
        bulk_jobs.take(first.pk).finish(State.DONE, now=NOW)

        assert started(first.portal).pk


class TestTake:
    def test_gives_the_job_to_one_worker(self):
        job = started()

        assert bulk_jobs.take(job.pk)
        assert bulk_jobs.take(job.pk) is None

    def test_gives_it_to_another_when_the_lease_has_lapsed(self):
        job = started()
        first = bulk_jobs.take(job.pk)
        lapse(job)

        second = bulk_jobs.take(job.pk)

        second.note(done=1)
        with pytest.raises(bulk_jobs.LeaseLost):
            first.note(done=2)

    @pytest.mark.parametrize("state", [State.DONE, State.FAILED, State.REVIEW])
    def test_takes_nothing_that_has_ended(self, state):
        job = started()
        bulk_jobs.take(job.pk).finish(state, now=NOW)

        assert bulk_jobs.take(job.pk) is None


class TestForsaken:
    def test_finds_jobs_whose_worker_is_gone(self):
        job = started()
        bulk_jobs.take(job.pk)
        lapse(job)

        assert bulk_jobs.forsaken(NOW) == [job.pk]

    def test_finds_jobs_whose_wake_up_call_was_lost(self):
        job = started()

        assert bulk_jobs.forsaken(NOW + timedelta(seconds=20)) == []
        assert bulk_jobs.forsaken(NOW + timedelta(minutes=1)) == [job.pk]

    def test_leaves_working_jobs_alone(self):
        job = started()
        bulk_jobs.take(job.pk)

        assert bulk_jobs.forsaken(NOW + timedelta(hours=1)) == []

    def test_gives_up_at_the_third_time_without_progress(self):
        job = started()
        for _time in range(bulk_jobs.MAX_LAPSES):
            bulk_jobs.take(job.pk)
            lapse(job)
            bulk_jobs.forsaken(NOW)

        job.refresh_from_db()
        assert job.state == State.FAILED
        assert "three times" in job.trouble

    def test_forgets_lapses_at_progress(self):
        job = started()
        for _time in range(bulk_jobs.MAX_LAPSES + 1):
            bulk_jobs.take(job.pk).note(done=1)
            lapse(job)
            bulk_jobs.forsaken(NOW)

        job.refresh_from_db()
        assert job.state == State.WAITING


class TestDeleteOld:
    def test_deletes_jobs_with_their_files_after_a_week(self):
        old = started(files={Purpose.UPLOAD: [b"x"]})

        assert bulk_jobs.delete_old(NOW + timedelta(days=6)) == 0
        assert bulk_jobs.delete_old(NOW + timedelta(days=7, minutes=1)) == 1
        assert not BulkJobPart.objects.filter(job=old.pk).exists()


class TestCarryOutBulkJob:
    def test_does_nothing_the_second_time(self):
        job = started()

        tasks.carry_out_bulk_job(job_id=job.pk)
        parts = list(BulkJobPart.objects.values_list("pk", flat=True))
        tasks.carry_out_bulk_job(job_id=job.pk)

        assert list(BulkJobPart.objects.values_list("pk", flat=True)) == parts

    def test_lets_go_of_the_job_after_an_unexpected_error(self, monkeypatch):
        job = started()
        monkeypatch.setattr(exports.Export, "header", lambda self: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            tasks.carry_out_bulk_job(job_id=job.pk)

        monkeypatch.undo()
        tasks.carry_out_bulk_job(job_id=job.pk)
        job.refresh_from_db()
        assert job.state == State.DONE


class TestSweepBulkJobs:
    def test_carries_on_what_a_dead_worker_left(self, tasks_at_once):
        job = started()
        bulk_jobs.take(job.pk)
        lapse(job)

        tasks.sweep_bulk_jobs()

        job.refresh_from_db()
        assert job.state == State.DONE
