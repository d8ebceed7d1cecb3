"""Every row about people and portals, to compare before and after."""

from django.db import connection

# What is written about an undo: the trail, and the notice that an address changed.
LOGS = {"users_auditentry", "users_notice"}
# Goes up whenever an enrollment is written.
COUNTERS = {"users_enrollment": "version"}


def dump():
    """Return every row of every table about people and what a portal defines."""
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
        rows = {}
        for table in sorted({name for name in names if name.startswith(("users_", "portals_"))} - LOGS):
            left_out = COUNTERS.get(table, "")
            cursor.execute(f"SELECT (to_jsonb(t) - %s)::text FROM {table} AS t ORDER BY 1", [left_out])  # noqa: S608
            rows[table] = [row[0] for row in cursor.fetchall()]
    return rows
