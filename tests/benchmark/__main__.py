"""`python -m tests.benchmark 100000`: measure syncs and rules against the floor and print the table.

A complete run at 100,000 people or more also puts the table into docs/performance.md.
"""

import argparse
import sys
from collections.abc import Callable, Iterator

from tests.benchmark import measure, progress, report, sync, workflows
from tests.benchmark.report import Row
from tests.benchmark.rig import Rig, rig

RULES = 50
FULL_SIZE = 100_000
MILLION = 1_000_000
# Rows of tests.benchmark.rules, and their targets in seconds at 100,000 people.
RULE_TARGETS = {"R1": 0.3, "R2": 3.0, "R3 one": 0.5, "R3 preview": 0.3}
# Rows of tests.benchmark.files, and their targets in seconds; a download is measured at 100,000 people.
FILE_TARGETS = {"E1": 60.0, "E2": 30.0}

# Seconds to an admin's page with 100,000 people (R4), and queries of a list, whatever it is filtered by.
PAGE_SECONDS, PAGE_QUERIES = 0.25, 15

Step = Callable[[Rig, int], Iterator[Row]]


def main() -> int:
    """Run the chosen steps; return 1 when a target is missed."""
    options = _options()
    wanted = {name.strip().upper() for name in options.only.split(",")} if options.only else set()
    with_million = options.million or options.people >= MILLION
    # A million is measured beside the usual number.
    people = FULL_SIZE if options.people >= MILLION else options.people
    rows: list[Row] = []
    with rig() as made:
        for names, step in _steps(with_million=with_million):
            if not wanted or wanted.intersection(names):
                rows += step(made, people)
        with made.connect() as connection:
            version = connection.info.parameter_status("server_version") or ""
    shown = [row for row in rows if not wanted or row.name in wanted]
    shown.sort(key=lambda row: ("SPREWH".index(row.name[0]), int(row.name[1:])))
    text = f"{people:,} people. {report.machine(version)}\n\n{report.table(shown)}"
    print(f"\n{text}")
    if not wanted and people >= FULL_SIZE:
        report.write(text)
    return 0 if all(row.is_met for row in shown) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description=__doc__)
    parser.add_argument("people", nargs="?", type=int, default=FULL_SIZE)
    parser.add_argument("--only", default="", metavar="S1,S2,R1", help="measure only what these rows need")
    parser.add_argument("--million", action="store_true", help="also import 1,000,000 people (S10)")
    return parser.parse_args()


def _steps(*, with_million: bool) -> list[tuple[tuple[str, ...], Step]]:
    steps: list[tuple[tuple[str, ...], Step]] = [
        (("S1", "S2", "S3", "S4", "S5", "S6", "S7", "P1"), sync.daily),
        (("S7",), lambda made, people: sync.throttled(made, min(people, FULL_SIZE))),
        (("S8",), sync.many),
        (("S9",), sync.faulty),
        (("R1", "R2", "R3"), _rules),
        (("E1", "E2"), _files),
        (("R4",), _pages),
        (("H1",), progress.rows),
        (("W1", "W2", "W3"), workflows.rows),
    ]
    return [*steps, (("S10",), sync.million)] if with_million else steps


def _rules(made: Rig, people: int) -> Iterator[Row]:
    for label, seconds, written in measure.run(made, "postgres", "rules", people, RULES)["result"]:
        target = next((value for key, value in RULE_TARGETS.items() if label.startswith(key)), None)
        if target is None:
            continue
        name, _, what = label.partition(" ")
        scaled = target * max(1.0, people / FULL_SIZE)
        yield Row(
            name, f"{what}, {RULES} rules, {people:,} people", seconds, "s", scaled, note=f"{written} rows written"
        )


def _files(made: Rig, people: int) -> Iterator[Row]:
    for label, seconds, remark in measure.run(made, "postgres", "files", people)["result"]:
        name, _, what = label.partition(" ")
        scaled = FILE_TARGETS[name] * (max(1.0, people / FULL_SIZE) if name == "E1" else 1.0)
        yield Row(name, what, seconds, "s", scaled, note=remark)


def _pages(made: Rig, people: int) -> Iterator[Row]:
    for label, seconds, queries, is_list in measure.run(made, "postgres", "pages", people)["result"]:
        is_lean = not is_list or queries < PAGE_QUERIES
        note = f"{queries} queries" if is_lean else f"{queries} queries, more than {PAGE_QUERIES - 1}"
        yield Row(
            "R4",
            f"{'list' if is_list else 'page'}: {label}",
            seconds,
            "s",
            PAGE_SECONDS if is_lean else 0.0,
            note=note,
        )


if __name__ == "__main__":
    sys.exit(main())
