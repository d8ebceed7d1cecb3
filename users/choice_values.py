"""The values that people have of a custom field: how many, which would not fit another type, and renaming one."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from psycopg.types.json import Jsonb

from portals import field_types, signals, statements
from portals.field_types import FieldType, Scalar, ValueRefused, to_text
from portals.models import CustomField, CustomFieldChoice, DynamicRule, RuleCondition
from users import audit
from users.models import Membership, User

# People whose values an admin's request changes; a worker does more than that.
LARGE = 2000

# One row per value; of several, each counts.
_COUNTS = """
SELECT value, count(*) FROM (
    SELECT jsonb_array_elements(CASE jsonb_typeof(m.custom_data -> %(key)s::text)
        WHEN 'array' THEN m.custom_data -> %(key)s::text
        ELSE jsonb_build_array(m.custom_data -> %(key)s::text) END) AS value
    FROM users_membership AS m
    WHERE m.portal_id = %(portal)s AND m.custom_data ? %(key)s::text
        AND jsonb_typeof(m.custom_data -> %(key)s::text) <> 'null'
) AS found
GROUP BY value
"""
# Of several values each keeps its place.
_RENAME = """
UPDATE users_membership AS m SET custom_data = jsonb_set(m.custom_data, ARRAY[%(key)s::text],
    CASE jsonb_typeof(m.custom_data -> %(key)s::text)
        WHEN 'array' THEN (
            SELECT jsonb_agg(CASE WHEN one = %(old)s::jsonb THEN %(new)s::jsonb ELSE one END ORDER BY place)
            FROM jsonb_array_elements(m.custom_data -> %(key)s::text) WITH ORDINALITY AS part (one, place))
        ELSE %(new)s::jsonb END)
WHERE m.portal_id = %(portal)s AND m.custom_data @> %(having)s::jsonb
RETURNING m.id
"""


@dataclass(frozen=True, slots=True)
class Misfit:
    """A stored value that another type could not hold, and how many people have it."""

    value: str
    people: int


def people_by_value(field: CustomField) -> dict[Scalar, int]:
    """Return how many people have each value of a field; one statement."""
    rows = statements.rows(_COUNTS, {"key": field.key, "portal": field.portal_id})
    return {json.loads(value): count for value, count in rows}


def people_with(choice: CustomFieldChoice) -> int:
    """Return how many people have a choice."""
    stored = _read(choice.value, choice.field)
    return Membership.objects.filter(
        portal=choice.field.portal_id, custom_data__contains=_having(choice.field, stored)
    ).count()


def misfits(field: CustomField, type_: FieldType, offered: Collection[Scalar]) -> list[Misfit]:
    """Return the stored values that a type with these choices could not hold, the most frequent first."""
    found = []
    for value, people in people_by_value(field).items():
        try:
            field_types.read(to_text(value), type_, choices=offered)
        except ValueRefused:
            found.append(Misfit(to_text(value), people))
    return sorted(found, key=lambda one: (-one.people, one.value))


@transaction.atomic
def rename(*, choice: CustomFieldChoice, value: str, now: datetime, actor_id: int | None = None) -> int:
    """Rename a choice for everyone who has it, and in the rules and mappings that use it; return how many people.

    Groups stay as they are: the rules ask for the new name in the same moment. Doing it twice changes nothing more.
    """
    field, old = choice.field, choice.value
    if old == value:
        return 0
    # The rules first: whoever is at work with the old ones is waited for by the caller's commit.
    _rename_operands(field, old, value)
    CustomFieldChoice.objects.filter(pk=choice.pk).update(value=value)
    choice.value = value
    stored, new = _read(old, field), _read(value, field)
    parameters = {"key": field.key, "portal": field.portal_id, "having": Jsonb(_having(field, stored))}
    people = len(statements.rows(_RENAME, {**parameters, "old": Jsonb(stored), "new": Jsonb(new)}))
    signals.choice_renamed.send(sender=None, field_id=field.pk, choice_id=choice.pk, old=old, new=value)
    audit.record(
        portal=field.portal,
        action="choice_renamed",
        object=field,
        before={"value": old},
        after={"value": value, "people": people},
        actor=User.objects.filter(pk=actor_id).first() if actor_id else None,
    )
    return people


def _rename_operands(field: CustomField, old: str, new: str) -> None:
    stored = _read(old, field)
    conditions = list(RuleCondition.objects.filter(custom_field=field))
    for condition in conditions:
        condition.operands = _renamed(condition.operands, field, stored, new)
    RuleCondition.objects.bulk_update(conditions, ["operands"])
    drafts = list(DynamicRule.objects.filter(group__portal=field.portal_id, draft__isnull=False))
    for rule in drafts:
        for block in (rule.draft or {"blocks": []})["blocks"]:
            for one in block:
                if one["field"] == field.key:
                    one["operands"] = _renamed(one["operands"], field, stored, new)
    DynamicRule.objects.bulk_update(drafts, ["draft"])


def _renamed(operands: Sequence[str], field: CustomField, stored: Scalar, new: str) -> list[str]:
    return [new if _read(operand, field) == stored else operand for operand in operands]


def _having(field: CustomField, stored: Scalar) -> dict[str, Any]:
    return {field.key: [stored] if field.is_multiple else stored}


def _read(text: str, field: CustomField) -> Any:
    """Return a choice as it is stored; a text that is none of the type stays as it is."""
    try:
        return field_types.read(text, FieldType(field.type).base)
    except ValueRefused:
        return text
