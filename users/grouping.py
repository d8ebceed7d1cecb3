"""Rules → group memberships → enrollments: for a page of people in a handful of statements, or for a whole portal.

Rules look at everyone with an account in the portal, staff included. Pending people are not evaluated: they gain and
lose nothing. People whose access has ended are grouped, and enrolled once they are back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from portals import definitions, statements
from portals.models import Group
from portals.rules import Rule
from users import enrollments
from users.models import AuditEntry, Membership
from users.rule_conditions import Compiler

# People changed in one transaction when a whole portal is evaluated.
BATCH = 1000
_STRANGERS = _("These people are not all in the group's portal.")


@dataclass(frozen=True, slots=True)
class Regrouped:
    """How many group memberships and enrollments began and ended."""

    joined: int = 0
    left: int = 0
    enrolled: int = 0
    unenrolled: int = 0

    def __add__(self, other: Regrouped) -> Regrouped:
        return Regrouped(
            self.joined + other.joined,
            self.left + other.left,
            self.enrolled + other.enrolled,
            self.unenrolled + other.unenrolled,
        )


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """The statements that evaluate some rules, and their parameters but for the people and the time."""

    find: str
    apply: str
    find_first: str
    parameters: dict[str, Any]


# Usually all rules are evaluated, and both arrays are equal or not. Otherwise only what these rules remember counts.
_DIFFERS = "w.matched <> w.before AND w.matched <> {remembered}"

# OFFSET 0 keeps each column and each array from being worked out again wherever it is used.
_FIND = """
SELECT coalesce(array_agg(w.id ORDER BY w.id), '{{}}') FROM (
    SELECT p.id, p.rule_groups AS before, {matched} AS matched FROM ({people} OFFSET 0) AS p OFFSET 0
) AS w
WHERE {differs}
"""

_FIND_FIRST = """
SELECT w.key, w.matched FROM (
    SELECT p.key, {matched} AS matched FROM ({newcomers} OFFSET 0) AS p OFFSET 0
) AS w
WHERE w.matched <> '{{}}'
"""

# Locked in the order of their ids, as everywhere, so that nobody else decides on the same people meanwhile.
_LOCK = "SELECT FROM users_membership WHERE id = ANY (%s::bigint[]) ORDER BY id FOR NO KEY UPDATE"

# Each table is reached by its indexes whatever the planner believes: the leavers by way of an array of ids.
_APPLY = """
WITH person AS ({chosen}
    ORDER BY m.id FOR NO KEY UPDATE OF m
), wanted AS MATERIALIZED (
    SELECT p.id, p.rule_groups AS before, {matched} AS matched FROM person AS p
), changed AS (
    UPDATE users_membership AS m SET rule_groups = ARRAY(
        SELECT unnest(w.matched) AS g
        UNION SELECT g FROM unnest(w.before) AS g WHERE g <> ALL (%(groups)s::bigint[])
        ORDER BY g)
    FROM wanted AS w WHERE w.id = m.id AND {differs}
    RETURNING m.id, w.before, w.matched
), gone AS (
    DELETE FROM users_groupmembership AS gm WHERE gm.origin = 'rule' AND gm.id = ANY (ARRAY(
        SELECT lost.id
        FROM changed AS c, unnest(c.before) AS g, LATERAL (
            SELECT x.id FROM users_groupmembership AS x WHERE x.membership_id = c.id AND x.group_id = g OFFSET 0
        ) AS lost
        WHERE g = ANY (%(groups)s::bigint[]) AND g <> ALL (c.matched)))
    RETURNING gm.membership_id, gm.group_id
), come AS (
    INSERT INTO users_groupmembership (membership_id, group_id, origin, created_at)
    SELECT c.id, g, 'rule', %(now)s FROM changed AS c, unnest(c.matched) AS g WHERE g <> ALL (c.before)
    ON CONFLICT (membership_id, group_id) DO NOTHING
    RETURNING membership_id, group_id
)
SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new),
    array_agg(membership_id) FILTER (WHERE is_new AND concerns_courses),
    array_agg(group_id) FILTER (WHERE is_new AND concerns_courses),
    array_agg(membership_id) FILTER (WHERE NOT is_new AND concerns_courses),
    array_agg(group_id) FILTER (WHERE NOT is_new AND concerns_courses)
