"""Pins in the admin: keep a value that another system would change, list the pins, lift them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import DropdownFilter
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from portals.confirmations import confirmed_action
from portals.models import CustomField
from users import custom_data, pins
from users.admin.people import visitor
from users.admin.person_actions import PeopleForm
from users.models import Membership


class FieldsForm(PeopleForm):
    """A question about some of the custom fields of people."""

    fields_chosen = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Fields"),
        queryset=CustomField.objects.none(),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    def __init__(self, data: Any, *, rows: Sequence[Membership], request: HttpRequest) -> None:
        super().__init__(data, rows=rows, request=request)
        field: Any = self.fields["fields_chosen"]
        portals = {row.portal_id for row in rows}
        keys = [int(key) for key in self.offered() if key.isdecimal()]
        field.queryset = CustomField.objects.filter(portal__in=portals, pk__in=keys).order_by("position", "pk")

    def offered(self) -> set[str]:
        """Return the keys of the fields to choose from."""
        raise NotImplementedError


class PinForm(FieldsForm):
    """Keep values of one person."""

    title = gettext_lazy("Pin values")
    button = gettext_lazy("Pin")

    def offered(self) -> set[str]:
        """Return the fields that another system keeps."""
        locked = custom_data.locked_fields_of([row.pk for row in self.rows])
        return {key for kept in locked.values() for key in kept}

    def sentences(self) -> list[Any]:
        """Say what a pin does."""
        return [
            _("A pinned value can be edited here, and no sync changes it."),
            _("When the pin is lifted, the next sync writes the value of the source again."),
        ]


class LiftForm(FieldsForm):
    """Let the source have its say again."""

    title = gettext_lazy("Lift pins")
    button = gettext_lazy("Lift")

    def __init__(self, data: Any, *, rows: Sequence[Membership], request: HttpRequest) -> None:
        super().__init__(data, rows=rows, request=request)
        self.fields["fields_chosen"].initial = [one.pk for one in self.fields["fields_chosen"].queryset]  # type: ignore[attr-defined]

    def offered(self) -> set[str]:
        """Return the fields that are pinned."""
        return {key for row in self.rows for key in row.pinned_keys}

    def sentences(self) -> list[Any]:
        """Say how many pins there are, and what happens without them."""
        count = sum(len(row.pinned_keys) for row in self.rows)
        return [
            ngettext("%d value is pinned.", "%d values are pinned.", count) % count,
            _("The next sync writes the value of the source again."),
        ]


class PinnedFilter(DropdownFilter):
    """People with pinned values."""

    title = gettext_lazy("pinned values")
    parameter_name = "pinned"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the two answers."""
        return [("yes", gettext_lazy("With pinned values")), ("no", gettext_lazy("Without"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> QuerySet[Membership]:
        """Return those with or without pins."""
        if self.value() not in {"yes", "no"}:
            return queryset
        return queryset.filter(pinned_fields__isnull=self.value() == "no")


class PinsValues:
    """Mixed into the list of users: pin values of one person, lift the pins of some."""

    @confirmed_action(PinForm, permissions=["administer"], description=gettext_lazy("Pin values"), icon="keep")
    def pin_values(self, request: HttpRequest, form: Any, rows: list[Membership]) -> str:
        """Keep values of a person, whatever a sync reads."""
        chosen = form.cleaned_data["fields_chosen"]
        count = sum(pins.pin(membership=row, fields=chosen, request=request) for row in rows)
        return (
            ngettext("%d value is pinned; you can edit it.", "%d values are pinned; you can edit them.", count) % count
        )

    @confirmed_action(LiftForm, permissions=["administer"], description=gettext_lazy("Lift pins"), icon="keep_off")
    def lift_pins(self, request: HttpRequest, form: Any, rows: list[Membership]) -> str:
        """Let the source have its say again."""
        chosen = form.cleaned_data["fields_chosen"]
        count = pins.lift(membership_ids=[row.pk for row in rows], fields=chosen, actor=visitor(request))
        return ngettext("%d pin was lifted.", "%d pins were lifted.", count) % count
