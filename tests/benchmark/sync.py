"""Measure syncs: the product through the real provider over real HTTP against the sandbox, beside the floor.

After every measured sync the whole portal is compared with what the sandbox's people make of it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from integrations.sandbox.companies import HARBOR_UUID
from tests.benchmark import expected, measure
from tests.benchmark.measure import Cost
from tests.benchmark.report import Row
from tests.benchmark.rig import Rig, Sandbox

NO_LIMIT = "1000000"
CALLS_PER_MINUTE = 200
PEOPLE_PER_PORTAL = 100
WRITTEN = """
SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables
WHERE relname NOT IN ('integrations_syncrun', 'integrations_connection')
"""


@dataclass(frozen=True)
class _Portal:
    """A connected portal in a database of its own, and what is needed to measure and to check it."""

    rig: Rig
    sandbox: Sandbox
    database: str
    company: str
    people: int
    token: str
    connection_id: int

    @classmethod
    def of(cls, rig: Rig, sandbox: Sandbox, database: str, company: str, people: int) -> "_Portal":
        """Connect a new portal with a company."""
        code = sandbox.code(company)
        made = measure.run(rig, database, "prepare", code, GUSTO_API_URL=sandbox.url)
        (connection_id,) = made["result"]["connections"]
        return cls(rig, sandbox, database, company, people, sandbox.token(company), connection_id)

    def sync(self, label: str, *, calls_per_minute: str = NO_LIMIT, job: str = "sync") -> Cost:
        """Measure one run of the product: a sync, or the preview of one."""
        cost = measure.job(
            self.rig,
            self.database,
            job,
            self.connection_id,
            people=self.people,
            sandbox=self.sandbox,
            GUSTO_RATE_LIMIT=calls_per_minute,
        )
        if cost.result["states"] != ["completed"]:
            raise expected.Wrong(f"{label}: {cost.result}")
        print(f"{label:>34}: {cost.describe()}", flush=True)
        return cost

    def check(self) -> None:
        """Compare everyone with the sandbox, without its faults."""
        with self.rig.connect(self.database) as connection:
            expected.check(
                api_url=self.sandbox.url,
                token=self.token,
                company=self.company,
                database=connection,
                connection_id=self.connection_id,
            )

    def tidy(self) -> None:
        """Leave nothing for the background cleaning of tables."""
        self.rig.tidy(self.database)

    def execute(self, statement: str) -> list[Any]:
        """Run a statement in the portal's database."""
        with self.rig.connect(self.database) as connection:
            cursor = connection.execute(statement)
            return list(cursor) if cursor.description else []


@dataclass(frozen=True)
class _Floor:
    """The floor in a database of its own."""

    rig: Rig
    sandbox: Sandbox
    database: str
    company: str
    people: int
    token: str

    def sync(self, label: str, *, calls_per_minute: int = 0) -> Cost:
        """Measure one sync of the floor."""
        cost = measure.job(
            self.rig,
            self.database,
            "floor",
            self.token,
            self.company,
            calls_per_minute,
            people=self.people,
            sandbox=self.sandbox,
        )
        print(f"{label:>34}: {cost.describe()}", flush=True)
        self.rig.tidy(self.database)
        return cost


def daily(rig: Rig, people: int) -> Iterator[Row]:
    """Yield S1 to S6 and the calls of S7: first import, no change, 1 % changed."""
    with rig.sandbox(people) as sandbox, rig.database("floor", "template1") as plain, rig.database("daily") as full:
        floor = _Floor(rig, sandbox, plain, HARBOR_UUID, people, sandbox.token(HARBOR_UUID))
        floor.sync("floor, to fill the sandbox's cache")
        _reset(rig, plain)
        portal = _Portal.of(rig, sandbox, full, HARBOR_UUID, people)
        yield from _first_import(portal, floor)
        yield from _no_change(portal, floor)
        yield from _one_percent(portal, floor)


