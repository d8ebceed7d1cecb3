"""Enroll people in courses, through their groups or by hand, and take courses away again.

Only active people are enrolled, and only in published courses. Every function takes any number of people, runs one
statement inside the caller's transaction, and announces what it changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from portals import statements
from portals.models import Course, Portal
from users import signals
from users.models import Enrollment, Membership

# Membership ids and group ids of the same length: who has come into, or left, which group.
Pairs = tuple[Sequence[int], Sequence[int]]


class EnrollmentRefused(Exception):
    """Nobody can be enrolled in the course: it is not published."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """How many enrollments by hand began; the others had the course already, finished or not, or have no access."""

    begun: int
    had_it: int
    without_access: int


@dataclass(frozen=True, slots=True)
class Unenrolled:
    """How many enrollments were removed, and how many stay because they are history."""

    removed: int
    kept: int


# A course that several groups grant is required if one of them says so, and due on the earliest day. A look-up per
# person: the planner, left to itself, reads all active people of a table that it does not know yet for each page.
_GRANTED_BY_GROUPS = """
    SELECT m.id AS membership_id, gc.course_id, min(gc.group_id) AS group_id, bool_or(gc.is_required) AS is_required,
        min((%(now)s::timestamptz AT TIME ZONE p.time_zone)::date + gc.due_days::integer) AS due_on,
        bool_or(gc.reenroll_completed) AS reenrolls
    FROM {members} AS member
    JOIN portals_groupcourse AS gc ON gc.group_id = member.group_id
    JOIN portals_course AS c ON c.id = gc.course_id AND c.status = 'published'
    CROSS JOIN LATERAL (
        SELECT x.id, x.portal_id FROM users_membership AS x
        WHERE x.id = member.membership_id AND x.status = 'active' OFFSET 0
    ) AS m
    JOIN portals_portal AS p ON p.id = m.portal_id
    WHERE {narrowed}
    GROUP BY m.id, gc.course_id
"""
_GRANTED_BY_HAND = """
    SELECT m.id AS membership_id, c.id AS course_id, NULL::bigint AS group_id, %(is_required)s::boolean AS is_required,
        %(due_on)s::date AS due_on, %(reenrolls)s::boolean AS reenrolls
    FROM users_membership AS m
    JOIN portals_course AS c ON c.id = %(course)s AND c.portal_id = m.portal_id AND c.status = 'published'
    WHERE m.id = ANY (%(memberships)s::bigint[]) AND m.status = 'active'
