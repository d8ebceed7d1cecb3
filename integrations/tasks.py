"""Background work of the integrations: wake-up calls for what stands in the database."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from celery import shared_task
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from integrations import links, webhooks
from integrations.models import Connection, Heartbeat, SyncRun
from integrations.sync import history, leases, reports, schedule
from integrations.sync import run as sync_run
from users import tasks as user_tasks

logger = logging.getLogger(__name__)

# A task works on a run for so many seconds, then another one goes on: no task may outlive the broker's patience.
SLICE_SECONDS = 200
# Connections looked at by one tick.
DUE_AT_ONCE = 500


@shared_task
def sync_connection(*, run_id: int) -> None:
    """Carry out one claimed run, or a slice of it."""
    run = sync_run.carry_out(run_id=run_id, seconds=SLICE_SECONDS)
    if run is None:
        return
    if run.state == SyncRun.State.QUEUED:
        sync_connection.delay(run_id=run_id)
    elif run.totals.get("mails"):
        user_tasks.send_invitations.delay()


@shared_task
def take_up_events() -> None:
    """Let runs read the people whom providers' events are about; comes every minute, too, and forgets old events."""
    now = timezone.now()
    for run_id in webhooks.take_up(now=now):
        sync_connection.delay(run_id=run_id)
    webhooks.forget_old(now=now)


@shared_task
def sync_due_connections() -> None:
    """Start the daily sync of every connection that is due: once per local day, however often this is called."""
    now = timezone.now()
    due = Connection.objects.filter(
        Q(state__in=Connection.SYNCABLE, next_due_at__lte=now) | Q(state=Connection.State.ACTIVE, next_due_at=None)
    )
    for connection in due.select_related("portal").order_by("next_due_at")[:DUE_AT_ONCE]:
        try:
            run = _claim(connection, now)
        except leases.Refused:
            continue
        sync_connection.delay(run_id=run.pk)


def _claim(connection: Connection, now: datetime) -> SyncRun:
    """Return the day's run, or another try after the day's run failed."""
    day = connection.portal.today(now)
    has_run = connection.runs.filter(local_day=day).exclude(trigger=SyncRun.Trigger.ACTION).exists()
    if connection.failures_in_a_row and has_run:
        return leases.claim(connection=connection, trigger=SyncRun.Trigger.RETRY, now=now)
    try:
        return leases.claim_daily(connection=connection, day=day, now=now)
    except leases.AlreadyRunning as refusal:
        if refusal.run is None:
            # The day's run is over: wait for the next day's moment.
            next_due = schedule.next_due(connection, now + timedelta(minutes=1))
            Connection.objects.filter(pk=connection.pk).update(next_due_at=next_due)
        raise


@shared_task
def drop_old_links() -> None:
    """Drop the links of connections that were cut long ago, where the provider keeps them for a time only."""
    links.drop_old(now=timezone.now())


@shared_task
def forget_old_lines() -> None:
    """Clear what runs keep of people when nobody can use it any more."""
    history.forget_old(now=timezone.now())


@shared_task
def sweep_runs() -> None:
    """Give runs whose worker is gone, or whose wake-up call was lost, to another worker."""
    for run_id in leases.lapsed_runs():
        logger.info("run %s: picked up by the sweeper", run_id)
        sync_connection.delay(run_id=run_id)


@shared_task
def tell_admins() -> None:
    """Mail admins about connections that need them, and about those that work again."""
    reports.tell_news(now=timezone.now())


@shared_task
def beat_heart() -> None:
    """Note that a job went all the way: from beat through the broker to a worker and into the database."""
    Heartbeat.objects.update_or_create(name=Heartbeat.WORKER, defaults={"at": Now()})
