"""What providers report by themselves: the handshake, the inbox, and the runs that take events up.

An event is a hint and nothing more: what happened is read from the provider, so that late, doubled and invented
events change nobody. Whatever gets lost here is found by the daily sync.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from integrations import providers
from integrations.models import Connection, SyncRun, WebhookEvent, WebhookSubscription
from integrations.sync import leases
from portals import sealing, statements

# From so many people on, reading the whole list costs fewer calls than reading each of them.
MANY_PEOPLE = 100
# Events of a run that failed are taken up again after a while, as long as they are young.
TRY_AGAIN_AFTER = timedelta(minutes=10)
TRY_AGAIN_FOR = timedelta(hours=1)
# Longer than any provider repeats an event: until then a copy is recognised.
LIFETIME = timedelta(days=60)
# Unsigned tokens kept until the provider says which is its own.
MOST_CANDIDATES = 5

State = WebhookEvent.State

_NOTE = """
INSERT INTO integrations_webhookevent (
    provider, connection_id, event_id, kind, account_id, person_id, happened_at, received_at, state, details)
SELECT %(provider)s, %(connection)s::bigint, %(event)s, 'person', %(account)s, %(person)s::text, %(now)s::timestamptz,
    %(now)s::timestamptz, 'waiting', '{}'
WHERE NOT EXISTS (
    SELECT FROM integrations_webhookevent
    WHERE connection_id = %(connection)s::bigint AND person_id = %(person)s::text AND kind = 'person'
        AND state = 'waiting')
"""


class Kind(StrEnum):
    """What an event is about; an event of another kind is its provider's own, and concerns the whole account."""

    PERSON = "person"
    CONSENT_ENDED = "consent_ended"


@dataclass(frozen=True, slots=True)
class Event:
    """One event, provider-neutral.

    `record_type` leaves out the connections that take their people from another kind of record, `only_linked` those
    that have no link with the person. `details` are further ids, for kinds of the provider's own.
    """

    id: str
    kind: str
    account_id: str
    happened_at: datetime
    person_id: str = ""
    record_type: str = ""
    only_linked: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)


# One row for each connection of the account that wants to know, or a single one for what concerns the whole account:
# portals that have left it still keep its ids for a while.
_RECEIVE = """
WITH events AS (
    SELECT * FROM jsonb_to_recordset(%(events)s::text::jsonb) AS e(
        id text, kind text, account_id text, person_id text, record_type text, only_linked boolean, details jsonb,
        happened_at timestamptz)
), rows AS (
    SELECT e.*, c.id AS connection_id
    FROM events AS e
    JOIN integrations_connection AS c ON c.provider = %(provider)s AND c.external_account_id = e.account_id
        AND (e.record_type = '' OR c.record_type = e.record_type)
    WHERE (NOT e.only_linked OR EXISTS (
        SELECT FROM integrations_externalidentity AS i
        WHERE i.connection_id = c.id AND i.external_id = e.person_id AND i.state = 'linked'
    )) AND (c.state <> 'disconnected' OR e.kind <> ALL(%(shared)s::text[]))
)
INSERT INTO integrations_webhookevent (
    provider, event_id, kind, account_id, person_id, details, happened_at, received_at, state, connection_id)
SELECT DISTINCT %(provider)s, id, kind, account_id, person_id, details, happened_at, %(now)s::timestamptz, 'waiting',
    CASE WHEN kind = ANY(%(shared)s::text[]) THEN connection_id END AS target
FROM rows
ORDER BY id, target
ON CONFLICT DO NOTHING
RETURNING id
"""


def open_subscription(*, provider: str, external_id: str, now: datetime) -> None:
    """Remember a new subscription, whose secret is still to come; events go unheard until then."""
    WebhookSubscription.objects.update_or_create(
        provider=provider,
        defaults={
            "external_id": external_id,
            "state": WebhookSubscription.State.PENDING,
            "token": "",
            "candidates": [],
            "created_at": now,
            "verified_at": None,
        },
    )


@transaction.atomic
def keep_candidate(*, provider: str, token: str) -> bool:
    """Keep a token that came unsigned, and return whether one is waited for; the provider tells if it is its own."""
    subscription = (
        WebhookSubscription.objects.select_for_update()
        .filter(provider=provider, state=WebhookSubscription.State.PENDING)
        .first()
    )
    if subscription is None:
        return False
    sealed = sealing.seal(token, place=_place(provider))
    subscription.candidates = [*subscription.candidates, sealed][-MOST_CANDIDATES:]
    subscription.save(update_fields=["candidates"])
    return True


def candidates(provider: str) -> tuple[str, list[str]]:
    """Return the id of the subscription that waits to be verified, empty if none does, and the tokens to try."""
    found = WebhookSubscription.objects.filter(provider=provider, state=WebhookSubscription.State.PENDING).first()
    if found is None:
        return "", []
    return found.external_id, [sealing.unseal(one, place=_place(provider)) for one in reversed(found.candidates)]


