"""Background work about people: mails, ends of access, groups. Running a task twice changes nothing more."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from celery import shared_task
from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

from portals.csv_files import Unreadable
from portals.models import CustomFieldChoice, DynamicRule, Group, Portal
from users import (
    access,
    audit,
    bulk_jobs,
    choice_values,
    course_reminders,
    erasure,
    exports,
    group_changes,
    group_courses,
    grouping,
    imports,
    invitations,
    job_mails,
    mail_examples,
    new_people,
    notice_mails,
    notices,
    outbox,
    progress_import,
    reminders,
    sessions,
)
from users.models import BulkJob, User

# Beat calls again every 20 seconds: on a long queue a few workers send side by side, and none is blocked for long.
SENDING_TIME = timedelta(seconds=45)
# Hours of a portal's day in which its rules are evaluated for the date.
NIGHTLY_HOURS = (0, 1)


@shared_task
def send_invitations() -> None:
    """Hand waiting mails over to the mail server, for a while."""
    outbox.send_waiting(clock=timezone.now, until=timezone.now() + SENDING_TIME)


@shared_task
def remind_of_invitations() -> None:
    """Put the reminders that portals want into the outbox."""
    reminders.put_into_outbox(now=timezone.now())


@shared_task
def remind_of_courses() -> None:
    """Put the reminders of courses that are due soon into the outbox."""
    course_reminders.put_into_outbox(now=timezone.now())


@shared_task
def tell_of_new_people() -> None:
    """Tell the admins who want it who was added the day before."""
    new_people.tell_admins(now=timezone.now())


@shared_task(autoretry_for=(OSError,), retry_backoff=True, max_retries=3)
def send_test_mail(*, portal_id: int, user_id: int, name: str) -> None:
    """Mail an example of what the portal's people get to an admin who asked for it."""
    portal, user = Portal.objects.get(pk=portal_id), User.objects.get(pk=user_id)
    mail_examples.to_oneself(portal=portal, name=name, user=user, now=timezone.now()).send()


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
    """Evaluate the rules of the portals where a day has just begun, for conditions that depend on the date.

    Comes every hour. A portal has its turn in the first two hours of its day: once more than needed, for the nights
    on which an hour is left out or the first call was missed.
    """
    now = timezone.now()
    rules = DynamicRule.objects.filter(state=DynamicRule.State.ACTIVE)
    portals = Portal.objects.filter(pk__in=rules.values("group__portal")).order_by("pk")
    for portal_id, zone in portals.values_list("pk", "time_zone"):
        if now.astimezone(ZoneInfo(zone)).hour in NIGHTLY_HOURS:
            regroup_portal.delay(portal_id=portal_id)


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=5)
def regroup_portal(*, portal_id: int, group_id: int | None = None) -> None:
    """Evaluate the rules of one portal, or of one of its groups and those that build on it, for everyone."""
    grouping.regroup_portal(
        portal_id=portal_id, group_ids=None if group_id is None else [group_id], now=timezone.now()
    )


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=5)
def regroup_people(*, user_ids: list[int], besides: int | None) -> None:
    """Evaluate the rules for some accounts in all their portals but one."""
    grouping.regroup_everywhere(user_ids=user_ids, besides=besides, now=timezone.now())


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


_BULK_WORK = {
    BulkJob.Kind.EXPORT_USERS: exports.write,
    BulkJob.Kind.IMPORT_USERS: imports.carry_out,
    BulkJob.Kind.IMPORT_PROGRESS: progress_import.carry_out,
}


@shared_task
def carry_out_bulk_job(*, job_id: int) -> None:
    """Work through a background job, unless another worker does."""
    work = bulk_jobs.take(job_id)
    if work is None:
        return
    try:
        _BULK_WORK[BulkJob.Kind(work.job.kind)](work, now=timezone.now())
    except bulk_jobs.LeaseLost:
        return
    except Unreadable as refusal:
        work.finish(BulkJob.State.FAILED, now=timezone.now(), trouble=str(refusal))
    except BaseException:
        work.let_go()
        raise
    _tell_end(job_id)


def _tell_end(job_id: int) -> None:
    """Tell whoever uploaded a file of users how that ended; previews and downloads are looked at on the page."""
    job = BulkJob.objects.select_related("portal", "requested_by").get(pk=job_id)
    if job.kind == BulkJob.Kind.IMPORT_USERS and job.state in (BulkJob.State.DONE, BulkJob.State.FAILED):
        job_mails.tell_end_of_upload(job, now=timezone.now())


@shared_task
def sweep_bulk_jobs() -> None:
    """Wake workers for the jobs whose worker is gone."""
    for job_id in bulk_jobs.forsaken(timezone.now()):
        carry_out_bulk_job.delay(job_id=job_id)


@shared_task
def delete_old_bulk_jobs() -> None:
    """Delete uploads and downloads after a week."""
    bulk_jobs.delete_old(timezone.now())


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=5)
def hand_over_to_rule(*, group_id: int, actor_id: int | None) -> None:
    """Make the members by hand of a large group members by rule, and write down what came of it."""
    group = Group.objects.select_related("portal").filter(pk=group_id).first()
    if group:
        done = group_changes.hand_over_and_record(group=group, actor_id=actor_id, now=timezone.now())
        job_mails.tell_end_of_hand_over(group=group, actor_id=actor_id, done=done, now=timezone.now())


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=5)
def delete_group(*, group_id: int, unenroll: bool) -> None:
    """Delete a large group."""
    group = Group.objects.filter(pk=group_id).first()
    if group:
        group_changes.delete(group=group, unenroll=unenroll)


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=5)
def rename_choice(*, choice_id: int, value: str, actor_id: int | None) -> None:
    """Rename a choice that many people have."""
    choice = CustomFieldChoice.objects.select_related("field__portal").filter(pk=choice_id).first()
    if choice:
        choice_values.rename(choice=choice, value=value, actor_id=actor_id, now=timezone.now())


@shared_task
def erase_people() -> None:
    """Delete for good those who asked for it a week ago."""
    erasure.erase_due(now=timezone.now())


@shared_task
def forget_old_audit_entries() -> None:
    """Delete what the audit trail need not keep any longer."""
    audit.forget_older(than=timezone.now() - settings.AUDIT_LIFETIME)
