"""Carry out a claimed run: read and apply page by page, look again at who is due, end access, add up.

A run can stop after any statement: its row holds the place, and whoever takes its lease goes on from there.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations import providers
from integrations.engine.changes import Kind
from integrations.engine.records import Person, Policy
from integrations.http import AnotherAccount, AuthorizationLost, ProviderError, ProviderUnavailable
from integrations.models import Connection, InviteSettings, PlannedChange, SafetySettings, SyncPage, SyncRun
from integrations.sync import (
    agreed,
    apply,
    approval,
    care,
    leases,
    mails,
    offers,
    policy,
    relations,
    removals,
    reported,
    reports,
    snapshot,
    taking_back,
)
from integrations.sync.batches import Admission, Batch, Context, Result
from integrations.sync.leases import Lease, LeaseLost
from integrations.sync.progress import Progress
from integrations.sync.reading import OutOfTime, Reader
from portals import statements

logger = logging.getLogger(__name__)

BATCH = 100
# Phases that may link people to learners, also where a provider speaks only of those who are linked.
LINKING = ("offers", "agreed")
CHANGED = (Kind.ADD, Kind.INVITE, Kind.LINK, Kind.UPDATE, Kind.RESTORE)

# Nothing is kept of people who are missing for the second time and never were users.
_COUNT_MISSING = """
WITH forgotten AS (
    DELETE FROM integrations_externalidentity
    WHERE connection_id = %(connection)s AND times_missing > 0 AND NOT id <@ %(seen)s::int8multirange
        AND state <> 'linked' AND membership_id IS NULL AND rejected IS NULL
    RETURNING id
)
UPDATE integrations_externalidentity
SET times_missing = CASE WHEN id <@ %(seen)s::int8multirange THEN 0 ELSE times_missing + 1 END
WHERE connection_id = %(connection)s AND (times_missing > 0 OR NOT id <@ %(seen)s::int8multirange)
    AND (%(lists_everyone)s OR state = 'linked' AND membership_id IS NOT NULL)
    AND id NOT IN (SELECT id FROM forgotten)
"""
_MARK_BROKEN = """
UPDATE integrations_fieldmapping SET is_broken = NOT is_broken
WHERE connection_id = %(connection)s AND is_broken <> (
    attribute = ANY (%(gone)s::text[]) OR fallback_attribute = ANY (%(gone)s::text[]))
