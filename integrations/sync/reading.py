"""The first phase of a run: read every page of the provider's list and bring its people in line.

Unchanged pages are not even decoded, unchanged people cost a share of one look-up; changed ones are applied in batches
that grow from one page to ten while little changes, each batch one transaction and one checkpoint.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from django.utils.translation import gettext as _

from integrations.engine.records import Person, digest
from integrations.engine.seen import SeenIds
from integrations.models import SyncPage
from integrations.providers import PeoplePage, PeopleSource
from integrations.sync import apply, snapshot
from integrations.sync.batches import Batch, Context, Result
from integrations.sync.leases import Lease
from integrations.sync.progress import Progress
from integrations.sync.snapshot import Known

# Pages looked up together at most, and the changed people from which a batch is one page again.
MAX_PAGES = 10
MANY_CHANGED = 50
# Seconds between checkpoints while nothing changes.
CHECKPOINT_EVERY = 5.0


class OutOfTime(Exception):
    """The worker's time slice is used up; the run goes on in the next."""


@dataclass(slots=True)
class _Held:
    """Pages that are decoded but not yet looked up."""

    pages: list[PeoplePage] = field(default_factory=list)
    people: list[list[Person]] = field(default_factory=list)

    def add(self, page: PeoplePage) -> None:
        # Decoding may fail; then nothing of the page is held.
        people = page.people()
        self.pages.append(page)
        self.people.append(people)


class Reader:
    """Reads the list from the checkpoint on."""

    def __init__(
        self, context: Callable[[], Context], lease: Lease, state: Progress, is_out_of_time: Callable[[], bool]
    ) -> None:
        self._context = context
        self._lease = lease
        self._state = state
        self._is_out_of_time = is_out_of_time
        self._held = _Held()
        self._batch_pages = 1
        self._saved_at = time.monotonic()
        # Pages without a change since the last checkpoint.
        self._unsaved: list[dict[str, Any]] = []
        self._ledger: dict[int, tuple[bytes, list[int], int]] = {}

    def read(self, source: PeopleSource, keep_alive: Callable[[], None]) -> None:
        """Read to the end of the list. Raises OutOfTime at a checkpoint, LeaseLost, and the provider's errors."""
        if self._state.total_pages is not None and self._state.page >= self._state.total_pages:
            return
        context = self._context()
        self._ledger = self._last_pages(context)
        pages = source.pages(
            context.connection,
            wanted=context.policy.wanted_attributes,
            first_page=self._state.page + 1,
            keep_alive=keep_alive,
        )
        try:
            for page in pages:
                self._take(page)
                if self._is_out_of_time() and page.number < page.total_pages:
                    self._flush()
                    self._checkpoint()
                    raise OutOfTime
        except OutOfTime:
            raise
        except Exception:
            # What was read before the trouble is good.
            self._flush()
            self._checkpoint()
            raise
        self._flush()
        self._checkpoint()

    def _last_pages(self, context: Context) -> dict[int, tuple[bytes, list[int], int]]:
        rows = SyncPage.objects.filter(connection=context.connection, number__gt=self._state.page)
        values = rows.values_list("number", "fingerprint", "identity_ranges", "people")
        return {number: (bytes(mark), ranges, people) for number, mark, ranges, people in values}

    def _take(self, page: PeoplePage) -> None:
        self._watch_totals(page)
        mark = _mark(page, self._context().policy.version)
        stored = self._ledger.pop(page.number, None)
        if mark is not None and stored is not None and stored[0] == mark:
            self._flush()
            self._see_ranges(stored[1], stored[2])
            self._state.page = page.number
            if time.monotonic() - self._saved_at > CHECKPOINT_EVERY:
                self._checkpoint()
            return
        self._held.add(page)
        if len(self._held.pages) >= self._batch_pages:
            self._flush()

    def _watch_totals(self, page: PeoplePage) -> None:
        state = self._state
        state.gone = list(page.gone)
        if state.total_pages is None:
            state.total_pages, state.total_people = page.total_pages, page.total_people
        elif (state.total_pages, state.total_people) != (page.total_pages, page.total_people):
            state.doubt = _("The list changed its length while it was read.")
            state.total_pages, state.total_people = page.total_pages, page.total_people

    def _see_ranges(self, ranges: Sequence[int], people: int) -> None:
        before = len(self._state.seen)
        self._state.seen.add_ranges(ranges)
        if len(self._state.seen) - before != people:
            self._state.doubt = _("Somebody was listed twice.")
        self._state.totals["seen"] += people
        self._state.totals["unchanged"] += people

    def _flush(self) -> None:
        """Look the held people up and apply those who changed."""
        held, self._held = self._held, _Held()
        if not held.pages:
            return
        context = self._context()
        everyone = [person for people in held.people for person in people if person.key]
        identities = snapshot.known(context.connection, [person.key for person in everyone])
        digests = {person.key: digest(person, context.policy.version) for person in everyone}
        changed = _unlike_before(everyone, identities, digests)
        if changed:
            self._apply(context, held, everyone, Batch(changed, identities, digests))
        else:
            ids = identities_of(identities)
            self._account(held, ids, everyone, 0)
            self._unsaved += self._page_rows(context, held, ids, frozenset())
            if time.monotonic() - self._saved_at > CHECKPOINT_EVERY:
                self._checkpoint()
        quiet = len(changed) < MANY_CHANGED
        self._batch_pages = min(self._batch_pages * 2, MAX_PAGES) if quiet else 1

    def _apply(self, context: Context, held: _Held, everyone: Sequence[Person], batch: Batch) -> None:
        before = self._state.copy()

        def finish(result: Result) -> None:
            # A transaction that fails at its commit is tried again: count from where it began.
            self._state.reset(before)
            ids = identities_of(batch.identities) | result.identity_ids
            self._state.totals.update(result.tally)
            self._account(held, ids, everyone, len(batch.people))
            self._state.save(self._lease, [*self._unsaved, *self._page_rows(context, held, ids, result.failed)])

        try:
            apply.batch(context, batch, finish=finish)
        except BaseException:
            self._state.reset(before)
            raise
        self._note_saved()

    def _account(self, held: _Held, ids: dict[str, int], everyone: Sequence[Person], changed: int) -> None:
        """Count a batch's people as seen, and notice who was seen before."""
        state = self._state
        before = len(state.seen)
        known = [ids[person.key] for person in everyone if person.key in ids]
        state.seen.add(known)
        # A preview stores nobody: whoever is new has no id to be known by.
        newcomers = len(everyone) - len(known) if self._context().is_preview else 0
        state.newcomers += newcomers
        if len(state.seen) - before + newcomers != len(everyone):
            state.doubt = _("Somebody was listed twice.")
        state.totals["seen"] += len(everyone)
        state.totals["unchanged"] += len(everyone) - changed
        state.page = held.pages[-1].number

    def _page_rows(
        self, context: Context, held: _Held, ids: dict[str, int], failed: frozenset[str]
    ) -> list[dict[str, Any]]:
        """Return what to remember of the pages: nothing after a preview, which has brought nobody in line."""
        return [] if context.is_preview else _page_rows(context, held, ids, failed)

    def _checkpoint(self) -> None:
        self._state.save(self._lease, self._unsaved)
        self._note_saved()

    def _note_saved(self) -> None:
        self._unsaved = []
        self._saved_at = time.monotonic()


