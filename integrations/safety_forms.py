"""The forms of "Scope and safety": conditions on attributes, and the numbers of brake and mails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.forms.formsets import BaseFormSet, formset_factory
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    RADIO_CLASSES,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanWidget,
)

from integrations.engine.records import LATE
from integrations.engine.scope import Condition, Operator
from integrations.forms import attribute_choices
from integrations.models import SafetySettings
from integrations.providers import Attribute

# More conditions than this nobody can read.
MAX_CONDITIONS = 20
OPERATORS = [
    (Operator.IS_ONE_OF.value, gettext_lazy("is one of")),
    (Operator.IS_NONE_OF.value, gettext_lazy("is none of")),
    (Operator.IS_EMPTY.value, gettext_lazy("is empty")),
    (Operator.IS_NOT_EMPTY.value, gettext_lazy("is not empty")),
]


class ConditionRow(forms.Form):
    """One condition of the scope; left blank as a whole it counts for nothing."""

    attribute = forms.ChoiceField(label=gettext_lazy("Attribute"), required=False, widget=UnfoldAdminSelectWidget)
    operator = forms.ChoiceField(
        label=gettext_lazy("Condition"), choices=OPERATORS, required=False, widget=UnfoldAdminSelectWidget
    )
    values = forms.CharField(
        label=gettext_lazy("Values, one per line"),
        required=False,
        max_length=5000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, attributes: Sequence[Attribute], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What speaks of other people is known only after the list, which is too late to leave somebody out.
        offered = [attribute for attribute in attributes if attribute.key not in LATE]
        self.fields["attribute"].choices = attribute_choices(offered)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Check that a condition is whole."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        if not cleaned["attribute"]:
            if cleaned["values"].strip():
                self.add_error("attribute", _("Select the attribute that these values are about."))
        elif self._takes_values and not self._values:
            self.add_error("values", _("Enter at least one value, one per line."))
        return cleaned

    @property
    def condition(self) -> Condition | None:
        """The valid row as a condition, or None for a blank one."""
        if not self.cleaned_data.get("attribute"):
            return None
        values = self._values if self._takes_values else ()
        return Condition(self.cleaned_data["attribute"], self._operator, values)

    @property
    def _operator(self) -> Operator:
        return Operator(self.cleaned_data.get("operator") or Operator.IS_ONE_OF)

    @property
    def _takes_values(self) -> bool:
        return self._operator.takes_values

    @property
    def _values(self) -> tuple[str, ...]:
        lines = (line.strip() for line in self.cleaned_data["values"].splitlines())
        return tuple(dict.fromkeys(line for line in lines if line))


class BaseConditions(BaseFormSet):  # type: ignore[type-arg]
    """The conditions of the scope; all must hold."""

    def conditions(self) -> list[Condition]:
        """Return the rows that are whole; blank and refused ones are left out."""
        return [row.condition for row in self.forms if row.is_valid() and row.condition]


Conditions = formset_factory(
    ConditionRow,
    formset=BaseConditions,
    extra=0,
    max_num=MAX_CONDITIONS,
    absolute_max=MAX_CONDITIONS,
    validate_max=True,
)


class SafetyForm(forms.ModelForm):  # type: ignore[type-arg]
    """What becomes of people out of scope, and the numbers that make a sync wait for an admin."""

    class Meta:
        model = SafetySettings
        fields = [
            "out_of_scope",
            "most_people",
            "most_percent",
            "holds_first_mails",
            "most_mails",
            "ends_missing",
        ]
        widgets = {
            "out_of_scope": forms.RadioSelect(attrs={"class": " ".join(RADIO_CLASSES)}),
            "most_people": UnfoldAdminIntegerFieldWidget,
            "most_percent": UnfoldAdminIntegerFieldWidget,
            "most_mails": UnfoldAdminIntegerFieldWidget,
            "holds_first_mails": UnfoldBooleanWidget,
            "ends_missing": UnfoldBooleanWidget,
        }

    def __init__(self, *args: Any, sends_mails: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not sends_mails:
            # Whom a workflow asks for gets the mail at once: there is nothing to hold.
            del self.fields["most_mails"], self.fields["holds_first_mails"]
