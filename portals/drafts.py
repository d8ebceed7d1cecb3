"""Rules in the making: what an admin has built and not yet run, kept beside the rule that is at work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from portals import definitions
from portals.field_types import FieldType
from portals.models import CustomField, DynamicRule, Group, Portal
from portals.rules import Condition, Operator, Rule, Subject


@transaction.atomic
def save_draft(*, group: Group, blocks: Sequence[Sequence[Condition]], base_group: Group | None = None) -> DynamicRule:
    """Keep what an admin has built without letting it go to work; a rule that is at work goes on unchanged.

    Raises as save_rule does.
    """
    Portal.objects.select_for_update().get(pk=group.portal_id)
    if base_group and base_group.portal_id != group.portal_id:
        raise ValidationError(_("The groups belong to different portals."))
    fitted = definitions.fit(group.portal_id, blocks)
    definitions.refuse_circle(group, base_group)
    draft = {
        "base_group": base_group.pk if base_group else None,
        "blocks": [[_stored(condition) for condition in block] for block in fitted],
    }
    return DynamicRule.objects.update_or_create(
        group=group, defaults={"draft": draft}, create_defaults={"draft": draft, "state": DynamicRule.State.DRAFT}
    )[0]


def latest(rule: DynamicRule) -> Rule:
    """Return what an admin has built last: the draft, or the conditions as they are at work.

    Conditions have the types that their fields have now; one whose field is gone keeps its key.
    """
    fields = {field.key: field for field in CustomField.objects.filter(portal=rule.group.portal_id)}
    if rule.draft is not None:
        stored = [[_unstored(one, fields) for one in block] for block in rule.draft["blocks"]]
        return Rule(rule.group_id, tuple(map(tuple, stored)), rule.draft["base_group"])
    return saved(rule, fields)


def saved(rule: DynamicRule, fields: Mapping[str, CustomField] | None = None) -> Rule:
    """Return a rule as it last went to work, whatever its state."""
    if fields is None:
        fields = {field.key: field for field in CustomField.objects.filter(portal=rule.group.portal_id)}
    blocks: dict[int, list[Condition]] = {}
    for row in rule.conditions.order_by("block", "pk"):
        blocks.setdefault(row.block, []).append(
            _typed(row.subject, row.operator, row.operands, str(row.custom_field_id or ""), fields)
        )
    return Rule(rule.group_id, tuple(map(tuple, blocks.values())), rule.base_group_id)


@transaction.atomic
def run_latest(*, rule: DynamicRule, on_leaving: str) -> DynamicRule:
    """Let what was built last go to work. Raises as save_rule does, and for a base group that is gone."""
    wanted = latest(rule)
    base_group = None
    if wanted.base_group_id is not None:
        base_group = Group.objects.filter(pk=wanted.base_group_id).first()
        if base_group is None:
            raise ValidationError(_("The group that the rule takes its people from is gone."))
    return definitions.save_rule(group=rule.group, blocks=wanted.blocks, base_group=base_group, on_leaving=on_leaving)


def deactivate(rule: DynamicRule) -> None:
    """Let a rule rest: its members stay, marked as members by rule, so that a new run can take them over."""
    DynamicRule.objects.filter(pk=rule.pk).update(state=DynamicRule.State.DRAFT)


def discard_draft(rule: DynamicRule) -> None:
    """Forget what was built and not run; a rule that never ran goes with it."""
    if rule.state == DynamicRule.State.DRAFT and not rule.conditions.exists():
        rule.delete()
    else:
        DynamicRule.objects.filter(pk=rule.pk).update(draft=None)


def _stored(condition: Condition) -> dict[str, Any]:
    return {
        "subject": condition.subject,
        "field": condition.field_key,
        "operator": condition.operator,
        "operands": [operand.strip() for operand in condition.operands],
    }


def _unstored(one: Mapping[str, Any], fields: Mapping[str, CustomField]) -> Condition:
    return _typed(one["subject"], one["operator"], one["operands"], one["field"], fields)


def _typed(
    subject: str, operator: str, operands: Sequence[str], field_key: str, fields: Mapping[str, CustomField]
) -> Condition:
    field = fields.get(field_key)
    return Condition(
        subject=Subject(subject),
        operator=Operator(operator),
        operands=tuple(operands),
        field_key=field_key,
        type=FieldType(field.type) if field else FieldType.STRING,
        is_multiple=bool(field and field.is_multiple),
    )
