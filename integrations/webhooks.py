"""What providers report by themselves: the handshake, the inbox, and the runs that take events up.

An event is a hint and nothing more: what happened is read from the provider, so that late, doubled and invented
events change nobody. Whatever gets lost here is found by the daily sync.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from integrations import providers
from integrations.models import Connection, SyncRun, WebhookEvent, WebhookSubscription
from integrations.sync import leases
from portals import sealing

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


class Kind(StrEnum):
    """What an event is about."""

    PERSON = "person"
    CONSENT_ENDED = "consent_ended"


@dataclass(frozen=True, slots=True)
class Event:
    """One event, provider-neutral."""

    id: str
    kind: Kind
    account_id: str
    happened_at: datetime
    person_id: str = ""


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
    if not _connections(provider, event.account_id).exists():
        return False
    _row, is_new = WebhookEvent.objects.get_or_create(
        provider=provider,
        event_id=event.id,
        defaults={
            "kind": event.kind,
            "account_id": event.account_id,
            "person_id": event.person_id,
            "happened_at": event.happened_at,
            "received_at": now,
        },
    )
    return is_new


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
    runs = []
    for provider, account in waiting.filter(kind=Kind.PERSON).values_list("provider", "account_id").distinct():
        runs += _take_up_account(provider, account, now)
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
    _connections(event.provider, event.account_id).filter(
        state__in=Connection.SYNCABLE, connected_at__lt=event.happened_at + timedelta(seconds=1)
    ).update(state=Connection.State.NEEDS_RECONNECTING, state_reason=sentence % {"system": system})
    WebhookEvent.objects.filter(pk=event.pk).update(state=State.TAKEN)


def _take_up_account(provider: str, account: str, now: datetime) -> list[int]:
    waiting = WebhookEvent.objects.filter(provider=provider, account_id=account, kind=Kind.PERSON, state=State.WAITING)
    # Before the first whole sync an admin has not said yet that people may come in.
    connections = _connections(provider, account).filter(
        state=Connection.State.ACTIVE, last_complete_sync_at__isnull=False
    )
    runs = []
    for connection in connections.select_related("portal"):
        try:
            runs.append(_claim(connection, waiting, now))
        except leases.Refused:
            return runs
    if not runs:
        waiting.update(state=State.IGNORED)
    return runs


@transaction.atomic
def _claim(connection: Connection, waiting: QuerySet[WebhookEvent, WebhookEvent], now: datetime) -> int:
    run = leases.claim(connection=connection, trigger=SyncRun.Trigger.EVENT, now=now)
    waiting.update(state=State.TAKEN, run=run)
    people = run.events.values("person_id").distinct().count()
    run.cursor = {"phase": "read" if people > MANY_PEOPLE else "reported"}
    run.save(update_fields=["cursor"])
    return run.pk


def _connections(provider: str, account: str) -> QuerySet[Connection, Connection]:
    return Connection.objects.filter(provider=provider, external_account_id=account).exclude(
        state=Connection.State.DISCONNECTED
    )


def _place(provider: str) -> str:
    return f"integrations_webhooksubscription.token.{provider}"
