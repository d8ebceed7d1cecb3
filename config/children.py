"""Programs that run side by side in one terminal, show their output under their names and end together."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from config.servers import signal_when_orphaned

PROJECT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 15
COLORS = ("36", "32", "33", "35", "34")
LAST_LINES = 20


@dataclass
class Child:
    """One running program and the end of its output."""

    name: str
    process: subprocess.Popen[bytes]
    color: str
    unfinished: bytes = b""
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))


class Children:
    """Starts, watches and ends programs; all of it in the calling thread."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._is_colored = output.isatty() and "NO_COLOR" not in os.environ
        self._children: list[Child] = []
        self._selector = selectors.DefaultSelector()

    def start(self, name: str, arguments: Sequence[str], *, environment: Mapping[str, str]) -> None:
        """Start a Python module with arguments in a session of its own, which Ctrl-C does not reach."""
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", *arguments],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=signal_when_orphaned(signal.SIGTERM),  # noqa: PLW1509 - one system call, safe after a fork
        )
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        os.set_blocking(process.stdout.fileno(), False)
        child = Child(name, process, COLORS[len(self._children) % len(COLORS)])
        self._children.append(child)
        self._selector.register(process.stdout, selectors.EVENT_READ, child)

    def show_output(self, *, seconds: float) -> None:
        """Pass on what the programs write, for at most this long."""
        for key, _ in self._selector.select(seconds):
            content = os.read(key.fd, 65536)
            if not content:
                self._selector.unregister(key.fileobj)
            *lines, key.data.unfinished = (key.data.unfinished + content).split(b"\n")
            for line in lines:
                self._show(key.data, line.decode(errors="replace").rstrip())

    def ended(self) -> Child | None:
        """Return a program that has ended by itself, if any."""
        return next((child for child in self._children if child.process.poll() is not None), None)

    def stop(self) -> None:
        """Ask all programs to end, and end those by force that have not after 15 seconds."""
        for child in self._children:
            # Only the program itself: a Celery worker lets its own processes finish what they do.
            child.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while self._are_running() and time.monotonic() < deadline:
            self._pass_on_quickly()
        for child in self._children:
            _kill_group(child.process)
            child.process.wait()
        self._pass_on_quickly()

    def _are_running(self) -> bool:
        return any(child.process.poll() is None for child in self._children)

    def _pass_on_quickly(self) -> None:
        if self._selector.get_map():
            self.show_output(seconds=0.1)
        else:
            time.sleep(0.1)

    def _show(self, child: Child, line: str) -> None:
        child.last_lines.append(line)
        name = f"{child.name:>7} | "
        self._output.write(f"\033[{child.color}m{name}\033[0m{line}\n" if self._is_colored else f"{name}{line}\n")
        self._output.flush()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
