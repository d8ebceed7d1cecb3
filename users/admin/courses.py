"""Courses with their people: how many are how far, enroll more, publish and archive."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from portals import definitions
from portals.admin.courses import CourseAdmin as DefinitionAdmin
from portals.confirmations import confirmed_action
from portals.models import Course
from portals.read_only import once_a_row
from portals.scoping import administers, standing
from portals.standing import Permission
from users import audit, enrollments
from users.admin.course_forms import ArchiveForm, EnrollPeopleForm, PublishForm
from users.models import CourseInstructor, Enrollment, Membership

Status = Course.Status
LINK = '<a href="{}" class="text-link underline">{}</a>'

admin.site.unregister(Course)


@admin.register(Course)
class CourseAdmin(DefinitionAdmin):
    """Courses with their people."""

    # Managers see the courses of their groups, instructors their own.
    group_path = "group_courses__group"
    list_display = ["title", "reference", "show_status", "show_people", "show_open", "show_finished", "created_at"]
    actions_detail = ["enroll_people", "publish", "archive"]
    readonly_fields = ["progress"]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list, its courses with the number of people by status: one query, from the index alone."""
        found = super().get_changelist_instance(request)
        numbers = _numbers([course.pk for course in found.result_list])
        for course in found.result_list:
            course.numbers = numbers[course.pk]
        return found

    def get_fieldsets(self, request: HttpRequest, obj: Course | None = None) -> Any:
        """Return the fields; a course that exists has people."""
        fieldsets = super().get_fieldsets(request, obj)
        return [(None, {"fields": ["progress"]}), *fieldsets] if obj is not None else fieldsets

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the visitor is an admin, or an instructor who may create courses."""
        return standing(request).may(Permission.CREATE_COURSES)

    def has_change_permission(self, request: HttpRequest, obj: Course | None = None) -> bool:
        """Whether the visitor is an admin, or an instructor who may edit their courses."""
        return standing(request).may(Permission.EDIT_COURSES) and self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Course | None = None) -> bool:
        """Whether the visitor is an admin and nobody has ever taken the course: otherwise it is archived."""
        return obj is not None and super().has_delete_permission(request, obj) and not obj.enrollments.exists()

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Return what can be done with the course as things are."""
        course = self.get_object(request, str(object_id))
        is_published = course is not None and course.status == Status.PUBLISHED
        unfit = ("publish",) if is_published else ("archive", "enroll_people")
        actions = super().get_actions_detail(request, object_id)
        return [action for action in actions if not action.action_name.endswith(unfit)]

    @display(description=gettext_lazy("people"))
    def show_people(self, course: Any) -> SafeString:
        """Return how many are enrolled, as a link to their progress."""
        return format_html(LINK, _progress_url(course), course.numbers.total())

    @display(description=gettext_lazy("not finished"))
    def show_open(self, course: Any) -> int:
        """Return how many have no result yet; those whose work is still reviewed have none."""
        numbers: Counter[str] = course.numbers
        return numbers.total() - sum(numbers[status] for status in Enrollment.FINISHED)

    @display(description=gettext_lazy("finished"))
    def show_finished(self, course: Any) -> int:
        """Return how many have a result."""
        numbers: Counter[str] = course.numbers
        return sum(numbers[status] for status in Enrollment.FINISHED)

    @display(description=gettext_lazy("people"))
    @once_a_row
    def progress(self, course: Any) -> SafeString | str:
        """Return how many people are how far, as links to who they are."""
        numbers = _numbers([course.pk])[course.pk]
        if not numbers:
            return _("Nobody takes this course yet: put it on a group below, or enroll people.")
        page, today = _progress_url(course), course.portal.today(timezone.now())
        late = Enrollment.objects.filter(course=course, status__in=Enrollment.UNFINISHED, due_on__lt=today).count()
        links = [(page, _("All"), numbers.total())]
        links += [
            (f"{page}&status__exact={status}", str(status.label), numbers[status])
            for status in Enrollment.Status
            if numbers[status]
        ]
        links += [(f"{page}&due=overdue", _("Overdue"), late)] if late else []
        return format_html_join(" · ", '<a href="{}" class="text-link underline nowrap">{}: {}</a>', links)

    def save_model(self, request: HttpRequest, obj: Course, form: Any, change: Any) -> None:
        """Save the course; who creates one as an instructor teaches it."""
        super().save_model(request, obj, form, change)
        if not change and not administers(request):
            creator = Membership.objects.get(portal=obj.portal_id, user=request.user.pk)
            CourseInstructor.objects.create(course=obj, membership=creator)

    @confirmed_action(
        EnrollPeopleForm, permissions=["enroll"], description=gettext_lazy("Enroll people"), icon="person_add"
    )
    def enroll_people(self, request: HttpRequest, form: Any, rows: list[Course]) -> str:
        """Enroll people in the course."""
        return enroll_and_tell(request, form, course=rows[0], membership_ids=form.membership_ids)

    @confirmed_action(PublishForm, permissions=["change"], description=gettext_lazy("Publish"), icon="publish")
    def publish(self, request: HttpRequest, form: Any, rows: list[Course]) -> str:
        """Publish the course, and let the members of its groups follow."""
        if not self._move(request, rows[0], Status.PUBLISHED):
            return _("The course is published already.")
        for sentence in definitions.announce_published(rows[0]):
            messages.info(request, sentence)
        return _("The course is published.")

    @confirmed_action(ArchiveForm, permissions=["change"], description=gettext_lazy("Archive"), icon="archive")
    def archive(self, request: HttpRequest, form: Any, rows: list[Course]) -> str:
        """Archive the course."""
        if not self._move(request, rows[0], Status.ARCHIVED):
            return _("The course is archived already.")
        return _("The course is archived.")

    def _move(self, request: HttpRequest, course: Course, status: Status) -> bool:
        """Change the status, if it is another one by now, and note it in the trail."""
        moved = Course.objects.filter(pk=course.pk).exclude(status=status).update(status=status)
        if moved:
            before, after = {"status": course.status}, {"status": status}
            audit.record(
                portal=course.portal, action="changed", object=course, before=before, after=after, request=request
            )
            course.status = status
        return bool(moved)


