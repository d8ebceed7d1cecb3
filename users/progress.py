"""How far people have come in their courses: told by themselves, set by an admin, or read from a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from django.db import transaction

from portals import statements
from users.enrollments import announce
from users.models import Enrollment

Status, RecordedBy = Enrollment.Status, Enrollment.RecordedBy


class ProgressRefused(ValueError):
    """No progress can look like this: percent out of range, or a finished course that is unfinished again."""


@dataclass(frozen=True, slots=True)
class Report:
    """How far somebody has come, as another system says; what is None stays as it is."""

    enrollment_id: int
    status: str
    percent: int
    score: Decimal | None = None
    completed_at: datetime | None = None


_WRITE = """
WITH told AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(
        enrollment_id bigint, status text, percent integer, score numeric, completed_at timestamptz)
), held AS (
    SELECT e.id, e.membership_id, e.course_id, e.status, e.percent, e.score, e.completed_at, e.note,
        t.status AS new_status, t.percent AS new_percent, coalesce(t.score, e.score) AS new_score,
        CASE WHEN t.status IN ('completed', 'passed', 'failed')
            THEN coalesce(t.completed_at, e.completed_at, %(now)s) END AS new_completed_at,
        coalesce(%(note)s::text, e.note) AS new_note
    FROM told AS t JOIN users_enrollment AS e ON e.id = t.enrollment_id
    WHERE e.status NOT IN ('completed', 'passed', 'failed')
        OR t.status IN ('completed', 'passed', 'failed')
    ORDER BY e.id FOR UPDATE OF e
), changed AS (
    UPDATE users_enrollment AS e SET
        status = h.new_status, percent = h.new_percent, score = h.new_score, completed_at = h.new_completed_at,
        started_at = CASE WHEN h.new_status <> 'not_started'
            THEN coalesce(e.started_at, least(h.new_completed_at, %(now)s::timestamptz)) END,
        note = h.new_note, recorded_by = %(by)s, version = e.version + 1
    FROM held AS h
    WHERE e.id = h.id AND (h.status, h.percent, h.score, h.completed_at, h.note)
        IS DISTINCT FROM (h.new_status, h.new_percent, h.new_score, h.new_completed_at, h.new_note)
    RETURNING e.id, e.membership_id, e.course_id, h.status AS old_status, h.percent AS old_percent,
        h.score AS old_score, h.completed_at AS old_completed_at,
        e.status, e.percent, e.score, e.completed_at, e.note
), audited AS (
    INSERT INTO users_auditentry (
        portal_id, at, actor_id, action, object_type, object_id, before, after, reason)
    SELECT c.portal_id, %(now)s, %(actor)s::bigint, 'progress_set', 'users.membership', e.membership_id,
        jsonb_build_object('status', e.old_status, 'percent', e.old_percent, 'score', e.old_score,
            'completed_at', e.old_completed_at),
        jsonb_build_object('course', c.title, 'status', e.status, 'percent', e.percent, 'score', e.score,
            'completed_at', e.completed_at, 'note', e.note), ''
    FROM changed AS e JOIN portals_course AS c ON c.id = e.course_id
)
SELECT coalesce(array_agg(id), '{}') FROM changed
"""


@transaction.atomic
def record(*, enrollment: Enrollment, status: str, percent: int, now: datetime) -> Enrollment:
    """Write how far a learner has come by themselves, with the dates that follow from it, and return the enrollment.

    Writing the same again changes nothing. Raises ProgressRefused.
    """
    current = Enrollment.objects.select_for_update().get(pk=enrollment.pk)
    if status not in Status.values or not 0 <= percent <= 100:
        raise ProgressRefused(f"{status} {percent}")
    if current.status in Enrollment.FINISHED and status not in Enrollment.FINISHED:
        raise ProgressRefused(f"{current.status} to {status}")
    if (current.status, current.percent) == (status, percent):
        return current
    current.status, current.percent = status, percent
    current.recorded_by = RecordedBy.LEARNER
    if status != Status.NOT_STARTED:
        current.started_at = current.started_at or now
    if status in Enrollment.FINISHED:
        current.completed_at = current.completed_at or now
    current.version += 1
    current.save(update_fields=["status", "percent", "recorded_by", "started_at", "completed_at", "version"])
    announce([current.pk])
    return current


def set_results(
    *,
    enrollment_ids: Sequence[int],
    status: str,
    completed_at: datetime,
    now: datetime,
    score: Decimal | None = None,
    note: str = "",
    actor_id: int | None = None,
) -> int:
    """Finish courses for people, whatever they have done so far, and return how many enrollments that changed.

    `status` is one of the finished ones. Runs one statement inside the caller's transaction. Raises ProgressRefused.
    """
    if status not in Enrollment.FINISHED:
        raise ProgressRefused(status)
    reports = [Report(pk, status, 100, score, completed_at) for pk in sorted(set(enrollment_ids))]
    return _write(reports, by=RecordedBy.ADMIN, note=note or None, actor=actor_id, now=now)


def write_reports(*, reports: Sequence[Report], now: datetime, actor_id: int | None = None) -> int:
    """Write what a file says and return how many enrollments that changed; no finished course becomes unfinished.

    Runs one statement inside the caller's transaction; writing the same again changes nothing.
    """
    return _write(reports, by=RecordedBy.FILE, note=None, actor=actor_id, now=now)


def _write(reports: Sequence[Report], **parameters: Any) -> int:
    rows = msgspec.json.encode(reports).decode()
    changed: list[int] = statements.rows(_WRITE, {"rows": rows, **parameters})[0][0]
    announce(changed)
    return len(changed)
