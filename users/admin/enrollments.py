"""Enrollments: who takes which course, and how far they are; looked at, not edited."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from portals.scoping import PortalScopedAdmin, ReadOnly, RelatedFilter
from users.models import Enrollment


@admin.register(Enrollment)
class EnrollmentAdmin(ReadOnly, PortalScopedAdmin):
    """The enrollments of a portal."""

    portal_path = "membership__portal"
    list_display = ["membership", "course", "status", "percent", "due_on", "enrolled_at", "completed_at"]
    list_filter = [("status", ChoicesDropdownFilter), ("course", RelatedFilter)]
    list_select_related = ["membership__user", "course"]
    search_fields = ["membership__user__first_name", "membership__user__last_name", "membership__user__email"]
    ordering = ["-pk"]
    fields = [
        "membership",
        "course",
        "status",
        "percent",
        "score",
        "is_required",
        "due_on",
        "source_group",
        "enrolled_at",
        "started_at",
        "completed_at",
    ]
