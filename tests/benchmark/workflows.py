"""Rows W1 to W3: calls of HubSpot against the running product: web server, worker, database, broker, mail server.

Everything shares the machine's cores with the sandbox and with whoever sends the calls.
"""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import requests

from config.servers import free_port, signal_when_orphaned
from integrations.sandbox.hubspot.app import APP_ID, CLIENT_ID, CLIENT_SECRET
from tests.benchmark import calls, measure
from tests.benchmark.calls import Answer, Call, Sender
from tests.benchmark.report import Row
from tests.benchmark.rig import Rig, Sandbox

# The address under which the product knows itself; what is sent goes to its port of the moment.
HOST = "localhost:8000"
PER_SECOND = 100
SECONDS = 60
# Calls that are sent as fast as they are answered.
FLAT_OUT = 2000
WARM_UP = 100
# Calls of the check that each has one effect, and how often each is delivered.
REPEATED, TIMES = 1000, 10
START_SECONDS = 60
DRAIN_SECONDS = 300
CELERY = ["celery", "--quiet", "-A", "config"]


@dataclass(frozen=True)
class _Installation:
    """A running product with one connected portal."""

    rig: Rig
    database: str
    sender: Sender
    account: str
    inputs: dict[str, str]
    contacts: Iterator[tuple[str, str]]
    mails: Path

    def actions(self, number: int) -> list[Call]:
        """Return calls for so many contacts that nobody has called about yet."""
        return calls.actions(islice(self.contacts, number), account=self.account, inputs=self.inputs)

    def ask(self, statement: str) -> Any:
        """Return the value that a statement gives."""
        with self.rig.connect(self.database) as connection:
            row = connection.execute(statement).fetchone()
            assert row is not None
            return row[0]

    def count(self, statement: str) -> int:
        """Return the number that a statement gives."""
        return int(self.ask(statement))

    def wrong(self, answers: list[Answer], distinct: int, before: dict[str, int]) -> int:
        """Return how many calls were lost, doubled, refused or answered in two ways."""
        found = self.totals()
        missing = sum(abs(found[name] - before[name] - distinct) for name in found)
        refused = sum(answer.status != HTTPStatus.OK for answer in answers)
        return missing + refused + calls.differing(answers)

    def totals(self) -> dict[str, int]:
        """Return what calls leave behind: one of each."""
        return {
            "receipts": self.count("SELECT count(*) FROM hubspot_workflowcall WHERE outcome = 'invited'"),
            "people": self.count("SELECT count(*) FROM users_membership WHERE role = 'learner'"),
            "invitations": self.count("SELECT count(*) FROM users_invitation"),
            "links": self.count("SELECT count(*) FROM integrations_externalidentity WHERE state = 'linked'"),
            "lines": self.count("SELECT count(*) FROM integrations_plannedchange WHERE kind = 'invite'"),
        }

    def drain(self) -> tuple[float, int]:
        """Wait until every mail left and every record was read; return the seconds and the mails too many."""
        begin = time.monotonic()
        waiting = (
            "SELECT (SELECT count(*) FROM users_invitation WHERE state <> 'sent') + (SELECT count(*) FROM "
            "integrations_webhookevent WHERE state = 'waiting') + (SELECT count(*) FROM integrations_syncrun "
            "WHERE state IN ('queued', 'running'))"
        )
        assert calls.wait_until(lambda: not self.count(waiting), seconds=DRAIN_SECONDS), "work is left over"
        sent = sum(1 for _ in self.mails.glob("*.eml"))
        return time.monotonic() - begin, abs(sent - self.count("SELECT count(*) FROM users_invitation"))


