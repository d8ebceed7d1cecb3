"""The processes of an installation, kept running as a supervisor would: whoever ends is started again.

Everything runs in this thread, because Linux ends a child when the thread that started it is gone.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from config.servers import Server, free_port, restart, signal_when_orphaned
from tests.benchmark.rig import Rig

PROJECT = Path(__file__).resolve().parents[2]
QUEUES = "sync,mail,hubspot,default"
WORKERS = ("worker-1", "worker-2")
# A supervisor waits this long before it starts a program again.
RESTART_SECONDS = 1.0
# Four workers' processes on a busy machine take their time.
READY_SECONDS = 300


@dataclass
class Program:
    """One supervised program: how it is started, and the process that runs now."""

    name: str
    arguments: list[str]
    process: subprocess.Popen[bytes]
    starts_again_at: float | None = None
    # Process groups of its former lives: a killed worker's children may outlive it.
    groups: list[int] = field(default_factory=list)


class Processes:
    """Workers, beat, the mail server, PostgreSQL and Valkey of one run."""

    def __init__(self, made: Rig, environment: Mapping[str, str], logs: Path) -> None:
        self._made = made
        self._environment = dict(environment)
        self._logs = logs
        self._programs: dict[str, Program] = {}
        self._servers: dict[str, Server] = {"postgres": made.postgres, "valkey": made.valkey}
        self._down_until: dict[str, float] = {}
        self._stopped_until: dict[str, float] = {}

    def start(self, mail_folder: Path, mail_port: int) -> None:
        """Start every program."""
        worker = ["celery", "-A", "config", "worker", "-Q", QUEUES, "--concurrency", "2", "--loglevel", "WARNING"]
        quiet = ["--without-gossip", "--without-mingle"]
        for name in WORKERS:
            self._start(name, [*worker, *quiet, "--hostname", f"{name}@%h"])
        self._start("beat", ["celery", "-A", "config", "beat", "--loglevel", "WARNING"])
        self._start("mail", ["config.mailbox", str(mail_folder), str(mail_port), str(free_port())])

    def kill(self, name: str) -> None:
        """End a program with all its children by SIGKILL, as a power cut would."""
        self._signal_group(name, signal.SIGKILL)
        self._stopped_until.pop(name, None)

    def kill_main(self, name: str) -> None:
        """End only the main process of a worker; its children see that it is gone."""
        self._programs[name].process.kill()

    def kill_child(self, name: str, share: float) -> bool:
        """End one child of a worker, the first with a share of 0, the last below 1; tell whether there was one."""
        children = _children(self._programs[name].process.pid)
        if not children:
            return False
        with suppress(ProcessLookupError):
            os.kill(children[int(share * len(children))], signal.SIGKILL)
        return True

    def freeze(self, name: str, seconds: float) -> None:
        """Stop a program with all its children, as a machine that hangs; it goes on after so long."""
        self._signal_group(name, signal.SIGSTOP)
        self._stopped_until[name] = time.monotonic() + seconds

    def crash_server(self, name: str, seconds: float) -> None:
        """End PostgreSQL (SIGQUIT: at once, recovery at the start) or Valkey (SIGKILL: its data is lost)."""
        process = self._servers[name].process
        process.send_signal(signal.SIGQUIT if name == "postgres" else signal.SIGKILL)
        process.wait()
        self._down_until[name] = time.monotonic() + seconds

    def tend(self) -> None:
        """Start again what has ended and may, and let frozen programs go on whose time is over."""
        now = time.monotonic()
        for name in [name for name, until in self._down_until.items() if now >= until]:
            del self._down_until[name]
            self._servers[name] = restart(self._servers[name])
        for name in [name for name, until in self._stopped_until.items() if now >= until]:
            del self._stopped_until[name]
            self._signal_group(name, signal.SIGCONT)
        for program in self._programs.values():
            if program.process.poll() is None:
                continue
            if program.starts_again_at is None:
                program.starts_again_at = now + RESTART_SECONDS
            elif now >= program.starts_again_at:
                self._start(program.name, program.arguments)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is down or frozen."""
        running = all(program.process.poll() is None for program in self._programs.values())
        return running and not self._down_until and not self._stopped_until

    @property
    def can_store(self) -> bool:
        """Whether PostgreSQL runs."""
        return "postgres" not in self._down_until

    def wait_until_ready(self) -> None:
        """Return when every worker takes tasks."""
        deadline = time.monotonic() + READY_SECONDS
        while not all(_children(self._programs[name].process.pid) for name in WORKERS):
            self.tend()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.2)

    def said(self) -> str:
        """Return the end of every log."""
        logs = sorted(self._logs.glob("*.log"))
        return "\n".join(f"--- {log.stem}\n{log.read_text(errors='replace')[-1500:]}" for log in logs)

    def stop(self) -> None:
        """End everything that was started here."""
        for program in self._programs.values():
            for group in {program.process.pid, *program.groups}:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, signal.SIGKILL)
            program.process.wait()
        for server in self._servers.values():
            server.stop()

    def _start(self, name: str, arguments: Sequence[str]) -> None:
        with (self._logs / f"{name}.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A group of its own, which can be killed as a whole.
                start_new_session=True,
                preexec_fn=signal_when_orphaned(signal.SIGKILL),  # noqa: PLW1509 - one system call, safe after a fork
            )
        former = self._programs.get(name)
        groups = [*former.groups, former.process.pid] if former else []
        self._programs[name] = Program(name, list(arguments), process, groups=groups)

    def _signal_group(self, name: str, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._programs[name].process.pid, number)


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]
