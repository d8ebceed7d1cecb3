"""What an edit of the settings would bring about, planned from the last snapshots without asking the provider.

The people are planned twice, under the settings of now and under the new ones: what only the new ones do is the effect
of the edit. People whom both treat alike are not even looked up, so that 100,000 of them cost seconds.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec

from integrations.engine import scope
from integrations.engine.changes import Change, Kind, Reason
from integrations.engine.mapping import custom_values
from integrations.engine.matching import addresses
from integrations.engine.plan import decide
from integrations.engine.records import Person, Policy
from integrations.engine.rejections import Rejected, without_rejected
from integrations.models import Connection
from integrations.sync import snapshot
from integrations.sync.ledger import label
from integrations.sync.snapshot import Known
from portals import statements

BATCH = 1000
# People who are named.
MOST_NAMES = 20
# Seconds after which the numbers are given as "at least".
MOST_SECONDS = 5.0
OUT_OF_SCOPE = Reason.OUT_OF_SCOPE.value

# People who were deleted for good, and those who could not be saved, have no snapshot.
_PEOPLE = """
SELECT external_id, id, digest, membership_id, state, reason, due_on, rejected::text, snapshot::text
FROM integrations_externalidentity
WHERE connection_id = %(connection)s AND id > %(after)s AND snapshot ? 'key'
ORDER BY id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Concerned:
    """Someone whom the edit concerns: name and address, and the kinds of their changes."""

    name: str
    membership_id: int | None
    kinds: tuple[str, ...]


@dataclass(slots=True)
class Effect:
    """Counts of people by kind of change (or "out_of_scope"), of mails, and the first people."""

    counts: Counter[str] = field(default_factory=Counter)
    mails: int = 0
    people: int = 0
    named: list[Concerned] = field(default_factory=list)
    # Attributes that the new settings look at and no snapshot holds: the next sync reads them.
    unread: list[str] = field(default_factory=list)
    # False when time was up before everyone was looked at.
    is_whole: bool = True

    def add(self, person: Person, changes: Sequence[Change]) -> None:
        """Count one person's changes."""
        kinds = tuple(dict.fromkeys(_kind(change) for change in changes))
        if not kinds:
            return
        self.people += 1
        self.counts.update(kinds)
        self.mails += sum(bool(change.mail) for change in changes)
        if len(self.named) < MOST_NAMES:
            membership_id = next((change.membership_id for change in changes if change.membership_id), None)
            self.named.append(Concerned(label(person), membership_id, kinds))


def effect_of(
    connection: Connection, *, old: Policy, new: Policy, today: date, seconds: float = MOST_SECONDS
) -> Effect:
    """Return what the new policy does that the old one does not; nothing is written."""
    effect = Effect()
    known_attributes: set[str] = set()
    ends_at = time.monotonic() + seconds
    after = 0
    while rows := statements.rows(_PEOPLE, {"connection": connection.pk, "after": after, "limit": BATCH}):
        concerned: list[Person] = []
        identities: dict[str, Known] = {}
        for row in rows:
            person = msgspec.json.decode(row[8], type=Person)
            known_attributes.update(person.attributes)
            if not _alike(person, old, new, is_linked=row[3] is not None):
                concerned.append(person)
                identities[person.key] = snapshot.known_of(row)
        _compare(effect, connection, concerned, identities, old=old, new=new, today=today)
        after = rows[-1][1]
        if len(rows) < BATCH:
            break
        if time.monotonic() > ends_at:
            effect.is_whole = False
            break
    if after:
        effect.unread = sorted(set(new.wanted_attributes) - set(old.wanted_attributes) - known_attributes)
    return effect


def _alike(person: Person, old: Policy, new: Policy, *, is_linked: bool) -> bool:
    """Whether both policies surely treat a person alike."""
    was_wanted = not scope.broken(person.attributes, old.scope)
    is_wanted = not scope.broken(person.attributes, new.scope)
    if was_wanted != is_wanted or (not is_wanted and old.ends_out_of_scope != new.ends_out_of_scope):
        return False
    if not is_linked:
        return old.invite == new.invite
    if addresses(person, old) != addresses(person, new):
        return False
    return old.mappings == new.mappings or custom_values(person, old) == custom_values(person, new)


def _compare(
    effect: Effect,
    connection: Connection,
    people: Sequence[Person],
    identities: dict[str, Known],
    *,
    old: Policy,
    new: Policy,
    today: date,
) -> None:
    if not people:
        return
    around = snapshot.surroundings(connection, people, identities, new)
    # Which accounts are looked up depends on the addresses that count, and on nothing else of the policy.
    is_same = old.invite.address == new.invite.address
    around_old = around if is_same else snapshot.surroundings(connection, people, identities, old)
    for person in people:
        rejected = identities[person.key].rejected or {}
        before = [_essence(one) for one in _wanted(decide(person, around_old, old, today), rejected)]
        changes = _wanted(decide(person, around, new, today), rejected)
        effect.add(person, _felt([change for change in changes if _essence(change) not in before]))


def _wanted(changes: Iterable[Change], rejected: Rejected) -> list[Change]:
    """Leave out what an admin does not want."""
    return without_rejected(list(changes), rejected)[0] if rejected else list(changes)


def _felt(changes: Sequence[Change]) -> list[Change]:
    """Leave out what changes nothing: refused values, and other reasons for a skip."""
    felt = []
    for change in changes:
        is_update_of_nothing = change.kind in (Kind.UPDATE, Kind.LINK) and not change.after
        if is_update_of_nothing:
            continue
        if change.kind is not Kind.SKIP or change.reason is Reason.OUT_OF_SCOPE:
            felt.append(change)
    # Whoever loses access need not be told to be out of scope too.
    if any(change.kind is Kind.END_ACCESS for change in felt):
        return [change for change in felt if change.kind is not Kind.SKIP]
    return felt


def _kind(change: Change) -> str:
    return OUT_OF_SCOPE if change.kind is Kind.SKIP else change.kind.value


def _essence(change: Change) -> tuple[Any, ...]:
    return (change.kind, change.reason, change.before, change.after, change.mail)
