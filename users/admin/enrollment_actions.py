"""What the list of users can do about courses."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from portals.confirmations import confirmed_action
from users.admin.course_forms import EnrollInCourseForm
from users.admin.courses import enroll_and_tell
from users.models import Membership


class EnrollsPeople:
    """Mixed into the list of users: enroll those chosen."""

    @confirmed_action(
        EnrollInCourseForm, permissions=["enroll"], description=gettext_lazy("Enroll in a course"), icon="school"
    )
    def enroll_in_course(self, request: HttpRequest, form: Any, rows: list[Membership]) -> str:
        """Enroll people in a course."""
        ids = [row.pk for row in rows]
        return enroll_and_tell(request, form, course=form.cleaned_data["course"], membership_ids=ids)
