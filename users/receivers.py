"""What changed definitions mean for people."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models import F
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from portals.signals import course_published, group_courses_changed, rules_changed
from users import group_courses, signals, tasks
from users.models import Membership, User


@receiver(rules_changed)
def regroup_after_a_change(*, portal_id: int, group_id: int, **_: Any) -> None:
    """Let a worker evaluate the rule for everyone; the nightly run would find what it misses."""
    transaction.on_commit(partial(tasks.regroup_portal.delay, portal_id=portal_id, group_id=group_id))


@receiver(signals.addresses_changed)
def regroup_elsewhere(*, user_ids: Sequence[int], portal_id: int | None, **_: Any) -> None:
    """Let a worker evaluate the rules of the accounts' other portals, which may look at the domain, too."""
    if Membership.objects.filter(user__in=user_ids).exclude(portal=portal_id).exists():
        transaction.on_commit(partial(tasks.regroup_people.delay, user_ids=list(user_ids), besides=portal_id))


@receiver(group_courses_changed)
def follow_group_courses(
    *,
    group_id: int,
    added: Sequence[int],
    changed: Sequence[int],
    removed: Sequence[int],
    unenroll: bool,
    **_: Any,
) -> str:
    """Let the present members follow: a few in the transaction of the change, many through a worker."""
    change: dict[str, Any] = {
        "group_id": group_id,
        "added": added,
        "changed": changed,
        "removed": removed,
        "unenroll": unenroll,
    }
    now = timezone.now()
    if group_courses.is_large(group_id):
        later = partial(tasks.follow_group_courses.delay, asked_at=now.isoformat(), **change)
        transaction.on_commit(later)
        return gettext("The group is large: its members follow in the background, within minutes.")
    return _told(group_courses.follow(group_courses.Change(**change), now=now))


@receiver(course_published)
def follow_publication(*, course_id: int, **_: Any) -> str:
    """Let the present members of the course's groups follow, as for the courses of a group."""
    now = timezone.now()
    if group_courses.has_large_groups(course_id):
        later = partial(tasks.follow_publication.delay, course_id=course_id, asked_at=now.isoformat())
        transaction.on_commit(later)
        return gettext("Its groups are large: their members are enrolled in the background, within minutes.")
    return _told(group_courses.follow_publication(course_id, now=now))


@receiver(user_logged_in)
def count_sign_in(*, user: User, **_: Any) -> None:
    """Count what the list of users and its download show."""
    User.objects.filter(pk=user.pk).update(sign_in_count=F("sign_in_count") + 1)


def _told(followed: group_courses.Followed) -> str:
    """Return what happened as sentences, empty when nothing did."""
    told = []
    if number := followed.enrolled:
        told.append(ngettext("%d enrollment began.", "%d enrollments began.", number) % number)
    if number := followed.unenrolled:
        told.append(ngettext("%d unfinished enrollment ended.", "%d unfinished enrollments ended.", number) % number)
    return " ".join(told)
