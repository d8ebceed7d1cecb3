"""Courses, and which groups are enrolled in them."""

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from .groups import Group
from .realms import Portal


class Course(models.Model):
    """Something to learn: a link or a text."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")
        ARCHIVED = "archived", _("Archived")

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="courses", verbose_name=_("portal"))
    title = models.CharField(_("title"), max_length=200)
    # Stays the same whatever the course is called: files of course players name the course by it.
    reference = models.CharField(_("reference code"), max_length=50, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT)
    description = models.CharField(_("description"), max_length=500, blank=True)
    content_url = models.URLField(_("content link"), blank=True)
    content_text = models.TextField(_("content"), blank=True)
    first_reminder_days = models.PositiveSmallIntegerField(
        _("first reminder (days before it is due)"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(365)],
        help_text=_("A mail to those who have not finished the course. Empty: no reminder."),
    )
    second_reminder_days = models.PositiveSmallIntegerField(
        _("second reminder (days before it is due)"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(365)],
        help_text=_("0: on the day itself. Empty: no second reminder."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("course")
        verbose_name_plural = _("courses")
        constraints = [
            models.UniqueConstraint("portal", Lower("title"), name="course_title_once"),
            models.UniqueConstraint(
                "portal", Lower("reference"), condition=~models.Q(reference=""), name="course_reference_once"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class GroupCourse(models.Model):
    """Everyone in the group is enrolled in the course."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="group_courses", verbose_name=_("group"))
    course = models.ForeignKey(
        Course, on_delete=models.CASCADE, related_name="group_courses", verbose_name=_("course")
    )
    is_required = models.BooleanField(_("required"), default=False)
    due_days = models.PositiveSmallIntegerField(
        _("due after (days)"), null=True, blank=True, help_text=_("Days after the enrollment; empty: no due date.")
    )
    reenroll_completed = models.BooleanField(_("enroll again those who completed it before"), default=False)

    class Meta:
        verbose_name = _("course of a group")
        verbose_name_plural = _("courses of a group")
        constraints = [models.UniqueConstraint(fields=["group", "course"], name="group_course_once")]

    def __str__(self) -> str:
        return f"{self.group_id}: {self.course_id}"
