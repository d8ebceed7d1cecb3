"""Notices: mails that tell someone what happened to their account; they are an outbox of their own."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portals.models import Portal

from .accounts import User


class Notice(models.Model):
    """One mail about an account, to the address of the time: it is kept until it was sent, and then for the record."""

    class Kind(models.TextChoices):
        PASSWORD_CHANGED = "password_changed", _("Password changed")
        ADDRESS_CHANGED = "address_changed", _("E-mail address changed")
        SECOND_FACTOR_ADDED = "second_factor_added", _("Second factor set up")
        SECOND_FACTOR_REMOVED = "second_factor_removed", _("Second factor removed")
        DELETION_ASKED = "deletion_asked", _("Deletion requested")
        DELETION_TO_DECIDE = "deletion_to_decide", _("Deletion requested, for admins")
        DELETION_TAKEN_BACK = "deletion_taken_back", _("Deletion taken back")
        REPORT = "report", _("Report, for admins")
        JOB_ENDED = "job_ended", _("End of work in the background")
        COURSE_DUE = "course_due", _("Reminder of courses")
        PEOPLE_ADDED = "people_added", _("Who was added, for admins")

    # They bring their own words.
    IN_OWN_WORDS = (Kind.REPORT, Kind.JOB_ENDED, Kind.COURSE_DUE, Kind.PEOPLE_ADDED)

    class State(models.TextChoices):
        SCHEDULED = "scheduled", _("Waiting to be sent")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Could not be sent")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices", verbose_name=_("account"))
    # In whose name the mail goes out; None for operators.
    portal = models.ForeignKey(
        Portal, null=True, on_delete=models.CASCADE, db_index=False, related_name="+", verbose_name=_("portal")
    )
    kind = models.CharField(_("kind"), max_length=21, choices=Kind)
    address = models.EmailField(_("to"))
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.SCHEDULED)
    created_at = models.DateTimeField(_("created at"))
    # Instant from which a worker may (again) try to hand the mail over.
    next_try_at = models.DateTimeField(_("next try at"), null=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    failure = models.CharField(_("why it could not be sent"), max_length=300, blank=True)
    # A report and the like bring their own words, in the portal's language, and the page that it is about.
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    text = models.TextField(_("text"), blank=True)
    link = models.URLField(_("page"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(state="scheduled"), name="notice_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
