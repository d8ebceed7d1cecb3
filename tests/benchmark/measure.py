"""What one job costs: processor time of its process and of PostgreSQL, statements, write-ahead log, memory, calls."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.benchmark.rig import Rig, Sandbox

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class JobFailed(Exception):
    """A measured process ended badly; its own words are on the terminal."""


@dataclass(frozen=True)
class Cost:
    """The price of one job. Seconds, bytes and plain counts; `calls` by HTTP status."""

    people: int
    client_seconds: float
    server_seconds: float
    wall_seconds: float
    statements: int
    wal_bytes: int
    peak_bytes: int
    result: dict[str, Any]
    calls: dict[str, int] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Processor time of client and server."""
        return self.client_seconds + self.server_seconds

    @property
    def microseconds(self) -> float:
        """Processor time per person."""
        return self.seconds / self.people * 1e6

    def describe(self) -> str:
        """Return one line for the terminal."""
        client, server = (part / self.people * 1e6 for part in (self.client_seconds, self.server_seconds))
        return (
            f"{self.microseconds:7.1f} us/person (client {client:.1f}, PostgreSQL {server:.1f}), "
            f"wall {self.wall_seconds:.1f} s, {self.statements} statements, WAL {self.wal_bytes / 1e6:.2f} MB, "
            f"peak {self.peak_bytes / 1e6:.0f} MB, calls {self.calls}"
        )


def job(
    rig: Rig, database: str, name: str, *arguments: object, people: int, sandbox: Sandbox, **environment: str
) -> Cost:
    """Run one job of tests.benchmark.job in a process of its own and return what it cost. Raises JobFailed."""
    sandbox.calls()
    with rig.connect() as watcher:
        _wait_until_alone(watcher)
        log, server = _wal(watcher), _server_seconds(rig)
        report = run(rig, database, name, *arguments, GUSTO_API_URL=sandbox.url, **environment)
        _wait_until_alone(watcher)
        return Cost(
            people=people,
            client_seconds=report["cpu"],
            server_seconds=_server_seconds(rig) - server,
            wall_seconds=report["wall"],
            statements=report["statements"],
            wal_bytes=_wal(watcher) - log,
            peak_bytes=report["peak"],
            result=report["result"],
            calls=sandbox.calls(),
        )


def run(rig: Rig, database: str, name: str, *arguments: object, **environment: str) -> dict[str, Any]:
    """Run one job in a process of its own and return its report. Raises JobFailed."""
    command = [sys.executable, "-m", "tests.benchmark.job", name, *map(str, arguments)]
    done = subprocess.run(
        command, env=rig.environment(database, **environment), stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise JobFailed(name)
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def _wait_until_alone(watcher: psycopg.Connection) -> None:
    """Wait until no other client is served: what an ended server process used is known only then."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    while _scalar(watcher, others):
        time.sleep(0.01)


def _wal(watcher: psycopg.Connection) -> int:
    return int(_scalar(watcher, "SELECT pg_current_wal_insert_lsn() - '0/0'"))


def _scalar(watcher: psycopg.Connection, statement: str) -> Any:
    row = watcher.execute(statement).fetchone()
    assert row is not None
    return row[0]


def _server_seconds(rig: Rig) -> float:
    """Return what PostgreSQL has used so far: the first process, its living children and those that have ended."""
    first = rig.postgres.process.pid
    while True:
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        try:
            ticks = sum(sum(_ticks(int(child), "utime", "stime")) for child in children)
        except FileNotFoundError:
            # A child ended in between: from now on its time is among that of the first process.
            continue
        return (ticks + sum(_ticks(first, "utime", "stime", "cutime", "cstime"))) / TICKS_PER_SECOND


def _ticks(process: int, *names: str) -> list[int]:
    # proc(5): after the name in parentheses come the fields from the third on.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    places = {"utime": 11, "stime": 12, "cutime": 13, "cstime": 14}
    return [int(fields[places[name]]) for name in names]
