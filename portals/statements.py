"""Run one hand-written SQL statement on Django's connection: for the few set-based writes of the product.

Parameters are bound by the server, so that a statement can be prepared; a page of people runs the same ten statements
a thousand times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import psycopg
from django.db import connection

_keeps_plans = ContextVar("keeps_plans", default=False)
_ESCAPED = str.maketrans({'"': r"\"", "\\": r"\\"})


@contextmanager
def keeping_plans() -> Iterator[None]:
    """Keep the plans of all statements that are run inside.

    For work on one person at a time, where making a plan takes longer than carrying it out, in a process that renews
    its connection every minute, and with it the plans.
    """
    before = _keeps_plans.set(True)
    try:
        yield
    finally:
        _keeps_plans.reset(before)


def rows(
    statement: str, parameters: Mapping[str, Any] | Sequence[Any] = (), *, keeps_plan: bool = False
) -> list[tuple[Any, ...]]:
    """Run a statement inside the caller's transaction and return its rows.

    `keeps_plan` is for statements whose plan does not depend on how large the tables are: it is made once. A look-up
    must not keep the plan that was good for an empty table. Raises the same errors as Django's own queries.
    """
    with _cursor() as cursor:
        cursor.execute(statement, parameters, prepare=keeps_plan or _keeps_plans.get())
        return cursor.fetchall() if cursor.description else []


@contextmanager
def _cursor() -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        yield cursor


def integers(values: Iterable[int]) -> str:
    """Return numbers as the text of an array, for a parameter with a cast; psycopg takes its time over lists."""
    return f"{{{','.join(map(str, values))}}}"


def texts(values: Iterable[str]) -> str:
    """Return texts as the text of an array, for a parameter with a cast."""
    quoted = [f'"{value.translate(_ESCAPED)}"' for value in values]
    return f"{{{','.join(quoted)}}}"


def copy(target: str, records: Sequence[Sequence[Any]]) -> None:
    """Append rows with COPY, a single one with INSERT; `target` is a table and its columns: `app_table (one, two)`."""
    if len(records) == 1:
        # Planned once, sent and answered once.
        places = ", ".join(["%s"] * len(records[0]))
        with _cursor() as cursor:
            cursor.execute(f"INSERT INTO {target} VALUES ({places})", records[0], prepare=True)  # noqa: S608 - our own names
        return
    with _cursor() as cursor:  # noqa: SIM117
        with cursor.copy(f"COPY {target} FROM STDIN") as stream:
            for record in records:
                stream.write_row(record)
