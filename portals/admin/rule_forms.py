"""The form of a dynamic rule: one line per condition, in the words of an admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminExpandableTextareaWidget, UnfoldAdminSelectWidget

from portals import definitions, rules
from portals.field_types import FieldType, read_choices, to_text
from portals.forms import PortalForm
from portals.models import CustomField, DynamicRule, RuleCondition
from portals.rules import CircularBase, Condition, ConditionRefused, Operator, Subject

OPERATORS = {
    Operator.IS: gettext_lazy("is"),
    Operator.IS_NOT: gettext_lazy("is not"),
    Operator.IS_ONE_OF: gettext_lazy("is one of"),
    Operator.IS_NONE_OF: gettext_lazy("is none of"),
    Operator.CONTAINS: gettext_lazy("contains"),
    Operator.DOES_NOT_CONTAIN: gettext_lazy("does not contain"),
    Operator.STARTS_WITH: gettext_lazy("starts with"),
    Operator.ENDS_WITH: gettext_lazy("ends with"),
    Operator.LESS: gettext_lazy("is less than, or before"),
    Operator.AT_MOST: gettext_lazy("is at most, or on or before"),
    Operator.GREATER: gettext_lazy("is greater than, or after"),
    Operator.AT_LEAST: gettext_lazy("is at least, or on or after"),
    Operator.BETWEEN: gettext_lazy("is between"),
    Operator.IN_LAST_DAYS: gettext_lazy("is in the last … days"),
    Operator.MORE_THAN_DAYS_AGO: gettext_lazy("is more than … days ago"),
    Operator.CONTAINS_ANY: gettext_lazy("contains any of"),
    Operator.CONTAINS_ALL: gettext_lazy("contains all of"),
    Operator.CONTAINS_NONE: gettext_lazy("contains none of"),
    Operator.IS_EMPTY: gettext_lazy("is empty"),
    Operator.IS_NOT_EMPTY: gettext_lazy("is not empty"),
}
SUBJECTS = {
    Subject.EMAIL_DOMAIN: gettext_lazy("E-mail domain"),
    Subject.CREATED_ON: gettext_lazy("Date of joining"),
}
# Operators that take more than one value.
LISTS = {
    Operator.IS_ONE_OF,
    Operator.IS_NONE_OF,
    Operator.BETWEEN,
    Operator.CONTAINS_ANY,
    Operator.CONTAINS_ALL,
    Operator.CONTAINS_NONE,
}
REFUSALS = {
    "operand_missing": gettext_lazy(
        "Enter a value; “is between” needs two, the others that are about emptiness none."
    ),
    "too_many_operands": gettext_lazy("Enter fewer values."),
    "range_reversed": gettext_lazy("Enter the smaller value first."),
    "not_a_domain": gettext_lazy("Enter the part of the address after the @, such as example.com."),
    "not_a_number_of_days": gettext_lazy("Enter a number of days."),
    "not_a_number": gettext_lazy("Enter a number."),
    "not_a_whole_number": gettext_lazy("Enter a whole number."),
    "not_a_date": gettext_lazy("Enter a date such as 2026-01-31."),
    "too_long": gettext_lazy("This is too long."),
    "unknown_choice": gettext_lazy("The field does not offer this value."),
}


class RuleForm(PortalForm):
    """Whose people the rule looks at, and what becomes of those it lets go."""

    portal_path = "group__portal"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "state" in self.fields and self.instance.state != DynamicRule.State.BROKEN:
            shown = [choice for choice in DynamicRule.State.choices if choice[0] != DynamicRule.State.BROKEN]
            self.fields["state"].choices = shown  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse rules that take their people from each other in a circle."""
        super().clean()
        group = self.cleaned_data.get("group") or (self.instance.group if self.instance.pk else None)
        base_group = self.cleaned_data.get("base_group")
        if group and base_group and group.portal_id == base_group.portal_id:
            try:
                definitions.refuse_circle(group, base_group)
            except CircularBase:
                self.add_error("base_group", _("That group takes its people from this one."))
        return self.cleaned_data


class ConditionForm(PortalForm):
    """One condition."""

    portal_path = "rule__group__portal"
    # Set by the inline: the fields of the portal with their choices, read once for all lines.
    custom_fields: ClassVar[list[CustomField]] = []

    looks_at = forms.ChoiceField(label=gettext_lazy("Looks at"), widget=UnfoldAdminSelectWidget)
    operator = forms.ChoiceField(
        label=gettext_lazy("Comparison"), choices=OPERATORS.items, widget=UnfoldAdminSelectWidget
    )
    values = forms.CharField(
        label=gettext_lazy("Values"), required=False, widget=UnfoldAdminExpandableTextareaWidget(attrs={"rows": 1})
    )

    class Meta:
        model = RuleCondition
        fields = ["block", "operator"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields = [(field.key, field.label) for field in self.custom_fields]
        looks_at: Any = self.fields["looks_at"]
        looks_at.choices = [*SUBJECTS.items(), (_("Custom user data"), fields)]
        if self.instance.pk:
            self.initial["looks_at"] = str(self.instance.custom_field_id or self.instance.subject)
            self.initial["values"] = "\n".join(self.instance.operands)

    def clean(self) -> dict[str, Any]:
        """Refuse a comparison that the field does not offer, and values that it cannot read."""
        super().clean()
        looks_at, operator = self.cleaned_data.get("looks_at"), self.cleaned_data.get("operator")
        if not looks_at or not operator:
            return self.cleaned_data
        field = next((field for field in self.custom_fields if field.key == looks_at), None)
        condition = self._condition(looks_at, Operator(operator), field)
        try:
            rules.check(condition)
            _check_choices(condition, field)
        except ConditionRefused as refusal:
            self._explain(refusal, condition)
        self.cleaned_data["condition"] = condition
        self.instance.subject, self.instance.custom_field = condition.subject, field
        self.instance.operands = list(condition.operands)
        return self.cleaned_data

    def _condition(self, looks_at: str, operator: Operator, field: CustomField | None) -> Condition:
        operands = split(self.cleaned_data.get("values", ""), operator, _offered(field))
        if field is None:
            return Condition(Subject(looks_at), operator, operands)
        type_ = FieldType(field.type)
        return Condition(Subject.CUSTOM_FIELD, operator, operands, field.key, type_, field.is_multiple)

    def _explain(self, refusal: ConditionRefused, condition: Condition) -> None:
        if refusal.reason == "operator_not_offered":
            offered = rules.operators_for(condition.subject, condition.type, is_multiple=condition.is_multiple)
            names = ", ".join(str(OPERATORS[operator]) for operator in offered)
            self.add_error("operator", _("Choose one of: %s.") % names)
        else:
            self.add_error("values", REFUSALS[refusal.reason])


def split(text: str, operator: Operator, offered: frozenset[object] = frozenset()) -> tuple[str, ...]:
    """Return the values of a text: one per line, or between commas where a comparison takes several."""
    text = text.strip()
    if not text:
        return ()
    if operator not in LISTS:
        return (text,)
    is_one_choice = text in {to_text(value) for value in offered}
    parts = text.splitlines() if "\n" in text or is_one_choice else text.split(",")
    return tuple(part.strip() for part in parts if part.strip())


def _offered(field: CustomField | None) -> frozenset[Any]:
    if field is None or not field.is_choice:
        return frozenset()
    return read_choices([choice.value for choice in field.choices.all()], FieldType(field.type))


def _check_choices(condition: Condition, field: CustomField | None) -> None:
    if field and field.is_choice and not read_choices(condition.operands, condition.type) <= _offered(field):
        raise ConditionRefused("unknown_choice")
