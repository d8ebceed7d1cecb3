"""The file that keeps a world's state: read at the start, written soon after every change and at the end."""

import contextlib
import json
import logging
import os
import threading
from datetime import date
from pathlib import Path
from typing import Any

from integrations.sandbox import state
from integrations.sandbox.world import World

SAVE_SECONDS = 1.0  # the most that a killed sandbox forgets

logger = logging.getLogger(__name__)


def open_world(
    path: Path | None, *, people: int, seed: int, rate_limit: int, today: date | None, hub_contacts: int
) -> tuple[World, str]:
    """Return the world that the file keeps, else a fresh one and why the file does not fit (empty without a file).

    Raises OSError when the file is there and cannot be read.
    """
    problem = ""
    try:
        if path is not None:
            record = _read(path)
            return state.resume(
                record, people=people, seed=seed, rate_limit=rate_limit, today=today, hub_contacts=hub_contacts
            ), ""
    except FileNotFoundError:
        pass
    except state.Unfit as unfit:
        problem = str(unfit)
    world = World(people=people, seed=seed, rate_limit=rate_limit, today=today, hub_contacts=hub_contacts)
    return world, problem


class StateFile:
    """Writes the state of one world while its thread runs; a world that nobody touches is not written again."""

    def __init__(self, path: Path, world: World) -> None:
        self._path = path
        self._world = world
        self._saved: dict[str, Any] | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def start(self) -> None:
        """Save once and go on in the background. Raises OSError when the file cannot be written."""
        self.save()
        self._thread.start()

    def stop(self) -> None:
        """Save what is left and end; a second call does nothing."""
        if not self._ended.is_set():
            self._ended.set()
            self._thread.join()
            self._save_or_say()

    def save(self) -> None:
        """Write the file if anything has changed since the last time. Raises OSError."""
        with self._world.lock:
            outline = state.outline(self._world)
            if outline == self._saved:
                return
            content = state.complete(self._world)
        _replace(self._path, json.dumps(content))
        self._saved = outline

    def _follow(self) -> None:
        while not self._ended.wait(SAVE_SECONDS):
            self._save_or_say()

    def _save_or_say(self) -> None:
        try:
            self.save()
        except OSError as problem:
            logger.warning("The state cannot be saved in %s (%s).", self._path, problem.strerror)


def _read(path: Path) -> Any:
    """Return what the file holds. Raises state.Unfit, and OSError when it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as problem:
        raise state.Unfit("it is not whole JSON") from problem


def _replace(path: Path, text: str) -> None:
    """Put a new file in the old one's place at once; only its owner may read it, for it holds tokens."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as target:
            target.write(text)
        unfinished.replace(path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise OSError(problem.errno, problem.strerror, str(path)) from problem
