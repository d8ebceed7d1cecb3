"""The nightly comparison: what HubSpot really has beside what it confirmed; what differs is sent once more.

It finds what people changed or deleted in HubSpot, what a lost answer left behind, and what changes with the calendar
alone, such as "overdue". Works in slices: how far it has come stands in the database.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from django.db.models import F
from django.db.models.functions import Now

from integrations.http import AuthorizationLost, ProviderUnavailable, RecordMissing, RequestRejected
from integrations.hubspot.client import BATCH, Client
from integrations.hubspot.enrollment_properties import KEY
from integrations.hubspot.models import ProgressPush, ProgressTarget, Strategy
from integrations.hubspot.payloads import Record
from integrations.hubspot.progress import lanes, push, queue, reading, shows, storage, summaries, values
from integrations.hubspot.progress.reading import Row, Verdict
from integrations.hubspot.provider import client_for
from integrations.models import Connection, ExternalIdentity
from integrations.sync import schedule
from users.models import Enrollment

logger = logging.getLogger(__name__)

# A comparison that has begun and not yet come anywhere.
START = "start"

State = ProgressPush.State


class Comparison(Protocol):
    """Compares one page after the other."""

    def page(self, place: str) -> tuple[str, int]:
        """Compare the page at a place; return the next place, empty at the end, and how many rows are sent again."""


def due(*, now: datetime) -> list[int]:
    """Return the connections whose nightly comparison is due: once a day, at the moment of their daily sync."""
    targets = ProgressTarget.objects.filter(connection__state=Connection.State.ACTIVE, checked_at__isnull=False)
    usable = targets.exclude(strategy=Strategy.NONE).select_related("connection__portal")
    return [
        one.connection_id
        for one in usable
        if one.compared_to or schedule.next_due(one.connection, one.compared_at or one.checked_at or now) <= now
    ]


def carry_out(connection_id: int, *, now: datetime, seconds: float) -> bool:
    """Compare for at most so many seconds, and return whether there is more to compare."""
    target = (
        ProgressTarget.objects.filter(connection=connection_id, connection__state=Connection.State.ACTIVE)
        .exclude(strategy=Strategy.NONE)
        .select_related("connection__portal", "connection__grant")
        .first()
    )
    lane = lanes.enter(f"comparison-{connection_id}", lanes=1) if target else None
    if target is None or lane is None:
        return False
    try:
        client = client_for(target.connection, lane.keep)
    except AuthorizationLost:
        lane.leave()
        return False
    try:
        return _compare(client, target, lane.keep, now=now, seconds=seconds)
    except ProviderUnavailable as trouble:
        push.pause(target, trouble, now=now)
    except (AuthorizationLost, RequestRejected, RecordMissing) as trouble:
        # The next push looks at the storage.
        logger.warning("connection %s: progress could not be compared: %s", connection_id, trouble)
    finally:
        lane.leave()
        client.close()
    return False


def _compare(
    client: Client, target: ProgressTarget, keep_alive: Callable[[], None], *, now: datetime, seconds: float
) -> bool:
    until = time.monotonic() + seconds
    if not target.compared_to:
        storage.check(client, target, now=now)
        if target.strategy == Strategy.NONE:
            return False
        _begin(target)
    comparison: Comparison
    if target.strategy == Strategy.PROPERTIES:
        comparison = OfPeople(client, target)
    else:
        comparison = OfRecords(client, target, push.portal_of(target.connection, client, target, now=now))
    place = target.compared_to
    while time.monotonic() < until:
        place, repaired = comparison.page("" if place == START else place)
        target.repaired += repaired
        if not place:
            target.compared_to, target.compared_at = "", now
            target.save(update_fields=["compared_to", "compared_at", "repaired"])
            return False
        target.compared_to = place
        target.save(update_fields=["compared_to", "repaired"])
        keep_alive()
    return True


def _begin(target: ProgressTarget) -> None:
    """Queue what is missing in the outbox, and give what was refused another chance."""
    target.repaired = queue.fill(target.connection)
    refused = ProgressPush.objects.filter(connection=target.connection_id, state=State.FAILED)
    refused.update(state=State.WAITING, tries=0, next_try_at=Now(), generation=F("generation") + 1)
    target.compared_to = START
    target.save(update_fields=["compared_to", "repaired"])


class OfRecords:
    """Compares records of their own, page by page in order of their ids ("Using object APIs", paging)."""

    def __init__(self, client: Client, target: ProgressTarget, portal: values.Portal) -> None:
        self._client = client
        self._connection = target.connection
        self._type = target.object_type
        self._names: Mapping[str, str] = target.names
        self._portal = portal

    def page(self, place: str) -> tuple[str, int]:
        """Compare one page; a place is the cursor of the list and the last id before it."""
        after, _, last_text = place.partition(" ")
        last = int(last_text or 0)
        page = self._client.list_records(self._type, sorted(self._names.values()), after)
        ids = [int(record.id) for record in page.results]
        repaired = self._compare(page.results)
        repaired += self._missing(last, max(ids, default=last) if page.after else None, ids)
        return (f"{page.after} {max(ids, default=last)}" if page.after else ""), repaired

    def _compare(self, records: Sequence[Record]) -> int:
        key = self._names[KEY]
        own: dict[tuple[int, int], Record] = {}
        for record in records:
            enrollment = self._portal.enrollment(record.properties.get(key) or "")
            if enrollment is not None:
                own[enrollment] = record
        pushes = ProgressPush.objects.filter(
            connection=self._connection, enrollment_id__in={enrollment_id for enrollment_id, _ in own}
        )
        rows = {(row.enrollment_id, row.attempt): row for row in reading.read(pushes.values_list("pk", flat=True))}
        self._archive({key: own[key] for key in own.keys() - rows.keys()})
        sent = {key: rows[key] for key in own.keys() & rows.keys() if rows[key].state == State.SENT}
        wrong = [row.id for key, row in sent.items() if not self._is_right(row, own[key])]
        right = [row for row in sent.values() if row.id not in wrong]
        return _again(wrong) + self._show(right)

    def _show(self, rows: Sequence[Row]) -> int:
        """Show records with their people where somebody took them away, and return how many."""
        if self._portal.is_of_users or not rows:
            return 0
        shown = shows.Shown(self._client, self._type).repair({str(row.record_id): row.linked_to for row in rows})
        refused = [row.id for row in rows if str(row.record_id) in shown.refused]
        # The outbox tries again, and lists who cannot be reached.
        ProgressPush.objects.filter(pk__in=refused).update(person_key="")
        return shown.repaired + _again(refused)

    def _is_right(self, row: Row, record: Record) -> bool:
        if row.verdict is not Verdict.SEND or row.facts is None or row.record_id != int(record.id):
            return False
        told = values.named(values.enrollment(row, row.facts, self._portal), self._names)
        return all(values.is_same(ours, record.properties.get(name)) for name, ours in told.items())

    def _missing(self, above: int, last: int | None, ids: Iterable[int]) -> int:
        """Send again what should have been between the last page and this one."""
        rows = ProgressPush.objects.filter(
            connection=self._connection, state=State.SENT, stored_in=self._type, record_id__gt=above
        ).exclude(record_id__in=ids)
        if last is not None:
            rows = rows.filter(record_id__lte=last)
        return _again(list(rows.values_list("pk", flat=True)), is_gone=True)

    def _archive(self, strangers: Mapping[tuple[int, int], Record]) -> None:
        """Remove records with keys of ours that no row stands for; finished courses of the past stay."""
        enrollments = Enrollment.objects.filter(pk__in={pk for pk, _ in strangers})
        known = set(enrollments.values_list("pk", "attempt"))
        status = self._names["status"]
        ids = [
            record.id
            for key, record in strangers.items()
            if key not in known and (record.properties.get(status) or "") not in reading.FINISHED
        ]
        if ids:
            logger.info("connection %s: %s records of the past are archived", self._connection.pk, len(ids))
            self._client.batch_archive(self._type, [{"id": record_id} for record_id in ids])


class OfPeople:
    """Compares the properties of contacts or users, in order of their links."""

    def __init__(self, client: Client, target: ProgressTarget) -> None:
        self._client = client
        self._connection = target.connection
        self._type = target.object_type
        self._names: Mapping[str, str] = target.names

    def page(self, place: str) -> tuple[str, int]:
        """Compare the next people; a place is the last link that was looked at."""
        links = ExternalIdentity.objects.filter(
            connection=self._connection, state=ExternalIdentity.State.LINKED, pk__gt=int(place or 0)
        )
        people = list(links.order_by("pk").values_list("pk", "external_id", "membership_id")[:BATCH])
        if not people:
            return "", 0
        keys = [key for _, key, _ in people]
        told = summaries.summaries(self._connection, keys, self._names)
        answer = self._client.batch_read(self._type, keys, sorted(self._names.values()))
        theirs = {record.id: record.properties for record in answer.results}
        wrong = [
            membership_id
            for _, key, membership_id in people
            if key in theirs
            and any(not values.is_same(ours, theirs[key].get(name)) for name, ours in told[key].items())
        ]
        rows = ProgressPush.objects.filter(connection=self._connection, membership_id__in=wrong, state=State.SENT)
        return str(people[-1][0]), _again(list(rows.values_list("pk", flat=True)))


def _again(ids: Sequence[int], *, is_gone: bool = False) -> int:
    """Have rows sent once more, unless they change at this moment; return how many."""
    gone = {"record_id": None, "stored_in": "", "person_key": ""} if is_gone else {}
    rows = ProgressPush.objects.filter(pk__in=ids, state=State.SENT)
    return rows.update(
        state=State.WAITING, digest=None, tries=0, next_try_at=Now(), generation=F("generation") + 1, **gone
    )
