"""Mails that tell an admin how work in the background has ended which they had asked for."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portals.models import Group, Portal
from users import notices
from users.grouping import Regrouped
from users.models import BulkJob, ImportRow, Notice, User

State = ImportRow.State


def tell_end_of_upload(job: BulkJob, *, now: datetime) -> int:
    """Mail the numbers of an upload that was carried out, or why it failed; return how many mails that makes."""
    if job.requested_by is None:
        return 0
    with translation.override(job.portal.language):
        subject, text = _failure(job) if job.state == BulkJob.State.FAILED else _result(job)
        link = job.portal.url(reverse("admin:users_bulkjob_page", args=[job.pk]))
        return _tell(job.requested_by, job.portal, subject=subject, text=text, link=link, now=now)


def tell_end_of_hand_over(*, group: Group, actor_id: int | None, done: Regrouped, now: datetime) -> int:
    """Mail what "Sync all users" came to, where it went on in the background; return how many mails that makes."""
    actor = User.objects.filter(pk=actor_id).first() if actor_id else None
    if actor is None:
        return 0
    with translation.override(group.portal.language):
        left = ngettext("%d member left the group.", "%d members left the group.", done.left) % done.left
        ended = (
            ngettext("%d unfinished enrollment ended.", "%d unfinished enrollments ended.", done.unenrolled)
            % done.unenrolled
        )
        subject = _("The members of “%(group)s” follow its rule now") % {"group": group.title}
        link = group.portal.url(reverse("admin:portals_group_change", args=[group.pk]))
        return _tell(actor, group.portal, subject=subject, text=f"{left} {ended}", link=link, now=now)


def _tell(actor: User, portal: Portal, *, subject: str, text: str, link: str, now: datetime) -> int:
    letter = notices.Letter(actor, f"{portal.name}: {subject}", text)
    return notices.write([letter], kind=Notice.Kind.JOB_ENDED, portal=portal, link=link, now=now)


def _failure(job: BulkJob) -> tuple[str, str]:
    return _("The upload of “%(file)s” failed") % {"file": job.file_name}, job.trouble


def _result(job: BulkJob) -> tuple[str, str]:
    """Return subject and text: how many rows were carried out, and what was not."""
    counts = job.counts
    errors = job.rows.filter(kind=ImportRow.Kind.ERROR).count()
    told = [
        ngettext("%d row was carried out.", "%d rows were carried out.", done) % done
        for done in [_of(counts, State.APPLIED)]
    ]
    if errors:
        told.append(
            ngettext("%d row has an error and was left out.", "%d rows have errors and were left out.", errors)
            % errors
        )
    if refused := _of(counts, State.REFUSED):
        told.append(
            ngettext("%d row has changed since the preview.", "%d rows have changed since the preview.", refused)
            % refused
        )
    if held := _of(counts, State.HELD):
        told.append(ngettext("%d row waits for approval.", "%d rows wait for approval.", held) % held)
    name = {"file": job.file_name}
    if errors or refused or held:
        return _("The upload of “%(file)s” ended with remarks") % name, " ".join(told)
    return _("The upload of “%(file)s” is done") % name, " ".join(told)


def _of(counts: dict[str, int], state: State) -> int:
    return int(counts.get(state.value, 0))
