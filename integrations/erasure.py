"""Forget a person in everything that the integrations stored; digests stay, so that no sync adds them again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import Q, QuerySet

from integrations.engine.changes import Reason
from integrations.models import ExternalIdentity, PlannedChange, Tombstone
from integrations.models.tombstones import digest_of, mark_of_address, mark_of_record


def forget(
    *, portal_ids: Collection[int], membership_ids: Collection[int], addresses: Collection[str], now: datetime
) -> None:
    """Delete the links of memberships, clear their lines in the plans of syncs, and leave marks in their portals."""
    identities = list(ExternalIdentity.objects.filter(membership__in=membership_ids).select_related("connection"))
    marks = [(portal_id, mark_of_address(address)) for portal_id in portal_ids for address in addresses]
    for one in identities:
        connection = one.connection
        record = mark_of_record(connection.provider, connection.external_account_id, one.external_id)
        marks.append((connection.portal_id, record))
    Tombstone.objects.bulk_create(
        [Tombstone(portal_id=portal_id, digest=digest_of(mark), created_at=now) for portal_id, mark in marks],
        ignore_conflicts=True,
    )
    _clear_plans(portal_ids, membership_ids, [one.external_id for one in identities])
    ExternalIdentity.objects.filter(pk__in=[one.pk for one in identities]).delete()


def withdraw_lines(connection_ids: Collection[int], external_ids: Collection[str]) -> None:
    """Let what runs planned or held for these people come to nothing: their links have ended since."""
    lines = PlannedChange.objects.filter(run__connection__in=connection_ids, external_id__in=external_ids)
    waiting = lines.filter(state__in=[PlannedChange.State.PLANNED, PlannedChange.State.HELD])
    waiting.update(state=PlannedChange.State.SKIPPED, reason=Reason.CHANGED_SINCE, source=None)


def forget_lines(connection_ids: Collection[int], external_ids: Collection[str]) -> None:
    """Clear the lines of these people in the plans of a connection's runs; that there was a line stays."""
    _clear(PlannedChange.objects.filter(run__connection__in=connection_ids, external_id__in=external_ids))


def _clear_plans(portal_ids: Collection[int], membership_ids: Collection[int], external_ids: Collection[str]) -> None:
    lines = PlannedChange.objects.filter(run__connection__portal__in=portal_ids)
    _clear(lines.filter(Q(membership_id__in=membership_ids) | Q(external_id__in=external_ids)))


def _clear(lines: QuerySet[PlannedChange]) -> None:
    lines.update(
        person="", external_id="", before={}, after={}, warnings=[], consequences=None, source=None, trace=None
    )