"""
# By hand wins: who is enrolled by hand as well keeps the course whatever group they leave.
# Whoever was started again by the same call, repeated, is left alone: `now` is the time at which it was asked for.
_ENROLL = """
WITH granted AS ({granted}), created AS (
    INSERT INTO users_enrollment (
        membership_id, course_id, status, percent, score, is_required, due_on, source_group_id, enrolled_at,
        started_at, recorded_by, note, version)
    SELECT g.membership_id, g.course_id, CASE WHEN f.id IS NULL THEN 'not_started' ELSE 'in_progress' END,
        coalesce(f.percent, 0), f.score, g.is_required, g.due_on, g.group_id, %(now)s,
        f.started_at, coalesce(f.recorded_by, ''), coalesce(f.note, ''), 1
    FROM granted AS g
    LEFT JOIN users_formerenrollment AS f ON f.membership_id = g.membership_id AND f.course_id = g.course_id
    ORDER BY g.membership_id, g.course_id
    ON CONFLICT (membership_id, course_id) DO NOTHING
    RETURNING id, membership_id, course_id
), resumed AS (
    DELETE FROM users_formerenrollment AS f USING created AS c
    WHERE f.membership_id = c.membership_id AND f.course_id = c.course_id
), restarted AS (
    UPDATE users_enrollment AS e SET
        status = 'not_started', percent = 0, score = NULL, started_at = NULL, completed_at = NULL,
        recorded_by = '', note = '', reminder = 0,
        is_required = g.is_required, due_on = g.due_on, source_group_id = g.group_id, enrolled_at = %(now)s,
        attempt = e.attempt + 1, version = e.version + 1
    FROM granted AS g
    WHERE e.membership_id = g.membership_id AND e.course_id = g.course_id AND g.reenrolls AND {restarts}
        AND e.status IN ('completed', 'passed', 'failed') AND e.enrolled_at < %(now)s
    RETURNING e.id, e.membership_id, e.course_id
), tightened AS (
    UPDATE users_enrollment AS e SET
        is_required = e.is_required OR g.is_required, due_on = least(e.due_on, g.due_on),
        source_group_id = CASE WHEN g.group_id IS NOT NULL THEN e.source_group_id END, version = e.version + 1
    FROM granted AS g
    WHERE e.membership_id = g.membership_id AND e.course_id = g.course_id
        AND e.status IN ('not_started', 'in_progress')
        AND (g.is_required AND NOT e.is_required OR least(e.due_on, g.due_on) IS DISTINCT FROM e.due_on
            OR g.group_id IS NULL AND e.source_group_id IS NOT NULL)
    RETURNING e.id
)
{audited}
SELECT coalesce(array_agg(id), '{{}}'), count(*) FILTER (WHERE is_enrolled) FROM (
    SELECT id, true FROM created UNION ALL SELECT id, true FROM restarted UNION ALL SELECT id, false FROM tightened
) AS changed (id, is_enrolled)
"""
# What is done by hand is kept in the audit trail of the person.
_AUDIT = """, audited AS (
    INSERT INTO users_auditentry (
        portal_id, at, actor_id, action, object_type, object_id, before, after, reason)
    SELECT c.portal_id, %(now)s, %(actor)s::bigint, '{action}', 'users.membership', e.membership_id,
        {before}, {after}, ''
    FROM {changed} AS e JOIN portals_course AS c ON c.id = e.course_id
)"""


def _through_groups(*, members: str, narrowed: str, restarts: str) -> str:
    granted = _GRANTED_BY_GROUPS.format(members=members, narrowed=narrowed)
    return _ENROLL.format(granted=granted, restarts=restarts, audited="")


_ENROLL_PAIRS = _through_groups(
    members="(SELECT * FROM unnest(%(memberships)s::bigint[], %(groups)s::bigint[]) AS u (membership_id, group_id))",
    narrowed="true",
    restarts="true",
)
_ENROLL_MISSED = _through_groups(
    members="users_groupmembership",
    narrowed="member.membership_id = ANY (%(memberships)s::bigint[])",
    # Whoever comes back has joined no new group: what was completed stays completed.
    restarts="false",
)
_ENROLL_COURSES = _through_groups(
    members="users_groupmembership",
    narrowed="""member.group_id = %(group)s AND gc.course_id = ANY (%(courses)s::bigint[])
        AND member.membership_id = ANY (%(memberships)s::bigint[])""",
    restarts="%(restarts)s",
)
_ENROLL_PUBLISHED = _through_groups(
    members="users_groupmembership",
    narrowed="gc.course_id = %(course)s AND member.membership_id = ANY (%(memberships)s::bigint[])",
    restarts="false",
)
_ENROLL_BY_HAND = _ENROLL.format(
    granted=_GRANTED_BY_HAND,
    restarts="true",
    audited=_AUDIT.format(
        action="enrolled",
        before="'{}'::jsonb",
        after="jsonb_build_object('course', c.title, 'required', %(is_required)s::boolean, "
        "'due_on', %(due_on)s::date)",
        changed="(SELECT membership_id, course_id FROM created UNION ALL "
        "SELECT membership_id, course_id FROM restarted)",
    ),
)

# Whoever was added a moment ago has no course, so there is nothing to look for but what the groups grant. Of the
# tables that an import fills none is read: the plan stays good however they grow.
_ENROLL_ADDED = """
WITH created AS (
    INSERT INTO users_enrollment (
        membership_id, course_id, status, percent, is_required, due_on, source_group_id, enrolled_at, recorded_by,
        note, version)
    SELECT added.membership_id, gc.course_id, 'not_started', 0, bool_or(gc.is_required),
        min(%(today)s::date + gc.due_days::integer), min(gc.group_id), %(now)s::timestamptz, '', '', 1
    FROM unnest(%(memberships)s::bigint[], %(groups)s::bigint[]) AS added (membership_id, group_id)
    JOIN portals_groupcourse AS gc ON gc.group_id = added.group_id
    JOIN portals_course AS c ON c.id = gc.course_id AND c.status = 'published'
    GROUP BY added.membership_id, gc.course_id
    RETURNING id
)
SELECT coalesce(array_agg(id), '{}'), count(*) FROM created
"""

# `lost` are the memberships with courses that one of their groups no longer grants; another may still do.
_UNENROLL = """
WITH affected AS (
    SELECT e.id, granting.group_id
    FROM {lost} AS lost (membership_id, course_id)
    JOIN users_enrollment AS e ON e.membership_id = lost.membership_id AND e.course_id = lost.course_id
    LEFT JOIN LATERAL (
        SELECT gm.group_id
        FROM users_groupmembership AS gm
        JOIN portals_groupcourse AS gc ON gc.group_id = gm.group_id AND gc.course_id = e.course_id
        WHERE gm.membership_id = e.membership_id
        ORDER BY gm.group_id <> e.source_group_id, gm.group_id LIMIT 1
    ) AS granting ON true
    WHERE e.source_group_id IS NOT NULL AND e.status IN ('not_started', 'in_progress')
    ORDER BY e.id FOR UPDATE OF e
), handed_over AS (
    UPDATE users_enrollment AS e SET source_group_id = a.group_id
    FROM affected AS a WHERE e.id = a.id AND a.group_id <> e.source_group_id
), removed AS (
    DELETE FROM users_enrollment AS e USING affected AS a WHERE e.id = a.id AND a.group_id IS NULL
    RETURNING e.*
), kept AS (
    INSERT INTO users_formerenrollment AS f (
        membership_id, course_id, percent, score, started_at, recorded_by, note)
    SELECT membership_id, course_id, percent, score, started_at, recorded_by, note
    FROM removed WHERE status = 'in_progress'
    ON CONFLICT (membership_id, course_id) DO UPDATE SET
        percent = excluded.percent, score = excluded.score, started_at = excluded.started_at,
        recorded_by = excluded.recorded_by, note = excluded.note
)
SELECT coalesce(array_agg(id), '{{}}'), count(*) FROM removed
"""
_UNENROLL_PAIRS = _UNENROLL.format(
    lost="""(
        SELECT u.membership_id, gc.course_id
        FROM unnest(%(memberships)s::bigint[], %(groups)s::bigint[]) AS u (membership_id, group_id)
        JOIN portals_groupcourse AS gc ON gc.group_id = u.group_id
    )"""
)
_UNENROLL_COURSES = _UNENROLL.format(
    lost="""(
        SELECT gm.membership_id, c.course_id
        FROM users_groupmembership AS gm, unnest(%(courses)s::bigint[]) AS c (course_id)
        WHERE gm.group_id = %(group)s AND gm.membership_id = ANY (%(memberships)s::bigint[])
    )"""
)
_UNENROLL_BY_HAND = """
WITH removed AS (
    DELETE FROM users_enrollment AS e
    WHERE e.id = ANY (%(enrollments)s::bigint[])
        AND (e.status IN ('not_started', 'in_progress') OR %(from_history)s::boolean)
    RETURNING e.*
){audited}
SELECT coalesce(array_agg(id), '{{}}'), count(*) FROM removed
""".format(
    audited=_AUDIT.format(
        action="unenrolled",
        before="jsonb_build_object('course', c.title, 'status', e.status, 'percent', e.percent, "
        "'completed_at', e.completed_at)",
        after="'{}'::jsonb",
        changed="removed",
    )
)


def enroll_new_members(*, pairs: Pairs, now: datetime) -> int:
    """Enroll people in the courses of groups that they have joined; return how many enrollments began.

    Whoever left a course unfinished goes on where they were, by whatever way they come back to it.
    """
    return _run(_ENROLL_PAIRS, **_arrays(pairs), now=now)


def enroll_added(*, portal: Portal, pairs: Pairs, now: datetime) -> int:
    """Enroll people in the courses of the groups that they have just been added with; return how many began.

    All of them were added to the portal in this transaction, as active users: pending ones get no groups.
    """
    if not pairs[0]:
        return 0
    return _run(_ENROLL_ADDED, **_arrays(pairs), now=now, today=portal.today(now), keeps_plan=True)


def unenroll_after_leaving(*, pairs: Pairs) -> int:
    """Take unfinished courses away from people who have left groups; return how many.

    Stays: what another of their groups grants as well, what was enrolled by hand, what is finished. What was begun is
    kept aside until the course comes back.
    """
    return _run(_UNENROLL_PAIRS, **_arrays(pairs))


def enroll_missed(*, membership_ids: Sequence[int], now: datetime) -> int:
    """Enroll people who have (again) access in the courses of all their groups; return how many enrollments began."""
    return _run(_ENROLL_MISSED, memberships=list(membership_ids), now=now)


def enroll_group_courses(
    *, group_id: int, course_ids: Sequence[int], membership_ids: Sequence[int], now: datetime, restarts: bool = True
) -> int:
    """Enroll these present members in courses that were put on their group; return how many enrollments began.

    `now` is when that was asked for: repeating the call changes nothing more. Without `restarts` nobody who has
    finished a course begins again, whatever the group says.
    """
    members = statements.integers(membership_ids)
    return _run(
        _ENROLL_COURSES, group=group_id, courses=list(course_ids), memberships=members, now=now, restarts=restarts
    )


def enroll_published(*, course_id: int, membership_ids: Sequence[int], now: datetime) -> int:
    """Enroll these people in a published course that one of their groups has; return how many enrollments began.

    Those who completed it before it was archived are not enrolled again.
    """
    return _run(_ENROLL_PUBLISHED, course=course_id, memberships=statements.integers(membership_ids), now=now)


def unenroll_group_courses(*, group_id: int, course_ids: Sequence[int], membership_ids: Sequence[int]) -> int:
    """Take unfinished courses away that were taken off the members' group; return how many enrollments ended."""
    members = statements.integers(membership_ids)
    return _run(_UNENROLL_COURSES, group=group_id, courses=list(course_ids), memberships=members)


