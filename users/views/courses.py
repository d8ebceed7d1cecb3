"""A learner's courses: see them, open one, start it, say how far one is, complete it."""

from typing import Any

from django.contrib import messages
from django.db.models import F, Q, QuerySet
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from portals.models import Course
from users import progress
from users.backends import membership_of
from users.forms import PercentForm
from users.models import Enrollment

from .base import MemberPage

Status = Enrollment.Status


class CoursesPage(MemberPage, TemplateView):
    """What is overdue, what there is to do, what is done."""

    template_name = "users/courses.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Split the courses into open and finished ones."""
        membership, today = membership_of(self.request), self.portal.today(timezone.now())
        soonest = F("due_on").asc(nulls_last=True)
        found = list(_of(membership.pk).order_by(soonest, "-is_required", "course__title")) if membership else []
        unfinished = [one for one in found if one.status in Enrollment.UNFINISHED]
        finished = [one for one in found if one.status not in Enrollment.UNFINISHED]
        return super().get_context_data(
            overdue=[one for one in unfinished if one.is_overdue(today)],
            unfinished=[one for one in unfinished if not one.is_overdue(today)],
            finished=sorted(finished, key=lambda one: one.completed_at or one.enrolled_at, reverse=True),
            today=today,
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
        """Add the enrollment, and the field for the percentage of someone at work."""
        enrollment = self.enrollment
        kwargs.setdefault("form", PercentForm(initial={"percent": enrollment.percent}))
        return super().get_context_data(
            enrollment=enrollment,
            today=self.portal.today(timezone.now()),
            is_open=enrollment.status in Enrollment.UNFINISHED,
            is_archived=enrollment.course.status == Course.Status.ARCHIVED,
            **kwargs,
        )

    def post(self, *args: Any, **kwargs: Any) -> HttpResponseRedirect:
        """Start the course, note how far the visitor is, or complete it; what is finished stays as it is."""
        enrollment = self.enrollment
        if enrollment.status in Enrollment.UNFINISHED:
            self._act(enrollment)
        return redirect("users:course", enrollment_id=enrollment.pk)

    def _act(self, enrollment: Enrollment) -> None:
        match self.request.POST.get("action"):
            case "start" if enrollment.status == Status.NOT_STARTED:
                self._record(enrollment, Status.IN_PROGRESS, enrollment.percent)
            case "progress":
                form = PercentForm(self.request.POST)
                if form.is_valid():
                    self._record(enrollment, Status.IN_PROGRESS, form.cleaned_data["percent"])
                    messages.success(self.request, _("Saved."))
                else:
                    messages.error(self.request, _("Enter a whole number from 0 to 99."))
            case "complete":
                self._record(enrollment, Status.COMPLETED, 100)
                messages.success(self.request, _("You have completed this course."))

    def _record(self, enrollment: Enrollment, status: str, percent: int) -> None:
        try:
            progress.record(enrollment=enrollment, status=status, percent=percent, now=timezone.now())
        except (progress.ProgressRefused, Enrollment.DoesNotExist):
            # It was finished or taken away meanwhile: the page shows how it is now.
            return


def _of(membership_id: int) -> QuerySet[Enrollment]:
    """Return a person's enrollments with their courses: of archived courses only what is history."""
    published = Q(course__status=Course.Status.PUBLISHED)
    history = Q(course__status=Course.Status.ARCHIVED) & ~Q(status__in=Enrollment.UNFINISHED)
    return Enrollment.objects.filter(published | history, membership=membership_id).select_related("course")
