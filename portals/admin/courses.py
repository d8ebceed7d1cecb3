"""Courses."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from portals import definitions
from portals.models import Course
from portals.scoping import PortalScopedAdmin


@admin.register(Course)
class CourseAdmin(PortalScopedAdmin):
    """What there is to learn; groups enroll their members."""

    portal_path = "portal"
    list_display = ["title", "reference", "show_status", "created_at"]
    list_filter = ["status"]
    search_fields = ["title", "reference"]
    ordering = ["title", "pk"]
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    fieldsets = [
        (None, {"fields": ["title", "reference", "status", "description"]}),
        (_("Content"), {"fields": ["content_url", "content_text"]}),
    ]

    @display(
        description=_("status"),
        ordering="status",
        label={Course.Status.PUBLISHED: "success", Course.Status.DRAFT: "info"},
    )
    def show_status(self, course: Course) -> tuple[str, str]:
        """Return the status as a label."""
        return course.status, course.get_status_display()

    def save_model(self, request: HttpRequest, obj: Course, form: ModelForm, change: Any) -> None:
        """Save the course; once it is published, the members of its groups are enrolled."""
        super().save_model(request, obj, form, change)
        if "status" in form.changed_data and obj.status == Course.Status.PUBLISHED:
            definitions.announce_published(obj)
