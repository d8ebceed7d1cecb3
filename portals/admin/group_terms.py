"""Which courses a group has and on what terms: edited on the page of the group and on that of the course."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget

from portals import definitions
from portals.forms import PortalForm
from portals.models import GroupCourse
from portals.scoping import PortalScopedTabularInline

# Ids of a group and of a course → the terms.
Terms = dict[tuple[int, int], tuple[bool, int | None, bool]]


class TakingOffForm(PortalForm):
    """A group or a course, with the question what happens when a course is taken off a group."""

    unenroll = forms.ChoiceField(
        label=gettext_lazy("When a course is taken off a group"),
        help_text=gettext_lazy(
            "For members who have not finished it and get it through no other group. Results stay in any case. Needed "
            "only if you take a course off."
        ),
        choices=[
            ("", "—"),
            ("keep", gettext_lazy("Let them finish: they stay enrolled")),
            ("on", gettext_lazy("Take the course away from them")),
        ],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )


class GroupCourseFormSet(BaseInlineFormSet):
    """The lines; taking a course off needs an answer to the question above."""

    def clean(self) -> None:
        """Refuse to take a course off before it is said what happens to those who have not finished it."""
        super().clean()
        if any(form.instance.pk for form in self.deleted_forms) and not self.data.get("unenroll"):
            text = _("Say what happens to those who have not finished: choose under “%(question)s”.")
            raise ValidationError(text, params={"question": TakingOffForm.base_fields["unenroll"].label})


class GroupCourseInline(PortalScopedTabularInline):
    """The courses of a group."""

    model = GroupCourse
    formset = GroupCourseFormSet
    portal_path = "group__portal"
    fields = ["course", "is_required", "due_days", "reenroll_completed"]
    # One empty line, so that a course can be added without a script, too.
    extra = 1
    ordering = ["pk"]
    verbose_name = gettext_lazy("course")
    verbose_name_plural = gettext_lazy("courses")


class CourseGroupInline(GroupCourseInline):
    """The groups whose members take a course."""

    portal_path = "course__portal"
    fields = ["group", "is_required", "due_days", "reenroll_completed"]
    verbose_name = gettext_lazy("group")
    verbose_name_plural = gettext_lazy("groups whose members take this course")


def save_terms(request: HttpRequest, form: Any, formset: Any) -> None:
    """Save the lines, announce what is new, changed and gone, group by group, and tell what follows."""
    before = _terms(formset)
    formset.save()
    after = _terms(formset)
    unenroll = form.cleaned_data.get("unenroll") == "on"
    for group_id in sorted({group for group, _course in before.keys() | after.keys()}):
        old = {course: terms for (group, course), terms in before.items() if group == group_id}
        new = {course: terms for (group, course), terms in after.items() if group == group_id}
        said = definitions.announce_courses(
            group_id=group_id,
            added=new.keys() - old.keys(),
            changed=[course for course in new.keys() & old.keys() if new[course] != old[course]],
            removed=old.keys() - new.keys(),
            unenroll=unenroll,
        )
        for sentence in said:
            messages.info(request, sentence)


def _terms(formset: Any) -> Terms:
    rows = GroupCourse.objects.filter(**{formset.fk.name: formset.instance})
    columns = ("group", "course", "is_required", "due_days", "reenroll_completed")
    return {(group, course): tuple(terms) for group, course, *terms in rows.values_list(*columns)}
