"""Carry out the changes of a batch: people, groups, enrollments; a handful of statements, whatever its size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from integrations.engine.changes import RISKY, Change, Kind
from integrations.sync.batches import Context
from users import enrollments, grouping, provisioning
from users.provisioning import Amendment, Newcomer, Restoration

_OWN_STATEMENT = ("status", "last_day")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The new memberships by person, and counts of groups and enrollments."""

    added: dict[str, int]
    tally: Counter[str]


def carry_out(context: Context, changes: Sequence[Change]) -> Outcome:
    """Add, amend and restore people, put them into their groups, enroll them; what is risky waits."""
    newcomers = _newcomers(context, changes)
    added = _provision(context, changes, newcomers)
    tally = _enroll(context, newcomers, added)
    tally.update(_regroup(context, changes))
    return Outcome(added, tally)


def take_away(context: Context, changes: Sequence[Change]) -> Counter[str]:
    """Change addresses and clear values, and let the rules have their say; return counts of groups and courses."""
    provisioning.amend_learners(
        portal=context.connection.portal,
        amendments=[
            Amendment(change.membership_id, change.after, change.before) for change in changes if change.membership_id
        ],
        cause=context.cause,
        now=context.now,
    )
    return _regroup_ids(context, [change.membership_id for change in changes if change.membership_id])


def _provision(context: Context, changes: Sequence[Change], newcomers: Sequence[Newcomer]) -> dict[str, int]:
    """Carry out additions, amendments and restorations; return the new memberships by person."""
    portal = context.connection.portal
    cause = context.cause
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
        first_name=after.get("first_name", ""),
        last_name=after.get("last_name", ""),
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
    portal = context.connection.portal
    enrolled = enrollments.enroll_added(portal=portal, pairs=(membership_ids, group_ids), now=context.now)
    return Counter(joined_groups=len(pairs), enrolled=enrolled)


def _regroup(context: Context, changes: Sequence[Change]) -> Counter[str]:
    """Evaluate the rules for the learners whose data or state changed, and enroll whom that concerns."""
    touched = [
        change.membership_id
        for change in changes
        if change.after and change.kind not in RISKY and change.membership_id is not None
    ]
    counts = _regroup_ids(context, touched)
    # Courses of groups that were joined by hand, while the person had no access.
    let_in = [change.membership_id for change in changes if _gives_access(change) and change.membership_id]
    if let_in:
        counts["enrolled"] += enrollments.enroll_missed(membership_ids=let_in, now=context.now)
    return counts


def _gives_access(change: Change) -> bool:
    is_activation = change.kind is Kind.UPDATE and change.after.get("status") == "active"
    return change.kind is Kind.RESTORE or is_activation


def _regroup_ids(context: Context, membership_ids: Sequence[int]) -> Counter[str]:
    if not membership_ids:
        return Counter()
    done = grouping.regroup(portal_id=context.connection.portal_id, membership_ids=membership_ids, now=context.now)
    return Counter(
        joined_groups=done.joined, left_groups=done.left, enrolled=done.enrolled, unenrolled=done.unenrolled
    )
