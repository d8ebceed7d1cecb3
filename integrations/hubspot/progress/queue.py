"""Put changed enrollments into the outbox: one statement for any number, in the transaction that changed them.

A later change replaces an earlier one that still waits. Whoever is listening to `queued` wakes a worker.
"""

from __future__ import annotations

import time
from collections.abc import Collection

from django.dispatch import Signal

from integrations.hubspot.models import ProgressPush
from integrations.models import Connection
from portals import statements

# connection_ids: something waits for these.
queued = Signal()

# How long this process remembers that nobody uses HubSpot; shorter than what a first push waits for.
UNUSED_SECONDS = 2.0
_unused = {"until": 0.0}

# People, by identity, whose enrollments are looked through at once.
BATCH = 500

_EXISTS = """
SELECT EXISTS (SELECT FROM integrations_connection WHERE provider = 'hubspot' AND state <> 'disconnected')
"""
# Who may be spoken of to whom: people who have accepted, where a connection links them to a record.
_LINKED = """
    SELECT i.connection_id, e.id AS enrollment_id, e.attempt, e.membership_id
    FROM users_enrollment AS e
    JOIN users_membership AS m ON m.id = e.membership_id AND m.status = 'active'
    JOIN integrations_externalidentity AS i ON i.membership_id = m.id AND i.state = 'linked'
    JOIN integrations_connection AS c
        ON c.id = i.connection_id AND c.provider = 'hubspot' AND c.state <> 'disconnected'
    WHERE {narrowed}
    ORDER BY e.id
"""
# What waits keeps its turn and its pause after a failed try; everything else starts anew.
_AGAIN = """
    generation = p.generation + 1,
    tries = CASE WHEN p.state IN ('waiting', 'removing') THEN p.tries ELSE 0 END,
    next_try_at = CASE WHEN p.state IN ('waiting', 'removing') THEN p.next_try_at ELSE statement_timestamp() END
"""
_INSERT = """
    INSERT INTO hubspot_progresspush AS p (
        connection_id, enrollment_id, attempt, membership_id, state, generation, is_tried, stored_in, person_key,
        is_finished, tries, next_try_at, problem)
    SELECT connection_id, enrollment_id, attempt, membership_id, 'waiting', 1, false, '', '',
        false, 0, statement_timestamp(), ''
    FROM linked
    ON CONFLICT (enrollment_id, attempt, connection_id) DO {conflict}
    RETURNING connection_id
"""
_UPSERT = _INSERT.format(conflict=f"UPDATE SET state = 'waiting', {_AGAIN}")
# Ids of enrollments that are gone come too, former attempts, and people who have lost access: HubSpot hears of those
# only if it has heard of them before.
_CHANGED = f"""
WITH linked AS ({_LINKED.format(narrowed="e.id = ANY (%(enrollments)s::bigint[])")}), fresh AS ({_UPSERT}), known AS (
    UPDATE hubspot_progresspush AS p SET
        state = CASE WHEN p.state = 'removing' THEN p.state ELSE 'waiting' END, {_AGAIN}
    WHERE p.enrollment_id = ANY (%(enrollments)s::bigint[]) AND NOT EXISTS (
        SELECT FROM linked AS l
        WHERE l.enrollment_id = p.enrollment_id AND l.attempt = p.attempt AND l.connection_id = p.connection_id)
    RETURNING connection_id
)
SELECT DISTINCT connection_id FROM (SELECT * FROM fresh UNION ALL SELECT * FROM known) AS both_kinds
"""
_PEOPLE = f"""
WITH linked AS ({
    _LINKED.format(
        narrowed="m.id = ANY (%(memberships)s::bigint[]) "
        "AND (%(connection)s::bigint IS NULL OR c.id = %(connection)s::bigint)"
    )
}), fresh AS ({_UPSERT})
SELECT DISTINCT connection_id FROM fresh
"""
_MISSING = f"""
WITH part AS (
    SELECT id FROM integrations_externalidentity
    WHERE connection_id = %(connection)s AND state = 'linked' AND id > %(after)s ORDER BY id LIMIT %(limit)s
), linked AS ({_LINKED.format(narrowed="i.id IN (SELECT id FROM part)")}), fresh AS ({
    _INSERT.format(conflict="NOTHING")
})
SELECT (SELECT max(id) FROM part), (SELECT count(*) FROM fresh)
"""
_TOUCH = f"""
UPDATE hubspot_progresspush AS p SET state = 'waiting', {_AGAIN}
WHERE membership_id = ANY (%(memberships)s::bigint[]) AND state IN ('sent', 'withheld', 'failed')
RETURNING connection_id
"""
_WITHDRAW = f"""
UPDATE hubspot_progresspush AS p SET
    state = 'removing', person_key = CASE WHEN %(forgets)s THEN '' ELSE p.person_key END, {_AGAIN}
WHERE membership_id = ANY (%(memberships)s::bigint[])
    AND (%(connection)s::bigint IS NULL OR connection_id = %(connection)s::bigint)
RETURNING connection_id
"""
_RESTART = f"""
WITH part AS (
    SELECT id FROM hubspot_progresspush
    WHERE connection_id = %(connection)s AND id > %(after)s ORDER BY id LIMIT %(limit)s
), again AS (
    UPDATE hubspot_progresspush AS p SET state = CASE WHEN p.state = 'removing' THEN p.state ELSE 'waiting' END,
        digest = NULL, {_AGAIN}
    FROM part WHERE p.id = part.id AND p.state <> 'kept'
)
SELECT max(id), count(*) FROM part
"""