def _first_import(portal: _Portal, floor: _Floor) -> Iterator[Row]:
    least = floor.sync("floor, first import")
    cost = portal.sync("first import")
    portal.check()
    portal.tidy()
    pages = math.ceil(portal.people / 100)
    yield Row(
        "S1",
        "first import, CPU per person",
        cost.microseconds,
        "us",
        300,
        least.microseconds,
        3,
        f"wall {cost.wall_seconds:.0f} s, floor {least.wall_seconds:.0f} s; {_share(cost)}",
    )
    yield Row("S4", "WAL, first import", cost.wal_bytes / 1e6, "MB", None, least.wal_bytes / 1e6)
    yield Row("S5", "statements per page, first import", cost.statements / pages, "", 12, note="with BEGIN and COMMIT")
    yield Row("S6", "peak memory, first import", cost.peak_bytes / 1e6, "MB", 160, least.peak_bytes / 1e6)
    extra = sum(count for status, count in cost.calls.items() if status == "total") - pages
    yield Row("S7", "provider calls beyond one per page", extra, "", 3)


def _no_change(portal: _Portal, floor: _Floor) -> Iterator[Row]:
    pages = math.ceil(portal.people / 100)
    least = floor.sync("floor, no change")
    before = dict(portal.execute(WRITTEN))
    cost = portal.sync("no change")
    portal.check()
    after = dict(portal.execute(WRITTEN))
    written = sum(after.values()) - sum(before.values())
    yield Row("S2", "no change, CPU per person", cost.microseconds, "us", 70, least.microseconds, 2, "equal pages")
    yield Row("S2", "no change, rows written", written, "", 0, note="outside the run and its connection")
    yield Row("S4", "WAL, no change", cost.wal_bytes / 1e6, "MB", 0.3 * portal.people / 1e5, least.wal_bytes / 1e6)
    yield Row("S5", "statements per page, no change", cost.statements / pages, "", 2)
    # As after a change of the pages' order or bytes that means nothing.
    portal.execute("UPDATE integrations_syncpage SET fingerprint = decode(md5(fingerprint::text), 'hex')")
    portal.tidy()
    cost = portal.sync("no change, other pages")
    portal.check()
    yield Row("S2", "no change, CPU per person", cost.microseconds, "us", 70, least.microseconds, 2, "equal people")
    note = "equal people; their pages are remembered anew"
    yield Row("S4", "WAL, no change", cost.wal_bytes / 1e6, "MB", None, least.wal_bytes / 1e6, note=note)
    yield Row("S5", "statements per page, no change", cost.statements / pages, "", 2, note="equal people")

    yield from _preview(portal, cost, "nothing changes")


def _preview(portal: _Portal, sync: Cost, what: str) -> Iterator[Row]:
    """Yield P1: a preview beside the sync of equal people on other pages, which looks at everyone as it does."""
    cost = portal.sync(f"preview, {what}", job="preview")
    portal.check()
    note = f"beside a sync without a change; {_share(cost)}"
    yield Row("P1", f"preview, {what}", cost.microseconds, "us", 1.5 * sync.microseconds, sync.microseconds, note=note)


def _one_percent(portal: _Portal, floor: _Floor) -> Iterator[Row]:
    portal.sandbox.control("change_every", step=100, title="Rotating Lead", department="Support")
    portal.tidy()
    least = floor.sync("floor, 1 % changed")
    cost = portal.sync("1 % changed")
    portal.check()
    portal.tidy()
    pages = math.ceil(portal.people / 100)
    yield Row(
        "S3",
        "1 % changed, CPU per person",
        cost.microseconds,
        "us",
        90,
        least.microseconds,
        2.5,
        f"one on every page; {_share(cost)}",
    )
    yield Row("S4", "WAL, 1 % changed", cost.wal_bytes / 1e6, "MB", 4 * portal.people / 1e5, least.wal_bytes / 1e6)
    yield Row("S5", "statements per page, 1 % changed", cost.statements / pages, "", 2)
    yield Row("S6", "peak memory, 1 % changed", cost.peak_bytes / 1e6, "MB", 160, least.peak_bytes / 1e6)


def throttled(rig: Rig, people: int) -> Iterator[Row]:
    """Yield the rest of S7: the wall time with Gusto's limit of 200 calls a minute."""
    with rig.sandbox(people) as sandbox, rig.database("floor", "template1") as plain, rig.database("slow") as full:
        floor = _Floor(rig, sandbox, plain, HARBOR_UUID, people, sandbox.token(HARBOR_UUID))
        floor.sync("floor, to fill the sandbox's cache")
        _reset(rig, plain)
        portal = _Portal.of(rig, sandbox, full, HARBOR_UUID, people)
        sandbox.control("set_rate_limit", limit=CALLS_PER_MINUTE)
        least = floor.sync("floor, throttled", calls_per_minute=CALLS_PER_MINUTE)
        cost = portal.sync("throttled", calls_per_minute=str(CALLS_PER_MINUTE))
        sandbox.control("set_rate_limit", limit=0)
        portal.check()
    what = f"wall with 200 calls a minute, {people:,} people"
    yield Row("S7", what, cost.wall_seconds, "s", 1.05 * least.wall_seconds, least.wall_seconds)
    yield Row("S7", "answers 429 with the limit on", cost.calls.get("429", 0), "", 0)


