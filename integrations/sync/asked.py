"""Somebody who is asked for: their turn, and what is stored of them; a statement each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from integrations.engine.records import Person
from integrations.models import Connection, tombstones
from integrations.sync import snapshot
from integrations.sync.snapshot import Known
from portals import statements

# Taken in the same order by everyone. Whoever ends links locks the connection: it is held for the rest of the
# transaction, so that what is read after this stays as it is.
_TAKE_TURN = """
SELECT pg_advisory_xact_lock(t.key)
FROM (
    SELECT DISTINCT hashtextextended(name, 0) AS key FROM unnest(%(names)s::text[]) AS name ORDER BY key
) AS t, (SELECT FROM integrations_connection WHERE id = %(connection)s FOR KEY SHARE) AS held
"""

_STANDING = """
SELECT i.external_id, i.id, i.digest, i.membership_id, i.state, i.reason, i.due_on, i.rejected::text, (
        SELECT id FROM integrations_syncrun
        WHERE connection_id = %(connection)s AND trigger = 'action' AND local_day = %(day)s),
    ARRAY(SELECT digest FROM integrations_tombstone
        WHERE portal_id = %(portal)s AND digest = ANY (%(digests)s::bytea[]))
FROM (SELECT) AS one LEFT JOIN integrations_externalidentity AS i
    ON i.connection_id = %(connection)s AND i.external_id = %(key)s
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is stored of a person: their identity by key, the marks of a deletion, and the day's run if it is open."""

    known: Mapping[str, Known]
    marks: frozenset[str]
    run_id: int | None


def take_turn(connection: Connection, person: Person) -> None:
    """Wait for other requests for the same record or the same address, and hold the connection."""
    names = [f"{connection.provider}:{connection.external_account_id}:{person.key}"]
    if person.work_email:
        names.append(f"address:{connection.portal.realm_id}:{person.work_email}")
    statements.rows(_TAKE_TURN, {"connection": connection.pk, "names": statements.texts(names)}, keeps_plan=True)


def standing(connection: Connection, person: Person, day: date) -> Standing:
    """Return what is stored of a person at the beginning of their turn."""
    marks = tombstones.digests_of([mark_of_record(connection, person), tombstones.mark_of_address(person.work_email)])
    parameters = {
        "connection": connection.pk,
        "portal": connection.portal_id,
        "day": day,
        "digests": list(marks),
        "key": person.key,
    }
    ((*identity, run_id, found),) = statements.rows(_STANDING, parameters, keeps_plan=True)
    known = {person.key: snapshot.known_of(identity)} if identity[0] is not None else {}
    return Standing(known, frozenset(marks[bytes(digest)] for digest in found), run_id)


def mark_of_record(connection: Connection, person: Person) -> str:
    """Return what stands for a deleted person's record."""
    return tombstones.mark_of_record(connection.provider, connection.external_account_id, person.key)