"""


def carry_out(
    *, run_id: int, clock: Callable[[], datetime] = timezone.now, seconds: float | None = None
) -> SyncRun | None:
    """Work on a run until it is finished or the time slice (in seconds) is used up.

    Returns the run, still live when there is more to do, or None when another worker has it.
    """
    lease = leases.take(run_id)
    if lease is None:
        return None
    run = SyncRun.objects.select_related(
        "connection__portal__realm",
        "connection__grant",
        "connection__invite_settings",
        "connection__safety_settings",
    ).get(pk=run_id)
    try:
        _Execution(run, lease, clock, seconds).go()
    except LeaseLost:
        logger.info("run %s: stopped, or taken over by another worker", run_id)
    except OutOfTime:
        leases.put_back(lease)
    except Exception:
        # The sweeper counts the lapse and tries again; without this it would wait for the lease's end.
        leases.let_go(lease)
        raise
    run.refresh_from_db()
    return run


class _Execution:
    def __init__(self, run: SyncRun, lease: Lease, clock: Callable[[], datetime], seconds: float | None) -> None:
        self._run = run
        self._connection: Connection = run.connection
        self._lease = lease
        self._clock = clock
        self._ends_at = time.monotonic() + seconds if seconds is not None else None
        self._renewed_at = time.monotonic()
        self._state = Progress.of(run)
        self._policy = self._begin()

    def go(self) -> None:
        """Go through the phases from where the run stands."""
        try:
            for phase, act, then in (
                ("undo", self._take_back, "undone"),
                ("agreed", self._carry_out_agreed, "end"),
                ("offers", self._read_offers, "end"),
                ("reported", self._read_reported, "relations"),
                ("read", self._read, "again"),
            ):
                if self._state.phase == phase:
                    act()
                    self._enter(then)
            if self._state.phase == "again":
                self._look_again(self._due, counts_as_unchanged=True)
                self._enter("relations")
            if self._state.phase == "relations":
                self._look_again(self._stale, counts_as_unchanged=False)
                if self._run.trigger != SyncRun.Trigger.EVENT:
                    removals.plan_missing(self._context(), self._lease, self._state)
                self._enter("end")
        except ProviderError as error:
            self._give_up(error)
            return
        if self._state.phase == "end":
            removals.settle(self._context(), self._lease, self._state)
        self._finish()

    def _begin(self) -> Policy:
        """Freeze the policy at the run's first start, and return it ever after."""
        found = policy.from_json(self._run.policy) if self._run.policy else self._policy_of_now()
        if self._run.started_at is None:
            started = leases.held(self._lease).update(policy=policy.to_json(found), started_at=self._clock())
            if not started:
                raise LeaseLost
        return found

    def _policy_of_now(self) -> Policy:
        # The settings came with the run.
        return policy.policy_for(
            self._connection,
            invite_settings=getattr(self._connection, "invite_settings", None) or InviteSettings(),
            safety=getattr(self._connection, "safety_settings", None) or SafetySettings(),
        )

    def _context(self) -> Context:
        now = self._clock()
        today = self._connection.portal.today(now)
        return Context(
            self._connection,
            self._run.pk,
            self._policy,
            today,
            now,
            is_preview=self._run.is_preview,
            is_of_single_people=self._run.trigger == SyncRun.Trigger.EVENT,
            admission=self._admission(),
        )

    @property
    def _lists_everyone(self) -> bool:
        """Whether the list says something about people who are not linked."""
        return providers.people_source(self._connection.provider).lists_newcomers

    def _admission(self) -> Admission:
        if self._lists_everyone:
            return Admission.EVERYONE
        return Admission.LEARNERS if self._state.phase in LINKING else Admission.LINKED

    def _is_out_of_time(self) -> bool:
        return self._ends_at is not None and time.monotonic() > self._ends_at

    def _keep_alive(self) -> None:
        """Renew the lease during long waits; called often, does so every ten seconds."""
        if time.monotonic() - self._renewed_at > leases.HEARTBEAT.total_seconds():
            leases.renew(self._lease)
            self._renewed_at = time.monotonic()

    def _enter(self, phase: str) -> None:
        """Begin a phase; whatever is written next tells of it, and until then the end of the last one comes again."""
        self._state.phase = phase
        self._state.after_identity = 0

    def _read(self) -> None:
        source = providers.people_source(self._connection.provider)
        reader = Reader(self._context, self._lease, self._state, self._is_out_of_time)
        reader.read(source, self._keep_alive)
        self._judge_completeness()

    def _judge_completeness(self) -> None:
        """Note why the list may not be whole; then nobody loses anything in this run."""
        state = self._state
        if state.doubt:
            return
        if state.total_people is not None and len(state.seen) + state.newcomers != state.total_people:
            state.doubt = _("Not everyone who was announced was in the list.")
        else:
            state.doubt = care.doubt(self._connection, state)

    def _read_reported(self) -> None:
        """Read and apply the people of events; nothing is said about anybody else."""
        source = providers.people_source(self._connection.provider)
        state = self._state
        while found := reported.next_batch(
            self._context(), source, after=state.after_identity, keep_alive=self._keep_alive
        ):

            def account(tally: Counter[str], found: reported.Reported = found) -> None:
                state.totals["seen"] += found.people
                state.totals["unchanged"] += found.people - len(found.batch.people)
                state.after_identity = found.last

            self._apply(self._context(), found.batch, account)
            if self._is_out_of_time():
                raise OutOfTime

    def _read_offers(self) -> None:
        """Look for the records of learners without a link, and note who could be linked and who could not."""
        source = providers.address_book(self._connection.provider)
        state = self._state
        while source is not None and (
            found := offers.next_batch(
                self._context(), source, after=state.after_identity, keep_alive=self._keep_alive
            )
        ):

            def account(tally: Counter[str], found: offers.Offers = found) -> None:
                state.totals["seen"] += found.learners
                state.totals["skipped"] += len(found.left_out)
                state.after_identity = found.last
                PlannedChange.objects.bulk_create(found.left_out)

            self._apply(self._context(), found.batch, account)
            if self._is_out_of_time():
                raise OutOfTime

    def _carry_out_agreed(self) -> None:
        """Apply what a preview said of each person, as far as it is still true."""
        state = self._state
        while found := agreed.next_batch(
            context := self._context(), self._run, after=state.after_identity, limit=BATCH
        ):
            batch, last = found

            def account(tally: Counter[str], people: int = len(batch.people), last: int = last) -> None:
                state.totals["seen"] += people
                state.after_identity = last

            self._apply(context, batch, account)
            if self._is_out_of_time():
                raise OutOfTime

    def _take_back(self) -> None:
        """Take back what the run's origin did."""
        while taking_back.carry_out(self._context(), self._run, self._lease, self._state):
            if self._is_out_of_time():
                raise OutOfTime

    def _apply(self, context: Context, batch: Batch, account: Callable[[Counter[str]], None]) -> None:
        """Write a batch with the checkpoint behind it; `account` counts it and notes the place reached."""
        before = self._state.copy()

        def finish(result: Result) -> None:
            self._state.reset(before)
            counts = {name: count for name, count in result.tally.items() if name != "unchanged"}
            self._state.totals.update(counts)
            account(result.tally)
            self._state.save(self._lease)

        try:
            apply.batch(context, batch, finish=finish)
        except BaseException:
            self._state.reset(before)
            raise

    def _due(self, context: Context) -> tuple[list[Person], dict[str, snapshot.Known]]:
        return snapshot.due(
            self._run,
            today=context.today,
            seen=self._state.seen if self._lists_everyone else None,
            after=self._state.after_identity,
            limit=BATCH,
        )

    def _stale(self, context: Context) -> tuple[list[Person], dict[str, snapshot.Known]]:
        return relations.stale(
            self._connection,
            wanted=self._policy.wanted_attributes,
            after=self._state.after_identity,
            limit=BATCH,
        )

    def _look_again(
        self,
        find: Callable[[Context], tuple[list[Person], dict[str, snapshot.Known]]],
        *,
        counts_as_unchanged: bool,
    ) -> None:
        """Apply people from their stored snapshots, batch by batch; the read has counted them before."""
        while not self._state.doubt:
            context = self._context()
            people, identities = find(context)
            if not people:
                return
            digests = {key: known.digest for key, known in identities.items()}
            last = max(known.id for known in identities.values())
            batch = Batch(people, identities, digests)

            def account(tally: Counter[str], last: int = last) -> None:
                if counts_as_unchanged:
                    changed = sum(tally[kind] for kind in CHANGED)
                    self._state.totals["unchanged"] = max(self._state.totals["unchanged"] - changed, 0)
                self._state.after_identity = last

            self._apply(context, batch, account)
            if self._is_out_of_time():
                raise OutOfTime

    def _finish(self) -> None:
        """Add up: who was missing, when the next run is due, how this one ended."""
        state, now = self._state, self._clock()
        with transaction.atomic():
            if self._run.reads_everyone:
                self._conclude_read(now)
            mails.settle(self._run, state, now)
            outcome = SyncRun.State.PARTIAL if state.doubt else SyncRun.State.COMPLETED
            self._close(outcome, state.doubt, now)

    def _conclude_read(self, now: datetime) -> None:
        """After a whole list count, for each missing person, the reads without them; forget who never was a user."""
        state, connection = self._state, self._connection
        statements.rows(_MARK_BROKEN, {"connection": connection.pk, "gone": statements.texts(state.gone)})
        if not state.doubt:
            seen = state.seen.as_multirange()
            parameters = {"connection": connection.pk, "seen": seen, "lists_everyone": self._lists_everyone}
            statements.rows(_COUNT_MISSING, parameters)
            SyncPage.objects.filter(connection=connection, number__gt=state.page).delete()
        care.conclude(connection, state, now=now)

    def _give_up(self, error: ProviderError) -> None:
        """End a run that the provider let down: what was done stays, nobody loses anything."""
        logger.warning("run %s: %s", self._run.pk, error)
        state, connection, now = self._state, self._connection, self._clock()
        state.doubt = str(error.explanation)
        removals.settle(self._context(), self._lease, state)
        with transaction.atomic():
            if self._run.reads_everyone:
                care.conclude(connection, state, now=now, error=error)
            if not state.totals["seen"]:
                leases.give_back_manual(self._run)
            mails.settle(self._run, state, now)
            outcome = SyncRun.State.PARTIAL if state.totals["seen"] else SyncRun.State.FAILED
            self._close(outcome, self._trouble(error), now)

    def _trouble(self, error: ProviderError) -> str:
        if isinstance(error, AuthorizationLost | ProviderUnavailable | AnotherAccount):
            return str(error.explanation)
        return f"{error.explanation} {error}"[:500]

    def _close(self, outcome: SyncRun.State, trouble: str, now: datetime) -> None:
        closed = leases.held(self._lease).update(
            state=outcome,
            finished_at=now,
            trouble=trouble,
            totals={**self._run.totals, **self._state.counts()},
            plan_hash=approval.plan_hash(self._run),
            lease_expires_at=None,
            cursor={},
        )
        if not closed:
            raise LeaseLost
        reports.about_run(self._run, self._state, now)
