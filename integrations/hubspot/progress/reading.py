"""What is to be told of rows of the outbox, as the database says it now: one statement for a batch."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from enum import Enum, auto
from typing import NamedTuple

from portals import statements

FINISHED = frozenset({"completed", "passed", "failed"})

_READ = """
SELECT p.id, p.state, p.enrollment_id, p.attempt, p.membership_id, p.stored_in, p.record_id, p.person_key,
    coalesce(encode(p.digest, 'hex'), ''), p.is_finished, coalesce(i.external_id, ''), coalesce(m.status, ''),
    e.status, e.percent, e.score, e.is_required, e.due_on,
    (e.enrolled_at AT TIME ZONE r.time_zone)::date, (e.started_at AT TIME ZONE r.time_zone)::date,
    (e.completed_at AT TIME ZONE r.time_zone)::date, m.last_day, c.id, c.title, c.reference, coalesce(g.title, ''),
    trim(u.first_name || ' ' || u.last_name), coalesce(nullif(i.snapshot ->> 'work_email', ''), u.email)
FROM hubspot_progresspush AS p
LEFT JOIN users_membership AS m ON m.id = p.membership_id
LEFT JOIN portals_portal AS r ON r.id = m.portal_id
LEFT JOIN users_user AS u ON u.id = m.user_id
LEFT JOIN integrations_externalidentity AS i
    ON i.connection_id = p.connection_id AND i.membership_id = p.membership_id AND i.state = 'linked'
LEFT JOIN users_enrollment AS e ON e.id = p.enrollment_id AND e.attempt = p.attempt
LEFT JOIN portals_course AS c ON c.id = e.course_id
LEFT JOIN portals_group AS g ON g.id = e.source_group_id
WHERE p.id = ANY (%(ids)s::bigint[])
ORDER BY p.enrollment_id
"""


class Verdict(Enum):
    """What has to happen to a row."""

    SEND = auto()
    REMOVE = auto()
    # A finished course stays with its person in HubSpot, although they are no longer enrolled or have begun it again.
    KEEP = auto()
    # Nothing is told about people who have yet to accept.
    WITHHOLD = auto()


class Facts(NamedTuple):
    """An enrollment and what belongs to it; dates are the portal's days."""

    status: str
    percent: int
    score: Decimal | None
    is_required: bool
    due_on: date | None
    enrolled_on: date
    started_on: date | None
    completed_on: date | None
    access_ends_on: date | None
    course_id: int
    course_title: str
    course_reference: str
    group_title: str
    learner_name: str
    learner_email: str


class Row(NamedTuple):
    """A row of the outbox: what HubSpot has, where the person is linked, and the facts unless they are gone."""

    id: int
    state: str
    enrollment_id: int
    attempt: int
    membership_id: int
    stored_in: str
    record_id: int | None
    # The record of the person that shows it.
    person_key: str
    digest: str
    is_finished: bool
    # The record of the person that should show it; empty when the link is gone.
    linked_to: str
    membership_status: str
    facts: Facts | None

    @property
    def verdict(self) -> Verdict:
        """What has to happen to it."""
        if self.state == "removing" or not self.linked_to or not self.membership_status:
            return Verdict.REMOVE
        if self.facts is None:
            return Verdict.KEEP if self.is_finished else Verdict.REMOVE
        return Verdict.WITHHOLD if self.membership_status == "pending" else Verdict.SEND


def read(ids: Collection[int]) -> list[Row]:
    """Return the rows with what the database says of them now.

    Read after they were claimed, so that it is at least as new as the generation that was taken.
    """
    if not ids:
        return []
    rows = statements.rows(_READ, {"ids": statements.integers(ids)})
    return [Row(*(*row[:12], Facts(*row[12:]) if row[12] is not None else None)) for row in rows]
