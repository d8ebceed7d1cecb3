"""Progress: who takes which course and how far they are; results by hand, taking courses away, starting again."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from portals.confirmations import confirmed_action
from portals.paging import BoundedPaginator
from portals.scoping import PortalScopedAdmin, ReadOnly, RelatedFilter
from portals.standing import Level
from users import enrollments, progress
from users.admin import cells
from users.admin.course_forms import ReenrollForm, SetResultForm, UnenrollForm
from users.admin.enrollment_filters import DueFilter, LearnerGroupFilter, RequiredFilter
from users.admin.progress_upload import UploadsProgress
from users.models import Enrollment

Status = Enrollment.Status
COLORS = {
    Status.NOT_STARTED: "default",
    Status.COMPLETED: "success",
    Status.PASSED: "success",
    Status.FAILED: "danger",
    Status.IN_PROGRESS: "info",
    Status.PENDING_REVIEW: "warning",
}
# Enrollments that one statement changes.
BATCH = 2000


@admin.register(Enrollment)
class EnrollmentAdmin(UploadsProgress, ReadOnly, PortalScopedAdmin):
    """The enrollments of a portal, or of a course."""

    portal_path = "course__portal"
    least_level = Level.INSTRUCTOR
    group_path = "membership__group_memberships__group"
    course_path = "course"
    paginator = BoundedPaginator
    list_display = [
        "show_person",
        "show_course",
        "show_status",
        "show_percent",
        "show_due",
        "show_enrolled",
        "show_completed",
    ]
    list_filter = [
        ("course", RelatedFilter),
        ("status", ChoicesDropdownFilter),
        DueFilter,
        RequiredFilter,
        LearnerGroupFilter,
    ]
    list_select_related = ["membership__user", "course__portal", "source_group"]
    search_fields = ["membership__user__first_name", "membership__user__last_name", "membership__user__email"]
    search_help_text = gettext_lazy("Name or e-mail address. The list ends after 10,000 rows: filter for the others.")
    ordering = ["-pk"]
    list_per_page = 50
    actions = ["set_complete", "enroll_again", "unenroll"]
    actions_detail = ["set_complete", "enroll_again", "unenroll"]
    fieldsets = [
        (None, {"fields": ["person", "course", "source_group", "is_required", "due_on"]}),
        (
            gettext_lazy("Progress"),
            {
                "fields": [
                    "status",
                    "percent",
                    "score",
                    "enrolled_at",
                    "started_at",
                    "completed_at",
                    "recorded_by",
                    "note",
                ]
            },
        ),
    ]
    readonly_fields = ["person"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Enrollment]:
        """Return the rows with what their names need."""
        rows: QuerySet[Enrollment] = super().get_queryset(request)
        return rows.select_related("membership__user", "course__portal", "source_group")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Return what can be done with the enrollment as things are."""
        row = self.get_object(request, str(object_id))
        unfit = () if row and row.status in Enrollment.FINISHED else ("enroll_again",)
        return [one for one in super().get_actions_detail(request, object_id) if not one.action_name.endswith(unfit)]

    @display(description=gettext_lazy("person"), ordering="membership__user__last_name")
    def show_person(self, row: Enrollment) -> SafeString:
        """Return name and address in two lines."""
        return cells.name_and_address(row.membership.user)

    @display(description=gettext_lazy("course"), ordering="course__title")
    def show_course(self, row: Enrollment) -> SafeString:
        """Return the course, and the group that it came by."""
        group = row.source_group
        return cells.with_note(row.course, _("through group %(group)s") % {"group": group} if group else "")

    @display(description=gettext_lazy("person"))
    def person(self, row: Enrollment) -> SafeString:
        """Return a link to the person."""
        url = reverse("admin:users_membership_change", args=[row.membership_id])
        return format_html('<a href="{}" class="text-link underline">{}</a>', url, row.membership)

    @display(description=gettext_lazy("status"), ordering="status")
    def show_status(self, row: Enrollment) -> SafeString:
        """Return the status as a label."""
        return cells.label(row.get_status_display(), COLORS[Status(row.status)])

    @display(description=gettext_lazy("progress"), ordering="percent")
    def show_percent(self, row: Enrollment) -> SafeString:
        """Return how far the person is, and the score."""
        score = "" if row.score is None else _("Score\u00a0%(score)s") % {"score": row.score}
        percent = format_html('<span class="nowrap">{}\u00a0%</span>', row.percent)
        return cells.with_note(percent, score)

    @display(description=gettext_lazy("due"), ordering="due_on")
    def show_due(self, row: Enrollment) -> SafeString:
        """Return the due date, marked when it has passed, and whether the course is required."""
        day: SafeString | str = "–"
        if row.due_on:
            day = cells.day(row.due_on)
            if row.is_overdue(row.course.portal.today(timezone.now())):
                mark = '<span class="font-semibold nowrap text-red-700 dark:text-red-400">{} · {}</span>'
                day = format_html(mark, day, _("overdue"))
        return cells.with_note(day, _("Required") if row.is_required else _("Optional"))

    @display(description=gettext_lazy("enrolled"), ordering="enrolled_at")
    def show_enrolled(self, row: Enrollment) -> SafeString:
        """Return the day of the enrollment."""
        return cells.day(row.enrolled_at)

    @display(description=gettext_lazy("completed"), ordering="completed_at")
    def show_completed(self, row: Enrollment) -> SafeString | str:
        """Return the day of the result."""
        return cells.day(row.completed_at) if row.completed_at else "–"

    @confirmed_action(
        SetResultForm,
        permissions=["mark_complete"],
        description=gettext_lazy("Set complete"),
        icon="task_alt",
        takes_all=True,
    )
    def set_complete(self, request: HttpRequest, form: Any, rows: QuerySet[Enrollment]) -> str:
        """Give people a result by hand: one, some, or all that match the filters."""
        now, changed, answers = timezone.now(), 0, form.cleaned_data
        for portal in form.portals():
            ids = list(rows.filter(course__portal=portal).order_by("pk").values_list("pk", flat=True))
            for start in range(0, len(ids), BATCH):
                changed += progress.set_results(
                    enrollment_ids=ids[start : start + BATCH],
                    status=answers["status"],
                    completed_at=form.completed_at(portal, now),
                    score=answers["score"],
                    note=answers["note"],
                    actor_id=request.user.pk,
                    now=now,
                )
        return ngettext("%d enrollment was changed.", "%d enrollments were changed.", changed) % changed

    @confirmed_action(
        ReenrollForm, permissions=["enroll"], description=gettext_lazy("Enroll again"), icon="restart_alt"
    )
    def enroll_again(self, request: HttpRequest, form: Any, rows: list[Enrollment]) -> str:
        """Start finished courses anew."""
        now, begun, refused = timezone.now(), 0, set()
        finished = [row for row in rows if row.status in Enrollment.FINISHED]
        for course, group in groupby(sorted(finished, key=lambda row: row.course_id), lambda row: row.course):
            several = list(group)
            try:
                begun += enrollments.enroll(
                    course=course,
                    membership_ids=[row.membership_id for row in several],
                    is_required=any(row.is_required for row in several),
                    due_on=form.cleaned_data["due_on"],
                    reenrolls=True,
                    actor_id=request.user.pk,
                    now=now,
                ).begun
            except enrollments.EnrollmentRefused:
                refused.add(course.title)
        text = ngettext("%d course starts anew.", "%d courses start anew.", begun) % begun
        if refused:
            text += " " + _("Not published: %s.") % ", ".join(sorted(refused))
        return text

    @confirmed_action(
        UnenrollForm,
        permissions=["unenroll"],
        description=gettext_lazy("Unenroll"),
        icon="person_remove",
        variant=ActionVariant.DANGER,
    )
    def unenroll(self, request: HttpRequest, form: Any, rows: list[Enrollment]) -> str:
        """Take courses away."""
        done = enrollments.unenroll(
            enrollment_ids=[row.pk for row in rows],
            from_history=form.cleaned_data["from_history"],
            actor_id=request.user.pk,
            now=timezone.now(),
        )
        text = ngettext("%d enrollment was removed.", "%d enrollments were removed.", done.removed) % done.removed
        if done.kept:
            text += " " + ngettext("%d stays in the history.", "%d stay in the history.", done.kept) % done.kept
        return text
