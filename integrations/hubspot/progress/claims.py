"""A worker's hold on rows of the outbox: taken without waiting, kept while it works, given back with the outcome.

A row that changes while it is held stays held, so that nobody can send the newer state before the older one has
arrived; it waits again afterwards.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from integrations.hubspot.models import ProgressPush
from portals import statements

# Taken, read and confirmed at once: several calls.
AT_ONCE = 500
# Longer than one call can take; renewed during waits.
CLAIM_SECONDS = 180
RENEW_SECONDS = 30.0
# Tries until a row is a matter for an admin: of what HubSpot will refuse again, and of what may pass.
MOST_REFUSALS = 3
MOST_TRIES = 8
# The pause after the first failed try; each further one is four times as long, up to the longest, give or take half.
FIRST_PAUSE_SECONDS = 60
LONGEST_PAUSE_SECONDS = 6 * 3600

State = ProgressPush.State

_DUE = """
    connection_id = %(connection)s AND state IN ('waiting', 'removing') AND next_try_at <= statement_timestamp()
    AND (claimed_until IS NULL OR claimed_until < statement_timestamp())
"""
_HOLD = """
UPDATE hubspot_progresspush AS p SET
    claimed_by = %(claim)s, claimed_until = statement_timestamp() + make_interval(secs => %(seconds)s), is_tried = true
FROM due WHERE p.id = due.id
RETURNING p.id, p.generation, due.is_tried
"""
_TAKE_ROWS = f"""
WITH due AS (
    SELECT id, is_tried FROM hubspot_progresspush WHERE {_DUE}
    ORDER BY next_try_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
{_HOLD}"""
# All rows of a person at once; nobody else may hold one of them, whose numbers would be older.
_TAKE_PEOPLE = f"""
WITH people AS (
    SELECT membership_id FROM hubspot_progresspush AS p WHERE {_DUE} AND NOT EXISTS (
        SELECT FROM hubspot_progresspush AS held
        WHERE held.membership_id = p.membership_id AND held.connection_id = p.connection_id
            AND held.claimed_until >= statement_timestamp())
    GROUP BY membership_id ORDER BY min(next_try_at) LIMIT %(limit)s
), due AS (
    SELECT id, is_tried FROM hubspot_progresspush
    WHERE membership_id IN (SELECT membership_id FROM people) AND {_DUE} FOR UPDATE SKIP LOCKED
)
{_HOLD}"""
_RENEW = """
UPDATE hubspot_progresspush SET claimed_until = statement_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = ANY (%(ids)s::bigint[]) AND claimed_by = %(claim)s
RETURNING id
"""
# Whoever is changing a row right now will have it sent again; waiting for them could end in a deadlock.
_TOLD = """
WITH told AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(
        id bigint, generation integer, state text, record_id bigint, person_key text, digest text,
        is_finished boolean, problem text, is_final boolean)
), held AS (
    SELECT p.id FROM hubspot_progresspush AS p JOIN told ON told.id = p.id
    WHERE p.claimed_by = %(claim)s FOR UPDATE OF p SKIP LOCKED
)
"""
_NOTE = f"""{_TOLD}
UPDATE hubspot_progresspush AS p SET
    record_id = t.record_id, digest = decode(t.digest, 'hex'), is_finished = t.is_finished, stored_in = %(stored_in)s
FROM told AS t JOIN held ON held.id = t.id WHERE p.id = t.id
RETURNING p.id
"""
_CONFIRM = f"""{_TOLD}
UPDATE hubspot_progresspush AS p SET
    state = CASE WHEN p.generation = t.generation THEN 'sent' ELSE p.state END,
    record_id = t.record_id, digest = decode(t.digest, 'hex'), is_finished = t.is_finished, stored_in = %(stored_in)s,
    person_key = t.person_key, confirmed_at = statement_timestamp(), tries = 0, problem = '',
    claimed_by = NULL, claimed_until = NULL
FROM told AS t JOIN held ON held.id = t.id WHERE p.id = t.id
RETURNING p.id
"""
_SETTLE = f"""{_TOLD}
UPDATE hubspot_progresspush AS p SET
    state = CASE WHEN p.generation = t.generation THEN t.state ELSE p.state END,
    tries = 0, problem = '', claimed_by = NULL, claimed_until = NULL
FROM told AS t JOIN held ON held.id = t.id WHERE p.id = t.id
RETURNING p.id
"""
_FAIL = f"""{_TOLD}
UPDATE hubspot_progresspush AS p SET
    tries = p.tries + 1, problem = t.problem, claimed_by = NULL, claimed_until = NULL,
    state = CASE
        WHEN p.generation = t.generation AND p.tries + 1 >= CASE WHEN t.is_final THEN %(refusals)s ELSE %(tries)s END
        THEN 'failed' ELSE p.state END,
    next_try_at = statement_timestamp() + make_interval(
        secs => least(%(first)s * power(4, p.tries), %(longest)s) * (0.5 + random()))
