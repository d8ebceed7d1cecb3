"""What changed definitions mean for people."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import receiver
from django.utils import timezone

from portals.signals import course_published, group_courses_changed, rules_changed
from users import enrollments, tasks


@receiver(rules_changed)
def regroup_after_a_change(*, portal_id: int, group_id: int, **_: Any) -> None:
    """Let a worker evaluate the rule for everyone; the nightly run would find what it misses."""
    transaction.on_commit(partial(tasks.regroup_portal.delay, portal_id=portal_id, group_id=group_id))


@receiver(group_courses_changed)
def follow_group_courses(
    *, group_id: int, added: Sequence[int], removed: Sequence[int], unenroll: bool, **_: Any
) -> None:
    """Enroll the present members in added courses, in the transaction of the change."""
    if added:
        enrollments.enroll_group_courses(group_id=group_id, course_ids=added, now=timezone.now())
    if removed and unenroll:
        enrollments.unenroll_group_courses(group_id=group_id, course_ids=removed)


@receiver(course_published)
def follow_publication(*, course_id: int, **_: Any) -> None:
    """Enroll the present members of the course's groups, in the transaction of the change."""
    enrollments.enroll_published(course_id=course_id, now=timezone.now())
