"""Enroll people in courses, through their groups or by hand, and record their progress.

Only active people are enrolled, and only in published courses. The functions for groups take any number of people and
run one statement inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction

from portals import statements
from portals.models import Course
from users import signals
from users.models import Enrollment, Membership

# Membership ids and group ids of the same length: who has come into, or left, which group.
Pairs = tuple[Sequence[int], Sequence[int]]

Status = Enrollment.Status
FINISHED = (Status.COMPLETED, Status.PASSED, Status.FAILED)


class EnrollmentRefused(Exception):
    """It cannot be done; `reason` is one of other_portal, no_access, not_published, already_enrolled, finished."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ProgressRefused(ValueError):
    """No progress can look like this: percent out of range, or a finished course that is unfinished again."""


# A course that several groups grant is required if one of them says so, and due on the earliest day.
_ENROLL = """
WITH granted AS (
    SELECT m.id AS membership_id, gc.course_id, min(gc.group_id) AS group_id, bool_or(gc.is_required) AS is_required,
        min((%(now)s::timestamptz AT TIME ZONE p.time_zone)::date + gc.due_days::integer) AS due_on,
        bool_or(gc.reenroll_completed) AS reenrolls
    FROM {members} AS member
    JOIN portals_groupcourse AS gc ON gc.group_id = member.group_id
    JOIN portals_course AS c ON c.id = gc.course_id AND c.status = 'published'
    JOIN users_membership AS m ON m.id = member.membership_id AND m.status = 'active'
    JOIN portals_portal AS p ON p.id = m.portal_id
    WHERE {narrowed}
    GROUP BY m.id, gc.course_id
), created AS (
    INSERT INTO users_enrollment (
        membership_id, course_id, status, percent, is_required, due_on, source_group_id, enrolled_at, version)
    SELECT membership_id, course_id, 'not_started', 0, is_required, due_on, group_id, %(now)s, 1
    FROM granted ORDER BY membership_id, course_id
    ON CONFLICT (membership_id, course_id) DO NOTHING
    RETURNING id
), restarted AS (
    UPDATE users_enrollment AS e SET
        status = 'not_started', percent = 0, score = NULL, started_at = NULL, completed_at = NULL,
        is_required = g.is_required, due_on = g.due_on, source_group_id = g.group_id, enrolled_at = %(now)s,
        version = e.version + 1
    FROM granted AS g
    WHERE e.membership_id = g.membership_id AND e.course_id = g.course_id AND g.reenrolls AND {restarts}
        AND e.status IN ('completed', 'passed', 'failed')
    RETURNING e.id
), tightened AS (
    UPDATE users_enrollment AS e SET
        is_required = e.is_required OR g.is_required, due_on = least(e.due_on, g.due_on), version = e.version + 1
    FROM granted AS g
    WHERE e.membership_id = g.membership_id AND e.course_id = g.course_id
        AND e.status IN ('not_started', 'in_progress')
        AND (g.is_required AND NOT e.is_required OR least(e.due_on, g.due_on) IS DISTINCT FROM e.due_on)
    RETURNING e.id
)
SELECT coalesce(array_agg(id), '{{}}'), count(*) FILTER (WHERE is_enrolled) FROM (
    SELECT id, true FROM created UNION ALL SELECT id, true FROM restarted UNION ALL SELECT id, false FROM tightened
) AS changed (id, is_enrolled)
"""
_ENROLL_PAIRS = _ENROLL.format(
    members="(SELECT * FROM unnest(%(memberships)s::bigint[], %(groups)s::bigint[]) AS u (membership_id, group_id))",
    narrowed="true",
    restarts="true",
)
_ENROLL_MISSED = _ENROLL.format(
    members="users_groupmembership",
    narrowed="member.membership_id = ANY (%(memberships)s::bigint[])",
    # Whoever comes back has joined no new group: what was completed stays completed.
    restarts="false",
)
_ENROLL_COURSES = _ENROLL.format(
    members="users_groupmembership",
    narrowed="member.group_id = %(group)s AND gc.course_id = ANY (%(courses)s::bigint[])",
    restarts="true",
)
_ENROLL_PUBLISHED = _ENROLL.format(
    members="users_groupmembership", narrowed="gc.course_id = %(course)s", restarts="false"
)

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
    RETURNING e.id
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
        WHERE gm.group_id = %(group)s
    )"""
)


def enroll_new_members(*, pairs: Pairs, now: datetime) -> int:
    """Enroll people in the courses of groups that they have joined; return how many enrollments began."""
    return _run(_ENROLL_PAIRS, **_arrays(pairs), now=now)


def unenroll_after_leaving(*, pairs: Pairs) -> int:
    """Take unfinished courses away from people who have left groups; return how many.

    Stays: what another of their groups grants as well, what was enrolled by hand, what is finished.
    """
    return _run(_UNENROLL_PAIRS, **_arrays(pairs))


def enroll_missed(*, membership_ids: Sequence[int], now: datetime) -> int:
    """Enroll people who have (again) access in the courses of all their groups; return how many enrollments began."""
    return _run(_ENROLL_MISSED, memberships=list(membership_ids), now=now)


def enroll_group_courses(*, group_id: int, course_ids: Sequence[int], now: datetime) -> int:
    """Enroll the present members in courses that were put on their group; return how many enrollments began."""
    return _run(_ENROLL_COURSES, group=group_id, courses=list(course_ids), now=now)


def enroll_published(*, course_id: int, now: datetime) -> int:
    """Enroll the present members of all groups with this course; return how many enrollments began.

    Those who completed it before it was archived are not enrolled again.
    """
    return _run(_ENROLL_PUBLISHED, course=course_id, now=now)


def unenroll_group_courses(*, group_id: int, course_ids: Sequence[int]) -> int:
    """Take unfinished courses away that were taken off the members' group; return how many enrollments ended."""
    return _run(_UNENROLL_COURSES, group=group_id, courses=list(course_ids))