FROM told AS t JOIN held ON held.id = t.id WHERE p.id = t.id
RETURNING p.id
"""
# What was withdrawn and queued again meanwhile begins as if HubSpot had never heard of it.
_REMOVED = f"""{_TOLD}, gone AS (
    DELETE FROM hubspot_progresspush AS p USING told AS t JOIN held ON held.id = t.id
    WHERE p.id = t.id AND p.generation = t.generation
)
UPDATE hubspot_progresspush AS p SET
    record_id = NULL, digest = NULL, stored_in = '', person_key = '', is_finished = false, is_tried = false,
    claimed_by = NULL, claimed_until = NULL
FROM told AS t JOIN held ON held.id = t.id WHERE p.id = t.id AND p.generation <> t.generation
RETURNING p.id
"""
_RELEASE = """
UPDATE hubspot_progresspush SET claimed_by = NULL, claimed_until = NULL
WHERE id = ANY (%(ids)s::bigint[]) AND claimed_by = %(claim)s
"""


class ClaimLost(Exception):
    """Rows were taken over by another worker: this one has slept for too long and must not send any more."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What HubSpot now has of one row."""

    id: int
    record_id: int | None
    digest: str
    is_finished: bool
    person_key: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one row could not be written; a final one would be refused again."""

    id: int
    problem: str
    is_final: bool = False


class Claims:
    """The rows that one worker holds."""

    def __init__(self, connection_id: int) -> None:
        self._connection_id = connection_id
        self._claim = uuid.uuid4()
        # Row → the generation that was taken, which is the oldest that may be sent.
        self._held: dict[int, int] = {}
        self._renewed_at = time.monotonic()

    def take_rows(self, limit: int = AT_ONCE) -> dict[int, bool]:
        """Hold the next rows and return which of them may have been sent before."""
        return self._take(_TAKE_ROWS, limit)

    def take_people(self, limit: int = AT_ONCE) -> dict[int, bool]:
        """Hold the waiting rows of the next people and return which of them may have been sent before."""
        return self._take(_TAKE_PEOPLE, limit)

    def renew(self) -> None:
        """Keep hold during long work; cheap to call often. Raises ClaimLost."""
        if not self._held or time.monotonic() - self._renewed_at < RENEW_SECONDS:
            return
        self._renewed_at = time.monotonic()
        parameters = {"ids": statements.integers(self._held), "claim": self._claim, "seconds": CLAIM_SECONDS}
        if len(statements.rows(_RENEW, parameters)) < len(self._held):
            raise ClaimLost

    def note(self, done: Sequence[Confirmed], *, stored_in: str) -> None:
        """Remember records that are written but not yet shown with their people; the rows stay held."""
        self._tell(_NOTE, map(_fields, done), stored_in=stored_in, releases=False)

    def confirm(self, done: Sequence[Confirmed], *, stored_in: str) -> None:
        """Let go of rows that HubSpot has confirmed, and remember what it has."""
        self._tell(_CONFIRM, map(_fields, done), stored_in=stored_in)

    def settle(self, states: Mapping[int, str]) -> None:
        """Let go of rows for which there was nothing to send."""
        self._tell(_SETTLE, ({"id": pk, "state": state} for pk, state in states.items()))

    def fail(self, failures: Iterable[Failure]) -> None:
        """Let go of rows that could not be written: they come again later, or after the last try by hand."""
        self._tell(
            _FAIL,
            map(_fields, failures),
            refusals=MOST_REFUSALS,
            tries=MOST_TRIES,
            first=FIRST_PAUSE_SECONDS,
            longest=LONGEST_PAUSE_SECONDS,
        )

    def removed(self, ids: Iterable[int]) -> None:
        """Drop rows of which HubSpot has nothing any more."""
        self._tell(_REMOVED, ({"id": pk} for pk in ids))

    def release(self) -> None:
        """Let go of everything that is still held, as if it had not been taken."""
        if self._held:
            statements.rows(_RELEASE, {"ids": statements.integers(self._held), "claim": self._claim})
            self._held.clear()

    def _take(self, statement: str, limit: int) -> dict[int, bool]:
        parameters = {
            "connection": self._connection_id,
            "claim": self._claim,
            "seconds": CLAIM_SECONDS,
            "limit": limit,
        }
        rows = statements.rows(statement, parameters)
        self._held.update((pk, generation) for pk, generation, _ in rows)
        return {pk: was_tried for pk, _, was_tried in rows}

    def _tell(
        self, statement: str, rows: Iterable[Mapping[str, Any]], *, releases: bool = True, **parameters: Any
    ) -> None:
        told = [{**row, "generation": self._held[row["id"]]} for row in rows]
        if not told:
            return
        text = msgspec.json.encode(told).decode()
        statements.rows(statement, {"rows": text, "claim": self._claim, **parameters})
        if releases:
            for row in told:
                del self._held[row["id"]]


def _fields(value: Confirmed | Failure) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}
