"""Records that were merged, deleted or restored in HubSpot: the link follows, goes, or comes back.

Events come late, twice and in any order, so each is only a reason to look: what HubSpot says of the record now
decides.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from integrations.engine.changes import Reason
from integrations.http import RecordMissing
from integrations.hubspot import links
from integrations.hubspot.client import Client
from integrations.hubspot.models import RecordAlias
from integrations.models import Connection, ExternalIdentity
from users import audit

# Ids of the records that were merged into one ("Merge records"), separated by semicolons.
MERGED_IDS = "hs_merged_object_ids"
Kind = RecordAlias.Kind


@dataclass(frozen=True, slots=True)
class Record:
    """A record as HubSpot has it now: its id, and those that were merged into it."""

    id: str
    earlier: frozenset[str]


@dataclass(frozen=True, slots=True)
class Change:
    """A record that an event was about, as it is now, with the ids that the event names.

    `primary` is the record into which another one was merged, before it may have got a new id.
    """

    account_id: str
    record_type: str
    record: Record
    named: frozenset[str]
    primary: str = ""


def look_up(client: Client, object_type: str, record_id: str) -> Record | None:
    """Return what an id leads to now, which may be another record, or None when there is nothing any more.

    Raises as the client does.
    """
    try:
        found = client.record(object_type, record_id, [MERGED_IDS])
    except RecordMissing:
        return None
    if found.archived:
        return None
    merged = (found.properties.get(MERGED_IDS) or "").split(";")
    return Record(found.id, frozenset(one.strip() for one in merged if one.strip()))


@transaction.atomic
def settle(change: Change, *, is_restored: bool, now: datetime) -> None:
    """Let links follow a record that is there: those of merged records to it, those of a restored one back to it.

    Two learners who would share it stay apart.
    """
    record = change.record
    ids = {*record.earlier, *change.named} - {record.id}
    for connection in links.locked_connections(change.account_id, change.record_type):
        if is_restored:
            _bring_back(connection, record.id, now)
        found = links.linked(connection, [record.id, *ids])
        if found:
            found.sort(key=lambda one: (one.external_id != record.id, one.external_id != change.primary))
            _follow(connection, found, record.id, ids, now)


@transaction.atomic
def drop(*, account_id: str, record_type: str, record_ids: Collection[str], now: datetime) -> None:
    """Remove the links of records that are no longer there; a record that is restored gets them back."""
    for connection in links.locked_connections(account_id, record_type):
        found = links.linked(connection, record_ids)
        links.end(connection, found, reason="hubspot_deleted")
        for one in found:
            if one.membership_id:
                links.remember_alias(connection, one.membership_id, [one.external_id], Kind.DELETED, now)
                # What was merged into the record went with it.
                connection.record_aliases.filter(membership=one.membership_id).update(kind=Kind.DELETED)


def _bring_back(connection: Connection, record_id: str, now: datetime) -> None:
    deleted = connection.record_aliases.filter(external_id=record_id, kind=Kind.DELETED)
    if alias := deleted.select_related("membership").first():
        links.renew(connection, alias, now)


def _follow(
    connection: Connection, found: list[ExternalIdentity], record_id: str, ids: Collection[str], now: datetime
) -> None:
    first, *others = found
    for other in others:
        _keep_apart(connection, other)
    is_moved = first.external_id != record_id
    links.move(connection, first, record_id, now)
    links.remember_alias(connection, first.membership_id or 0, ids, Kind.MERGED, now)
    if is_moved and first.membership:
        audit.record(portal=connection.portal, action="hubspot_link_moved", object=first.membership)


def _keep_apart(connection: Connection, other: ExternalIdentity) -> None:
    """End the link of a learner whose record became another learner's, and list it for an admin."""
    apart = ExternalIdentity(
        connection=connection,
        external_id=other.external_id,
        state=ExternalIdentity.State.SKIPPED,
        reason=Reason.MERGED_RECORD,
        digest=b"",
        snapshot=other.snapshot,
    )
    links.end(connection, [other], reason="hubspot_merged")
    apart.save(force_insert=True)
