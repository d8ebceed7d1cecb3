"""Run one hand-written SQL statement on Django's connection: for the few set-based writes of the product.

Parameters are bound by the server, so that a statement can be prepared; a page of people runs the same ten statements
a thousand times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection


def rows(
    statement: str, parameters: Mapping[str, Any] | Sequence[Any] = (), *, keeps_plan: bool = False
) -> list[tuple[Any, ...]]:
    """Run a statement inside the caller's transaction and return its rows.

    `keeps_plan` is for statements whose plan does not depend on how large the tables are: it is made once. A look-up
    must not keep the plan that was good for an empty table. Raises the same errors as Django's own queries.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, parameters, prepare=keeps_plan)
        return cursor.fetchall() if cursor.description else []


def copy(target: str, records: Sequence[Sequence[Any]]) -> None:
    """Append rows with COPY; `target` is a table and its columns: `app_table (one, two)`."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:  # noqa: SIM117
        with cursor.copy(f"COPY {target} FROM STDIN") as stream:
            for record in records:
                stream.write_row(record)
