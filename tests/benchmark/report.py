"""The table of a benchmark: what was measured, beside the floor and the target, and on which machine."""

import os
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path("docs/performance.md")
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


@dataclass(frozen=True)
class Row:
    """One line: a figure beside its target. Without a target it is only shown."""

    name: str
    what: str
    measured: float
    unit: str
    target: float | None = None
    floor: float | None = None
    # How many times the floor it may be.
    times: float | None = None
    note: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the figure is within its target, and within its multiple of the floor."""
        is_within = self.target is None or self.measured <= self.target
        return is_within and (self.times is None or not self.floor or self.measured <= self.times * self.floor)

    def cells(self) -> list[str]:
        """Return the line's cells as text."""
        ratio = f"{self.measured / self.floor:.2f}×" if self.floor else ""
        target = "" if self.target is None else f"≤ {_number(self.target)}"
        target += f" and ≤ {self.times:g}×" if self.times else ""
        verdict = "" if self.target is None else ("met" if self.is_met else "**missed**")
        measured = f"{_number(self.measured)} {self.unit}".strip()
        floor = "" if self.floor is None else _number(self.floor)
        return [self.name, self.what, measured, floor, ratio, target, verdict, self.note]


def table(rows: Iterable[Row]) -> str:
    """Return the rows as Markdown."""
    lines = [
        "| # | What | Measured | Floor | Ratio | Target | | Remarks |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *(f"| {' | '.join(row.cells())} |" for row in rows)])


def machine(server_version: str) -> str:
    """Return a sentence on what it was measured on; no names of hosts, no paths."""
    information = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.+)", information.read_text()) if information.exists() else None
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({model.group(1).strip() if model else platform.machine()}), "
        f"{memory:.0f} GB of memory, {platform.system()}, Python {platform.python_version()}, "
        f"PostgreSQL {server_version} with fsync on, everything on the loopback address."
    )


def write(text: str) -> None:
    """Replace what stands between the two markers of the document."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def _number(value: float) -> str:
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