def many(rig: Rig, people: int) -> Iterator[Row]:
    """Yield S8: portals of 100 people without a change, one worker."""
    portals = people // PEOPLE_PER_PORTAL
    with rig.sandbox(1) as sandbox, rig.database("many") as database:
        companies = [
            sandbox.control("add_company", name=f"Company {number}", people=PEOPLE_PER_PORTAL)["uuid"]
            for number in range(portals)
        ]
        codes = [sandbox.code(company) for company in companies]
        made = measure.run(rig, database, "prepare", *codes, GUSTO_API_URL=sandbox.url)
        options: dict[str, Any] = {"people": people, "sandbox": sandbox, "GUSTO_RATE_LIMIT": NO_LIMIT}
        first = measure.job(rig, database, "sync_all", **options)
        print(f"{'many portals, first import':>34}: {first.describe()}", flush=True)
        rig.tidy(database)
        cost = measure.job(rig, database, "sync_all", **options)
        print(f"{'many portals, no change':>34}: {cost.describe()}", flush=True)
        connections = made["result"]["connections"]
        # All are made the same way: the first and the last stand for the rest.
        for company, connection_id in ((companies[0], connections[0]), (companies[-1], connections[-1])):
            token = sandbox.token(company)
            _Portal(rig, sandbox, database, company, PEOPLE_PER_PORTAL, token, connection_id).check()
    target = 40 * portals / 1000
    note = f"first import of all: {first.seconds:.0f} s"
    yield Row("S8", f"{portals:,} portals of 100 people, no change, CPU", cost.seconds, "s", target, note=note)


def faulty(rig: Rig, people: int) -> Iterator[Row]:
    """Yield S9: 2 % of the answers 429, 1 % 500, during the first import and after 1 % have changed."""
    with rig.sandbox(people) as sandbox, rig.database("faulty") as database:
        portal = _Portal.of(rig, sandbox, database, HARBOR_UUID, people)
        troubles = 0
        for label in ("faults, first import", "faults, 1 % changed"):
            sandbox.control("set_fault", kind="429", probability=0.02, retry_after="1")
            sandbox.control("set_fault", kind="500", probability=0.01)
            cost = portal.sync(label)
            sandbox.control("clear_faults")
            portal.check()
            portal.tidy()
            sandbox.control("change_every", step=100, title="Night Lead", department="People")
            troubles += cost.calls.get("429", 0) + cost.calls.get("500", 0)
    note = f"{troubles} spoiled answers; every row and mail compared"
    yield Row("S9", "people missing, extra, different or mailed twice", 0, "", 0, note=note)


def million(rig: Rig, base: int, people: int = 1_000_000) -> Iterator[Row]:
    """Yield S10: a million people cost what they should beside `base` people."""
    small = _import(rig, base)
    large = _import(rig, people)
    note = f"{large.seconds:,.0f} s CPU, {large.wall_seconds:,.0f} s in all, WAL {large.wal_bytes / 1e9:.1f} GB"
    times = large.microseconds / small.microseconds * people / base
    yield Row("S10", f"{people:,} people, times {base:,}", times, "×", 1.2 * people / base, note=note)
    yield Row("S6", f"peak memory, {people:,} people", large.peak_bytes / 1e6, "MB", 180)


def _import(rig: Rig, people: int) -> Cost:
    with rig.sandbox(people) as sandbox, rig.database("import") as database:
        portal = _Portal.of(rig, sandbox, database, HARBOR_UUID, people)
        cost = portal.sync(f"first import, {people:,}")
        portal.check()
    return cost


def _reset(rig: Rig, database: str) -> None:
    """Empty the floor's table, so that its next sync is a first one."""
    with rig.connect(database) as connection:
        connection.execute("DROP TABLE person")


def _share(cost: Cost) -> str:
    return (
        f"client {cost.client_seconds / cost.people * 1e6:.0f}, "
        f"PostgreSQL {cost.server_seconds / cost.people * 1e6:.0f} us"
    )
