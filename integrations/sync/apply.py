"""Write one batch of people: plan, provision, group, enroll, remember; one transaction, ten statements.

A batch that the database refuses is halved until the person who is to blame stands alone and is recorded as failed.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import msgspec
from django.db import DataError, IntegrityError, OperationalError, transaction
from psycopg.errors import DeadlockDetected, SerializationFailure

from integrations.engine import plan
from integrations.engine.changes import Change, Kind, Reason
from integrations.engine.records import Person, Policy
from integrations.models import Connection
from integrations.sync import snapshot
from integrations.sync.snapshot import Known
from portals import statements
from users import enrollments, grouping, provisioning
from users.provisioning import Amendment, Cause, Newcomer, Restoration

logger = logging.getLogger(__name__)

MAX_TRIES = 3
_ENCODER = msgspec.json.Encoder()
_OWN_STATEMENT = ("status", "last_day")


@dataclass(frozen=True, slots=True)
class Context:
    """For whom and by what a batch is written."""

    connection: Connection
    run_id: int
    policy: Policy
    today: date
    now: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """People to bring in line, with what is stored of them and the digests to store."""

    people: Sequence[Person]
    identities: Mapping[str, Known]
    digests: Mapping[str, bytes]

    def part(self, people: Sequence[Person]) -> Batch:
        """Return a batch of some of these people."""
        return replace(self, people=people)


@dataclass(frozen=True, slots=True)
class Result:
    """Counts by kind of change and outcome, and the identity of every person of the batch."""

    tally: Counter[str]
    identity_ids: dict[str, int]
    failed: frozenset[str] = frozenset()


_REMEMBER = """
INSERT INTO integrations_externalidentity AS i (
    connection_id, external_id, membership_id, state, reason, digest, snapshot, due_on, times_missing)
SELECT %(connection)s, r.key, r.membership_id, r.state, r.reason, decode(r.digest, 'hex'), r.snapshot, r.due_on, 0
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(
    key text, membership_id bigint, state text, reason text, digest text, snapshot jsonb, due_on date)
ON CONFLICT (connection_id, external_id) DO UPDATE SET
    membership_id = coalesce(excluded.membership_id, i.membership_id), state = excluded.state,
    reason = excluded.reason, digest = excluded.digest, snapshot = excluded.snapshot, due_on = excluded.due_on