@transaction.atomic
def enroll(
    *, membership: Membership, course: Course, now: datetime, is_required: bool = False, due_on: date | None = None
) -> Enrollment:
    """Enroll one person by hand. Raises EnrollmentRefused."""
    if course.portal_id != membership.portal_id:
        raise EnrollmentRefused("other_portal")
    if not membership.has_access:
        raise EnrollmentRefused("no_access")
    if course.status != Course.Status.PUBLISHED:
        raise EnrollmentRefused("not_published")
    enrollment, is_new = Enrollment.objects.get_or_create(
        membership=membership,
        course=course,
        defaults={"enrolled_at": now, "is_required": is_required, "due_on": due_on},
    )
    if not is_new:
        raise EnrollmentRefused("already_enrolled")
    _announce([enrollment.pk])
    return enrollment


@transaction.atomic
def unenroll(*, enrollment: Enrollment) -> None:
    """Take a course away from one person. Raises EnrollmentRefused when it is finished: that is history."""
    current = Enrollment.objects.select_for_update().get(pk=enrollment.pk)
    if current.status not in Enrollment.UNFINISHED:
        raise EnrollmentRefused("finished")
    current.delete()
    _announce([enrollment.pk])


@transaction.atomic
def record_progress(*, enrollment: Enrollment, status: str, percent: int, now: datetime) -> Enrollment:
    """Write how far someone has come, with the dates that follow from it, and return the enrollment.

    Writing the same again changes nothing. Raises ProgressRefused.
    """
    current = Enrollment.objects.select_for_update().get(pk=enrollment.pk)
    if status not in Status.values or not 0 <= percent <= 100:
        raise ProgressRefused(f"{status} {percent}")
    if current.status in FINISHED and status not in FINISHED:
        raise ProgressRefused(f"{current.status} to {status}")
    if (current.status, current.percent) == (status, percent):
        return current
    current.status, current.percent = status, percent
    if status != Status.NOT_STARTED:
        current.started_at = current.started_at or now
    if status in FINISHED:
        current.completed_at = current.completed_at or now
    current.version += 1
    current.save(update_fields=["status", "percent", "started_at", "completed_at", "version"])
    _announce([current.pk])
    return current


def _arrays(pairs: Pairs) -> dict[str, str]:
    return {"memberships": statements.integers(pairs[0]), "groups": statements.integers(pairs[1])}


def _run(statement: str, **parameters: Any) -> int:
    changed, count = statements.rows(statement, parameters)[0]
    _announce(changed)
    return int(count)


def _announce(enrollment_ids: list[int]) -> None:
    if enrollment_ids and signals.enrollments_changed.has_listeners():
        signals.enrollments_changed.send(sender=Enrollment, enrollment_ids=enrollment_ids)