FROM (
    SELECT membership_id, group_id, true AS is_new,
        group_id IN (SELECT group_id FROM portals_groupcourse) AS concerns_courses
    FROM come
    UNION ALL
    SELECT membership_id, group_id, false, group_id IN (
        SELECT gc.group_id FROM portals_groupcourse AS gc
        JOIN portals_dynamicrule AS r ON r.group_id = gc.group_id AND r.on_leaving = 'unenroll')
    FROM gone
) AS moves
"""

_COUNT = """
SELECT count(*) FROM users_membership
WHERE portal_id = %(portal)s AND id = ANY (%(memberships)s::bigint[])
"""

# By hand wins: a member by rule whom someone also adds by hand stays when the rule lets go. Nobody is added unless all
# of them are people of the portal.
_ADD = """
WITH member AS (
    SELECT id FROM users_membership WHERE portal_id = %(portal)s AND id = ANY (%(memberships)s::bigint[])
), added AS (
    INSERT INTO users_groupmembership AS gm (membership_id, group_id, origin, created_at)
    SELECT id, %(group)s::bigint, 'manual', %(now)s::timestamptz
    FROM member WHERE (SELECT count(*) FROM member) = %(number)s::bigint ORDER BY id
    ON CONFLICT (membership_id, group_id) DO UPDATE SET origin = 'manual' WHERE gm.origin = 'rule'
    RETURNING gm.membership_id, gm.xmax = 0 AS is_new
), trail AS (
    INSERT INTO users_auditentry (
        portal_id, at, actor_id, run_id, action, object_type, object_id, before, after, reason)
    SELECT %(portal)s, %(now)s::timestamptz, %(actor)s::bigint, %(run)s::bigint, 'group_joined', 'users.membership',
        membership_id, '{}', jsonb_build_object('group', %(title)s::text), ''
    FROM added WHERE %(actor)s::bigint IS NOT NULL OR %(run)s::bigint IS NOT NULL
)
SELECT (SELECT count(*) FROM member), (SELECT array_agg(membership_id) FROM added WHERE is_new)
"""

# Whom the group's rule wants stays in, by rule: it would bring them back at once.
_REMOVE = """
WITH leaver AS (
    SELECT gm.id, gm.origin = 'rule' OR gm.group_id = ANY (m.rule_groups) AS is_known_to_rule
    FROM users_groupmembership AS gm JOIN users_membership AS m ON m.id = gm.membership_id
    WHERE gm.group_id = %(group)s AND gm.membership_id = ANY (%(memberships)s::bigint[])
    ORDER BY m.id FOR NO KEY UPDATE OF m
), kept AS (
    UPDATE users_groupmembership AS gm SET origin = 'rule' FROM leaver AS l
    WHERE gm.id = l.id AND l.is_known_to_rule AND %(has_rule)s
), gone AS (
    DELETE FROM users_groupmembership AS gm USING leaver AS l
    WHERE gm.id = l.id AND NOT (l.is_known_to_rule AND %(has_rule)s)
    RETURNING gm.membership_id
), forgotten AS (
    UPDATE users_membership AS m SET rule_groups = array_remove(m.rule_groups, %(group)s::bigint)
    FROM gone WHERE m.id = gone.membership_id AND %(group)s = ANY (m.rule_groups)
)
SELECT membership_id FROM gone
"""


def regroup(
    *,
    portal_id: int,
    membership_ids: Sequence[int] | None = None,
    group_ids: Collection[int] | None = None,
    now: datetime,
) -> Regrouped:
    """Evaluate the portal's active rules for these people, or for everyone, and return what changed.

    Works inside the caller's transaction. `group_ids` narrows the evaluation to the rules of these groups and to those
    that take their people from them.
    """
    evaluation = _evaluation(portal_id, group_ids, now)
    if evaluation is None:
        return Regrouped()
    if membership_ids is None:
        membership_ids = _find(evaluation)
    return sum((_apply(evaluation, batch, now) for batch in _batches(membership_ids)), Regrouped())


def regroup_everywhere(*, user_ids: Collection[int], besides: int | None = None, now: datetime) -> Regrouped:
    """Evaluate the rules for these accounts in all their portals but one, after a change that every portal sees."""
    rows = Membership.objects.filter(user__in=user_ids).exclude(portal=besides).order_by("portal", "pk")
    portals: dict[int, list[int]] = {}
    for portal_id, pk in rows.values_list("portal", "pk"):
        portals.setdefault(portal_id, []).append(pk)
    done = Regrouped()
    for portal_id, ids in portals.items():
        # A transaction each: whoever changes people of several portals never waits for somebody who does the same.
        with transaction.atomic():
            done += regroup(portal_id=portal_id, membership_ids=ids, now=now)
    return done


def first_groups(*, portal_id: int, newcomers: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, list[int]]:
    """Return, by key, the groups that the rules give to people who are about to be added in this transaction.

    Each newcomer has `key`, `email`, `status` and `custom_data`. Writing groups with the people themselves costs half
    of adding them first and grouping them then.
    """
    evaluation = _evaluation(portal_id, None, now) if newcomers else None
    if evaluation is None:
        return {}
    rows = msgspec.json.encode(newcomers).decode()
    parameters = {**evaluation.parameters, "newcomers": rows, "now": now}
    # It reads no table, so its plan stays good.
    return dict(statements.rows(evaluation.find_first, parameters, keeps_plan=True))


def regroup_portal(*, portal_id: int, group_ids: Collection[int] | None = None, now: datetime) -> Regrouped:
    """Evaluate the portal's active rules for everyone and return what changed, in short transactions of its own.

    Syncs go on meanwhile; whoever is not yet evaluated when it is interrupted is found by the next call.
    """
    definitions.wait_for_older_rules(portal_id)
    evaluation = _evaluation(portal_id, group_ids, now)
    done = Regrouped()
    for batch in _batches(_find(evaluation) if evaluation else ()):
        with transaction.atomic():
            # A statement of its own: what it waited for is then seen by the next.
            statements.rows(_LOCK, [batch])
            current = _evaluation(portal_id, group_ids, now)
            done += _apply(current, batch, now) if current else Regrouped()
    return done


def matching_ids(*, portal_id: int, rule: Rule, now: datetime) -> list[int]:
    """Return the memberships that a rule, saved or not, would put into its group now."""
    query, parameters = matching(portal_id=portal_id, rule=rule, now=now)
    return [row[0] for row in statements.rows(f"{query} ORDER BY p.id", parameters)]


def count_matches(*, portal_id: int, rule: Rule, now: datetime) -> int:
    """Return how many people a rule, saved or not, would put into its group now."""
    query, parameters = matching(portal_id=portal_id, rule=rule, now=now)
    return int(statements.rows(f"SELECT count(*) FROM ({query}) AS matched", parameters)[0][0])


def matching(*, portal_id: int, rule: Rule, now: datetime) -> tuple[str, dict[str, Any]]:
    """Return a query for the ids of those whom a rule, saved or not, would put into its group, and its parameters."""
    zone = definitions.rules_of(portal_id).time_zone
    compiler = Compiler([rule], portal_id=portal_id, time_zone=zone, today=now.astimezone(ZoneInfo(zone)).date())
    condition = compiler.condition(rule)
    return f"SELECT p.id FROM ({compiler.people()} OFFSET 0) AS p WHERE {condition}", compiler.parameters


@transaction.atomic(savepoint=False)
def add_members(
    *,
    group: Group,
    membership_ids: Collection[int],
    now: datetime,
    process_enrollments: bool = True,
    actor_id: int | None = None,
    run_id: int | None = None,
) -> Regrouped:
    """Put people into a group by hand and return what changed, in groups that depend on this one too.

    Without `process_enrollments` nobody is enrolled in this group's courses. The account or run at work, if there is
    one, is kept in the audit trail of the people. Raises ValidationError when somebody is not in the group's portal.
    """
    newcomers = _add(group, membership_ids, actor_id, run_id, now)
    enrolled = 0
    if newcomers and process_enrollments:
        enrolled = enrollments.enroll_new_members(pairs=(newcomers, [group.pk] * len(newcomers)), now=now)
    done = Regrouped(joined=len(newcomers), enrolled=enrolled)
    return done + regroup(portal_id=group.portal_id, membership_ids=newcomers, group_ids=[group.pk], now=now)


@transaction.atomic
def remove_members(
    *,
    group: Group,
    membership_ids: Collection[int],
    now: datetime,
    process_unenrollments: bool = False,
    actor_id: int | None = None,
) -> Regrouped:
    """Take people out of a group by hand and return what changed, in groups that depend on this one too.

    Whom the group's active rule wants stays, as a member by rule. Without `process_unenrollments` the leavers keep the
    group's courses. The account at work, if there is one, is kept in the audit trail of the people. Raises
    ValidationError when somebody is not in the group's portal.
    """
    ids = _checked(group, membership_ids)
    has_rule = any(rule.group_id == group.pk for rule in definitions.rules_of(group.portal_id).rules)
    removed = statements.rows(_REMOVE, {"group": group.pk, "memberships": ids, "has_rule": has_rule})
    leavers = [row[0] for row in removed]
    if actor_id:
        _record_leaving(group, leavers, actor_id, now)
    unenrolled = 0
    if leavers and process_unenrollments:
        unenrolled = enrollments.unenroll_after_leaving(pairs=(leavers, [group.pk] * len(leavers)))
    done = Regrouped(left=len(leavers), unenrolled=unenrolled)
    return done + regroup(portal_id=group.portal_id, membership_ids=leavers, now=now)


def _evaluation(portal_id: int, group_ids: Collection[int] | None, now: datetime) -> _Evaluation | None:
    loaded = definitions.rules_of(portal_id)
    rules = loaded.rules if group_ids is None else _with_dependents(loaded.rules, group_ids)
    if not rules:
        return None
    return _compile(rules, portal_id, loaded.time_zone, now.astimezone(ZoneInfo(loaded.time_zone)).date())


def _with_dependents(rules: Sequence[Rule], group_ids: Collection[int]) -> tuple[Rule, ...]:
    chosen = set(group_ids)
    # A rule comes after the one that fills its base group, so one pass finds whole chains.
    for rule in rules:
        if rule.base_group_id in chosen:
            chosen.add(rule.group_id)
    return tuple(rule for rule in rules if rule.group_id in chosen)


@lru_cache(maxsize=100)
def _compile(rules: tuple[Rule, ...], portal_id: int, time_zone: str, today: date) -> _Evaluation:
    compiler = Compiler(rules, portal_id=portal_id, time_zone=time_zone, today=today)
    # In the order of the stored array.
    ordered = sorted(rules, key=lambda rule: rule.group_id)
    groups = {rule: compiler.bind(rule.group_id, "bigint") for rule in ordered}
    parts = {
        "matched": _array_of({group: compiler.condition(rule) for rule, group in groups.items()}),
        "people": compiler.people(),
        "chosen": compiler.people(only_chosen=True),
        "newcomers": compiler.newcomers(),
        "differs": _DIFFERS.format(
            remembered=_array_of({group: f"{group} = ANY (w.before)" for group in groups.values()})
        ),
    }
    return _Evaluation(_FIND.format(**parts), _APPLY.format(**parts), _FIND_FIRST.format(**parts), compiler.parameters)


def _array_of(conditions: Mapping[str, str]) -> str:
    cases = [f"CASE WHEN {condition} THEN {group} END" for group, condition in conditions.items()]
    return f"array_remove(ARRAY[{', '.join(cases)}], NULL)"


def _find(evaluation: _Evaluation) -> list[int]:
    """Return the people whose groups are not what the rules say. Nothing is locked or written."""
    found: list[int] = statements.rows(evaluation.find, evaluation.parameters)[0][0]
    return found


def _apply(evaluation: _Evaluation, membership_ids: list[int], now: datetime) -> Regrouped:
    parameters = {**evaluation.parameters, "memberships": statements.integers(membership_ids), "now": now}
    joined, left, *moves = statements.rows(evaluation.apply, parameters)[0]
    joiners, joined_groups, leavers, left_groups = moves
    return Regrouped(
        joined=joined,
        left=left,
        enrolled=enrollments.enroll_new_members(pairs=(joiners, joined_groups), now=now) if joiners else 0,
        unenrolled=enrollments.unenroll_after_leaving(pairs=(leavers, left_groups)) if leavers else 0,
    )


def _batches(membership_ids: Sequence[int]) -> Iterator[list[int]]:
    ordered = sorted(membership_ids)
    for start in range(0, len(ordered), BATCH):
        yield ordered[start : start + BATCH]


def _add(
    group: Group, membership_ids: Collection[int], actor_id: int | None, run_id: int | None, now: datetime
) -> list[int]:
    """Write who is in the group now, and return those who were not before. Raises ValidationError."""
    ids = sorted(set(membership_ids))
    parameters = {
        "portal": group.portal_id,
        "group": group.pk,
        "title": group.title,
        "memberships": statements.integers(ids),
        "number": len(ids),
        "actor": actor_id,
        "run": run_id,
        "now": now,
    }
    found, newcomers = statements.rows(_ADD, parameters)[0]
    if found != len(ids):
        raise ValidationError(_STRANGERS)
    return newcomers or []


def _record_leaving(group: Group, membership_ids: Collection[int], actor_id: int, now: datetime) -> None:
    AuditEntry.objects.bulk_create(
        AuditEntry(
            portal_id=group.portal_id,
            at=now,
            actor_id=actor_id,
            action="group_left",
            object_type=Membership._meta.label_lower,
            object_id=membership_id,
            before={"group": group.title},
        )
        for membership_id in membership_ids
    )


def _checked(group: Group, membership_ids: Collection[int]) -> list[int]:
    ids = sorted(set(membership_ids))
    found = statements.rows(_COUNT, {"portal": group.portal_id, "memberships": statements.integers(ids)})
    if found[0][0] != len(ids):
        raise ValidationError(_STRANGERS)
    return ids
