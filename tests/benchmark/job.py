"""One job of the benchmark in a process of its own: `python -m tests.benchmark.job NAME ARGUMENT…`.

The last line that it prints is its report as JSON; only the job itself is in it, not the start of Python and Django.
"""

import importlib
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import django
import psycopg
from django.core.checks import run_checks

from config import garbage

# The modules of the jobs; those of the product need Django to be set up.
JOBS = {
    "floor": ("floor", "sync"),
    "prepare": ("portal", "prepare"),
    "sync": ("portal", "sync"),
    "preview": ("portal", "preview"),
    "sync_all": ("portal", "sync_all"),
    "rules": ("rules", "run"),
    "files": ("files", "run"),
    "pages": ("pages", "run"),
    "prepare_progress": ("pushes", "prepare"),
    "change_progress": ("pushes", "change"),
    "send_progress": ("pushes", "send"),
    "hurry_progress": ("pushes", "hurry"),
    "check_progress": ("pushes", "check"),
    "prepare_hub": ("hub", "prepare"),
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
    if name != "floor":
        django.setup()
        # As Celery's worker does at its start, before it has any work.
        run_checks()
        garbage.spare_what_stays()
    module, function = JOBS[name]
    work = getattr(importlib.import_module(f"tests.benchmark.{module}"), function)
    numbers_and_texts = [int(one) if one.isdigit() else one for one in arguments]
    statements = Statements()
    started, cpu = time.perf_counter(), _cpu_seconds()
    result = work(*numbers_and_texts)
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