def confirm(*, provider: str, external_id: str, token: str, now: datetime) -> None:
    """Make a token that the provider accepted the secret of the subscription."""
    WebhookSubscription.objects.filter(provider=provider, external_id=external_id).update(
        state=WebhookSubscription.State.VERIFIED,
        token=sealing.seal(token, place=_place(provider)),
        candidates=[],
        verified_at=now,
    )


def secret(provider: str) -> str:
    """Return the secret that signs a provider's events, or an empty text."""
    found = WebhookSubscription.objects.filter(provider=provider, state=WebhookSubscription.State.VERIFIED).first()
    return sealing.unseal(found.token, place=_place(provider)) if found and found.token else ""


def receive(*, provider: str, event: Event, now: datetime) -> bool:
    """Put an event into the inbox and return whether it is new there; those of unknown accounts are not kept."""
    return bool(receive_all(provider=provider, events=[event], now=now))


def receive_all(*, provider: str, events: Sequence[Event], now: datetime) -> int:
    """Put events of any accounts into the inbox in one statement, and return how many rows are new there.

    An event is kept once for each connection of its account, whatever how often it comes.
    """
    parameters = {
        "provider": provider,
        "events": msgspec.json.encode(events).decode(),
        "shared": statements.texts(Kind),
        "now": now,
    }
    return len(statements.rows(_RECEIVE, parameters))


def note_person(connection: Connection, external_id: str, now: datetime) -> None:
    """Have a person of a connection read again soon, as if the provider had told of a change; once is enough."""
    parameters = {
        "provider": connection.provider,
        "connection": connection.pk,
        "event": f"own:{uuid.uuid4()}",
        "account": connection.external_account_id,
        "person": external_id,
        "now": now,
    }
    statements.rows(_NOTE, parameters, keeps_plan=True)


def take_up(*, now: datetime) -> list[int]:
    """Act on the events that wait, and return the runs that now read the people whom they are about.

    A connection with a live run keeps its events waiting: the next call comes within a minute.
    """
    failed = WebhookEvent.objects.filter(state=State.TAKEN, run__state=SyncRun.State.FAILED)
    failed.filter(received_at__gt=now - TRY_AGAIN_FOR, run__finished_at__lt=now - TRY_AGAIN_AFTER).update(
        state=State.WAITING, run=None
    )
    waiting = WebhookEvent.objects.filter(state=State.WAITING)
    for event in waiting.filter(kind=Kind.CONSENT_ENDED).order_by("pk"):
        _end_consent(event)
    told = waiting.filter(kind=Kind.PERSON).values("connection")
    runs = []
    for connection in Connection.objects.filter(pk__in=told).select_related("portal").order_by("pk"):
        runs += _take_up_connection(connection, now)
    return runs


def forget_old(*, now: datetime) -> None:
    """Delete events that no provider repeats any more."""
    WebhookEvent.objects.filter(received_at__lt=now - LIFETIME).delete()


@transaction.atomic
def _end_consent(event: WebhookEvent) -> None:
    """Ask for a new consent, unless the connection was made after the old one had ended."""
    sentence = _("%(system)s reports that the connection was removed there. Connect again; nobody loses access.")
    system = providers.get(event.provider).label
    # The provider's clock counts whole seconds.
    Connection.objects.filter(
        events=event,
        state__in=Connection.SYNCABLE,
        connected_at__lt=event.happened_at + timedelta(seconds=1),
    ).update(state=Connection.State.NEEDS_RECONNECTING, state_reason=sentence % {"system": system})
    WebhookEvent.objects.filter(pk=event.pk).update(state=State.TAKEN)


def _take_up_connection(connection: Connection, now: datetime) -> list[int]:
    waiting = connection.events.filter(kind=Kind.PERSON, state=State.WAITING)
    if not _may_read_people(connection):
        waiting.update(state=State.IGNORED)
        return []
    try:
        return [_claim(connection, waiting, now)]
    except leases.Refused:
        return []


def _may_read_people(connection: Connection) -> bool:
    """Whether the connection works, and an admin has said, with the first whole sync, that people may come in.

    Where nobody comes in but those who were asked for, there is nothing to wait for.
    """
    if connection.state != Connection.State.ACTIVE:
        return False
    source = providers.people_source(connection.provider)
    return not source.lists_newcomers or connection.last_complete_sync_at is not None


@transaction.atomic
def _claim(connection: Connection, waiting: QuerySet[WebhookEvent, WebhookEvent], now: datetime) -> int:
    run = leases.claim(connection=connection, trigger=SyncRun.Trigger.EVENT, now=now)
    waiting.update(state=State.TAKEN, run=run)
    people = run.events.values("person_id").distinct().count()
    run.cursor = {"phase": "read" if people > MANY_PEOPLE else "reported"}
    run.save(update_fields=["cursor"])
    return run.pk


def _place(provider: str) -> str:
    return f"integrations_webhooksubscription.token.{provider}"
