"""One live run per connection, one manual run an hour, and one worker per run: all decided by the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Now
from django.utils.translation import gettext

from integrations.models import Connection, SyncRun
from portals import statements
from users.models import User

# A worker renews its lease well before it lapses; a lapsed run is given to another one.
LEASE = timedelta(seconds=60)
HEARTBEAT = timedelta(seconds=10)
MANUAL_INTERVAL = timedelta(hours=1)
# Leases lost in a row without progress before a run is given up.
MAX_LAPSES = 3

_TAKE = """
UPDATE integrations_syncrun SET state = 'running', attempt = attempt + 1, heartbeat_at = statement_timestamp(),
    lease_expires_at = statement_timestamp() + make_interval(secs => %(lease)s::float8)
WHERE id = %(run)s::bigint AND state IN ('queued', 'running')
    AND (lease_expires_at IS NULL OR lease_expires_at <= statement_timestamp())
RETURNING attempt
"""


class Refused(Exception):
    """A run cannot start now."""


class TooSoon(Refused):
    """The hourly manual sync was used; `free_at` is when the next one may start."""

    def __init__(self, free_at: datetime) -> None:
        super().__init__(free_at)
        self.free_at = free_at


class AlreadyRunning(Refused):
    """Another run of the connection waits or works."""

    def __init__(self, run: SyncRun | None) -> None:
        super().__init__(run)
        self.run = run


class NotConnected(Refused):
    """The connection has no working grant."""


class LeaseLost(Exception):
    """Another worker has this run now, or it was stopped: write nothing more."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write for a run, as long as its attempt number is the run's."""

    run_id: int
    attempt: int


def claim_manual(*, connection: Connection, user: User | None, now: datetime) -> SyncRun:
    """Return a queued run started by an admin. Raises TooSoon, AlreadyRunning or NotConnected.

    One conditional update with the database's clock decides, so any number of presses at once gives one run.
    """
    with transaction.atomic():
        claimed = (
            Connection.objects.filter(pk=connection.pk, state__in=Connection.SYNCABLE)
            .filter(Q(last_manual_sync_at=None) | Q(last_manual_sync_at__lte=_ago(MANUAL_INTERVAL)))
            .update(last_manual_sync_at=Now())
        )
        if claimed:
            return _open(connection, SyncRun.Trigger.MANUAL, now, requested_by=user)
    connection.refresh_from_db()
    if not connection.may_sync:
        raise NotConnected
    if run := live_run(connection):
        raise AlreadyRunning(run)
    raise TooSoon(next_manual_at(connection) or now)


def claim(
    *,
    connection: Connection,
    trigger: SyncRun.Trigger,
    now: datetime,
    user: User | None = None,
    is_offline: bool = False,
) -> SyncRun:
    """Return a queued run outside the hourly limit; `is_offline` asks nothing of the provider.

    Raises AlreadyRunning or NotConnected.
    """
    if not connection.may_sync and not is_offline:
        raise NotConnected
    return _open(connection, trigger, now, requested_by=user)


def claim_daily(*, connection: Connection, day: date, now: datetime) -> SyncRun:
    """Return the queued run of a local day. Raises AlreadyRunning when there is one, of that day or live."""
    return _open(connection, SyncRun.Trigger.SCHEDULE, now, local_day=day)


def next_manual_at(connection: Connection) -> datetime | None:
    """Return when the next manual sync may start, or None when none was started yet."""
    if connection.last_manual_sync_at is None:
        return None
    return connection.last_manual_sync_at + MANUAL_INTERVAL


def give_back_manual(run: SyncRun) -> None:
    """Take back the hourly limit for a manual run that failed before it had read anyone."""
    if run.trigger == SyncRun.Trigger.MANUAL:
        Connection.objects.filter(pk=run.connection_id).update(last_manual_sync_at=None)


def live_run(connection: Connection) -> SyncRun | None:
    """Return the connection's run that waits or works, if there is one."""
    return SyncRun.objects.filter(connection=connection, state__in=SyncRun.LIVE).first()


def take(run_id: int) -> Lease | None:
    """Return the lease of a run that waits or whose worker is gone, or None when another worker has it."""
    taken = statements.rows(_TAKE, {"run": run_id, "lease": LEASE.total_seconds()}, keeps_plan=True)
    return Lease(run_id, taken[0][0]) if taken else None


def renew(lease: Lease) -> None:
    """Push the end of the lease out. Raises LeaseLost."""
    if not held(lease).update(lease_expires_at=_ahead(LEASE), heartbeat_at=Now()):
        raise LeaseLost


def put_back(lease: Lease) -> None:
    """Let another worker go on with the run at once."""
    held(lease).update(state=SyncRun.State.QUEUED, lease_expires_at=None)


def let_go(lease: Lease) -> None:
    """End the lease early, after an error that nobody expected."""
    held(lease).update(lease_expires_at=Now())


def held(lease: Lease) -> QuerySet[SyncRun]:
    """Return the run as a queryset, empty when the lease is lost."""
    return SyncRun.objects.filter(pk=lease.run_id, attempt=lease.attempt, state=SyncRun.State.RUNNING)


def lapsed_runs() -> list[int]:
    """Return the runs that nobody works on, for whatever reason; those beyond help are failed instead.

    A run's lapses are counted here and forgotten at its next checkpoint.
    """
    lost = SyncRun.objects.filter(state=SyncRun.State.RUNNING, lease_expires_at__lt=Now())
    lost.filter(lapses__gte=MAX_LAPSES - 1).update(
        state=SyncRun.State.FAILED,
        finished_at=Now(),
        trouble=gettext("The sync was interrupted three times at the same place and was given up."),
    )
    lost.update(state=SyncRun.State.QUEUED, lease_expires_at=None, lapses=F("lapses") + 1)
    # A wake-up call that is still under way finds the run taken; that does no harm.
    is_overdue = Q(heartbeat_at=None, created_at__lt=_ago(HEARTBEAT)) | Q(heartbeat_at__lt=_ago(HEARTBEAT))
    waiting = SyncRun.objects.filter(is_overdue | Q(lapses__gt=0), state=SyncRun.State.QUEUED)
    return list(waiting.values_list("pk", flat=True))


def _open(
    connection: Connection,
    trigger: SyncRun.Trigger,
    now: datetime,
    *,
    requested_by: User | None = None,
    local_day: date | None = None,
) -> SyncRun:
    try:
        with transaction.atomic():
            return SyncRun.objects.create(
                connection=connection,
                trigger=trigger,
                requested_by=requested_by,
                local_day=local_day,
                created_at=now,
            )
    except IntegrityError:
        raise AlreadyRunning(live_run(connection)) from None


def _ago(span: timedelta) -> Combinable:
    return ExpressionWrapper(Now() - Value(span), output_field=DateTimeField())


def _ahead(span: timedelta) -> Combinable:
    return ExpressionWrapper(Now() + Value(span), output_field=DateTimeField())
