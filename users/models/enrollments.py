"""Enrollments: a learner takes a course."""

from datetime import date

from django.db import models
from django.utils.translation import gettext_lazy as _

from portals.models import Course, Group

from .memberships import Membership


class Enrollment(models.Model):
    """A learner's progress in one course."""

    class Status(models.TextChoices):
        NOT_STARTED = "not_started", _("Not started")
        IN_PROGRESS = "in_progress", _("In progress")
        COMPLETED = "completed", _("Completed")
        PASSED = "passed", _("Passed")
        FAILED = "failed", _("Failed")
        PENDING_REVIEW = "pending_review", _("Pending review")

    class RecordedBy(models.TextChoices):
        LEARNER = "learner", _("The learner")
        ADMIN = "admin", _("An admin")
        FILE = "file", _("A file")

    UNFINISHED = (Status.NOT_STARTED, Status.IN_PROGRESS)
    FINISHED = (Status.COMPLETED, Status.PASSED, Status.FAILED)
    # What is told of earlier days is a slip; those of the year 1 cannot even be shown in every time zone.
    EARLIEST_COMPLETION = date(1970, 1, 1)

    membership = models.ForeignKey(
        Membership, on_delete=models.CASCADE, db_index=False, related_name="enrollments", verbose_name=_("user")
    )
    course = models.ForeignKey(
        Course, on_delete=models.CASCADE, db_index=False, related_name="enrollments", verbose_name=_("course")
    )
    status = models.CharField(_("status"), max_length=14, choices=Status, default=Status.NOT_STARTED)
    percent = models.PositiveSmallIntegerField(_("percent complete"), default=0)
    score = models.DecimalField(_("score"), max_digits=5, decimal_places=2, null=True, blank=True)
    is_required = models.BooleanField(_("required"), default=False)
    due_on = models.DateField(_("due on"), null=True, blank=True)
    # The group whose course this was; empty for an enrollment made by hand.
    source_group = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("through group")
    )
    enrolled_at = models.DateTimeField(_("enrolled at"))
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)
    # Where the status last came from; empty until there is progress.
    recorded_by = models.CharField(
        _("recorded by"), max_length=7, choices=RecordedBy, blank=True, default="", db_default=""
    )
    note = models.CharField(_("note"), max_length=500, blank=True, default="", db_default="")
    # How often the course was begun: whoever has finished it can be enrolled again.
    attempt = models.PositiveSmallIntegerField(default=1, db_default=1, editable=False)
    # Which of the course's two reminders was the last to be sent.
    reminder = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    # Goes up with every change, so that a slow writer cannot report an older state.
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        verbose_name = _("enrollment")
        verbose_name_plural = _("enrollments")
        constraints = [
            models.UniqueConstraint(fields=["membership", "course"], name="enrollment_once"),
            models.CheckConstraint(condition=models.Q(percent__lte=100), name="enrollment_percent"),
        ]
        # A course's people by status: the progress table, and its numbers without a look at the table itself.
        indexes = [models.Index(fields=["course", "status"], name="enrollment_course_status")]

    def __str__(self) -> str:
        return f"{self.membership_id}: {self.course_id}"

    def is_overdue(self, today: date) -> bool:
        """Whether it should have been finished before today; the due date is advice, the course stays open."""
        return self.status in self.UNFINISHED and self.due_on is not None and self.due_on < today


class FormerEnrollment(models.Model):
    """Progress in a course that someone left unfinished with a group: it comes back with the course."""

    membership = models.ForeignKey(
        Membership, on_delete=models.CASCADE, db_index=False, related_name="former_enrollments", verbose_name=_("user")
    )
    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="+", verbose_name=_("course"))
    percent = models.PositiveSmallIntegerField(_("percent complete"))
    score = models.DecimalField(_("score"), max_digits=5, decimal_places=2, null=True)
    started_at = models.DateTimeField(_("started at"), null=True)
    recorded_by = models.CharField(_("recorded by"), max_length=7, choices=Enrollment.RecordedBy, blank=True)
    note = models.CharField(_("note"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("former enrollment")
        verbose_name_plural = _("former enrollments")
        constraints = [models.UniqueConstraint(fields=["membership", "course"], name="former_enrollment_once")]

    def __str__(self) -> str:
        return f"{self.membership_id}: {self.course_id}"