RETURNING i.external_id, i.id
"""

_CHANGES = (
    "integrations_plannedchange"
    " (run_id, external_id, person, membership_id, kind, reason, state, before, after, warnings)"
)


def batch(context: Context, batch: Batch, *, finish: Callable[[Result], None]) -> Result:
    """Bring the learners of a batch in line and return what was done.

    `finish` runs in the same transaction, last: it checkpoints the run and raises LeaseLost when the run is another
    worker's, which takes everything back.
    """
    try:
        return _retried(lambda: _write(context, batch, finish))
    except (IntegrityError, DataError):
        logger.warning("run %s: a batch of %s was refused, it is halved", context.run_id, len(batch.people))
    result = _halved(context, batch)
    with transaction.atomic():
        finish(result)
    return result


def _halved(context: Context, batch: Batch) -> Result:
    middle = len(batch.people) // 2
    halves = [batch.part(people) for people in (batch.people[:middle], batch.people[middle:]) if people]
    results = [_half(context, half) for half in halves]
    return Result(
        tally=sum((result.tally for result in results), Counter()),
        identity_ids={key: id_ for result in results for key, id_ in result.identity_ids.items()},
        failed=frozenset(key for result in results for key in result.failed),
    )


def _half(context: Context, half: Batch) -> Result:
    try:
        return _retried(lambda: _write(context, half))
    except (IntegrityError, DataError) as error:
        if len(half.people) > 1:
            return _halved(context, half)
        logger.warning("run %s: a person could not be saved: %s", context.run_id, type(error).__name__)
        return _record_failure(context, half.people[0])


def _retried(write: Callable[[], Result]) -> Result:
    """Try again after a deadlock, which costs one of the two its transaction."""
    for attempt in range(1, MAX_TRIES + 1):
        try:
            return write()
        except OperationalError as error:
            if attempt == MAX_TRIES or not isinstance(error.__cause__, DeadlockDetected | SerializationFailure):
                raise
            time.sleep(random.uniform(0.05, 0.3) * attempt)  # noqa: S311
    raise AssertionError


def _write(context: Context, batch: Batch, finish: Callable[[Result], None] | None = None) -> Result:
    with transaction.atomic():
        around = snapshot.surroundings(context.connection, batch.people, batch.identities, context.policy)
        changes = plan.plan(batch.people, around, context.policy, context.today)
        changes = [change for change in changes if not _is_old_news(change, batch.identities.get(change.key))]
        newcomers = _newcomers(context, changes)
        added = _provision(context, changes, newcomers)
        tally = _tally(changes, len(batch.people))
        tally.update(_enroll(context, newcomers, added))
        tally.update(_regroup(context, changes))
        identity_ids = _remember(context, batch, changes, added)
        _keep_plan(context, batch.people, changes, added)
        result = Result(tally, identity_ids)
        if finish is not None:
            finish(result)
    return result


def _is_old_news(change: Change, known: Known | None) -> bool:
    """Whether a skip was reported before with the same reason."""
    return change.kind is Kind.SKIP and known is not None and known.reason == change.reason


def _provision(context: Context, changes: Sequence[Change], newcomers: Sequence[Newcomer]) -> dict[str, int]:
    """Carry out additions, amendments and restorations; return the new memberships by person."""
    portal = context.connection.portal
    cause = Cause(run_id=context.run_id)
    added = provisioning.add_learners(
        portal=portal,
        newcomers=newcomers,
        source=context.policy.provider,
        cause=cause,
        now=context.now,
    )
    provisioning.amend_learners(
        portal=portal,
        amendments=[found for change in changes if (found := _amendment(change))],
        cause=cause,
        now=context.now,
    )
    provisioning.restore_access(
        portal=portal,
        restorations=[_restoration(change) for change in changes if change.kind is Kind.RESTORE],
        source=context.policy.provider,
        cause=cause,
        now=context.now,
    )
    return added


def _newcomers(context: Context, changes: Sequence[Change]) -> list[Newcomer]:
    """Return whom to add, with the groups that the rules give them."""
    additions = [change for change in changes if change.kind in (Kind.ADD, Kind.INVITE)]
    rows = [
        {
            "key": change.key,
            "email": change.after["email"],
            "status": change.after["status"],
            "custom_data": change.after["custom_data"],
        }
        for change in additions
    ]
    groups = grouping.first_groups(portal_id=context.connection.portal_id, newcomers=rows, now=context.now)
    return [_newcomer(change, groups.get(change.key, ())) for change in additions]


def _newcomer(change: Change, rule_groups: Sequence[int]) -> Newcomer:
    after = change.after
    return Newcomer(
        key=change.key,
        email=after["email"],
        first_name=after["first_name"],
        last_name=after["last_name"],
        status=after["status"],
        custom_data=after["custom_data"],
        last_day=_day(after.get("last_day")),
        user_id=change.user_id,
        mail=change.mail,
        rule_groups=rule_groups,
    )


def _amendment(change: Change) -> Amendment | None:
    if change.kind not in (Kind.LINK, Kind.UPDATE, Kind.RESTORE) or change.membership_id is None:
        return None
    left_out = _OWN_STATEMENT if change.kind is Kind.RESTORE else ()
    fields = {name: value for name, value in change.after.items() if name not in left_out}
    return Amendment(change.membership_id, fields, change.before) if fields else None


def _restoration(change: Change) -> Restoration:
    assert change.membership_id is not None  # noqa: S101 - a restored person has a learner
    return Restoration(change.membership_id, change.after["status"], _day(change.after.get("last_day")), change.mail)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _enroll(context: Context, newcomers: Sequence[Newcomer], added: Mapping[str, int]) -> Counter[str]:
    """Enroll newcomers in the courses of their groups."""
    pairs = [(added[one.key], group_id) for one in newcomers for group_id in one.rule_groups]
    if not pairs:
        return Counter()
    membership_ids, group_ids = zip(*pairs, strict=True)
    enrolled = enrollments.enroll_new_members(pairs=(membership_ids, group_ids), now=context.now)
    return Counter(joined_groups=len(pairs), enrolled=enrolled)


def _regroup(context: Context, changes: Sequence[Change]) -> Counter[str]:
    """Evaluate the rules for the learners whose data or state changed, and enroll whom that concerns."""
    touched = [
        change.membership_id
        for change in changes
        if change.after and change.kind is not Kind.END_ACCESS and change.membership_id is not None
    ]
    if not touched:
        return Counter()
    portal_id = context.connection.portal_id
    done = grouping.regroup(portal_id=portal_id, membership_ids=touched, now=context.now)
    counts = Counter(
        joined_groups=done.joined, left_groups=done.left, enrolled=done.enrolled, unenrolled=done.unenrolled
    )
    restored = [change.membership_id for change in changes if change.kind is Kind.RESTORE and change.membership_id]
    if restored:
        counts["enrolled"] += enrollments.enroll_missed(membership_ids=restored, now=context.now)
    return counts


def _remember(context: Context, batch: Batch, changes: Sequence[Change], added: Mapping[str, int]) -> dict[str, int]:
    """Store what was read of each person, and whom it was linked to; return the identities' ids."""
    by_key: dict[str, list[Change]] = {}
    for change in changes:
        by_key.setdefault(change.key, []).append(change)
    rows = []
    for person in batch.people:
        key = person.key
        row = _identity_row(context, person, by_key.get(key, []), batch.identities.get(key), added.get(key))
        row["digest"] = batch.digests[key].hex()
        rows.append(row)
    payload = _json(rows)
    parameters = {"connection": context.connection.pk, "rows": payload}
    return dict(statements.rows(_REMEMBER, parameters, keeps_plan=True))


