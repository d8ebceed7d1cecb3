"""Courses: what they are, and the groups whose members take them."""

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from portals import definitions
from portals.admin.group_terms import CourseGroupInline, TakingOffForm, save_terms
from portals.models import Course
from portals.scoping import PortalScopedAdmin
from portals.standing import Level

Status = Course.Status


class CourseForm(TakingOffForm):
    """A course; a new one is a draft or is published at once, later there are buttons that say what follows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "status" in self.fields:
            field: Any = self.fields["status"]
            field.choices = [choice for choice in Status.choices if choice[0] != Status.ARCHIVED]

    def clean(self) -> dict[str, Any]:
        """Refuse a second reminder that does not come after a first one."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        first, second = cleaned.get("first_reminder_days"), cleaned.get("second_reminder_days")
        if second is not None and (first is None or second >= first):
            self.add_error("second_reminder_days", _("The second reminder comes after the first: fewer days before."))
        return cleaned


@admin.register(Course)
class CourseAdmin(PortalScopedAdmin):
    """What there is to learn; groups enroll their members."""

    portal_path = "portal"
    course_path = "pk"
    least_level = Level.INSTRUCTOR
    form = CourseForm
    list_display = ["title", "reference", "show_status", "created_at"]
    list_filter = ["status"]
    search_fields = ["title", "reference"]
    ordering = ["title", "pk"]
    list_per_page = 50
    inlines = [CourseGroupInline]
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    fieldsets = [
        (None, {"fields": ["title", "reference", "status", "description"]}),
        (_("Content"), {"fields": ["content_url", "content_text"]}),
        (_("Reminders before the due date"), {"fields": ["first_reminder_days", "second_reminder_days"]}),
    ]

    @display(
        description=_("status"),
        ordering="status",
        label={Status.PUBLISHED: "success", Status.DRAFT: "info", Status.ARCHIVED: "default"},
    )
    def show_status(self, course: Course) -> tuple[str, str]:
        """Return the status as a label."""
        return course.status, course.get_status_display()

    def get_fieldsets(self, request: HttpRequest, obj: Course | None = None) -> Any:
        """Return the fields; the question about groups needs a saved course."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or not self.has_change_permission(request, obj):
            return fieldsets
        return [*fieldsets, (_("Groups"), {"fields": ["unenroll"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Course | None = None) -> Any:
        """Return what cannot be typed in: the status of a course that exists is changed by its buttons."""
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "status"] if obj is not None else fields

    def save_model(self, request: HttpRequest, obj: Course, form: ModelForm, change: Any) -> None:
        """Save the course; once it is published, the members of its groups are enrolled."""
        super().save_model(request, obj, form, change)
        if "status" in form.changed_data and obj.status == Status.PUBLISHED:
            for sentence in definitions.announce_published(obj):
                messages.info(request, sentence)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save the groups of the course, and let their members follow."""
        save_terms(request, form, formset)
