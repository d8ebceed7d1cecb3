"""Filters of the list of enrollments."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from users.admin.person_filters import MemberGroupFilter
from users.models import Enrollment

Rows = QuerySet[Enrollment]


class DueFilter(DropdownFilter):
    """Unfinished enrollments by their due date."""

    title = _("due date")
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return what can be asked."""
        return [("overdue", _("Overdue")), ("week", _("Due within 7 days")), ("none", _("No due date"))]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Return what is due."""
        today = timezone.localdate()
        unfinished = queryset.filter(status__in=Enrollment.UNFINISHED)
        match self.value():
            case "overdue":
                return unfinished.filter(due_on__lt=today)
            case "week":
                return unfinished.filter(due_on__range=(today, today + timedelta(days=7)))
            case "none":
                return queryset.filter(due_on=None)
        return queryset


class RequiredFilter(DropdownFilter):
    """Required and voluntary courses."""

    title = _("required")
    parameter_name = "required"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return both."""
        return [("yes", _("Required")), ("no", _("Voluntary"))]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Return what is required, or what is not."""
        return queryset.filter(is_required=self.value() == "yes") if self.value() in {"yes", "no"} else queryset


class LearnerGroupFilter(MemberGroupFilter):
    """Enrollments of the members of a group."""

    path = "membership__group_memberships__group"
