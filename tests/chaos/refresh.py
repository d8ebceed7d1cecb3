"""The race for the token: eight processes renew one grant at once, some of them killed, and the chain must live on.

`python -m tests.chaos.refresh 200 1` plays so many rounds with a seed and prints a Race as JSON.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import django

from integrations.sandbox.companies import HARBOR_UUID
from tests.benchmark.rig import Rig

if TYPE_CHECKING:
    from integrations.models import Connection

RACERS = 8
# Where a racer can be told to die; "at random" is whenever the signal from outside reaches it.
POINTS = (
    "before the lock",
    "under the lock",
    "after the exchange",
    "before the commit",
    "before the use",
    "at random",
)
# A round takes about this long, so that random kills fall into it.
ROUND_SECONDS = 0.25
# The token call takes so long in the race: without that it would be over before anything can go wrong in it.
CALL_SECONDS = 0.03


@dataclass
class Race:
    """The figures of the race."""

    rounds: int = 0
    alive: int = 0
    kills: dict[str, int] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether the chain of tokens lived on after every round."""
        return self.alive == self.rounds

    def line(self) -> str:
        """Return the figures as a line."""
        points = ", ".join(f"{number} {point}" for point, number in sorted(self.kills.items()))
        return (
            f"Token race     {self.alive} of {self.rounds} rounds of {RACERS} processes left a living chain;"
            f" {sum(self.kills.values())} kills: {points}"
        )


def run(made: Rig, *, rounds: int, seed: int) -> Race:
    """Play the race in a process with a database of its own."""
    with made.database("race") as name, made.sandbox(20) as sandbox:
        sandbox.control("set_fault", kind="slow", probability=1, path="/oauth/token", seconds=CALL_SECONDS)
        done = subprocess.run(
            [sys.executable, "-m", "tests.chaos.refresh", str(rounds), str(seed), sandbox.code(HARBOR_UUID)],
            env=made.environment(name, GUSTO_API_URL=sandbox.url, GUSTO_RATE_LIMIT="100000"),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return Race(**json.loads(done.stdout.splitlines()[-1]))


def race(connection: "Connection", *, rounds: int, seed: int) -> Race:
    """Play rounds with a connection, and use the token after each as a sync would."""
    from django.db import connections  # noqa: PLC0415 - needs the settings

    chance, kills, result = random.Random(seed), Counter[str](), Race(rounds=rounds)
    for _ in range(rounds):
        # Nothing of this process's session may reach the children.
        connections.close_all()
        fates = [chance.choice(POINTS) if chance.random() < 0.5 else "" for _ in range(RACERS)]
        waits = [chance.uniform(0.0, ROUND_SECONDS) for _ in fates]
        refused = _stored_token(connection)
        connections.close_all()
        children = [_fork(partial(_renew, connection, refused, fate)) for fate in fates]
        _kill_at_random(
            [(wait, pid) for wait, pid, fate in zip(waits, children, fates, strict=True) if fate == POINTS[-1]]
        )
        died = [os.WIFSIGNALED(os.waitpid(pid, 0)[1]) for pid in children]
        kills.update(fate for fate, is_dead in zip(fates, died, strict=True) if is_dead)
        result.alive += _is_alive(connection)
    result.kills = dict(kills)
    return result


def _fork(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def _kill_at_random(victims: list[tuple[float, int]]) -> None:
    began = time.monotonic()
    for wait, pid in sorted(victims):
        time.sleep(max(0.0, began + wait - time.monotonic()))
        os.kill(pid, signal.SIGKILL)


def _renew(connection: "Connection", refused: str, fate: str) -> None:
    """Renew the token and use it, as a worker that got a 401 does; die where fate says."""
    from integrations import oauth  # noqa: PLC0415 - needs the settings
    from integrations.gusto.provider import Gusto, application  # noqa: PLC0415
    from integrations.http import ProviderError  # noqa: PLC0415

    oauth.refresh = _dying(oauth.refresh, before=fate == "under the lock", after=fate == "after the exchange")
    oauth.keep = _dying(oauth.keep, after=fate == "before the commit")
    if fate == "before the lock":
        _die()
    try:
        token, _left = oauth.access_token(connection, application(), refused=refused)
        if fate == "before the use":
            _die()
        Gusto().account(access_token=token)
    except ProviderError:
        # Come back later; whether the chain lives is looked at after the round.
        return


def _dying(function: Callable[..., Any], *, before: bool = False, after: bool = False) -> Callable[..., Any]:
    def dying(*arguments: Any, **options: Any) -> Any:
        if before:
            _die()
        result = function(*arguments, **options)
        if after:
            _die()
        return result

    return dying


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stored_token(connection: "Connection") -> str:
    from integrations import oauth  # noqa: PLC0415 - needs the settings
    from integrations.models import Grant  # noqa: PLC0415

    return oauth.tokens(Grant.objects.get(connections=connection))[0]


def _is_alive(connection: "Connection") -> bool:
    """Whether a read still works, with one renewal if it must be, and after it once more."""
    from integrations.gusto.provider import Gusto  # noqa: PLC0415 - needs the settings
    from integrations.http import ProviderError  # noqa: PLC0415

    try:
        for _ in range(2):
            next(iter(Gusto().pages(connection, wanted=())))
    except ProviderError:
        return False
    connection.refresh_from_db()
    return connection.state == "active"


def main(rounds: str, seed: str, code: str) -> None:
    """Connect a portal, play, print the figures."""
    django.setup()
    from integrations.models import Connection  # noqa: PLC0415 - needs the settings
    from tests.benchmark import portal  # noqa: PLC0415

    connection = Connection.objects.get(pk=portal.prepare(code)["connections"][0])
    print(json.dumps(asdict(race(connection, rounds=int(rounds), seed=int(seed)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
