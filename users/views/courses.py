"""A learner's courses: see them, open one, start and complete it."""

from typing import Any

from django.contrib import messages
from django.db.models import F, QuerySet
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from portals.models import Course
from users import enrollments
from users.backends import membership_of
from users.models import Enrollment

from .base import MemberPage


class CoursesPage(MemberPage, TemplateView):
    """What there is to do, what is done."""

    template_name = "users/courses.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Split the courses into open and finished ones."""
        membership = membership_of(self.request)
        found = (
            list(_of(membership.pk).order_by(F("due_on").asc(nulls_last=True), "course__title")) if membership else []
        )
        return super().get_context_data(
            unfinished=[one for one in found if one.status in Enrollment.UNFINISHED],
            finished=[one for one in found if one.status not in Enrollment.UNFINISHED],
            today=self.portal.today(timezone.now()),
            **kwargs,
        )


class CoursePage(MemberPage, TemplateView):
    """The content of one course, and how far one is."""

    template_name = "users/course.html"

    @property
    def enrollment(self) -> Enrollment:
        """The visitor's own enrollment."""
        return get_object_or_404(_of(self.membership.pk), pk=self.kwargs["enrollment_id"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the enrollment."""
        today = self.portal.today(timezone.now())
        return super().get_context_data(enrollment=self.enrollment, today=today, **kwargs)

    def post(self, *args: Any, **kwargs: Any) -> HttpResponseRedirect:
        """Start or complete the course."""
        enrollment, now = self.enrollment, timezone.now()
        match self.request.POST.get("action"):
            case "start" if enrollment.status == Enrollment.Status.NOT_STARTED:
                enrollments.record_progress(
                    enrollment=enrollment, status=Enrollment.Status.IN_PROGRESS, percent=enrollment.percent, now=now
                )
            case "complete" if enrollment.status in Enrollment.UNFINISHED:
                enrollments.record_progress(
                    enrollment=enrollment, status=Enrollment.Status.COMPLETED, percent=100, now=now
                )
                messages.success(self.request, _("You have completed this course."))
        return redirect("users:course", enrollment_id=enrollment.pk)


def _of(membership_id: int) -> QuerySet[Enrollment]:
    """Return a person's enrollments in courses that are out, with the courses."""
    return Enrollment.objects.filter(membership=membership_id, course__status=Course.Status.PUBLISHED).select_related(
        "course"
    )