def rows(rig: Rig, _people: int) -> Iterator[Row]:
    """Yield W1 to W3."""
    at_pace = PER_SECOND * SECONDS
    contacts = at_pace + FLAT_OUT + REPEATED + WARM_UP
    with _installation(rig, contacts) as product:
        answers, _seconds = calls.flat_out(product.sender, product.actions(WARM_UP))
        assert {answer.status for answer in answers} == {HTTPStatus.OK}, answers[0]
        product.drain()
        yield from _at_pace(product, at_pace * 10 // 11)
        yield from _flat_out(product)
        yield from _repeated(product)
        yield from _events(product, at_pace)


def _at_pace(product: _Installation, number: int) -> Iterator[Row]:
    before = product.totals()
    sent = calls.with_repeats(product.actions(number), every=10)
    answers = calls.at_pace(product.sender, sent, per_second=PER_SECOND)
    wrong = product.wrong(answers, len({call.key for call in sent}), before)
    seconds, mails = product.drain()
    what = f"actions, {PER_SECOND} a second for {len(sent) / PER_SECOND:.0f} s"
    median, p95, p99 = (calls.percentile(answers, share) * 1000 for share in (0.5, 0.95, 0.99))
    yield Row(
        "W1", f"{what}: p95", p95, "ms", 250, note=f"median {median:.0f}, p99 {p99:.0f} ms; rest in {seconds:.0f} s"
    )
    yield Row("W3", f"{what}, 10 % of them twice: wrong effects", wrong + mails, "", 0, note="people, mails, answers")


def _flat_out(product: _Installation) -> Iterator[Row]:
    before = product.totals()
    sent = product.actions(FLAT_OUT)
    answers, seconds = calls.flat_out(product.sender, sent)
    wrong = product.wrong(answers, len(sent), before)
    product.drain()
    note = f"{len(sent) / seconds:.0f} a second, {wrong} wrong"
    yield Row("W2", "actions, as fast as they are answered: time for one", seconds / len(sent) * 1000, "ms", note=note)


def _repeated(product: _Installation) -> Iterator[Row]:
    before = product.totals()
    distinct = product.actions(REPEATED)
    answers, _seconds = calls.flat_out(product.sender, calls.shuffled(distinct, times=TIMES))
    wrong = product.wrong(answers, len(distinct), before)
    _seconds, mails = product.drain()
    what = f"{REPEATED:,} actions, each {TIMES} times, in any order, {calls.CONNECTIONS} at once: wrong effects"
    yield Row("W3", what, wrong + mails, "", 0, note="people, links, mails, answers")


def _events(product: _Installation, number: int) -> Iterator[Row]:
    linked = (
        "SELECT array_agg(external_id) FROM (SELECT external_id FROM integrations_externalidentity LIMIT 1000) AS i"
    )
    records = list(islice(cycle(product.ask(linked)), number))
    sent = calls.events(records, account=product.account)
    kept = "SELECT count(*) FROM integrations_webhookevent"
    before = product.count(kept)
    answers = calls.at_pace(product.sender, sent, per_second=PER_SECOND)
    wrong = sum(answer.status != HTTPStatus.OK for answer in answers) + abs(product.count(kept) - before - number)
    p99 = calls.percentile(answers, 0.99) * 1000
    yield Row(
        "W1", f"events, {PER_SECOND} a second for {SECONDS} s: p99", p99, "ms", 40, note=f"{wrong} lost or doubled"
    )
    product.drain()
    again = calls.events(records[:FLAT_OUT], account=product.account)
    answers, seconds = calls.flat_out(product.sender, calls.with_repeats(again, every=10))
    note = f"{len(answers) / seconds:.0f} a second"
    yield Row(
        "W2", "events, as fast as they are answered: time for one", seconds / len(answers) * 1000, "ms", 2.5, note=note
    )
    wrong = abs(product.count(kept) - before - number - len(again))
    yield Row("W3", "events, 10 % of them twice: rows too many or missing", wrong, "", 0)
    product.drain()


@contextmanager
def _installation(rig: Rig, contacts: int) -> Iterator[_Installation]:
    """Start the product on a database of its own, with a portal that is connected with the sandbox."""
    with ExitStack() as stack:
        sandbox = stack.enter_context(rig.sandbox(1, contacts=contacts))
        database = stack.enter_context(rig.database("workflows"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rollcall-mails-")))
        web, smtp = free_port(), free_port()
        environment = rig.environment(database, **_settings(sandbox, smtp))
        made = measure.run(rig, database, "prepare_hub", _code(sandbox), **_settings(sandbox, smtp))["result"]
        for arguments in (
            ["config.mailbox", str(folder), str(smtp), str(free_port())],
            ["gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{web}", "--workers", "2", "--threads", "8",
             "--no-control-socket", "--log-level", "warning"],
            [*CELERY, "worker", "-Q", "sync,mail,hubspot,default", "--concurrency", "2", "--without-gossip",
             "--without-mingle", "--loglevel", "WARNING"],
            [*CELERY, "beat", "--loglevel", "WARNING"],
        ):  # fmt: skip
            stack.enter_context(_process(arguments, environment))
        assert calls.wait_until(lambda: _answers(web), seconds=START_SECONDS), "the web server does not answer"
        rig.tidy(database)
        yield _Installation(
            rig, database, Sender(web, HOST), made["account"], made["inputs"], iter(made["contacts"]), folder
        )


def _settings(sandbox: Sandbox, smtp: int) -> dict[str, str]:
    return {
        "PLATFORM_DOMAIN": HOST,
        "EMAIL_URL": f"smtp://127.0.0.1:{smtp}",
        "GUSTO_API_URL": sandbox.url,
        "HUBSPOT_API_URL": sandbox.url,
        "HUBSPOT_AUTHORIZE_URL": f"{sandbox.url}/hubspot/oauth/authorize",
        "HUBSPOT_APP_ID": str(APP_ID),
        "HUBSPOT_CLIENT_ID": CLIENT_ID,
        "HUBSPOT_CLIENT_SECRET": CLIENT_SECRET,
    }


def _code(sandbox: Sandbox) -> str:
    return str(sandbox.control("hubspot/authorize")["code"])


@contextmanager
def _process(arguments: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", *arguments]
    # It ends with the benchmark, however that ends.
    orphaned = signal_when_orphaned(signal.SIGTERM)
    with subprocess.Popen(command, env=environment, preexec_fn=orphaned) as process:  # noqa: PLW1509 - one system call
        try:
            yield process
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/health/live/", headers={"Host": HOST}, timeout=2).ok
    except requests.RequestException:
        return False
