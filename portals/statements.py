"""Run one hand-written SQL statement, prepared once per connection: for the few set-based writes of the product.

Django binds parameters on the client, so each statement would be parsed and planned anew; a page of people runs the
same ten statements a thousand times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection


def rows(statement: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run a statement inside the caller's transaction and return its rows.

    Raises the same errors as Django's own queries.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, parameters, prepare=True)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []


def copy(target: str, records: Sequence[Sequence[Any]]) -> None:
    """Append rows with COPY; `target` is a table and its columns: `app_table (one, two)`."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:  # noqa: SIM117
        with cursor.copy(f"COPY {target} FROM STDIN") as stream:
            for record in records:
                stream.write_row(record)