def enroll_and_tell(request: HttpRequest, form: Any, *, course: Course, membership_ids: list[int]) -> str:
    """Enroll people on the terms of an EnrollForm, and return what came of it."""
    answers = form.cleaned_data
    try:
        done = enrollments.enroll(
            course=course,
            membership_ids=membership_ids,
            is_required=answers["is_required"],
            due_on=answers["due_on"],
            reenrolls=answers["reenrolls"],
            actor_id=request.user.pk,
            now=timezone.now(),
        )
    except enrollments.EnrollmentRefused:
        return _("Nobody was enrolled: the course is not published.")
    told = [ngettext("%d person was enrolled.", "%d people were enrolled.", done.begun) % done.begun]
    if done.had_it:
        told.append(ngettext("%d has the course already.", "%d have the course already.", done.had_it) % done.had_it)
    if number := done.without_access:
        told.append(ngettext("%d has no access.", "%d have no access.", number) % number)
    return " ".join(told)


def _numbers(course_ids: list[int]) -> dict[int, Counter[str]]:
    """Return how many people are how far, by course."""
    numbers: dict[int, Counter[str]] = {pk: Counter() for pk in course_ids}
    rows = Enrollment.objects.filter(course__in=course_ids).order_by().values_list("course", "status")
    for course_id, status, people in rows.annotate(people=Count("pk")):
        numbers[course_id][status] = people
    return numbers


def _progress_url(course: Course) -> str:
    return reverse("admin:users_enrollment_changelist") + f"?course__id__exact={course.pk}"
