"""Attributes that speak of other people: a manager's name and address, and who manages somebody.

They are known only when the whole list was read, so they are filled in afterwards, from the stored snapshots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from integrations.engine.records import LATE, Person
from integrations.models import Connection
from integrations.sync.snapshot import Known, known_of
from portals import statements

# One row per linked person whose stored related attributes are not what the snapshots of now say.
_STALE = """
WITH everyone AS (
    SELECT id, external_id, digest, membership_id, state, reason, due_on, rejected, snapshot
    FROM integrations_externalidentity WHERE connection_id = %(connection)s
), managers AS (
    SELECT DISTINCT snapshot ->> 'manager_key' AS external_id FROM everyone
    WHERE snapshot ->> 'status' <> 'inactive'
), related AS (
    SELECT one.id, one.external_id, one.digest, one.membership_id, one.state, one.reason, one.due_on, one.rejected,
        one.snapshot,
        jsonb_build_object(
            'manager_name', trim(coalesce(boss.snapshot ->> 'first_name', '') || ' '
                || coalesce(boss.snapshot ->> 'last_name', '')),
            'manager_email', coalesce(
                nullif(boss.snapshot ->> 'work_email', ''), boss.snapshot ->> 'personal_email', ''),
            'is_manager', CASE WHEN managers.external_id IS NULL THEN 'false' ELSE 'true' END
        ) AS found
    FROM everyone AS one
    LEFT JOIN everyone AS boss ON boss.external_id = one.snapshot ->> 'manager_key'
    LEFT JOIN managers ON managers.external_id = one.external_id
    WHERE one.membership_id IS NOT NULL AND one.id > %(after)s
)
SELECT external_id, id, digest, membership_id, state, reason, due_on, rejected::text, snapshot::text,
    found ->> 'manager_name', found ->> 'manager_email', found ->> 'is_manager'
FROM related
WHERE EXISTS (
    SELECT FROM unnest(%(wanted)s::text[]) AS name
    WHERE snapshot -> 'attributes' ->> name IS DISTINCT FROM found ->> name
)
ORDER BY id LIMIT %(limit)s
"""


def stale(
    connection: Connection, *, wanted: Sequence[str], after: int, limit: int
) -> tuple[list[Person], dict[str, Known]]:
    """Return people whose related attributes changed, with the new values, in order of id above `after`."""
    names = [name for name in LATE if name in wanted]
    if not names:
        return [], {}
    found = statements.rows(_STALE, {"connection": connection.pk, "wanted": names, "after": after, "limit": limit})
    people = []
    for row in found:
        person = msgspec.json.decode(row[8], type=Person)
        values = dict(zip(LATE, row[9:12], strict=True))
        people.append(replace(person, attributes={**person.attributes, **{name: values[name] for name in names}}))
    return people, {row[0]: known_of(row) for row in found}
