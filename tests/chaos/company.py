"""What happens in the company while the rig is at work: people join, leave, come back, move, get other names.

Everything is drawn from one generator, so that a seed gives the same changes again.
"""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any

from tests.benchmark.expected import DEPARTMENTS
from tests.benchmark.rig import Sandbox

FIRST_NAMES = ("Adaline", "Bertil", "Caspian", "Delphine", "Evander", "Florian", "Ginevra", "Harlow")
LAST_NAMES = ("Abernathy", "Blackwood", "Castellan", "Drummond", "Everhart", "Fairbanks", "Greenwood", "Holloway")
# Shares of the company that change in a round, at least one each.
SHARES = {"leave": 0.004, "join": 0.005, "rename": 0.004, "move": 0.008, "readdress": 0.003, "accept": 0.003}


@dataclass
class Book:
    """What the rig did to people, by their id: what no list of the provider tells."""

    # How often somebody was let in: each time brings one mail.
    admissions: dict[str, int] = field(default_factory=dict)
    # Whoever was invited and has not answered yet; all others are active.
    pending: set[str] = field(default_factory=set)
    # Every address that a person ever had.
    owner_of: dict[str, str] = field(default_factory=dict)
    # How often somebody was ended.
    endings: dict[str, int] = field(default_factory=dict)


class Company:
    """The company's HR department."""

    def __init__(self, sandbox: Sandbox, chance: random.Random, today: date) -> None:
        self._sandbox = sandbox
        self._chance = chance
        self._today = today
        self._numbers = count(1)
        self._left: list[str] = []

    def change(self, employed: list[str], pending: list[str]) -> tuple[dict[str, int], list[str]]:
        """Make a round of changes; return how many of each kind, and who is to accept the invitation first."""
        people = sorted(set(employed) - set(pending))
        accepting = self._chance.sample(sorted(pending), min(len(pending), self._size(employed, "accept")))
        self._chance.shuffle(people)
        counts: dict[str, int] = {"accept": len(accepting)}
        for kind in ("leave", "rename", "move", "readdress"):
            chosen = [people.pop() for _ in range(min(self._size(employed, kind), len(people)))]
            for uuid in chosen:
                getattr(self, f"_{kind}")(uuid)
            counts[kind] = len(chosen)
        returning = [self._left.pop(0)] if len(self._left) > 2 * self._size(employed, "leave") else []
        for uuid in returning:
            self._control("rehire", person=uuid, on=str(self._today))
        counts["come back"] = len(returning)
        counts["join"] = self._size(employed, "join")
        for _ in range(counts["join"]):
            self._join()
        return counts, accepting

    def _size(self, employed: list[str], kind: str) -> int:
        most = max(1, round(2 * SHARES[kind] * len(employed)))
        return self._chance.randint(1, most)

    def _leave(self, uuid: str) -> None:
        # The last day lies far enough back to be over in every time zone.
        self._control("terminate", person=uuid, last_day=str(self._today - timedelta(days=2)))
        self._left.append(uuid)

    def _rename(self, uuid: str) -> None:
        first, last = self._chance.choice(FIRST_NAMES), self._chance.choice(LAST_NAMES)
        self._control("rename", person=uuid, first_name=first, last_name=last)

    def _move(self, uuid: str) -> None:
        self._control("change", person=uuid, department=self._chance.choice(DEPARTMENTS))

    def _readdress(self, uuid: str) -> None:
        self._control("change", person=uuid, work_email=f"new.{next(self._numbers)}@harborpine.example")

    def _join(self) -> None:
        number = next(self._numbers)
        self._control(
            "hire",
            first_name=self._chance.choice(FIRST_NAMES),
            last_name=self._chance.choice(LAST_NAMES),
            work_email=f"joiner.{number}@harborpine.example",
            department=self._chance.choice(DEPARTMENTS),
            custom={"T-shirt size": self._chance.choice("SML")},
        )

    def _control(self, name: str, **arguments: Any) -> None:
        self._sandbox.control(name, **arguments)
