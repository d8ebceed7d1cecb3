"""Ends, moves and renews links between users and HubSpot records, in every portal that uses the account.

Whoever changes links locks the account's connections first; a sync that is at work holds them while it writes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db.models import Q

from integrations import erasure, webhooks
from integrations.hubspot.models import RecordAlias
from integrations.hubspot.progress import queue
from integrations.models import Connection, ExternalIdentity
from integrations.models.connections import Provider
from users import audit

PROVIDER = Provider.HUBSPOT
State = ExternalIdentity.State


def locked_connections(account_id: str, record_type: str) -> list[Connection]:
    """Return the connections of an account to a kind of records, cut ones too, and keep syncs from writing to them."""
    of_account = Connection.objects.filter(
        provider=PROVIDER, external_account_id=account_id, record_type=record_type
    ).order_by("pk")
    return list(of_account.select_related("portal").select_for_update(of=("self",)))


def are_known(account_id: str, record_type: str, record_ids: Collection[str]) -> bool:
    """Whether any portal of the account knows one of these records."""
    here = Q(
        connection__provider=PROVIDER,
        connection__external_account_id=account_id,
        connection__record_type=record_type,
        external_id__in=record_ids,
    )
    return ExternalIdentity.objects.filter(here).exists() or RecordAlias.objects.filter(here).exists()


def linked(connection: Connection, record_ids: Collection[str]) -> list[ExternalIdentity]:
    """Return the links of a connection with these records."""
    rows = connection.identities.filter(external_id__in=record_ids, state=State.LINKED, membership__isnull=False)
    return list(rows.select_related("membership").order_by("pk"))


def end(connection: Connection, identities: Sequence[ExternalIdentity], *, reason: str) -> None:
    """Remove links: HubSpot gets no more word of these people and has its records of them removed; accounts stay.

    The reason goes into the audit trail.
    """
    memberships = [one.membership for one in identities if one.membership]
    queue.withdraw(connection, [one.pk for one in memberships])
    erasure.withdraw_lines([connection.pk], [one.external_id for one in identities])
    connection.identities.filter(pk__in=[one.pk for one in identities]).delete()
    for membership in memberships:
        audit.record(portal=connection.portal, action="hubspot_link_removed", object=membership, reason=reason)


def move(connection: Connection, identity: ExternalIdentity, record_id: str, now: datetime) -> None:
    """Let a link follow its record to another id, and have it read there."""
    if identity.external_id == record_id:
        return
    # Somebody of that id who was left out.
    connection.identities.filter(external_id=record_id).delete()
    identity.external_id, identity.digest, identity.due_on, identity.times_missing = record_id, b"", None, 0
    identity.save(update_fields=["external_id", "digest", "due_on", "times_missing"])
    webhooks.note_person(connection, record_id, now)
    queue.people(connection, [identity.membership_id] if identity.membership_id else [])


def renew(connection: Connection, alias: RecordAlias, now: datetime) -> bool:
    """Bring back the link that an earlier record had, and return whether that was possible."""
    connection.identities.filter(external_id=alias.external_id, membership=None).delete()
    taken = Q(external_id=alias.external_id) | Q(membership=alias.membership_id)
    alias.delete()
    if connection.identities.filter(taken).exists():
        return False
    connection.identities.create(
        external_id=alias.external_id,
        membership_id=alias.membership_id,
        state=State.LINKED,
        digest=b"",
        snapshot={"key": alias.external_id},
    )
    webhooks.note_person(connection, alias.external_id, now)
    queue.people(connection, [alias.membership_id])
    audit.record(portal=connection.portal, action="hubspot_link_renewed", object=alias.membership)
    return True


def remember_alias(
    connection: Connection, membership_id: int, record_ids: Collection[str], kind: RecordAlias.Kind, now: datetime
) -> None:
    """Keep ids under which HubSpot knew somebody; a later word about an id replaces an earlier one."""
    RecordAlias.objects.bulk_create(
        [
            RecordAlias(connection=connection, external_id=one, membership_id=membership_id, kind=kind, noted_at=now)
            for one in sorted(record_ids)
        ],
        update_conflicts=True,
        unique_fields=["connection", "external_id"],
        update_fields=["membership", "kind", "noted_at"],
    )