def _identity_row(
    context: Context, person: Person, changes: Sequence[Change], known: Known | None, added: int | None
) -> dict[str, Any]:
    membership_id = added or next((change.membership_id for change in changes if change.membership_id), None)
    skip = next((change for change in changes if change.kind is Kind.SKIP), None)
    reason: str = skip.reason or "" if skip else ""
    due_on = skip.due_on if skip else None
    if not changes and known is not None:
        reason, due_on = known.reason, known.due_on
    if any(change.kind is Kind.END_ACCESS for change in changes):
        # Carried out at the end of the run; should that not come, the next run finds the person by this day.
        due_on = context.today
    is_linked = bool(membership_id or (known and (known.membership_id or known.state == "linked")))
    return {
        "key": person.key,
        "membership_id": membership_id,
        "state": "linked" if is_linked else "skipped",
        "reason": reason,
        "snapshot": person,
        "due_on": due_on,
    }


def _keep_plan(
    context: Context, people: Sequence[Person], changes: Sequence[Change], added: Mapping[str, int]
) -> None:
    """Append the lines of the plan with their outcome."""
    if not changes:
        return
    names = {person.key: _label(person) for person in people}
    statements.copy(
        _CHANGES,
        [
            (
                context.run_id,
                change.key,
                names[change.key],
                added.get(change.key, change.membership_id),
                change.kind.value,
                change.reason.value if change.reason else "",
                _STATES.get(change.kind, "applied"),
                _json(change.before) if change.before else "{}",
                _json(change.after) if change.after else "{}",
                _json([(flaw.attribute, flaw.code, flaw.value) for flaw in change.flaws]) if change.flaws else "[]",
            )
            for change in changes
        ],
    )


_STATES = {Kind.SKIP: "skipped", Kind.END_ACCESS: "planned"}


def _json(value: object) -> str:
    return _ENCODER.encode(value).decode()


def _label(person: Person) -> str:
    address = person.work_email or person.personal_email
    return (
        f"{person.first_name} {person.last_name} <{address}>"[:330]
        if address
        else (f"{person.first_name} {person.last_name}".strip()[:330])
    )


def _tally(changes: Sequence[Change], people_count: int) -> Counter[str]:
    """Count changes by kind; somebody of whom only a value was refused is unchanged."""
    counts: Counter[str] = Counter()
    touched = set()
    for change in changes:
        counts["mails"] += bool(change.mail)
        counts["warnings"] += len(change.flaws)
        if change.kind is Kind.SKIP:
            counts["skipped"] += 1
        elif change.kind is Kind.UPDATE and not change.after:
            continue
        elif change.kind is not Kind.END_ACCESS:
            counts[change.kind.value] += 1
        touched.add(change.key)
    counts["unchanged"] = people_count - len(touched)
    return counts


def _record_failure(context: Context, person: Person) -> Result:
    """Record that a person could not be saved; the next run tries again."""
    with transaction.atomic():
        row: dict[str, Any] = {
            "key": person.key,
            "membership_id": None,
            "state": "failed",
            "reason": Reason.COULD_NOT_BE_SAVED,
            "digest": "",
            "snapshot": {},
            "due_on": None,
        }
        payload = _json([row])
        ids = dict(statements.rows(_REMEMBER, {"connection": context.connection.pk, "rows": payload}))
        statements.copy(
            _CHANGES,
            [
                (
                    context.run_id,
                    person.key,
                    _label(person).encode(errors="replace").decode().replace("\x00", ""),
                    None,
                    Kind.UPDATE.value,
                    Reason.COULD_NOT_BE_SAVED.value,
                    "failed",
                    "{}",
                    "{}",
                    "[]",
                )
            ],
        )
    return Result(Counter(failed=1), ids, frozenset([person.key]))
