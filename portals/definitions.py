"""Load and save what fills groups and enrolls their members, and announce each change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from portals import rules, signals, statements
from portals.field_types import FieldType, read_choices
from portals.models import Course, CustomField, DynamicRule, Group, Portal, RuleCondition
from portals.rules import Condition, ConditionRefused, Operator, Rule, Subject

# First half of PostgreSQL's advisory lock of a portal's rules; the second is the portal's id.
_RULES_LOCK = 7301


@dataclass(frozen=True, slots=True)
class PortalRules:
    """The rules at work in a portal, each after the one that fills its base group."""

    rules: tuple[Rule, ...]
    time_zone: str


_LOAD = """
SELECT p.time_zone, r.group_id, r.base_group_id, c.block, c.subject, c.operator, c.operands, c.custom_field_id,
    f.type, f.is_multiple
FROM (SELECT pg_advisory_xact_lock_shared(%(lock)s, %(portal)s::integer)) AS held
CROSS JOIN portals_portal AS p
LEFT JOIN (
    portals_group AS g JOIN portals_dynamicrule AS r ON r.group_id = g.id AND r.state = 'active'
) ON g.portal_id = p.id
LEFT JOIN portals_rulecondition AS c ON c.rule_id = r.id
LEFT JOIN portals_customfield AS f ON f.id = c.custom_field_id
WHERE p.id = %(portal)s
ORDER BY r.group_id, c.block, c.id
"""


def rules_of(portal_id: int) -> PortalRules:
    """Return the active rules of a portal with one query.

    A rule with a condition that no longer fits its custom field is left out: it changes nobody. Until the caller's
    transaction ends, `wait_for_older_rules` waits for it.
    """
    return _read(tuple(statements.rows(_LOAD, {"lock": _RULES_LOCK, "portal": portal_id}, keeps_plan=True)))


def wait_for_older_rules(portal_id: int) -> None:
    """Return when nobody is at work any more with rules loaded before; later comers see today's rules.

    Without it, a page of a sync that read the rules just before they were changed could commit after everyone was
    evaluated anew.
    """
    with transaction.atomic():
        statements.rows("SELECT pg_advisory_xact_lock(%s, %s::integer)", (_RULES_LOCK, portal_id))


@transaction.atomic
def save_rule(
    *,
    group: Group,
    blocks: Sequence[Sequence[Condition]],
    base_group: Group | None = None,
    on_leaving: str = DynamicRule.OnLeaving.UNENROLL,
    state: str = DynamicRule.State.ACTIVE,
) -> DynamicRule:
    """Save a group's rule with its conditions and announce it when it is at work.

    The type of each condition's field is looked up. Raises ConditionRefused, CircularBase, and ValidationError when
    the base group is of another portal.
    """
    # One at a time: two rules that are saved at once could make a circle.
    Portal.objects.select_for_update().get(pk=group.portal_id)
    if base_group and base_group.portal_id != group.portal_id:
        raise ValidationError(_("The groups belong to different portals."))
    fitted = fit(group.portal_id, blocks)
    refuse_circle(group, base_group)
    rule, is_new = DynamicRule.objects.update_or_create(
        group=group, defaults={"base_group": base_group, "on_leaving": on_leaving, "state": state, "draft": None}
    )
    if not is_new:
        rule.conditions.all().delete()
    RuleCondition.objects.bulk_create(
        _row(rule, number, condition) for number, block in enumerate(fitted, start=1) for condition in block
    )
    if rule.state == DynamicRule.State.ACTIVE:
        signals.rules_changed.send(sender=None, portal_id=group.portal_id, group_id=group.pk)
    return rule


@transaction.atomic
def archive_field(field: CustomField) -> list[DynamicRule]:
    """Offer a field no more; values and mappings stay. Return the rules that it breaks, which change nobody."""
    CustomField.objects.filter(pk=field.pk).update(is_archived=True)
    field.is_archived = True
    return mark_broken_rules(field.portal_id)


def bring_field_back(field: CustomField) -> None:
    """Offer an archived field again; rules that broke go back to work when somebody runs them."""
    CustomField.objects.filter(pk=field.pk).update(is_archived=False)
    field.is_archived = False


def refuse_circle(group: Group, base_group: Group | None) -> None:
    """Raise CircularBase when the group's rule would take its people, by way of others, from the group itself."""
    # Drafts count too: a circle must not come about when they are activated.
    others = DynamicRule.objects.filter(group__portal=group.portal_id).exclude(group=group)
    known = [Rule(group_id, base_group_id=base) for group_id, base in others.values_list("group", "base_group")]
    rules.in_order([*known, Rule(group.pk, base_group_id=base_group.pk if base_group else None)])


