"""People whom somebody asks for one by one, as a workflow does: planned and written as a sync does it.

What was asked for adds a person, or lets a waiting one in; it takes nothing away and gives no ended access back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from django.db import DataError, IntegrityError

from integrations.engine.changes import Change, Kind, Reason
from integrations.engine.records import InvitePolicy, Learner, Person, Policy, digest
from integrations.models import Connection, SyncRun, Tombstone, tombstones
from integrations.sync import apply, asked, ledger, provision, seating, snapshot
from integrations.sync.asked import Standing
from integrations.sync.batches import Batch, Context
from integrations.sync.snapshot import Known
from portals import statements
from portals.models import Group
from users import grouping, invitations, provisioning, traces
from users.models import Invitation, Membership
from users.provisioning import Ending

# Who decided on a last day that was asked for; no sync takes it back.
DECIDED_BY = "workflow"
# Stands for the settings of a sync, of which a request follows none.
VERSION = "request"


_ADD_UP = """
WITH recent AS (
    SELECT id FROM integrations_syncrun
    WHERE trigger = 'action' AND created_at > %(now)s::timestamptz - interval '2 days'
), counted AS (
    SELECT c.run_id, CASE WHEN c.state = 'skipped' THEN 'skipped' ELSE c.kind END AS name, count(*) AS number
    FROM integrations_plannedchange AS c
    WHERE c.run_id IN (SELECT id FROM recent) GROUP BY 1, 2
    UNION ALL
    SELECT v.run_id, 'mails', count(*) FROM users_invitation AS v
    WHERE v.run_id IN (SELECT id FROM recent) GROUP BY 1
    UNION ALL
    SELECT c.run_id, 'seen', count(DISTINCT c.external_id) FROM integrations_plannedchange AS c
    WHERE c.run_id IN (SELECT id FROM recent) GROUP BY 1
), totals AS (
    SELECT run_id, jsonb_object_agg(name, number) AS found FROM counted GROUP BY run_id
)
UPDATE integrations_syncrun AS r SET totals = t.found, finished_at = %(now)s
FROM totals AS t WHERE r.id = t.run_id AND r.totals IS DISTINCT FROM t.found
RETURNING r.id
"""


class Outcome(StrEnum):
    """What came of a request."""

    CREATED = "created"
    INVITED = "invited"
    ALREADY_MEMBER = "already_member"
    REINVITED = "reinvited"
    ACTIVATED = "activated"
    SKIPPED = "skipped"


class TryAgain(Exception):
    """Somebody else wrote the same person at this very moment."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: to come in at once or by an invitation, and what else is given to the person.

    `lifts_mark`: the person may be linked again although they once had the link removed for good.
    """

    activates: bool
    group: Group | None = None
    last_day: date | None = None
    lifts_mark: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a wish, for whom; `reason` is a value of engine.changes.Reason where nothing did."""

    outcome: Outcome
    membership_id: int | None = None
    status: str = ""
    reason: str = ""


def bring_in(*, connection: Connection, person: Person, wish: Wish, now: datetime) -> Answer:
    """Add, invite or let in one person inside the caller's transaction, and return what came of it.

    Requests for the same person follow one another. Raises TryAgain, after which nothing may be committed.
    """
    today = connection.portal.today(now)
    asked.take_turn(connection, person)
    standing = asked.standing(connection, person, today)
    context = Context(
        connection=connection,
        run_id=standing.run_id or _open_run(connection, today, now),
        policy=_policy(connection, wish),
        today=today,
        now=now,
        holds_mails=False,
    )
    request = _Request(context, person, wish, standing)
    answer = request.carry_out()
    if answer.membership_id is not None and answer.outcome is not Outcome.SKIPPED:
        request.give(answer.membership_id)
    return answer


def add_up(*, now: datetime) -> int:
    """Count what was asked for in the runs of the last days, and return how many had something new.

    Requests leave the counts alone: each would wait for the one before.
    """
    return len(statements.rows(_ADD_UP, {"now": now}))


