"""HubSpot's events: which of them matter, the way into the inbox, and what is done about records.

Reference: HubSpot's guide "Webhooks". One address takes the events of every account, up to a hundred at a time, in any
order and more than once. Changed properties go the way of every provider's events; what happens to a whole record
concerns all portals of the account.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec
from django.db import transaction

from integrations import bodies, webhooks
from integrations.http import ProviderError, RequestRejected
from integrations.hubspot import links, merges, privacy
from integrations.hubspot.merges import Change
from integrations.hubspot.provider import client_for
from integrations.hubspot.scopes import CONTACTS, USERS
from integrations.models import Connection, WebhookEvent
from integrations.models.tombstones import digest_of

logger = logging.getLogger(__name__)

PROVIDER = links.PROVIDER
MOST_EVENTS = 100
# Records looked after in one go; the next one comes within a minute.
AT_ONCE = 500
# Object types, as the generic subscriptions name them ("Understanding the CRM"), and as the older ones begin.
RECORD_TYPES = {"0-1": CONTACTS, "contact": CONTACTS, "0-115": USERS, "user": USERS}
State = WebhookEvent.State


class Kind(StrEnum):
    """What happened to a record."""

    DELETED = "record_deleted"
    RESTORED = "record_restored"
    MERGED = "record_merged"
    PRIVACY = "privacy_deletion"


# The last part of a subscription's type.
KINDS: Mapping[str, str] = {
    "propertyChange": webhooks.Kind.PERSON,
    "deletion": Kind.DELETED,
    "restore": Kind.RESTORED,
    "merge": Kind.MERGED,
    "privacyDeletion": Kind.PRIVACY,
}


class Notice(msgspec.Struct, rename="camel"):
    """One event as HubSpot sends it; ids are numbers or texts, and the two names of the type are both in use."""

    portal_id: int | str
    object_id: int | str
    occurred_at: int
    subscription_type: str = ""
    event_type: str = ""
    event_id: int | str = ""
    object_type_id: str = ""
    property_name: str = ""
    primary_object_id: int | str | None = None
    new_object_id: int | str | None = None
    merged_object_ids: list[int | str] | None = None


_NOTICES = msgspec.json.Decoder(list[msgspec.Raw])
_NOTICE = msgspec.json.Decoder(Notice)


def events_of(body: bytes) -> list[webhooks.Event]:
    """Return the events of a delivery that matter. Raises ValueError for what is no delivery."""
    rows = bodies.read(_NOTICES.decode, body)
    if not 0 < len(rows) <= MOST_EVENTS:
        raise ValueError(f"{len(rows)} events")
    found = []
    for row in rows:
        try:
            event = _event(bodies.read(_NOTICE.decode, row))
        except (ValueError, OverflowError):
            # HubSpot repeats the whole delivery for one that is refused.
            logger.warning("an event cannot be read, it is left out")
            continue
        if event is not None:
            found.append(event)
    return found


def take_up_records(*, now: datetime) -> int:
    """Look after the records whose events wait, oldest first, and return how many events are done with.

    What HubSpot cannot be asked about now waits for the next time.
    """
    waiting = WebhookEvent.objects.filter(provider=PROVIDER, connection=None, state=State.WAITING, kind__in=Kind)
    done, silent = 0, set()
    for event in waiting.order_by("happened_at", "pk")[:AT_ONCE]:
        if event.account_id in silent and event.kind != Kind.PRIVACY:
            continue
        try:
            done += _take_up(event, now)
        except RequestRejected as error:
            logger.warning("event %s: %s", event.pk, error)
            # Asking again will not help; the daily sync tells of records that are not there.
            WebhookEvent.objects.filter(pk=event.pk).update(state=State.IGNORED, person_id="", details={})
        except ProviderError as error:
            logger.warning("event %s: %s", event.pk, error)
            silent.add(event.account_id)
    return done


def _event(notice: Notice) -> webhooks.Event | None:
    subject, _dot, what = (notice.subscription_type or notice.event_type).partition(".")
    record_type = RECORD_TYPES.get(notice.object_type_id if subject == "object" else subject)
    kind = KINDS.get(what)
    if record_type is None or kind is None:
        return None
    record_id = str(notice.object_id)
    details: dict[str, Any] = {}
    if kind != webhooks.Kind.PERSON:
        details["record_type"] = record_type
    if kind == Kind.MERGED:
        survivor = notice.new_object_id or notice.primary_object_id or notice.object_id
        record_id = str(survivor)
        ids = [notice.object_id, notice.primary_object_id, notice.new_object_id, *(notice.merged_object_ids or ())]
        details |= {
            "primary": str(notice.primary_object_id or notice.object_id),
            "ids": sorted({str(one) for one in ids if one}),
        }
    return webhooks.Event(
        id=_key(notice),
        kind=kind,
        account_id=str(notice.portal_id),
        happened_at=datetime.fromtimestamp(notice.occurred_at / 1000, tz=UTC),
        person_id=record_id,
        record_type=record_type,
        only_linked=kind in (webhooks.Kind.PERSON, Kind.DELETED),
        details=details,
    )


def _key(notice: Notice) -> str:
    """Return what tells a repeated event from another one: HubSpot's eventId alone is not unique.

    Keyed, because it is kept when the record's id has to be forgotten.
    """
    parts = (
        notice.portal_id,
        notice.subscription_type or notice.event_type,
        notice.object_type_id,
        notice.object_id,
        notice.event_id,
        notice.occurred_at,
        notice.property_name,
    )
    return digest_of("event:" + "|".join(str(part) for part in parts)).hex()


def _take_up(event: WebhookEvent, now: datetime) -> bool:
    """Do what an event asks for, and return whether that was possible. Raises the errors of integrations.http."""
    act = _act_for(event, now)
    if act is None:
        return False
    with transaction.atomic():
        # Another worker may have been quicker.
        if not WebhookEvent.objects.select_for_update().filter(pk=event.pk, state=State.WAITING).exists():
            return False
        act()
        # The ids were needed for this only.
        WebhookEvent.objects.filter(pk=event.pk).update(state=State.TAKEN, person_id="", details={})
    return True


def _act_for(event: WebhookEvent, now: datetime) -> Callable[[], object] | None:
    """Return what to do, after a look at the record; None when no working connection can look."""
    account, record_id = event.account_id, event.person_id
    if event.kind == Kind.PRIVACY:
        return lambda: privacy.forget_record(account, record_id, now, asked_at=event.happened_at)
    record_type = event.details["record_type"]
    ids = event.details.get("ids", [record_id])
    if not links.are_known(account, record_type, ids):
        return lambda: None
    connection = _working_connection(account, record_type)
    if connection is None:
        return None
    client = client_for(connection)
    try:
        record = merges.look_up(client, record_type, record_id)
    finally:
        client.close()
    if record is None:
        return lambda: merges.drop(account_id=account, record_type=record_type, record_ids=ids, now=now)
    change = Change(account, record_type, record, frozenset(ids), event.details.get("primary", ""))
    return lambda: merges.settle(change, is_restored=event.kind == Kind.RESTORED, now=now)


def _working_connection(account_id: str, record_type: str) -> Connection | None:
    usable = Connection.objects.filter(state__in=Connection.SYNCABLE, grant__isnull=False)
    of_account = usable.filter(provider=PROVIDER, external_account_id=account_id, record_type=record_type)
    return of_account.select_related("portal", "grant").order_by("pk").first()
