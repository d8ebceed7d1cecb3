"""Filters of the list of users."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from portals import field_types
from portals.field_types import FieldType, ValueRefused
from portals.forms import DateInput
from portals.models import CustomField, Group
from portals.numbers import number_from
from portals.scoping import administers, portal_of, standing
from users.models import Membership

People = QuerySet[Membership]


class DateForm(forms.Form):
    """One date."""

    def __init__(self, name: str, label: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fields[name] = forms.DateField(label=label, required=False, widget=DateInput)


class CreatedAfterFilter(admin.SimpleListFilter):
    """People who were created on a day or later."""

    title = _("created after")
    parameter_name = "created_after"
    template = "unfold/filters/filters_field.html"
    form_class = DateForm

    def has_output(self) -> bool:
        """Say that the filter is always offered."""
        return True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return nothing: the day is typed in."""
        return []

    def queryset(self, request: HttpRequest, queryset: People) -> People:
        """Return those created since the day began at the portal."""
        try:
            day = date.fromisoformat(self.value() or "")
        except ValueError:
            return queryset
        return queryset.filter(created_at__gte=timezone.make_aware(datetime.combine(day, time.min)))

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Yield the form."""
        data = {self.parameter_name: self.value()}
        yield {"form": self.form_class(name=self.parameter_name, label=_("Created after"), data=data)}


class StatusFilter(DropdownFilter):
    """People by status; pending ones have a list of their own."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the states."""
        return [choice for choice in Membership.Status.choices if choice[0] != Membership.Status.PENDING]

    def queryset(self, request: HttpRequest, queryset: People) -> People:
        """Return the people with the status."""
        return queryset.filter(status=self.value()) if self.value() else queryset


class MemberGroupFilter(DropdownFilter):
    """Members by group."""

    title = _("group")
    parameter_name = "group"
    # Leads from the list's rows to the group.
    path = "group"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the groups of the portal; an operator chooses a portal first."""
        if portal_of(request) is None:
            return []
        groups = Group.objects.filter(portal=portal_of(request)).order_by("title")
        if not administers(request):
            groups = groups.filter(pk__in=standing(request).group_ids)
        return [(str(pk), title) for pk, title in groups.values_list("pk", "title")]

    def has_output(self) -> bool:
        """Say that the filter is always offered: links from groups use it."""
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the group; none for a number that is no group's."""
        value = self.value() or ""
        return queryset.filter(**{self.path: number_from(value) or 0}) if value.isdecimal() else queryset


class GroupFilter(MemberGroupFilter):
    """People by group, and those in none."""

    path = "group_memberships__group"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return none, and the groups."""
        nobodys = [("none", _("In no group"))] if administers(request) else []
        return [*nobodys, *super().lookups(request, model_admin)]

    def queryset(self, request: HttpRequest, queryset: People) -> People:
        """Return the members of the group."""
        if self.value() == "none":
            return queryset.filter(group_memberships=None)
        return super().queryset(request, queryset)


class CustomValueFilter(DropdownFilter):
    """People by the value of one choice field."""

    field: CustomField

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        texts = [choice.value for choice in self.field.choices.all()]
        return [(text, text) for text in texts]

    def queryset(self, request: HttpRequest, queryset: People) -> People:
        """Return those who have the value."""
        try:
            value = field_types.read(self.value() or "", FieldType(self.field.type).base)
        except ValueRefused:
            return queryset.none()
        if value is None:
            return queryset
        stored = [value] if self.field.is_multiple else value
        return queryset.filter(custom_data__contains={self.field.key: stored})


def custom_value_filters(request: HttpRequest) -> list[type[CustomValueFilter]]:
    """Return a filter for each choice field of the portal; asked of the database once per request."""
    if portal_of(request) is None:
        return []
    known: list[type[CustomValueFilter]] | None = request.__dict__.get("_custom_value_filters")
    if known is None:
        fields = CustomField.objects.offered().filter(portal=portal_of(request), type__endswith="choice")
        rows = fields.order_by("position", "pk").prefetch_related("choices")
        known = [
            type(
                "CustomValueFilter",
                (CustomValueFilter,),
                {"field": field, "title": field.label, "parameter_name": f"custom_{field.pk}"},
            )
            for field in rows
        ]
        request.__dict__["_custom_value_filters"] = known
    return known
