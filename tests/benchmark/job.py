"""One job of the benchmark in a process of its own: `python -m tests.benchmark.job NAME ARGUMENT…`.

The last line that it prints is its report as JSON; only the job itself is in it, not the start of Python and Django.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
import psycopg

from tests.benchmark import floor


def prepare(*codes: str) -> dict[str, Any]:
    """Make a portal per consent code, with fields, mappings, rules and courses, and connect it."""
    from tests.benchmark import portal  # noqa: PLC0415 - needs the settings

    return {"connections": [portal.create(number, code) for number, code in enumerate(codes)]}


def sync(*connections: str) -> dict[str, Any]:
    """Carry out one sync of each connection, one after the other; return the counts of the last."""
    from tests.benchmark import portal  # noqa: PLC0415

    runs = [portal.sync(int(connection)) for connection in connections]
    states = sorted({run.state for run in runs})
    return {"run": runs[-1].pk, "states": states, "trouble": runs[-1].trouble, "totals": runs[-1].totals}


def sync_all() -> dict[str, Any]:
    """Carry out one sync of every connection of the database."""
    from integrations.models import Connection  # noqa: PLC0415

    return sync(*map(str, Connection.objects.order_by("pk").values_list("pk", flat=True)))


def rules(people: str, count: str) -> dict[str, Any]:
    """Measure the rules; see tests.benchmark.rules."""
    from tests.benchmark import rules as measured  # noqa: PLC0415

    return {"rows": measured.run(people=int(people), rules=int(count))}


JOBS: dict[str, Callable[..., dict[str, Any]]] = {
    "floor": floor.sync,
    "prepare": prepare,
    "sync": sync,
    "sync_all": sync_all,
    "rules": rules,
}


class Statements:
    """Counts what goes to the database, BEGIN and COMMIT included."""

    def __init__(self) -> None:
        self.count = 0
        self._watch(psycopg.Cursor, "execute", 1)
        self._watch(psycopg.Cursor, "copy", 1)
        # The end of a transaction stands for its beginning, too.
        self._watch(psycopg.Connection, "commit", 2)
        self._watch(psycopg.Connection, "rollback", 2)

    def _watch(self, owner: type, name: str, weight: int) -> None:
        original = getattr(owner, name)

        def counted(*arguments: Any, **options: Any) -> Any:
            self.count += weight
            return original(*arguments, **options)

        setattr(owner, name, counted)


def main(name: str, *arguments: str) -> None:
    """Do one job and print its report."""
    django.setup()
    statements = Statements()
    started, cpu = time.perf_counter(), _cpu_seconds()
    result = JOBS[name](*arguments)
    report = {
        "cpu": _cpu_seconds() - cpu,
        "wall": time.perf_counter() - started,
        "statements": statements.count,
        "peak": _peak_bytes(),
        "result": result,
    }
    print(json.dumps(report))


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _peak_bytes() -> int:
    # Not ru_maxrss: it starts with what the parent process had.
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