def enroll(
    *,
    course: Course,
    membership_ids: Sequence[int],
    now: datetime,
    is_required: bool = False,
    due_on: date | None = None,
    reenrolls: bool = False,
    actor_id: int | None = None,
) -> Enrolled:
    """Enroll people of the course's portal in it by hand; with `reenrolls` also those who have finished it.

    Who has not finished it gets the stricter terms, and keeps it when they leave the group that it came by. Raises
    EnrollmentRefused.
    """
    if course.status != Course.Status.PUBLISHED:
        raise EnrollmentRefused
    ids = sorted(set(membership_ids))
    people = Membership.objects.filter(portal=course.portal_id, status=Membership.Status.ACTIVE)
    active = people.filter(pk__in=ids).count()
    begun = _run(
        _ENROLL_BY_HAND,
        course=course.pk,
        memberships=statements.integers(ids),
        is_required=is_required,
        due_on=due_on,
        reenrolls=reenrolls,
        actor=actor_id,
        now=now,
    )
    return Enrolled(begun=begun, had_it=active - begun, without_access=len(ids) - active)


def unenroll(
    *, enrollment_ids: Sequence[int], now: datetime, from_history: bool = False, actor_id: int | None = None
) -> Unenrolled:
    """Take courses away from people by hand; what is finished or under review stays unless `from_history`."""
    ids = sorted(set(enrollment_ids))
    removed = _run(
        _UNENROLL_BY_HAND, enrollments=statements.integers(ids), from_history=from_history, actor=actor_id, now=now
    )
    return Unenrolled(removed=removed, kept=len(ids) - removed)


def announce(enrollment_ids: Sequence[int]) -> None:
    """Tell who listens that enrollments changed, in the transaction of the change."""
    if enrollment_ids and signals.enrollments_changed.has_listeners():
        signals.enrollments_changed.send(sender=Enrollment, enrollment_ids=list(enrollment_ids))


def _arrays(pairs: Pairs) -> dict[str, Any]:
    return {"memberships": statements.integers(pairs[0]), "groups": statements.integers(pairs[1])}


def _run(statement: str, *, keeps_plan: bool = False, **parameters: Any) -> int:
    changed, count = statements.rows(statement, parameters, keeps_plan=keeps_plan)[0]
    announce(changed)
    return int(count)
