"""Background work for HubSpot, in a queue of its own."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

from integrations import tasks
from integrations.hubspot import webhooks
from integrations.hubspot.models import WorkflowCall
from integrations.hubspot.progress import compare, push
from integrations.sync import requests
from users import tasks as user_tasks

# Workflow actions

# One wake-up call stands for all actions of a second; its note lapses should the message get lost.
_AWAITED = "hubspot:follow-actions"
_AWAITED_SECONDS = 60
PAUSE_SECONDS = 1
# How long receipts are kept; HubSpot repeats a call for three days.
RECEIPTS_LIFETIME = timedelta(days=90)


def follow_actions_soon() -> None:
    """Have workers do within a second or two what actions leave to them; sweeps find it without this, later."""
    if cache.add(_AWAITED, True, timeout=_AWAITED_SECONDS):
        follow_actions.apply_async(countdown=PAUSE_SECONDS)


@shared_task
def follow_actions() -> None:
    """Read the records of recent actions, send the mails, and count."""
    # What comes from now on needs a call of its own.
    cache.delete(_AWAITED)
    tasks.take_up_events.delay()
    user_tasks.send_invitations.delay()
    requests.add_up(now=timezone.now())


@shared_task
def forget_old_calls() -> None:
    """Delete receipts that nobody needs any longer."""
    WorkflowCall.objects.filter(received_at__lt=timezone.now() - RECEIPTS_LIFETIME).delete()


# Progress

# A task sends for so many seconds, then another one goes on.
SLICE_SECONDS = 200.0


@shared_task
def push_progress(*, connection_id: int) -> None:
    """Send what waits in a connection's outbox, for a while; another task goes on."""
    again = partial(push_progress.delay, connection_id=connection_id)
    if push.carry_out(connection_id, now=timezone.now(), seconds=SLICE_SECONDS, more=again):
        again()


@shared_task
def compare_progress(*, connection_id: int) -> None:
    """Compare what HubSpot has with what it was told, for a while; another task goes on."""
    if compare.carry_out(connection_id, now=timezone.now(), seconds=SLICE_SECONDS):
        compare_progress.delay(connection_id=connection_id)


@shared_task
def sweep_progress() -> None:
    """Start what is due to be sent or compared, whether or not a message has called for it."""
    for connection_id in push.due():
        push_progress.delay(connection_id=connection_id)
    for connection_id in compare.due(now=timezone.now()):
        compare_progress.delay(connection_id=connection_id)


# Events, privacy


# One wake-up call stands for all deliveries of a second.
_TOLD = "hubspot:told"


def take_up_soon() -> None:
    """Have a worker take up what HubSpot has told, within a second or two; sweeps find it without this, later."""
    if cache.add(_TOLD, True, timeout=_AWAITED_SECONDS):
        take_up_told.apply_async(countdown=PAUSE_SECONDS)


@shared_task
def take_up_told() -> None:
    """Take up what HubSpot has told of people and of records."""
    # What comes from now on needs a call of its own.
    cache.delete(_TOLD)
    tasks.take_up_events.delay()
    webhooks.take_up_records(now=timezone.now())


@shared_task
def take_up_records() -> None:
    """Look after records that were merged, deleted or restored in HubSpot; comes every minute, too."""
    webhooks.take_up_records(now=timezone.now())
