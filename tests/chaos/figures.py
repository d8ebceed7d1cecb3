"""What a run found, in one line and as a table for docs/reliability.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import quantiles

TARGET_P95, TARGET_MAX = 90.0, 180.0


@dataclass
class Result:
    """The figures of a run."""

    people: int
    seed: int
    rounds: int = 0
    syncs: int = 0
    kills: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    # Seconds from the last kill of each round until everything was right; the first import, which sends everyone a
    # mail, stands apart.
    seconds: list[float] = field(default_factory=list)
    import_seconds: float = 0.0
    import_mails: int = 0
    lost: int = 0
    doubled: int = 0
    repeated_mails: int = 0
    wrongly_ended: int = 0
    # Whether a round stood still before everything was right.
    is_stuck: bool = False

    @property
    def is_good(self) -> bool:
        """Whether every round became right, and nothing was lost, doubled or wrongly ended."""
        return not (self.is_stuck or self.lost or self.doubled or self.wrongly_ended)

    def line(self) -> str:
        """Return the figures that matter."""
        times = ", ".join(f"{seconds:.0f} s" for seconds in (self.import_seconds, *self.seconds))
        end = (
            "stood still before all was right" if self.is_stuck else f"all right {times} after the rounds' last kills"
        )
        return (
            f"{self.people:,} people, seed {self.seed}, {sum(self.kills.values())} kills, {self.syncs} syncs: "
            f"{self.lost} lost, {self.doubled} doubled, {self.wrongly_ended} wrongly ended; {end}"
        )

    def table(self) -> str:
        """Return all figures as a table in Markdown."""
        p50, p95 = _percentiles(self.seconds)
        repeated = f"{self.repeated_mails} mails were" if self.repeated_mails else "no mail was"
        rows = (
            ("What", "Found", "Target"),
            ("---", "---:", "---:"),
            ("Rounds, syncs", f"{self.rounds}, {self.syncs}", ""),
            ("Changes", _counts(self.changes), ""),
            ("Kills", f"{sum(self.kills.values())}: {_counts(self.kills)}", "200"),
            ("Failed answers", f"{sum(self.faults.values())}: {_counts(self.faults)}", ""),
            ("Rounds that never became right", str(int(self.is_stuck)), "0"),
            ("Lost", str(self.lost), "0"),
            ("Doubled", f"{self.doubled}, and {repeated} handed over twice", "0"),
            ("Wrongly ended", str(self.wrongly_ended), "0"),
            ("Converged in, half of the rounds", f"{p50:.0f} s", ""),
            ("p95", f"{p95:.0f} s", f"{TARGET_P95:.0f} s"),
            ("longest", f"{max(self.seconds, default=0.0):.0f} s", f"{TARGET_MAX:.0f} s"),
            (
                f"First import, with a mail to {self.import_mails:,} people, after its last kill",
                f"{self.import_seconds:.0f} s",
                "",
            ),
        )
        return "\n".join(f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in rows)


def _counts(counts: Mapping[str, int]) -> str:
    parts = sorted(counts.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{number} {name}" for name, number in parts) or "none"


def _percentiles(seconds: list[float]) -> tuple[float, float]:
    if len(seconds) < 2:
        return (seconds or [0.0])[0], (seconds or [0.0])[0]
    cuts = quantiles(seconds, n=100, method="inclusive")
    return cuts[49], cuts[94]