def mark_broken_rules(portal_id: int) -> list[DynamicRule]:
    """Mark and return the active rules that a changed or archived field left without sense; members stay as is."""
    active = DynamicRule.objects.filter(group__portal=portal_id, state=DynamicRule.State.ACTIVE)
    at_work = {rule.group_id for rule in rules_of(portal_id).rules}
    on_archived = RuleCondition.objects.filter(rule=OuterRef("pk"), custom_field__is_archived=True)
    unfit = active.filter(~Q(group__in=at_work) | Q(Exists(on_archived)))
    broken = list(unfit.select_related("group").order_by("pk"))
    for rule in broken:
        rule.state = DynamicRule.State.BROKEN
    DynamicRule.objects.bulk_update(broken, ["state"])
    return broken


def announce_courses(
    *,
    group_id: int,
    added: Iterable[int] = (),
    changed: Iterable[int] = (),
    removed: Iterable[int] = (),
    unenroll: bool = False,
) -> list[str]:
    """Tell that courses, by id, were put on a group, changed their terms there or were taken off, if any were.

    Returns what the listeners say about it.
    """
    news = {"added": sorted(added), "changed": sorted(changed), "removed": sorted(removed)}
    if not any(news.values()):
        return []
    return _said(signals.group_courses_changed.send(sender=None, group_id=group_id, unenroll=unenroll, **news))


def announce_published(course: Course) -> list[str]:
    """Tell that a course was published: the members of its groups can be enrolled now; return what listeners say."""
    return _said(signals.course_published.send(sender=None, course_id=course.pk))


def _said(answers: Iterable[tuple[Any, Any]]) -> list[str]:
    return [answer for _receiver, answer in answers if answer]


@lru_cache(maxsize=100)
def _read(rows: tuple[tuple[Any, ...], ...]) -> PortalRules:
    found = (_rule(group_id, list(group)) for group_id, group in groupby(rows, lambda row: row[1]) if group_id)
    at_work = rules.in_order(rule for rule in found if _fits(rule))
    return PortalRules(at_work, time_zone=rows[0][0] if rows else "UTC")


def _rule(group_id: int, rows: list[tuple[Any, ...]]) -> Rule:
    blocks: dict[int, list[Condition]] = {}
    for _zone, _group, _base, block, *condition in rows:
        if block is not None:
            blocks.setdefault(block, []).append(_condition(condition))
    return Rule(group_id, tuple(tuple(block) for block in blocks.values()), base_group_id=rows[0][2])


def _condition(columns: Sequence[Any]) -> Condition:
    subject, operator, operands, field_id, type_, is_multiple = columns
    return Condition(
        subject=Subject(subject),
        operator=Operator(operator),
        operands=tuple(json.loads(operands)),
        field_key=str(field_id or ""),
        type=FieldType(type_ or FieldType.STRING),
        is_multiple=bool(is_multiple),
    )


def _fits(rule: Rule) -> bool:
    try:
        for block in rule.blocks:
            for condition in block:
                rules.check(condition)
    except ConditionRefused:
        return False
    return True


def fit(portal_id: int, blocks: Sequence[Sequence[Condition]]) -> list[list[Condition]]:
    """Return the conditions, each with the type that its field has now. Raises ConditionRefused."""
    if sum(map(len, blocks)) > rules.MAX_CONDITIONS:
        raise ConditionRefused("too_many_conditions")
    fields = {field.key: field for field in CustomField.objects.filter(portal=portal_id).prefetch_related("choices")}
    return [[_fit_one(condition, fields) for condition in block] for block in blocks if block]


def _fit_one(condition: Condition, fields: Mapping[str, CustomField]) -> Condition:
    if condition.subject is not Subject.CUSTOM_FIELD:
        rules.check(condition)
        return condition
    if condition.field_key not in fields:
        raise ConditionRefused("unknown_field")
    field = fields[condition.field_key]
    if field.is_archived:
        raise ConditionRefused("archived_field")
    fitted = replace(condition, type=FieldType(field.type), is_multiple=field.is_multiple)
    rules.check(fitted)
    if field.is_choice:
        offered = read_choices([choice.value for choice in field.choices.all()], fitted.type)
        if not read_choices(fitted.operands, fitted.type) <= offered:
            raise ConditionRefused("unknown_choice")
    return fitted


def _row(rule: DynamicRule, number: int, condition: Condition) -> RuleCondition:
    return RuleCondition(
        rule=rule,
        block=number,
        subject=condition.subject,
        custom_field_id=int(condition.field_key) if condition.field_key else None,
        operator=condition.operator,
        operands=[operand.strip() for operand in condition.operands],
    )
