"""Questions that are asked before people are enrolled, unenrolled, or get a result; and before a course changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from portals.confirmations import ConfirmationForm
from portals.forms import DateInput
from portals.models import Course, Group, Portal
from users.group_courses import LARGE
from users.models import Enrollment, GroupMembership, Membership

Status = Enrollment.Status


class EnrollForm(ConfirmationForm):
    """On which terms people are enrolled by hand."""

    button = gettext_lazy("Enroll")

    is_required = forms.BooleanField(label=gettext_lazy("Required"), required=False, widget=UnfoldBooleanWidget)
    due_on = forms.DateField(
        label=gettext_lazy("Due on"),
        required=False,
        widget=DateInput,
        help_text=gettext_lazy("Advice: the course stays open after this day."),
    )
    reenrolls = forms.BooleanField(
        label=gettext_lazy("Enroll again those who have finished it before"),
        required=False,
        widget=UnfoldBooleanWidget,
        help_text=gettext_lazy("Their course starts anew; the earlier result is kept in the audit trail only."),
    )

    def sentences(self) -> list[Any]:
        """Say who is passed over."""
        return [
            _("Whoever has the course already keeps it, with the stricter terms."),
            _("Pending people and people without access are passed over."),
        ]


class EnrollPeopleForm(EnrollForm):
    """Who is enrolled in the course at hand."""

    title = gettext_lazy("Enroll people")

    emails = forms.CharField(
        label=gettext_lazy("E-mail addresses"),
        help_text=gettext_lazy("One per line, of people who are in the list of users."),
        required=False,
        widget=UnfoldAdminTextareaWidget,
    )
    group = forms.ModelChoiceField(
        label=gettext_lazy("Everyone who is now in the group"),
        help_text=gettext_lazy("Once. To enroll whoever joins later as well, put the course on the group instead."),
        queryset=Group.objects.none(),
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    field_order = ("emails", "group")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Who was found.
        self.membership_ids: list[int] = []
        self.course: Course = self.rows[0]
        groups = admin.site.get_model_admin(Group).get_queryset(self.request)
        field: Any = self.fields["group"]
        field.queryset = groups.filter(portal=self.course.portal_id).order_by("title")

    def clean_group(self) -> Group | None:
        """Refuse a group that is too large to be enrolled at once."""
        group: Group | None = self.cleaned_data["group"]
        if group and GroupMembership.objects.filter(group=group)[: LARGE + 1].count() > LARGE:
            raise ValidationError(
                _("This group has more than %(number)d members: put the course on the group instead."),
                params={"number": LARGE},
            )
        return group

    def clean(self) -> dict[str, Any]:
        """Find the people, and refuse addresses of nobody whom the visitor may see."""
        wanted = {part.lower() for part in self.cleaned_data.get("emails", "").replace(",", " ").split()}
        group = self.cleaned_data.get("group")
        if not wanted and not group and not self.errors:
            raise ValidationError(_("Enter addresses, or choose a group."))
        visible = admin.site.get_model_admin(Membership).get_queryset(self.request)
        people = visible.filter(portal=self.course.portal_id).order_by()
        found = dict(
            people.annotate(address=Lower("user__email")).filter(address__in=wanted).values_list("address", "pk")
            if wanted
            else ()
        )
        if unknown := sorted(wanted - found.keys()):
            self.add_error("emails", _("Nobody in the list of users has the address %s.") % ", ".join(unknown))
        members = people.filter(group_memberships__group=group).values_list("pk", flat=True) if group else ()
        self.membership_ids = sorted({*found.values(), *members})
        return self.cleaned_data


class EnrollInCourseForm(EnrollForm):
    """In which course the people at hand are enrolled."""

    title = gettext_lazy("Enroll in a course")

    course = forms.ModelChoiceField(
        label=gettext_lazy("Course"), queryset=Course.objects.none(), widget=UnfoldAdminSelectWidget
    )
    field_order = ("course",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        courses = admin.site.get_model_admin(Course).get_queryset(self.request)
        portals = {row.portal_id for row in self.rows}
        field: Any = self.fields["course"]
        field.queryset = courses.filter(
            portal=portals.pop() if len(portals) == 1 else None, status=Course.Status.PUBLISHED
        ).order_by("title")

    def sentences(self) -> list[Any]:
        """Say how many."""
        count = len(self.rows)
        return [ngettext("%d person is chosen.", "%d people are chosen.", count) % count, *super().sentences()]


class ProgressForm(ConfirmationForm):
    """A question about enrollments."""

    def names(self) -> list[str]:
        """Return who takes what."""
        return [f"{row.membership.user} · {row.course}" for row in self.rows[:20]]

    def _count(self, *states: str) -> int:
        if isinstance(self.rows, QuerySet):
            return int(self.rows.filter(status__in=states).count())
        return sum(row.status in states for row in self.rows)


class UnenrollForm(ProgressForm):
    """Take courses away."""

    title = gettext_lazy("Unenroll")
    button = gettext_lazy("Unenroll")
    is_dangerous = True

    from_history = forms.BooleanField(
        label=gettext_lazy("Also remove finished ones from history"),
        help_text=gettext_lazy("Result, dates and score are deleted. This cannot be undone."),
        required=False,
        widget=UnfoldBooleanWidget,
    )

    def sentences(self) -> list[Any]:
        """Say what goes and what stays."""
        open_ = self._count(*Enrollment.UNFINISHED)
        history = len(self.rows) - open_
        return [
            ngettext(
                "%d unfinished enrollment is removed, with its progress.",
                "%d unfinished enrollments are removed, with their progress.",
                open_,
            )
            % open_,
            ngettext(
                "%d is finished or under review and stays in the history.",
                "%d are finished or under review and stay in the history.",
                history,
            )
            % history,
            _("Whoever is in a group with the course gets it again on joining such a group anew, not before."),
        ]


class ReenrollForm(ProgressForm):
    """Start finished courses again."""

    title = gettext_lazy("Enroll again")
    button = gettext_lazy("Enroll again")

    due_on = forms.DateField(label=gettext_lazy("Due on"), required=False, widget=DateInput)

    def sentences(self) -> list[Any]:
        """Say how many begin again."""
        finished = self._count(*Enrollment.FINISHED)
        others = len(self.rows) - finished
        return [
            ngettext("%d finished course starts anew.", "%d finished courses start anew.", finished) % finished,
            ngettext("%d is not finished and stays.", "%d are not finished and stay.", others) % others,
            _("The earlier result is kept in the audit trail only."),
        ]


class SetResultForm(ProgressForm):
    """Give a result by hand."""

    title = gettext_lazy("Set complete")
    button = gettext_lazy("Set complete")

    status = forms.ChoiceField(
        label=gettext_lazy("Result"),
        choices=[(status, status.label) for status in Enrollment.FINISHED],
        widget=UnfoldAdminSelectWidget,
    )
    completed_on = forms.DateField(label=gettext_lazy("Completed on"), widget=DateInput)
    score = forms.DecimalField(
        label=gettext_lazy("Score"),
        help_text=gettext_lazy("0 to 100; empty: the score stays as it is."),
        min_value=0,
        max_value=100,
        max_digits=5,
        decimal_places=2,
        required=False,
        widget=UnfoldAdminDecimalFieldWidget,
    )
    note = forms.CharField(
        label=gettext_lazy("Note"), max_length=500, required=False, widget=UnfoldAdminTextInputWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["completed_on"].initial = timezone.localdate()

    def sentences(self) -> list[Any]:
        """Say how many get a result, and how many results are replaced."""
        finished = self._count(*Enrollment.FINISHED)
        open_ = self._count(*set(Enrollment.Status) - set(Enrollment.FINISHED))
        said = [ngettext("%d enrollment is finished by this.", "%d enrollments are finished by this.", open_) % open_]
        if finished:
            said.append(ngettext("%d result is replaced.", "%d results are replaced.", finished) % finished)
        return said

    def clean_completed_on(self) -> Any:
        """Refuse a day in the future, and slips of the year."""
        day = self.cleaned_data["completed_on"]
        now = timezone.now()
        if any(day > portal.today(now) for portal in self.portals()):
            raise ValidationError(_("This day is in the future."))
        if day < Enrollment.EARLIEST_COMPLETION:
            raise ValidationError(_("This day is before 1970."))
        return day

    def portals(self) -> QuerySet[Portal]:
        """Return the portals of the enrollments: one, but for operators."""
        return Portal.objects.filter(pk__in=self.rows.order_by().values("course__portal")).order_by("pk")

    def completed_at(self, portal: Portal, now: datetime) -> datetime:
        """Return the moment of completion: now if it was today, else the beginning of that day at the portal."""
        day = self.cleaned_data["completed_on"]
        return now if day >= portal.today(now) else portal.midnight(day)


class PublishForm(ConfirmationForm):
    """Publish a course."""

    title = gettext_lazy("Publish")
    button = gettext_lazy("Publish")

    def sentences(self) -> list[Any]:
        """Say who is enrolled."""
        members = GroupMembership.objects.filter(
            group__group_courses__course=self.rows[0].pk, membership__status=Membership.Status.ACTIVE
        )
        count = members.values("membership").distinct().count()
        return [
            _("People can be enrolled from now on."),
            ngettext(
                "%d member of its groups is enrolled, unless they have the course already.",
                "%d members of its groups are enrolled, unless they have the course already.",
                count,
            )
            % count,
        ]


class ArchiveForm(ConfirmationForm):
    """Archive a course."""

    title = gettext_lazy("Archive")
    button = gettext_lazy("Archive")
    is_dangerous = True

    def sentences(self) -> list[Any]:
        """Say whom it concerns."""
        rows = Enrollment.objects.filter(course=self.rows[0].pk)
        counts = rows.aggregate(
            open=Count("pk", Q(status__in=Enrollment.UNFINISHED)),
            done=Count("pk", ~Q(status__in=Enrollment.UNFINISHED)),
        )
        return [
            ngettext(
                "%d person has not finished it: it disappears from their courses. Their progress is kept and comes "
                "back when the course is published again.",
                "%d people have not finished it: it disappears from their courses. Their progress is kept and comes "
                "back when the course is published again.",
                counts["open"],
            )
            % counts["open"],
            ngettext("%d person keeps it in the history.", "%d people keep it in their history.", counts["done"])
            % counts["done"],
            _("Nobody can be enrolled in an archived course, by hand or through a group."),
        ]
