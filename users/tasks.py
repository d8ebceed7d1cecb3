"""Background work about people: mails, ends of access, groups. Running a task twice changes nothing more."""

from datetime import datetime, timedelta

from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from portals.models import DynamicRule, Portal
from users import notice_mails, notices, sessions
from users import access, group_courses, grouping, invitations, outbox

# Beat calls again every 20 seconds: on a long queue a few workers send side by side, and none is blocked for long.
SENDING_TIME = timedelta(seconds=45)


@shared_task
def send_invitations() -> None:
    """Hand waiting mails over to the mail server, for a while."""
    outbox.send_waiting(clock=timezone.now, until=timezone.now() + SENDING_TIME)


@shared_task
def send_notices() -> None:
    """Hand waiting notices about accounts over to the mail server."""
    notice_mails.send_waiting(clock=timezone.now, until=timezone.now() + SENDING_TIME)


@shared_task
def forget_old_sign_ins() -> None:
    """Delete sign-ins that have expired, and notices that were sent a while ago."""
    sessions.SessionStore.clear_expired()
    notices.forget_old(now=timezone.now())


@shared_task
def answer_link_request(*, portal_id: int, email: str) -> None:
    """Mail a new link to the address if it belongs to someone; here, so that the page answers everyone alike."""
    portal = Portal.objects.filter(pk=portal_id).first()
    if portal:
        invitations.answer_request(portal=portal, email=email, now=timezone.now())


@shared_task
def end_access_after_last_day() -> None:
    """End the access of those whose last day is over where they are."""
    access.end_access_after_last_day(now=timezone.now())


@shared_task
def regroup_everyone() -> None:
    """Evaluate the rules of every portal, for conditions that depend on the date."""
    rules = DynamicRule.objects.filter(state=DynamicRule.State.ACTIVE)
    for portal_id in rules.order_by("group__portal").values_list("group__portal", flat=True).distinct():
        regroup_portal.delay(portal_id=portal_id)


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=5)
def regroup_portal(*, portal_id: int, group_id: int | None = None) -> None:
    """Evaluate the rules of one portal, or of one of its groups and those that build on it, for everyone."""
    grouping.regroup_portal(
        portal_id=portal_id, group_ids=None if group_id is None else [group_id], now=timezone.now()
    )


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=5)
def follow_group_courses(
    *, group_id: int, added: list[int], changed: list[int], removed: list[int], unenroll: bool, asked_at: str
) -> None:
    """Enroll and unenroll the members of a large group whose courses an admin changed."""
    change = group_courses.Change(group_id, added, changed, removed, unenroll)
    group_courses.follow(change, now=datetime.fromisoformat(asked_at))


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=5)
def follow_publication(*, course_id: int, asked_at: str) -> None:
    """Enroll the members of the large groups of a course that was published."""
    group_courses.follow_publication(course_id, now=datetime.fromisoformat(asked_at))
