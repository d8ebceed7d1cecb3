"""The form of a dynamic rule: whose people, and one line per condition with the widgets that its type needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from portals import definitions, rules
from portals.admin.rule_words import REFUSALS, SUBJECTS, label_of, operator_words
from portals.field_types import FieldType, read_choices
from portals.forms import DateInput
from portals.models import CustomField, Group
from portals.rules import CircularBase, Condition, ConditionRefused, Kind, Operator, Subject

Row = dict[str, Any]

# Operators that take more than one value.
LISTS = {
    Operator.IS_ONE_OF,
    Operator.IS_NONE_OF,
    Operator.CONTAINS_ANY,
    Operator.CONTAINS_ALL,
    Operator.CONTAINS_NONE,
}
EMPTINESS = {Operator.IS_EMPTY, Operator.IS_NOT_EMPTY}
DAYS = {Operator.IN_LAST_DAYS, Operator.MORE_THAN_DAYS_AGO}


# What a line offers changes with these: htmx posts the form and shows the page that comes back.
REFRESHES = {"hx-post": "", "hx-trigger": "change", "hx-vals": '{"do": "refresh"}'}


class BaseForm(forms.Form):
    """Whose people a rule looks at."""

    base_group = forms.ModelChoiceField(
        label=gettext_lazy("Look at"),
        queryset=Group.objects.none(),
        required=False,
        empty_label=gettext_lazy("everyone in the portal"),
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, group: Group, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group = group
        field: Any = self.fields["base_group"]
        field.queryset = Group.objects.filter(portal=group.portal_id).exclude(pk=group.pk).order_by("title")
        field.label_from_instance = lambda other: _("people of the group “%s”") % other.title

    def clean_base_group(self) -> Group | None:
        """Refuse rules that take their people from each other in a circle."""
        base_group: Group | None = self.cleaned_data["base_group"]
        try:
            definitions.refuse_circle(self.group, base_group)
        except CircularBase:
            raise forms.ValidationError(_("That group takes its people from this one.")) from None
        return base_group


class ConditionForm(forms.Form):
    """One line of the builder; what it offers follows from what it looks at and how it compares."""

    # The number of the line on the page.
    place = 0

    block = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    # What the line looked at when the page was made: its values mean nothing once that has changed.
    was = forms.CharField(required=False, widget=forms.HiddenInput)
    looks_at = forms.ChoiceField(label=gettext_lazy("Looks at"), widget=UnfoldAdminSelectWidget)
    operator = forms.ChoiceField(label=gettext_lazy("Comparison"), widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, custom_fields: Sequence[CustomField], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        looks_at: str = self["looks_at"].value() or Subject.EMAIL_DOMAIN
        self.field = next((field for field in custom_fields if field.key == looks_at), None)
        self._offer_fields(custom_fields)
        self._condition = self._blank(looks_at)
        offered = rules.operators_for(
            self._condition.subject, self._condition.type, is_multiple=self._condition.is_multiple
        )
        kind = self._condition.kind
        for name in ("looks_at", "operator"):
            self.fields[name].widget.attrs |= REFRESHES
        operators: Any = self.fields["operator"]
        operators.choices = [(operator.value, operator_words(operator, kind)) for operator in offered]
        chosen = self["operator"].value()
        self.chosen = Operator(chosen) if chosen in offered else offered[0]
        self.fields.update(_value_fields(kind, self.chosen, self.field))
        self.initial["was"] = looks_at

    def row(self) -> Row:
        """Return what was entered, to be shown again; values of another field are left out."""
        row: Row = {"block": self.block_number, "looks_at": self["looks_at"].value(), "operator": self.chosen}
        if self["was"].value() == row["looks_at"]:
            row |= {name: self[name].value() for name in ("value", "to") if name in self.fields}
        return row

    @property
    def block_number(self) -> int:
        """The block that the line belongs to, whatever was posted."""
        text = str(self["block"].value())
        return int(text) if text.isdecimal() and len(text) < 4 else 1

    def clean(self) -> dict[str, Any]:
        """Refuse a comparison that the field does not offer, and values that it cannot read."""
        super().clean()
        if "looks_at" in self.cleaned_data and "operator" in self.cleaned_data and not self.errors:
            condition = self.condition
            try:
                rules.check(condition)
                self._check_field(condition)
            except ConditionRefused as refusal:
                self._explain(refusal.reason)
        return self.cleaned_data

    @property
    def condition(self) -> Condition:
        """The condition as it was entered."""
        entered = [self.cleaned_data.get(name) for name in ("value", "to") if name in self.fields]
        operands = [part for one in entered for part in (one if isinstance(one, list) else _parts(one, self.chosen))]
        blank = self._condition
        return Condition(blank.subject, self.chosen, tuple(operands), blank.field_key, blank.type, blank.is_multiple)

    def _blank(self, looks_at: str) -> Condition:
        if self.field:
            type_ = FieldType(self.field.type)
            return Condition(
                Subject.CUSTOM_FIELD, Operator.IS, (), self.field.key, type_, is_multiple=self.field.is_multiple
            )
        subject = Subject(looks_at) if looks_at in SUBJECTS else Subject.EMAIL_DOMAIN
        return Condition(subject, Operator.IS)

    def _offer_fields(self, custom_fields: Iterable[CustomField]) -> None:
        # An archived field is shown only where it is looked at already.
        shown = [
            (field.key, label_of(field)) for field in custom_fields if not field.is_archived or field == self.field
        ]
        looks_at: Any = self.fields["looks_at"]
        own = [(_("Custom user data"), shown)] if shown else []
        looks_at.choices = [*((subject.value, name) for subject, name in SUBJECTS.items()), *own]
        looks_at.error_messages["invalid_choice"] = REFUSALS["unknown_field"]
        operator: Any = self.fields["operator"]
        operator.error_messages["invalid_choice"] = REFUSALS["operator_not_offered"]

    def _check_field(self, condition: Condition) -> None:
        if self.field is None:
            return
        if self.field.is_archived:
            raise ConditionRefused("archived_field")
        if self.field.is_choice and not read_choices(condition.operands, condition.type) <= _values(self.field):
            raise ConditionRefused("unknown_choice")

    def _explain(self, reason: str) -> None:
        place = "looks_at" if reason in {"archived_field", "unknown_field"} else "value"
        self.add_error(place if place in self.fields else "operator", str(REFUSALS[reason]))


def row_of(condition: Condition, block: int) -> Row:
    """Return a condition as its line shows it."""
    looks_at = condition.field_key or condition.subject.value
    row: Row = {"block": block, "looks_at": looks_at, "was": looks_at, "operator": condition.operator}
    operands = list(condition.operands)
    if condition.operator is Operator.BETWEEN:
        row |= dict(zip(("value", "to"), operands, strict=False))
    elif condition.operator in LISTS:
        row["value"] = operands if condition.kind in {Kind.CHOICE, Kind.CHOICES} else "\n".join(operands)
    elif operands:
        row["value"] = operands[0]
    return row


def _value_fields(kind: Kind, operator: Operator, field: CustomField | None) -> Mapping[str, forms.Field]:
    """Return the fields for what is compared with: none, one, or the two ends of a range."""
    if operator in EMPTINESS:
        return {}
    if operator in DAYS:
        return {"value": _text(_("Days"), {"inputmode": "numeric", "size": 6})}
    if kind in {Kind.CHOICE, Kind.CHOICES} and field:
        return {"value": _choice_field(field, operator)}
    if kind is Kind.DAY:
        widget: Mapping[str, Any] = {"widget": DateInput()}
    elif operator in LISTS:
        widget = {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 2}), "help_text": _("One per line.")}
    else:
        widget = {}
    attrs = {"inputmode": "decimal"} if kind is Kind.NUMBER else {}
    if operator is Operator.BETWEEN:
        return {"value": _text(_("From"), attrs, **widget), "to": _text(_("To"), attrs, **widget)}
    label = _("Domain, such as example.com") if kind is Kind.DOMAIN else _("Value")
    return {"value": _text(label, attrs, **widget)}


def _text(label: str, attrs: Mapping[str, Any], **options: Any) -> forms.CharField:
    # What is missing or wrong is said by the rule itself, so that nothing entered is lost.
    options.setdefault("widget", UnfoldAdminTextInputWidget(attrs=dict(attrs)))
    return forms.CharField(label=label, required=False, **options)


def _choice_field(field: CustomField, operator: Operator) -> forms.ChoiceField:
    choices = sorted(field.choices.all(), key=lambda choice: (choice.is_archived, choice.position, choice.pk))
    offered = [
        (choice.value, _("%s (archived)") % choice.value if choice.is_archived else choice.value) for choice in choices
    ]
    errors: Any = {"invalid_choice": REFUSALS["unknown_choice"]}
    if operator in LISTS:
        return forms.MultipleChoiceField(
            label=_("Values"),
            choices=offered,
            required=False,
            widget=UnfoldAdminCheckboxSelectMultipleWidget,
            error_messages=errors,
        )
    return forms.ChoiceField(
        label=_("Value"),
        choices=[("", "—"), *offered],
        required=False,
        widget=UnfoldAdminSelectWidget,
        error_messages=errors,
    )


def _parts(text: str | None, operator: Operator) -> list[str]:
    """Return the values of a text: one per line or between commas where a comparison takes several."""
    text = (text or "").strip()
    if operator in LISTS:
        return [part.strip() for part in text.replace(",", "\n").splitlines() if part.strip()]
    # Of a range both ends count, also an empty one.
    return [text] if text or operator is Operator.BETWEEN else []


def _values(field: CustomField) -> frozenset[Any]:
    return read_choices([choice.value for choice in field.choices.all()], FieldType(field.type))
