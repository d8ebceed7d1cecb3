"""The rounds: changes in the company, a sync, kills and faults while it works, and the way back to the right state."""

import os
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import django
import psycopg
from psycopg import sql

from config.servers import free_port
from integrations.sandbox.companies import HARBOR_UUID
from tests.benchmark.rig import TEMPLATE, Rig, Sandbox
from tests.chaos.company import Book, Company
from tests.chaos.figures import Result
from tests.chaos.oracle import ZONE, MailCounter, Mails, Oracle, is_idle, work_left
from tests.chaos.patience import Patience
from tests.chaos.processes import Processes
from tests.chaos.trouble import Trouble

DATABASE = "chaos"
TICK = 0.25
# While others work, the oracle looks this often.
LOOK_SECONDS = 5.0
# Kills follow each other within this time; half of the provider's answers are so slow; so many rounds begin with a
# token that has expired.
KILL_SECONDS = 5.0
SLOW_SECONDS = 0.5
EXPIRED_SHARE = 0.3


class Broken(Exception):
    """A round stood still, or something was not as it should be although nothing was in the way any more."""


def run(made: Rig, *, people: int, kills: int, seed: int, per_round: tuple[int, int]) -> Result:
    """Go through rounds, each with at least and at most so many kills, until there were enough; return the figures."""
    result = Result(people, seed)
    with ExitStack() as stack:
        fight = _Fight(made, result, kills=kills, per_round=per_round, stack=stack)
        try:
            fight.go()
        except Broken as broken:
            # What follows would only repeat it: the figures end here.
            print(broken, file=sys.stderr)
        except KeyboardInterrupt:
            print("Stopped: these are the figures so far.", file=sys.stderr)
        finally:
            fight.add_up()
    return result


