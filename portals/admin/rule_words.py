"""Dynamic rules in the words of an admin: what they look at, how they compare, and why a condition is refused."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portals.models import CustomField
from portals.rules import Condition, Kind, Operator, Subject

Text = str | Promise

SUBJECTS = {
    Subject.EMAIL_DOMAIN: gettext_lazy("E-mail domain"),
    Subject.CREATED_ON: gettext_lazy("Date of joining"),
}
_OPERATORS: Mapping[Operator, Text] = {
    Operator.IS: gettext_lazy("is"),
    Operator.IS_NOT: gettext_lazy("is not"),
    Operator.IS_ONE_OF: gettext_lazy("is one of"),
    Operator.IS_NONE_OF: gettext_lazy("is none of"),
    Operator.CONTAINS: gettext_lazy("contains"),
    Operator.DOES_NOT_CONTAIN: gettext_lazy("does not contain"),
    Operator.STARTS_WITH: gettext_lazy("starts with"),
    Operator.ENDS_WITH: gettext_lazy("ends with"),
    Operator.LESS: gettext_lazy("is less than"),
    Operator.AT_MOST: gettext_lazy("is at most"),
    Operator.GREATER: gettext_lazy("is greater than"),
    Operator.AT_LEAST: gettext_lazy("is at least"),
    Operator.BETWEEN: gettext_lazy("is between"),
    Operator.IN_LAST_DAYS: gettext_lazy("is in the last … days"),
    Operator.MORE_THAN_DAYS_AGO: gettext_lazy("is more than … days ago"),
    Operator.CONTAINS_ANY: gettext_lazy("contains any of"),
    Operator.CONTAINS_ALL: gettext_lazy("contains all of"),
    Operator.CONTAINS_NONE: gettext_lazy("contains none of"),
    Operator.IS_EMPTY: gettext_lazy("is empty"),
    Operator.IS_NOT_EMPTY: gettext_lazy("is not empty"),
}
_OF_KIND: Mapping[Kind, Mapping[Operator, Text]] = {
    Kind.DAY: {
        Operator.IS: gettext_lazy("is on"),
        Operator.LESS: gettext_lazy("is before"),
        Operator.AT_MOST: gettext_lazy("is on or before"),
        Operator.GREATER: gettext_lazy("is after"),
        Operator.AT_LEAST: gettext_lazy("is on or after"),
    },
    Kind.DOMAIN: {Operator.ENDS_WITH: gettext_lazy("is, or is a sub-domain of")},
}
REFUSALS: Mapping[str, Text] = {
    "operator_not_offered": gettext_lazy("Choose another comparison: this one does not go with the field."),
    "operand_missing": gettext_lazy("Enter a value."),
    "too_many_operands": gettext_lazy("Enter fewer values."),
    "range_reversed": gettext_lazy("Enter the smaller value first."),
    "not_a_domain": gettext_lazy("Enter the part of the address after the @, such as example.com."),
    "not_a_number_of_days": gettext_lazy("Enter a number of days."),
    "not_a_number": gettext_lazy("Enter a number."),
    "not_a_whole_number": gettext_lazy("Enter a whole number."),
    "not_a_date": gettext_lazy("Enter a date such as 2026-01-31."),
    "too_long": gettext_lazy("This is too long."),
    "unknown_choice": gettext_lazy("The field does not offer this value any more. Choose another one."),
    "unknown_field": gettext_lazy("This field is gone. Choose another one, or remove the condition."),
    "archived_field": gettext_lazy(
        "This field is archived. Bring it back, choose another one, or remove the condition."
    ),
    "too_many_conditions": gettext_lazy("These are too many conditions for one rule."),
}


def operator_words(operator: Operator, kind: Kind) -> Text:
    """Return the name of a comparison for values of a kind."""
    return _OF_KIND.get(kind, {}).get(operator) or _OPERATORS[operator]


def describe(condition: Condition, labels: Mapping[str, str]) -> str:
    """Return a condition as a sentence without its full stop; labels of fields by their key."""
    if condition.subject is Subject.CUSTOM_FIELD:
        looks_at: Text = labels.get(condition.field_key) or _("A field that is gone")
    else:
        looks_at = SUBJECTS[condition.subject]
    words = str(operator_words(condition.operator, condition.kind))
    joint = f" {_('and')} " if condition.operator is Operator.BETWEEN else ", "
    values = joint.join(condition.operands)
    compared = words.replace("…", values) if "…" in words else f"{words} {values}"
    return f"{looks_at} {compared}".strip()


def labels_of(portal_id: int) -> dict[str, str]:
    """Return the labels of a portal's fields by their key, archived ones marked."""
    fields = CustomField.objects.filter(portal=portal_id)
    return {field.key: label_of(field) for field in fields}


def label_of(field: CustomField) -> str:
    """Return a field's label, with a mark when it is archived."""
    return _("%s (archived)") % field.label if field.is_archived else field.label
