"""What a rule would do, before it does it: who matches, joins and leaves, and which enrollments begin and end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from portals import statements
from portals.rules import Rule
from users import grouping
from users.models import Membership


class Fate(StrEnum):
    """What becomes of a person: members by hand whom the rule does not want are kept."""

    JOINS = "joins"
    STAYS = "stays"
    LEAVES = "leaves"
    KEPT = "kept"


MATCHING = (Fate.JOINS, Fate.STAYS)


@dataclass(frozen=True, slots=True)
class CourseEffect:
    """How many enrollments in a course begin for joiners, and how many unfinished ones leavers have to lose."""

    course_id: int
    title: str
    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class Effect:
    """People by fate, and the courses concerned; `by_hand` counts the members by hand who match."""

    joins: int
    stays: int
    leaves: int
    kept: int
    by_hand: int
    courses: tuple[CourseEffect, ...]

    @property
    def matches(self) -> int:
        """How many people match the rule."""
        return self.joins + self.stays

    @property
    def begins(self) -> int:
        """How many enrollments begin."""
        return sum(course.begins for course in self.courses)

    @property
    def ends(self) -> int:
        """How many unfinished enrollments end, unless leavers keep them."""
        return sum(course.ends for course in self.courses)


# One look at everyone; pending people are not evaluated, so they neither match nor leave.
_PEOPLE = """
WITH matched AS MATERIALIZED ({matched}), member AS (
    SELECT gm.membership_id AS id, gm.origin
    FROM users_groupmembership AS gm JOIN users_membership AS m ON m.id = gm.membership_id
    WHERE gm.group_id = %(group)s AND m.status <> 'pending'
), person AS MATERIALIZED (
    SELECT coalesce(matched.id, member.id) AS id, coalesce(member.origin, '') AS origin,
        CASE WHEN member.id IS NULL THEN 'joins' WHEN matched.id IS NOT NULL THEN 'stays'
            WHEN member.origin = 'rule' THEN 'leaves' ELSE 'kept' END AS fate
    FROM matched FULL JOIN member ON member.id = matched.id
)"""
_EFFECT = """{people}, granted AS (
    SELECT gc.course_id, c.title, gc.reenroll_completed
    FROM portals_groupcourse AS gc JOIN portals_course AS c ON c.id = gc.course_id AND c.status = 'published'
    WHERE gc.group_id = %(group)s
)
SELECT 'people', 0, fate, count(*), count(*) FILTER (WHERE origin = 'manual') FROM person GROUP BY fate
UNION ALL
SELECT 'begins', g.course_id, g.title, count(*), 0
FROM person AS p
JOIN users_membership AS m ON m.id = p.id AND m.status = 'active'
CROSS JOIN granted AS g
LEFT JOIN users_enrollment AS e ON e.membership_id = p.id AND e.course_id = g.course_id
WHERE p.fate = 'joins'
    AND (e.id IS NULL OR g.reenroll_completed AND e.status IN ('completed', 'passed', 'failed'))
GROUP BY g.course_id, g.title
UNION ALL
SELECT 'ends', gc.course_id, c.title, count(*), 0
FROM person AS p
JOIN portals_groupcourse AS gc ON gc.group_id = %(group)s
JOIN portals_course AS c ON c.id = gc.course_id
JOIN users_enrollment AS e ON e.membership_id = p.id AND e.course_id = gc.course_id
WHERE p.fate = ANY (%(leaving)s::text[]) AND e.source_group_id IS NOT NULL
    AND e.status IN ('not_started', 'in_progress')
    AND NOT EXISTS (
        SELECT FROM users_groupmembership AS other
        JOIN portals_groupcourse AS granting ON granting.group_id = other.group_id
        WHERE other.membership_id = p.id AND other.group_id <> %(group)s AND granting.course_id = gc.course_id)
GROUP BY gc.course_id, c.title
ORDER BY 1, 3
"""
_LIST = """{people}
SELECT person.id, person.fate
FROM person
JOIN users_membership AS m ON m.id = person.id
JOIN users_user AS u ON u.id = m.user_id
WHERE person.fate = ANY (%(fates)s::text[])
ORDER BY lower(u.last_name), lower(u.first_name), person.id
LIMIT %(limit)s OFFSET %(offset)s
"""


def effect(*, portal_id: int, rule: Rule, now: datetime, takes_over: bool = False) -> Effect:
    """Return what the rule, saved or not, would do to its group if it went to work now; one statement.

    With `takes_over` members by hand become members by rule too, so that those who do not match leave.
    """
    statement, parameters = _statement(_EFFECT, portal_id, rule, now)
    leaving = [Fate.LEAVES, Fate.KEPT] if takes_over else [Fate.LEAVES]
    rows = statements.rows(statement, {**parameters, "leaving": leaving})
    people = {fate: (count, by_hand) for kind, _id, fate, count, by_hand in rows if kind == "people"}
    courses: dict[int, dict[str, Any]] = {}
    for kind, course_id, title, count, _by_hand in rows:
        if kind != "people":
            courses.setdefault(course_id, {"title": title, "begins": 0, "ends": 0})[kind] = count
    counts = {fate.value: people.get(fate.value, (0, 0))[0] for fate in Fate}
    return Effect(
        **counts,
        by_hand=people.get(Fate.STAYS.value, (0, 0))[1],
        courses=tuple(CourseEffect(pk, **course) for pk, course in courses.items()),
    )


def people(
    *, portal_id: int, rule: Rule, fates: Sequence[Fate], now: datetime, limit: int, offset: int = 0
) -> list[tuple[Membership, Fate]]:
    """Return some of the people with these fates, by name, each with the own fate; two statements."""
    statement, parameters = _statement(_LIST, portal_id, rule, now)
    rows = statements.rows(
        statement, {**parameters, "fates": [fate.value for fate in fates], "limit": limit, "offset": offset}
    )
    found = Membership.objects.select_related("user").in_bulk([row[0] for row in rows])
    return [(found[pk], Fate(fate)) for pk, fate in rows if pk in found]


def everyone(
    *, portal_id: int, rule: Rule, fates: Sequence[Fate], now: datetime, batch: int = 2000
) -> Iterator[tuple[Membership, Fate]]:
    """Yield all people with these fates, by name, reading them in batches."""
    statement, parameters = _statement(_LIST, portal_id, rule, now)
    wanted = {"fates": [fate.value for fate in fates], "limit": None, "offset": 0}
    rows = statements.rows(statement, {**parameters, **wanted})
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        found = Membership.objects.select_related("user").in_bulk([row[0] for row in part])
        yield from ((found[pk], Fate(fate)) for pk, fate in part if pk in found)


def _statement(template: str, portal_id: int, rule: Rule, now: datetime) -> tuple[str, dict[str, Any]]:
    matched, parameters = grouping.matching(portal_id=portal_id, rule=rule, now=now)
    return template.format(people=_PEOPLE.format(matched=matched)), {**parameters, "group": rule.group_id}