# Enrollments and links that went without a word, as an undo takes them.
_ORPHANS = f"""
WITH part AS (
    SELECT id, state, enrollment_id, attempt, membership_id FROM hubspot_progresspush
    WHERE connection_id = %(connection)s AND id > %(after)s ORDER BY id LIMIT %(limit)s
), again AS (
    UPDATE hubspot_progresspush AS p SET state = 'waiting', {_AGAIN}
    FROM part WHERE p.id = part.id AND p.state IN ('sent', 'withheld', 'kept', 'failed') AND NOT (
        EXISTS (
            SELECT FROM integrations_externalidentity AS i
            WHERE i.connection_id = %(connection)s AND i.membership_id = part.membership_id AND i.state = 'linked')
        AND (part.state = 'kept' OR EXISTS (
            SELECT FROM users_enrollment AS e WHERE e.id = part.enrollment_id AND e.attempt = part.attempt)))
    RETURNING p.id
)
SELECT (SELECT max(id) FROM part), (SELECT count(*) FROM again)
"""


def changed(enrollment_ids: Collection[int]) -> None:
    """Queue enrollments that began, changed or ended, for every connection that links their people."""
    if enrollment_ids and _is_used():
        _announce(statements.rows(_CHANGED, {"enrollments": statements.integers(sorted(enrollment_ids))}))


def people(connection: Connection, membership_ids: Collection[int]) -> None:
    """Queue everything of people whom the connection has just linked, or who may be spoken of from now on."""
    _queue_people(membership_ids, connection.pk)


def admitted(membership_ids: Collection[int]) -> None:
    """Queue everything of people who have accepted or come back, wherever they are linked."""
    if membership_ids and _is_used():
        _queue_people(membership_ids, None)


def renamed(membership_ids: Collection[int]) -> None:
    """Look again at what was sent about people whose name, address or last day may have changed."""
    if membership_ids and _is_used():
        _announce(statements.rows(_TOUCH, {"memberships": statements.integers(membership_ids)}))


def withdraw(connection: Connection, membership_ids: Collection[int], *, forgets: bool = False) -> None:
    """Have what HubSpot keeps about people removed, and send nothing more about them.

    With `forgets` the ids of their own records are forgotten at once: after a privacy deletion those are gone anyway.
    """
    _withdraw(membership_ids, connection.pk, forgets=forgets)


def erased(membership_ids: Collection[int]) -> None:
    """Have everything removed about people who are about to be deleted for good, wherever they are linked."""
    _withdraw(membership_ids, None, forgets=False)


def fill(connection: Connection) -> int:
    """Queue what should be in the outbox and is not, and what HubSpot should no longer have; return how many.

    In transactions of its own.
    """
    return _in_parts(_MISSING, connection) + _in_parts(_ORPHANS, connection)


def restart(connection: Connection) -> int:
    """Queue everything once more, as if HubSpot had confirmed nothing; return how many. In transactions of its own."""
    return _in_parts(_RESTART, connection)


def _is_used() -> bool:
    """Whether any portal uses HubSpot: without one, imports of other systems pay for a look every two seconds.

    What goes unnoticed in the seconds after the first consent is queued when its storage is looked at for the first
    time.
    """
    if time.monotonic() < _unused["until"]:
        return False
    is_used = bool(statements.rows(_EXISTS, keeps_plan=True)[0][0])
    if not is_used:
        _unused["until"] = time.monotonic() + UNUSED_SECONDS
    return is_used


def _queue_people(membership_ids: Collection[int], connection_id: int | None) -> None:
    if membership_ids:
        parameters = {"memberships": statements.integers(membership_ids), "connection": connection_id}
        _announce(statements.rows(_PEOPLE, parameters))


def _withdraw(membership_ids: Collection[int], connection_id: int | None, *, forgets: bool) -> None:
    if membership_ids:
        ids = statements.integers(membership_ids)
        parameters = {"memberships": ids, "connection": connection_id, "forgets": forgets}
        _announce(statements.rows(_WITHDRAW, parameters))


def _in_parts(statement: str, connection: Connection) -> int:
    after: int | None = 0
    total = 0
    while after is not None:
        parameters = {"connection": connection.pk, "after": after, "limit": BATCH}
        after, count = statements.rows(statement, parameters)[0]
        total += count
    if total:
        _announce([(connection.pk,)])
    return total


def _announce(rows: Collection[tuple[int]]) -> None:
    if connection_ids := sorted({row[0] for row in rows}):
        queued.send(sender=ProgressPush, connection_ids=connection_ids)
