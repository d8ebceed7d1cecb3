"""What follows for the members when courses are put on their group, change their terms there, or are taken off.

A small group follows in the transaction of the change, a large one in batches of its own: a worker calls the same
functions with the time at which it was asked for, so that repeating them changes nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from users import enrollments
from users.models import GroupMembership

# Members that an admin's request takes on; a worker does more than that.
LARGE = 2000
# Members in one transaction.
BATCH = 2000


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to the courses of a group, by their ids; with `unenroll` members lose the removed ones."""

    group_id: int
    added: Sequence[int] = ()
    changed: Sequence[int] = ()
    removed: Sequence[int] = ()
    unenroll: bool = False


def is_large(group_id: int) -> bool:
    """Whether a group has more members than a request takes on; counts no further than that."""
    return _exceeds(_members(group_id))


def has_large_groups(course_id: int) -> bool:
    """Whether the groups with a course have more members than a request takes on."""
    return _exceeds(_takers(course_id))


@dataclass(frozen=True, slots=True)
class Followed:
    """How many enrollments began and ended."""

    enrolled: int = 0
    unenrolled: int = 0


def follow(change: Change, *, now: datetime) -> Followed:
    """Enroll and unenroll the present members; `now` is when the change was made."""
    enrolled = unenrolled = 0
    for members in _batches(_members(change.group_id)):
        with transaction.atomic():
            for courses, restarts in ((change.added, True), (change.changed, False)):
                if courses:
                    enrolled += enrollments.enroll_group_courses(
                        group_id=change.group_id,
                        course_ids=courses,
                        membership_ids=members,
                        now=now,
                        restarts=restarts,
                    )
            if change.removed and change.unenroll:
                unenrolled += enrollments.unenroll_group_courses(
                    group_id=change.group_id, course_ids=change.removed, membership_ids=members
                )
    return Followed(enrolled, unenrolled)


def follow_publication(course_id: int, *, now: datetime) -> Followed:
    """Enroll the present members of all groups with a course that was published."""
    enrolled = 0
    for people in _batches(_takers(course_id)):
        with transaction.atomic():
            enrolled += enrollments.enroll_published(course_id=course_id, membership_ids=people, now=now)
    return Followed(enrolled)


def _members(group_id: int) -> QuerySet[GroupMembership]:
    return GroupMembership.objects.filter(group=group_id)


def _takers(course_id: int) -> QuerySet[GroupMembership]:
    return GroupMembership.objects.filter(group__group_courses__course=course_id)


def _exceeds(rows: QuerySet[GroupMembership]) -> bool:
    return rows.order_by()[: LARGE + 1].count() > LARGE


def _batches(rows: QuerySet[GroupMembership]) -> Iterator[list[int]]:
    ids = list(rows.order_by("membership").values_list("membership", flat=True).distinct())
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]
