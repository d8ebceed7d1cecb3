"""How many people of the last snapshots a scope takes in, and which values they have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from integrations.engine import scope
from integrations.engine.scope import Condition
from integrations.models import Connection
from portals import statements

# One row per combination of values; people who have left are in no scope.
_COUNT = """
SELECT texts, count(*) FROM (
    SELECT ARRAY(
        SELECT one.snapshot -> 'attributes' ->> wanted.name
        FROM unnest(%(names)s::text[]) WITH ORDINALITY AS wanted (name, place) ORDER BY wanted.place
    ) AS texts
    FROM integrations_externalidentity AS one
    WHERE one.connection_id = %(connection)s AND one.snapshot ->> 'status' <> 'inactive'
) AS found
GROUP BY texts
"""


@dataclass(slots=True)
class Numbers:
    """People in and out of a scope; `values` are those that people have, by attribute."""

    inside: int = 0
    outside: int = 0
    # Of those outside: people of whom an attribute was never read, so that nothing can be said.
    unread: int = 0
    values: dict[str, Counter[str]] = field(default_factory=dict)


def numbers(connection: Connection, conditions: Sequence[Condition]) -> Numbers:
    """Return how many people satisfy all conditions; costs one statement."""
    names = list(dict.fromkeys(condition.attribute for condition in conditions))
    parameters = {"connection": connection.pk, "names": statements.texts(names)}
    found = Numbers(values={name: Counter() for name in names})
    for texts, people in statements.rows(_COUNT, parameters):
        known = {name: text for name, text in zip(names, texts, strict=True) if text is not None}
        if not scope.broken(known, conditions):
            found.inside += people
        else:
            found.outside += people
            found.unread += 0 if scope.has_surely_left(known, conditions) else people
        for name, text in known.items():
            found.values[name][text.strip()] += people
    return found