class _Fight:
    def __init__(self, made: Rig, result: Result, *, kills: int, per_round: tuple[int, int], stack: ExitStack) -> None:
        self._made, self._result = made, result
        self._wanted_kills, self._per_round = kills, per_round
        chance = random.Random(result.seed)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rollcall-chaos-")))
        with made.connect() as database:
            database.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*map(sql.Identifier, (DATABASE, TEMPLATE)))
            )
        self._sandbox: Sandbox = stack.enter_context(made.sandbox(result.people))
        mail_port = free_port()
        environment = made.environment(
            DATABASE,
            GUSTO_API_URL=self._sandbox.url,
            GUSTO_RATE_LIMIT="100000",
            EMAIL_URL=f"smtp://127.0.0.1:{mail_port}",
            LOG_LEVEL="WARNING",
        )
        self.processes = Processes(made, environment, folder)
        stack.callback(self.processes.stop)
        killing, failing = random.Random(chance.random()), random.Random(chance.random())
        self._trouble = Trouble(self.processes, self._sandbox, killing, failing)
        self._timing = random.Random(chance.random())
        self._company = Company(self._sandbox, random.Random(chance.random()), datetime.now(ZONE).date())
        self._book = Book()
        token = self._sandbox.token(HARBOR_UUID)
        self._oracle = Oracle(self._book, api_url=self._sandbox.url, token=token, company=HARBOR_UUID)
        self._mails = MailCounter(folder / "mail")
        self._database: psycopg.Connection | None = None
        self._hit_at, self._hits = 0.0, list[str]()
        self._patience, self._looks_again_at = Patience(), 0.0
        os.environ.update(environment)
        django.setup()
        from tests.chaos import driver  # noqa: PLC0415 - models can be imported only now

        self._driver = driver
        self._connection_id = driver.prepare(self._sandbox.code(HARBOR_UUID))
        self.processes.start(folder / "mail", mail_port)
        self.processes.wait_until_ready()

    def go(self) -> None:
        """Import everyone, then go through the rounds; the first import is under fire as well."""
        self._round({}, joins_as="active")
        self._driver.invite_from_now_on(self._connection_id)
        while sum(self._trouble.kills.values()) < self._wanted_kills:
            changes, accepting = self._company.change(self._oracle.employed, sorted(self._book.pending))
            for uuid in accepting:
                self._driver.accept(uuid)
                self._book.pending.discard(uuid)
            self._round(changes, joins_as="pending")

    def add_up(self) -> None:
        """Complete the figures."""
        result = self._result
        database = self._open_database()
        mails: Mails = self._mails.count(self._book)
        result.lost += mails.lost
        result.doubled += mails.doubled
        result.repeated_mails = mails.repeated
        result.wrongly_ended = self._oracle.surplus_endings(database)
        result.kills, result.faults = dict(self._trouble.kills), dict(self._trouble.faults)

    def _round(self, changes: dict[str, int], *, joins_as: str) -> None:
        """Let the oracle look, start a sync, make trouble while it runs, wait until all is right."""
        self._sandbox.control("clear_faults")
        self._oracle.read(joins_as=joins_as)
        # Half of the answers are slow, so that a sync takes long enough to be hit.
        self._sandbox.control("set_fault", kind="slow", probability=0.5, path="/v1/", seconds=SLOW_SECONDS)
        if self._timing.random() < EXPIRED_SHARE:
            self._driver.let_tokens_expire()
        script = self._write_script()
        # The last kill, or the beginning.
        self._hit_at, self._hits = time.monotonic(), []
        took = self._fight_through(script)
        # What is frozen still wakes up: nothing that it does then may change anything.
        self._wait_until_whole()
        self._close_round(changes, took)

    def _write_script(self) -> list[tuple[float, str]]:
        """Return what goes wrong in this round, and when."""
        moment = time.monotonic()
        left = self._wanted_kills - sum(self._trouble.kills.values())
        script = [
            (moment + self._timing.uniform(0.0, KILL_SECONDS), "fault") for _ in range(self._timing.randint(0, 2))
        ]
        for _ in range(min(left, self._timing.randint(*self._per_round))):
            moment += self._timing.uniform(0.0, KILL_SECONDS)
            script.append((moment, "kill"))
        return sorted(script)

    def _fight_through(self, script: list[tuple[float, str]]) -> float | None:
        """Start a sync, follow the script, and return how long it took from the last kill until all was right.

        None when nothing came closer to that for a long time.
        """
        self._patience = Patience()
        run_id: int | None = None
        while not self._patience.is_over:
            self.processes.tend()
            while script and time.monotonic() >= script[0][0]:
                self._make_trouble(script.pop(0)[1])
            state = "busy" if script or run_id is None else self._state()
            if state == "right":
                return time.monotonic() - self._hit_at
            # A run may end without having done everything: the provider failed, or it was given up.
            if run_id is None or state == "behind":
                run_id = self._start() if self.processes.can_store else None
            time.sleep(TICK)
        return None

    def _wait_until_whole(self) -> None:
        patience = Patience()
        while not self.processes.is_whole:
            if patience.is_over:
                self._result.is_stuck = True
                raise Broken(f"Not everything runs again.\n{self.processes.said()}")
            self.processes.tend()
            time.sleep(TICK)

    def _make_trouble(self, kind: str) -> None:
        if kind == "fault":
            self._trouble.spoil()
            return
        self._hits.append(self._trouble.kill())
        self._hit_at = time.monotonic()
        self._patience.begin_again()
        self._forget_database()

    def _start(self) -> int | None:
        run_id = self._driver.start_sync(self._connection_id)
        self._result.syncs += run_id is not None
        return run_id

    def _state(self) -> str:
        """Return "right", "busy", or "behind" when nobody works and something is not as it should be."""
        try:
            database = self._open_database()
            is_over = is_idle(database)
            if not is_over and time.monotonic() < self._looks_again_at:
                return "busy"
            distance = self._oracle.judge(database).distance + self._mails.count(self._book).lost
        except psycopg.Error:
            self._forget_database()
            return "busy"
        self._looks_again_at = time.monotonic() + LOOK_SECONDS
        self._patience.note(distance)
        if not is_over:
            return "busy"
        return "behind" if distance else "right"

    def _close_round(self, changes: dict[str, int], took: float | None) -> None:
        result = self._result
        verdict = self._oracle.judge(self._open_database())
        result.rounds += 1
        for name, number in changes.items():
            result.changes[name] = result.changes.get(name, 0) + number
        result.lost += len(verdict.lost)
        result.doubled += verdict.surplus
        self._note_time(took)
        if took is None or not verdict.is_right:
            raise Broken(f"{verdict.told()}\n{work_left(self._open_database())}\n{self.processes.said()}")

    def _note_time(self, took: float | None) -> None:
        result = self._result
        if took is None:
            result.is_stuck = True
        elif result.rounds == 1:
            result.import_seconds, result.import_mails = took, len(self._book.admissions)
        else:
            result.seconds.append(took)
        found = f"stood still {self._patience.seconds:.0f} s" if took is None else f"right {took:.1f} s"
        print(f"Round {result.rounds}: {found} after {', '.join(self._hits) or 'no kill'}", flush=True)

    def _open_database(self) -> psycopg.Connection:
        if self._database is None:
            self._database = self._made.connect(DATABASE)
        return self._database

    def _forget_database(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
