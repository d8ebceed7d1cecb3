"""What goes wrong while others work: processes die or hang, servers restart, the provider fails."""

import random
from collections import Counter
from dataclasses import dataclass, field

from tests.benchmark.rig import Sandbox
from tests.chaos.processes import WORKERS, Processes

# How likely each kind of kill is; "freeze" is SIGSTOP for longer than a lease, all others end a process.
KILLS = {
    "worker": 6,
    "worker's child": 5,
    "worker's main process": 3,
    "worker frozen": 2,
    "beat": 2,
    "mail server": 2,
    "PostgreSQL": 3,
    "broker": 3,
}
FAULTS = ("500", "429", "502", "503", "drop", "slow", "truncate", "not_json")
FROZEN_SECONDS = 68.0


@dataclass
class Trouble:
    """Makes trouble, drawn from one generator, and counts it."""

    processes: Processes
    sandbox: Sandbox
    chance: random.Random
    fault_chance: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def kill(self) -> str:
        """End, hang or restart something at random and return what it was."""
        kind = self.chance.choices(list(KILLS), weights=list(KILLS.values()))[0]
        worker = self.chance.choice(WORKERS)
        seconds, which = self.chance.uniform(0.2, 4.0), self.chance.random()
        match kind:
            case "worker":
                self.processes.kill(worker)
            case "worker's child":
                if not self.processes.kill_child(worker, which):
                    self.processes.kill(worker)
            case "worker's main process":
                self.processes.kill_main(worker)
            case "worker frozen":
                self.processes.freeze(worker, FROZEN_SECONDS)
            case "beat":
                self.processes.kill("beat")
            case "mail server":
                self.processes.kill("mail")
            case "PostgreSQL":
                self.processes.crash_server("postgres", seconds)
            case "broker":
                self.processes.crash_server("valkey", seconds)
        self.kills[kind] += 1
        return kind

    def spoil(self) -> None:
        """Let some of the provider's next answers go wrong."""
        kind = self.fault_chance.choice(FAULTS)
        times = self.fault_chance.randint(1, 4)
        self.sandbox.control("set_fault", kind=kind, times=times, seconds=self.fault_chance.uniform(0.2, 2.0))
        self.faults[kind] += times