def _open_run(connection: Connection, day: date, now: datetime) -> int:
    """Return the run that lists what was asked for on this day of the portal."""
    run, _is_new = SyncRun.objects.get_or_create(
        connection=connection,
        trigger=SyncRun.Trigger.ACTION,
        local_day=day,
        defaults={"state": SyncRun.State.COMPLETED, "created_at": now, "started_at": now, "finished_at": now},
    )
    return run.pk


def _policy(connection: Connection, wish: Wish) -> Policy:
    """Return the policy of one request: who is wanted, and as what, was said by whoever asks.

    Values are not mapped: they are read from the provider afterwards.
    """
    portal = connection.portal
    # With single sign-on nobody needs an invitation.
    activates = wish.activates or not portal.uses_passwords
    return Policy(
        provider=connection.provider,
        invite=InvitePolicy(
            waits_for_hire_date=False,
            adds_as="active" if activates else "pending",
            sends_mail=portal.uses_passwords,
            address="work_first",
        ),
        may_add_people_known_elsewhere=portal.may_add_people_known_elsewhere,
        version=VERSION,
    )


class _Request:
    def __init__(self, context: Context, person: Person, wish: Wish, standing: Standing) -> None:
        self._context = context
        self._connection = context.connection
        self._person = person
        self._wish = wish
        self._standing = standing

    def carry_out(self) -> Answer:
        """Find out who it is, and let them in as they stand."""
        known = self._standing.known
        if not self._is_linked(known):
            if self._is_marked():
                return Answer(Outcome.SKIPPED, reason=Reason.ERASED)
            if answer := self._admit(known):
                return answer
            known = snapshot.known(self._connection, [self._person.key])
        around = snapshot.surroundings(self._connection, [self._person], known, self._context.policy)
        learner = around.linked.get(self._person.key)
        # Who is still unknown was taken back by an admin before.
        return self._let_in(learner) if learner else Answer(Outcome.SKIPPED, reason=Reason.UNDONE)

    def give(self, membership_id: int) -> None:
        """Put the person into the group, and set the last day, as far as an admin did not decide otherwise."""
        wish, context = self._wish, self._context
        if wish.group is not None:
            grouping.add_members(
                group=wish.group, membership_ids=[membership_id], now=context.now, run_id=context.run_id
            )
        if wish.last_day is not None and self._may_set_last_day(membership_id, wish.last_day):
            provisioning.end_access(
                portal=self._connection.portal,
                endings=[Ending(membership_id, wish.last_day)],
                by=DECIDED_BY,
                cause=context.cause,
                now=context.now,
            )

    def _is_linked(self, known: Mapping[str, Known]) -> bool:
        identity = known.get(self._person.key)
        return identity is not None and identity.membership_id is not None

    def _is_marked(self) -> bool:
        """Whether the person was deleted for good; a mark of the record alone is lifted when that is wished."""
        connection, marks = self._connection, self._standing.marks
        if self._wish.lifts_mark and marks == {asked.mark_of_record(connection, self._person)}:
            digests = tombstones.digests_of(marks)
            Tombstone.objects.filter(portal=connection.portal_id, digest__in=digests).delete()
            return False
        return bool(marks)

    def _admit(self, known: Mapping[str, Known]) -> Answer | None:
        """Add or link somebody new as a sync would; None for whoever turned out to be a learner already."""
        person, context = self._person, self._context
        batch = Batch([person], known, {person.key: digest(person, VERSION)}, is_current=True)
        try:
            result = apply.within(context, batch)
        except (IntegrityError, DataError) as error:
            raise TryAgain from error
        for change in result.changes:
            if change.kind is Kind.SKIP:
                return Answer(Outcome.SKIPPED, change.membership_id, reason=change.reason or "")
            if change.kind is Kind.ADD:
                return Answer(Outcome.CREATED, result.added[person.key], Membership.Status.ACTIVE)
            if change.kind is Kind.INVITE:
                return Answer(Outcome.INVITED, result.added[person.key], Membership.Status.PENDING)
        return None

    def _let_in(self, learner: Learner) -> Answer:
        """Do for a learner what is left to do."""
        if learner.is_staff:
            return self._skipped(learner, Reason.STAFF_ACCOUNT)
        if learner.has_ended:
            return self._skipped(learner, Reason.ENDED_BY_ADMIN)
        if learner.has_access:
            return Answer(Outcome.ALREADY_MEMBER, learner.membership_id, learner.status)
        if learner.invitation_cancelled:
            return self._skipped(learner, Reason.INVITATION_CANCELLED)
        if self._context.policy.invite.adds_as == "active":
            return self._activate(learner)
        return self._invite_again(learner)

    def _skipped(self, learner: Learner, reason: Reason) -> Answer:
        return Answer(Outcome.SKIPPED, learner.membership_id, learner.status, reason)

    def _activate(self, learner: Learner) -> Answer:
        """Let a pending person in; the open invitation makes room for a welcome."""
        context, portal = self._context, self._connection.portal
        # An account that is used elsewhere confirms by the link of the invitation.
        if portal.uses_passwords and learner.has_signed_in and not portal.may_add_people_known_elsewhere:
            return self._skipped(learner, Reason.KNOWN_ELSEWHERE)
        change = Change(
            kind=Kind.UPDATE,
            key=self._person.key,
            membership_id=learner.membership_id,
            user_id=learner.user_id,
            before={"status": "pending"},
            after={"status": "active"},
        )
        (decided,) = seating.seated(context, [change])
        if decided.reason is Reason.NO_SEAT:
            return self._skipped(learner, Reason.NO_SEAT)
        before = traces.images([learner.membership_id])
        provision.carry_out(context, [decided])
        invitations.cancel_open(membership_ids=[learner.membership_id])
        if portal.uses_passwords and not learner.has_signed_in:
            self._mail(learner, Invitation.Kind.WELCOME)
        found = traces.differences(before, traces.images([learner.membership_id]))
        ledger.keep_plan(context, Batch([self._person], {}, {}), [decided], added={}, found=found)
        return Answer(Outcome.ACTIVATED, learner.membership_id, Membership.Status.ACTIVE)

    def _invite_again(self, learner: Learner) -> Answer:
        """Send a pending person a new link, unless one works or is on its way."""
        now = self._context.now
        invites = Invitation.objects.filter(membership=learner.membership_id, kind=Invitation.Kind.INVITE)
        last = invites.filter(state__in=Invitation.OPEN_STATES).first()
        try:
            if last is None:
                self._mail(learner, Invitation.Kind.INVITE)
                return Answer(Outcome.INVITED, learner.membership_id, learner.status)
            # A mail that came back goes out again; to a changed address only an admin sends it.
            is_lost = last.state == Invitation.State.FAILED and not last.needs_new_mail
            if is_lost or last.has_expired(now):
                invitations.resend(invitation=last, now=now)
                return Answer(Outcome.REINVITED, learner.membership_id, learner.status)
        except invitations.InvitationRefused:
            return self._skipped(learner, Reason.INACTIVE)
        return Answer(Outcome.ALREADY_MEMBER, learner.membership_id, learner.status)

    def _mail(self, learner: Learner, kind: Invitation.Kind) -> None:
        membership, source = Membership(pk=learner.membership_id), self._context.policy.provider
        invitations.issue(membership=membership, kind=kind, source=source, now=self._context.now)

    def _may_set_last_day(self, membership_id: int, last_day: date) -> bool:
        """Whether the day differs from one that nobody, or an earlier request, has set."""
        people = Membership.objects.filter(pk=membership_id, ended_by__in=["", DECIDED_BY])
        return people.exclude(last_day=last_day).exists()
