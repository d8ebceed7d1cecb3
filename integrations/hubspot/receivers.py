"""What HubSpot's part hears of people and their courses: it goes into the outbox, and a worker is woken."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.dispatch import receiver

from integrations.hubspot import tasks
from integrations.hubspot.models import ProgressTarget
from integrations.hubspot.progress import queue
from integrations.hubspot.provider import HubSpot
from integrations.models import Connection
from integrations.signals import links_dropped, people_linked
from users import signals

# Changes of so many seconds are sent together.
GATHER_SECONDS = 3


@receiver(signals.enrollments_changed)
def report_courses(*, enrollment_ids: Collection[int], **kwargs: Any) -> None:
    """Queue what changed in people's courses."""
    queue.changed(enrollment_ids)


@receiver(signals.access_changed)
def report_admitted(*, membership_ids: Collection[int], **kwargs: Any) -> None:
    """Queue the courses of people who have accepted or come back; before that nothing is told about them."""
    queue.admitted(membership_ids)


@receiver(signals.learners_changed)
def report_names(*, membership_ids: Collection[int], **kwargs: Any) -> None:
    """Look again at what was told about people whose name, address or last day may be another."""
    queue.renamed(membership_ids)


@receiver(signals.account_erased)
def take_back(*, membership_ids: Collection[int], **kwargs: Any) -> None:
    """Have HubSpot's records of someone's courses removed with the person."""
    queue.erased(membership_ids)


@receiver(people_linked)
def report_linked(*, connection: Connection, membership_ids: Collection[int], **kwargs: Any) -> None:
    """Queue the courses of people who were just linked; those who have not accepted yet are passed over."""
    if connection.provider == HubSpot.key:
        queue.people(connection, membership_ids)


@receiver(links_dropped)
def start_afresh(*, connection: Connection, **kwargs: Any) -> None:
    """Forget what belongs to records that nobody is linked to any more; what HubSpot was told stays there."""
    if connection.provider == HubSpot.key:
        connection.progress_pushes.all().delete()
        connection.record_aliases.all().delete()
        ProgressTarget.objects.filter(connection=connection).delete()


@receiver(queue.queued)
def wake(*, connection_ids: Collection[int], **kwargs: Any) -> None:
    """Call a worker soon after the commit, once for many changes."""
    for connection_id in connection_ids:
        transaction.on_commit(partial(_call, connection_id))


def _call(connection_id: int) -> None:
    # Whoever finds the note in place was committed before the call that it stands for is answered.
    if cache.add(f"hubspot:progress:call:{connection_id}", 1, GATHER_SECONDS):
        tasks.push_progress.apply_async(kwargs={"connection_id": connection_id}, countdown=GATHER_SECONDS)