def _page_rows(context: Context, held: _Held, ids: dict[str, int], failed: frozenset[str]) -> list[dict[str, Any]]:
    """Return what to remember of the pages; one with somebody who could not be saved is read again next time."""
    rows = []
    for page, people in zip(held.pages, held.people, strict=True):
        mark = _mark(page, context.policy.version)
        keys = [person.key for person in people]
        if mark is None or failed.intersection(keys) or not all(key in ids for key in keys):
            continue
        ranges = SeenIds()
        ranges.add(ids[key] for key in keys)
        rows.append({"number": page.number, "fingerprint": mark.hex(), "ranges": ranges.flat(), "people": len(keys)})
    return rows


def identities_of(identities: Mapping[str, Known]) -> dict[str, int]:
    """Return the ids of stored identities by person."""
    return {key: known.id for key, known in identities.items()}


def _mark(page: PeoplePage, version: str) -> bytes | None:
    """Return the page's fingerprint under these settings."""
    if page.fingerprint is None:
        return None
    return blake2b(page.fingerprint + version.encode(), digest_size=16).digest()


def _unlike_before(
    everyone: Sequence[Person], identities: dict[str, Known], digests: dict[str, bytes]
) -> list[Person]:
    """Return the people whose record differs from the last one processed, each once."""
    changed = {}
    for person in everyone:
        known = identities.get(person.key)
        if known is None or known.digest != digests[person.key]:
            changed[person.key] = person
    return list(changed.values())
