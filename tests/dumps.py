"""Every row about people and portals, to compare before and after."""

import functools

from django.db import connection

# What is written about an undo: the trail, and the notice that an address changed.
LOGS = frozenset({"users_auditentry", "users_notice"})
# Goes up whenever an enrollment is written.
COUNTERS = {"users_enrollment": "version"}


def dump(*prefixes, without=LOGS):
    """Return every row, as JSON, of every table with such a name: those about people and what a portal defines."""
    names = [name for name in _tables() if name.startswith(prefixes or ("users_", "portals_")) and name not in without]
    rows = {name: [] for name in names}
    # One statement: tests look at some fifty tables again and again.
    parts = (f"SELECT '{name}', (to_jsonb(t) - '{COUNTERS.get(name, '')}')::text FROM {name} AS t" for name in names)  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"{' UNION ALL '.join(parts)} ORDER BY 1, 2")
        for name, row in cursor:
            rows[name].append(row)
    return rows


@functools.cache
def _tables():
    with connection.cursor() as cursor:
        return sorted(connection.introspection.table_names(cursor))
