"""Send what waits in a connection's outbox: the storage first, then batch after batch, until nothing is due."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from integrations.http import AuthorizationLost, ProviderUnavailable, RecordMissing, RequestRejected
from integrations.hubspot.client import Client, scopes_missing
from integrations.hubspot.models import ProgressPush, ProgressTarget, Strategy
from integrations.hubspot.progress import lanes, queue, storage, values
from integrations.hubspot.progress.claims import ClaimLost, Claims
from integrations.hubspot.progress.records import Records
from integrations.hubspot.progress.summaries import Summaries
from integrations.hubspot.provider import HubSpot, client_for
from integrations.hubspot.scopes import USERS
from integrations.models import Connection

logger = logging.getLogger(__name__)

# The storage is looked at again after so long.
FRESH = timedelta(days=1)
# The pause after HubSpot did not answer; doubles with each failure in a row, up to the longest, give or take half.
FIRST_PAUSE_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 1800.0
# So many waiting rows are worth another worker.
MANY = 2000


class Sender(Protocol):
    """Writes rows of the outbox to one kind of storage."""

    # Whether the definitions at HubSpot turned out to be others than those that were read.
    doubts_the_place: bool

    def carry(self) -> int:
        """Send the next rows, and return how many were taken."""

    def finish(self) -> int:
        """Complete what was left open, and return how many rows that were."""


def due(connection_id: int | None = None) -> list[int]:
    """Return the connections for which something could be sent now, or whose storage has to be looked at."""
    rows = Connection.objects.filter(provider=HubSpot.key, state=Connection.State.ACTIVE)
    if connection_id:
        rows = rows.filter(pk=connection_id)
    waiting = ProgressPush.objects.filter(state__in=ProgressPush.OPEN, next_try_at__lte=Now())
    awake = Q(progress_target__paused_until=None) | Q(progress_target__paused_until__lte=Now())
    unchecked = Q(progress_target=None) | Q(progress_target__checked_at=None)
    stale = Q(progress_target__checked_at__lt=Now() - FRESH)
    usable = ~Q(progress_target__strategy=Strategy.NONE) & Q(pk__in=waiting.values("connection"))
    return list(rows.filter(unchecked | (awake & (stale | usable))).order_by("pk").values_list("pk", flat=True))


def carry_out(connection_id: int, *, now: datetime, seconds: float, more: Callable[[], object] = lambda: None) -> bool:
    """Send for at most so many seconds, and return whether there is more to send at once.

    `more` is called when another worker would help.
    """
    connection = _connections().filter(pk=connection_id).first()
    if connection is None:
        return False
    target = storage.target_of(connection)
    target.connection = connection
    if target.paused_until and target.paused_until > now:
        return False
    is_of_people = target.strategy == Strategy.PROPERTIES
    lane = lanes.enter(
        f"account-{connection.external_account_id}" if is_of_people else f"connection-{connection_id}",
        lanes=1 if is_of_people else lanes.LANES,
    )
    if lane is None:
        return False
    try:
        return _send(target, lane, now=now, seconds=seconds, more=more)
    finally:
        lane.leave()


def portal_of(connection: Connection, client: Client, target: ProgressTarget, *, now: datetime) -> values.Portal:
    """Return what all records of the portal have in common; asks for owners where records can have one."""
    is_of_users = connection.record_type == USERS
    owners = {}
    if is_of_users and values.OWNER in target.names:
        owners = {one.email.lower(): one.id for one in client.owners() if one.email}
    portal = connection.portal
    return values.Portal(portal.pk, portal.name, portal.today(now), is_of_users, owners)


def pause(
    target: ProgressTarget, trouble: ProviderUnavailable | RequestRejected | RecordMissing, *, now: datetime
) -> None:
    """Leave HubSpot alone for as long as it asks, or a little longer after each failure in a row."""
    longest = min(FIRST_PAUSE_SECONDS * 2**target.failures_in_a_row, LONGEST_PAUSE_SECONDS)
    wished = trouble.retry_after if isinstance(trouble, ProviderUnavailable) else LONGEST_PAUSE_SECONDS
    seconds = wished or longest * random.uniform(0.5, 1.5)  # noqa: S311
    target.failures_in_a_row += 1
    target.paused_until, target.pause_reason = now + timedelta(seconds=seconds), f"{trouble.status}"
    target.save(update_fields=["failures_in_a_row", "paused_until", "pause_reason"])


def _send(
    target: ProgressTarget, lane: lanes.Lane, *, now: datetime, seconds: float, more: Callable[[], object]
) -> bool:
    claims = Claims(target.connection_id)
    until = time.monotonic() + seconds

    def keep_alive() -> None:
        claims.renew()
        lane.keep()

    try:
        client = client_for(target.connection, keep_alive)
    except AuthorizationLost:
        return False
    try:
        _look_at_storage(client, target, now)
        if target.strategy == Strategy.NONE:
            return False
        sender = _sender(client, target, claims, now)
        is_first, has_more = True, True
        while has_more and time.monotonic() < until:
            has_more = sender.carry() > 0
            if is_first and has_more and _is_much(target):
                more()
            is_first = False
            keep_alive()
        sender.finish()
        if sender.doubts_the_place:
            storage.check(client, target, now=now)
    except (ProviderUnavailable, RequestRejected, RecordMissing) as trouble:
        _note_trouble(client, target, trouble, now)
        return False
    except AuthorizationLost:
        # The admins are asked for a new consent; everything waits for it.
        return False
    except ClaimLost:
        logger.warning("connection %s: a worker was asleep for too long, its rows are another's", target.connection_id)
        return True
    finally:
        claims.release()
        client.close()
    _note_success(target, now)
    return has_more


def _look_at_storage(client: Client, target: ProgressTarget, now: datetime) -> None:
    connected_at = target.connection.connected_at
    is_new = target.checked_at is None or bool(connected_at and target.checked_at < connected_at)
    if is_new or (target.checked_at and target.checked_at < now - FRESH):
        storage.check(client, target, now=now)
    if is_new:
        queue.fill(target.connection)


def _sender(client: Client, target: ProgressTarget, claims: Claims, now: datetime) -> Sender:
    if target.strategy == Strategy.PROPERTIES:
        return Summaries(client, target, claims, target.connection)
    return Records(client, target, claims, portal_of(target.connection, client, target, now=now))


def _is_much(target: ProgressTarget) -> bool:
    waiting = ProgressPush.objects.filter(
        connection=target.connection_id, state__in=ProgressPush.OPEN, next_try_at__lte=Now()
    )
    return waiting[MANY - 1 : MANY].exists()


def _note_trouble(
    client: Client,
    target: ProgressTarget,
    trouble: ProviderUnavailable | RequestRejected | RecordMissing,
    now: datetime,
) -> None:
    """Pause; when HubSpot no longer knows or allows the storage, use the next best."""
    logger.warning("connection %s: progress waits: %s", target.connection_id, trouble)
    before = target.strategy, target.object_type
    if isinstance(trouble, RequestRejected):
        _forget_scopes(target.connection, scopes_missing(trouble))
    if not isinstance(trouble, ProviderUnavailable):
        try:
            storage.check(client, target, now=now)
        except (ProviderUnavailable, AuthorizationLost) as further:
            logger.warning("connection %s: the storage could not be checked: %s", target.connection_id, further)
    if before == (target.strategy, target.object_type):
        pause(target, trouble, now=now)


def _forget_scopes(connection: Connection, missing: Sequence[str]) -> None:
    """Take note of rights that were withdrawn since the consent, until a renewed token says otherwise."""
    grant = connection.grant
    if grant and missing:
        grant.scopes = " ".join(scope for scope in grant.scopes.split() if scope not in missing)
        grant.save(update_fields=["scopes"])


def _note_success(target: ProgressTarget, now: datetime) -> None:
    ProgressTarget.objects.filter(pk=target.pk).update(
        last_sent_at=now, failures_in_a_row=0, paused_until=None, pause_reason=""
    )


def _connections() -> QuerySet[Connection, Connection]:
    connections = Connection.objects.filter(provider=HubSpot.key, state=Connection.State.ACTIVE)
    return connections.select_related("portal", "grant")
