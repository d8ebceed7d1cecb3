"""Row H1: changed courses of 100,000 enrollments reach a HubSpot that enforces its limit, also when it misbehaves.

One worker process sends; with faults two do, while everything changes once more.
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from integrations.sandbox.hubspot.app import APP_ID, APP_OBJECT, APP_OBJECT_SCOPES, CLIENT_ID, CLIENT_SECRET
from tests.benchmark import measure
from tests.benchmark.report import Row
from tests.benchmark.rig import Rig, Sandbox

# HubSpot's limit for an app in an account: calls in ten seconds.
LIMIT, WINDOW = 110, 10
BATCH = 100
COURSES = 10
# Enrollments that are sent while HubSpot misbehaves.
FAULTY = 10_000
WORKERS = 2
MOST_ROUNDS = 20
NO_LIMIT = "1000000"


def rows(rig: Rig, people: int) -> Iterator[Row]:
    """Yield H1: everything new, everything changed, and everything changed under faults."""
    yield from _at_the_limit(rig, people)
    yield from _with_faults(rig, min(people, FAULTY))


def _at_the_limit(rig: Rig, number: int) -> Iterator[Row]:
    with rig.sandbox(1, contacts=number // COURSES) as sandbox, rig.database("progress") as database:
        settings = _settings(sandbox)
        made = _prepare(rig, sandbox, database, number)
        rig.tidy(database)
        _limit(sandbox, LIMIT)
        first = measure.job(
            rig, database, "send_progress", made["connection"], people=number, sandbox=sandbox, **settings
        )
        print(f"{'progress, everything new':>34}: {first.describe()}", flush=True)
        yield from _wrong(rig, sandbox, database, made["connection"], "new")
        measure.run(rig, database, "change_progress", 40, **settings)
        rig.tidy(database)
        _limit(sandbox, LIMIT)
        cost = measure.job(
            rig, database, "send_progress", made["connection"], people=number, sandbox=sandbox, **settings
        )
        print(f"{'progress, everything changed':>34}: {cost.describe()}", flush=True)
        yield from _wrong(rig, sandbox, database, made["connection"], "changed")
    calls = math.ceil(number / BATCH)
    least = calls / LIMIT * WINDOW
    what = f"{number:,} changed courses"
    note = f"new ones with their contacts: {first.wall_seconds:.0f} s, {first.calls.get('total', 0):,} calls"
    yield Row("H1", f"{what}: time, beside that of the limit", cost.wall_seconds, "s", 1.1 * least, least, None, note)
    yield Row("H1", f"{what}: calls", cost.calls.get("total", 0), "", calls)
    yield Row("H1", f"{what}: answers 429", cost.calls.get("429", 0) + first.calls.get("429", 0), "", 0)
    share = f"client {cost.client_seconds:.1f}, PostgreSQL {cost.server_seconds:.1f} s"
    yield Row("H1", f"{what}: CPU", cost.seconds, "s", 10 * number / 100_000, note=share)


def _with_faults(rig: Rig, number: int) -> Iterator[Row]:
    with rig.sandbox(1, contacts=number // COURSES) as sandbox, rig.database("progress") as database:
        settings = _settings(sandbox) | {"HUBSPOT_RATE_LIMIT": NO_LIMIT}
        made = _prepare(rig, sandbox, database, number)
        _limit(sandbox, 0)
        path = f"/crm/objects/2026-09/{APP_OBJECT}/batch/upsert"
        for kind, probability in (("lose_reply", 0.05), ("partial", 0.05), ("502", 0.03), ("429", 0.03)):
            sandbox.control("hubspot/set_fault", kind=kind, path=path, probability=probability)
        sandbox.calls()
        with ThreadPoolExecutor(WORKERS + 1) as pool:
            workers = [
                pool.submit(measure.run, rig, database, "send_progress", made["connection"], **settings)
                for _ in range(WORKERS)
            ]
            for percent in (20, 60):
                measure.run(rig, database, "change_progress", percent, **settings)
            for worker in workers:
                worker.result()
        rounds = 0
        while measure.run(rig, database, "hurry_progress", **settings)["result"]["waiting"] and rounds < MOST_ROUNDS:
            measure.run(rig, database, "send_progress", made["connection"], **settings)
            rounds += 1
        spoiled = sum(count for status, count in sandbox.calls().items() if status in {"429", "502", "dropped"})
        sandbox.control("clear_faults")
        yield from _wrong(
            rig,
            sandbox,
            database,
            made["connection"],
            f"changed under faults, {WORKERS} workers",
            f"{spoiled} spoiled",
        )


def _prepare(rig: Rig, sandbox: Sandbox, database: str, number: int) -> dict[str, Any]:
    _limit(sandbox, 0)
    code = str(sandbox.control("hubspot/authorize")["code"])
    settings = _settings(sandbox) | {"HUBSPOT_RATE_LIMIT": NO_LIMIT}
    made: dict[str, Any] = measure.run(
        rig, database, "prepare_progress", code, number // COURSES, COURSES, **settings
    )["result"]
    print(f"{'progress, queued':>34}: {made['queued']} in {made['seconds']:.1f} s", flush=True)
    return made


def _wrong(rig: Rig, sandbox: Sandbox, database: str, connection_id: int, label: str, note: str = "") -> Iterator[Row]:
    _limit(sandbox, 0)
    settings = _settings(sandbox) | {"HUBSPOT_RATE_LIMIT": NO_LIMIT}
    found = measure.run(rig, database, "check_progress", connection_id, **settings)["result"]
    wrong = found["lost"] + found["doubled"] + found["stale"]
    unsent = sum(number for state, number in found["states"].items() if state != "sent")
    said = f"{found['records']:,} records; {unsent} not confirmed"
    note = f"{said}; {note}" if note else said
    yield Row("H1", f"lost, doubled or stale records, {label}", wrong + unsent, "", 0, note=note)


def _limit(sandbox: Sandbox, limit: int) -> None:
    sandbox.control("hubspot/set_rate_limit", limit=limit)


def _settings(sandbox: Sandbox) -> dict[str, str]:
    return {
        "HUBSPOT_API_URL": sandbox.url,
        "HUBSPOT_AUTHORIZE_URL": f"{sandbox.url}/hubspot/oauth/authorize",
        "HUBSPOT_APP_ID": str(APP_ID),
        "HUBSPOT_APP_OBJECT_SCOPES": ",".join(APP_OBJECT_SCOPES),
        "HUBSPOT_CLIENT_ID": CLIENT_ID,
        "HUBSPOT_CLIENT_SECRET": CLIENT_SECRET,
    }
