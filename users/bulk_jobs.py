"""Background jobs: one at a time per portal and kind, carried on by another worker when one dies.

The row is the truth: whoever holds its lease works, and every note of progress renews the lease or says that it is
lost. A task is only a wake-up call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from portals import statements
from portals.models import Portal
from users.models import BulkJob, BulkJobPart, User

Kind = BulkJob.Kind
State = BulkJob.State
Purpose = BulkJobPart.Purpose

# A worker notes its progress well before its lease lapses.
LEASE = timedelta(seconds=90)
# A job that waits longer than this has lost its wake-up call.
OVERDUE = timedelta(seconds=30)
# Leases lost in a row without progress before a job is given up.
MAX_LAPSES = 3
KEPT = timedelta(days=7)
PART_BYTES = 512 * 1024


class AlreadyRunning(Exception):
    """Another job of this kind waits or works in the portal."""


class LeaseLost(Exception):
    """Another worker has the job now: write nothing more."""


@dataclass(slots=True)
class Work:
    """A job in the hands of one worker."""

    job: BulkJob
    attempt: int

    def note(self, **fields: Any) -> None:
        """Write progress and keep the lease. Raises LeaseLost."""
        self._write(lease_expires_at=_ahead(LEASE), heartbeat_at=Now(), lapses=0, **fields)

    def put_back(self) -> None:
        """Let the next wake-up call go on with the job. Raises LeaseLost."""
        self._write(state=State.WAITING, lease_expires_at=None, heartbeat_at=Now())

    def finish(self, state: State, *, now: datetime, **fields: Any) -> None:
        """End the work with this state. Raises LeaseLost."""
        self._write(state=state, finished_at=now, lease_expires_at=None, **fields)

    def let_go(self) -> None:
        """End the lease early, after an error that nobody expected."""
        self._mine().update(lease_expires_at=Now())

    def _write(self, **fields: Any) -> None:
        if not self._mine().update(**fields):
            raise LeaseLost

    def _mine(self) -> QuerySet[BulkJob]:
        return BulkJob.objects.filter(pk=self.job.pk, attempt=self.attempt, state=State.RUNNING)


def start(
    *,
    portal: Portal,
    kind: Kind,
    requested_by: User | None,
    now: datetime,
    options: dict[str, Any] | None = None,
    files: dict[Purpose, Iterable[bytes]] | None = None,
    **fields: Any,
) -> BulkJob:
    """Return a waiting job with its files; the caller wakes a worker after the commit. Raises AlreadyRunning."""
    with transaction.atomic():
        try:
            with transaction.atomic():
                job = BulkJob.objects.create(
                    portal=portal,
                    kind=kind,
                    requested_by=requested_by,
                    options=options or {},
                    created_at=now,
                    **fields,
                )
        except IntegrityError:
            raise AlreadyRunning from None
        for purpose, pieces in (files or {}).items():
            for _size in store(job, purpose, pieces):
                pass
    return job


def resume(job: BulkJob, *, options: dict[str, Any]) -> None:
    """Let a reviewed job go on, with more options. Raises AlreadyRunning when it does already, or another one."""
    try:
        with transaction.atomic():
            waiting = BulkJob.objects.filter(pk=job.pk, state__in=[State.REVIEW, State.DONE])
            moved = waiting.update(
                state=State.WAITING,
                options={**job.options, **options},
                attempt=F("attempt") + 1,
                heartbeat_at=Now(),
                finished_at=None,
                lapses=0,
            )
    except IntegrityError:
        raise AlreadyRunning from None
    if not moved:
        raise AlreadyRunning


def take(job_id: int) -> Work | None:
    """Return a job that waits or whose worker is gone, or None when another worker has it."""
    free = Q(lease_expires_at=None) | Q(lease_expires_at__lte=Now())
    taken = BulkJob.objects.filter(free, pk=job_id, state__in=BulkJob.LIVE).update(
        state=State.RUNNING, attempt=F("attempt") + 1, lease_expires_at=_ahead(LEASE), heartbeat_at=Now()
    )
    if not taken:
        return None
    job = BulkJob.objects.select_related("portal", "requested_by").get(pk=job_id)
    return Work(job, job.attempt)


def store(job: BulkJob, purpose: Purpose, pieces: Iterable[bytes]) -> Iterator[int]:
    """Replace a file of a job; yield its size so far after each part that was written."""
    job.parts.filter(purpose=purpose).delete()
    waiting, size, number = bytearray(), 0, 0
    for piece in pieces:
        waiting += piece
        if len(waiting) < PART_BYTES:
            continue
        _store_part(job, purpose, number, waiting)
        number, size = number + 1, size + len(waiting)
        waiting.clear()
        yield size
    _store_part(job, purpose, number, waiting)
    yield size + len(waiting)


def stored(job: BulkJob, purpose: Purpose) -> Iterator[bytes]:
    """Yield a file of a job, part by part; never more than one is in memory."""
    parts = BulkJobPart.objects.filter(job=job, purpose=purpose)
    for pk in list(parts.order_by("number").values_list("pk", flat=True)):
        yield bytes(BulkJobPart.objects.values_list("content", flat=True).get(pk=pk))


def forsaken(now: datetime) -> list[int]:
    """Return the jobs that nobody works on, for whatever reason; those beyond help are failed instead."""
    lost = BulkJob.objects.filter(state=State.RUNNING, lease_expires_at__lt=Now())
    lost.filter(lapses__gte=MAX_LAPSES - 1).update(
        state=State.FAILED,
        finished_at=now,
        trouble=_("The job was interrupted three times at the same place and was given up."),
    )
    lost.update(state=State.WAITING, lease_expires_at=None, lapses=F("lapses") + 1)
    is_overdue = Q(heartbeat_at=None, created_at__lt=now - OVERDUE) | Q(heartbeat_at__lt=_ago(OVERDUE))
    waiting = BulkJob.objects.filter(is_overdue | Q(lapses__gt=0), state=State.WAITING)
    return list(waiting.values_list("pk", flat=True))


def delete_old(now: datetime) -> int:
    """Delete jobs with their files a week after they were requested; return how many."""
    old = BulkJob.objects.filter(created_at__lt=now - KEPT)
    count = old.count()
    old.delete()
    return count


def _store_part(job: BulkJob, purpose: Purpose, number: int, content: bytearray) -> None:
    # Not by the ORM: its cursors hold on to the last statement, and each of these is half a megabyte long.
    part = (job.pk, purpose.value, number, bytes(content))
    statements.copy("users_bulkjobpart (job_id, purpose, number, content)", [part])


def _ago(span: timedelta) -> Combinable:
    return ExpressionWrapper(Now() - Value(span), output_field=DateTimeField())


def _ahead(span: timedelta) -> Combinable:
    return ExpressionWrapper(Now() + Value(span), output_field=DateTimeField())
