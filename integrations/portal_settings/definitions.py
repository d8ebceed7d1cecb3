"""File → database, the portal's own definitions: settings, custom fields, courses, groups with rules and courses.

Everything goes through the use-cases that admins use, so that rules run again and members follow. Refusals are
document.Unfit, in words for whoever chose the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from msgspec.structs import asdict

from integrations.portal_settings import document
from integrations.portal_settings.difference import Difference, Section
from integrations.portal_settings.document import Unfit, key
from portals import definitions, field_types
from portals.admin.rule_words import REFUSALS
from portals.field_types import FAMILIES, FieldType, ValueRefused
from portals.models import Course, CustomField, CustomFieldChoice, Group, GroupCourse, Portal
from portals.rules import CircularBase, Condition, ConditionRefused
from users import choice_values


def write(portal: Portal, difference: Difference) -> None:
    """Write what differs. Raises Unfit."""
    merged = difference.merged
    if difference.names(Section.PORTAL) and merged.portal:
        _write_portal(portal, merged.portal)
    fields = _write_fields(portal, merged.custom_fields, difference.names(Section.FIELDS))
    courses = _write_courses(portal, merged.courses, difference.names(Section.COURSES))
    groups = _write_groups(portal, merged.groups, difference.names(Section.GROUPS), courses)
    for one in _bases_first(merged.groups):
        if one.rule and key(one.title) in difference.changed_rules():
            _write_rule(groups, one, one.rule, fields)
    if difference.names(Section.FIELDS):
        definitions.mark_broken_rules(portal.pk)


def checked(row: Any, name: str) -> None:
    """Raise Unfit unless a row's values are allowed; what the database refuses is found here, too."""
    try:
        row.full_clean()
    except ValidationError as refusal:
        problems = " ".join(text for texts in refusal.message_dict.values() for text in texts)
        raise Unfit(f"{name}: {problems}") from None


def _write_portal(portal: Portal, wanted: document.PortalPart) -> None:
    values = asdict(wanted)
    for name, value in values.items():
        setattr(portal, name, value)
    checked(portal, portal.name)
    portal.save(update_fields=list(values))


def _write_fields(portal: Portal, wanted: Sequence[document.Field], concerned: set[str]) -> dict[str, CustomField]:
    """Write the fields that differ and return all of the portal's by key."""
    known = {key(one.label): one for one in CustomField.objects.filter(portal=portal).prefetch_related("choices")}
    # Archived first: they make room for new ones.
    for one in sorted(wanted, key=lambda field: not field.archived):
        if key(one.label) in concerned:
            known[key(one.label)] = _write_field(portal, known.get(key(one.label)), one)
    offered = sum(not field.is_archived for field in known.values())
    # A portal whose limit was lowered may keep what it has.
    if offered > portal.custom_field_limit and any(key(one.label) in concerned for one in wanted):
        raise Unfit(
            _("This portal may have %(limit)d custom fields; with this file it would have %(count)d.")
            % {"limit": portal.custom_field_limit, "count": offered}
        )
    return known


def _write_field(portal: Portal, field: CustomField | None, wanted: document.Field) -> CustomField:
    if field is None:
        field = CustomField(portal=portal, type=wanted.type, is_multiple=wanted.several_choices)
        field.is_archived = wanted.archived
    elif (FieldType(field.type), field.is_multiple) != (wanted.type, wanted.several_choices):
        _check_type_change(field, wanted)
    _check_choices(wanted)
    was_archived = field.is_archived
    field.label, field.type = wanted.label, wanted.type
    field.is_multiple, field.is_required = wanted.several_choices, wanted.required
    field.learner_may_edit, field.learner_may_see = wanted.learner_may_edit, wanted.learner_may_see
    field.position = wanted.position
    checked(field, wanted.label)
    field.save()
    _write_choices(field, wanted.choices)
    if wanted.archived != was_archived:
        definitions.archive_field(field) if wanted.archived else definitions.bring_field_back(field)
    return field


def _check_choices(wanted: document.Field) -> None:
    if not wanted.type.is_choice:
        if wanted.choices or wanted.several_choices:
            raise Unfit(_("“%s” is no choice field, so it cannot have choices.") % wanted.label)
        return
    seen: set[object] = set()
    for choice in wanted.choices:
        names = {"field": wanted.label, "value": choice.value}
        try:
            value = field_types.read(choice.value, wanted.type.base)
        except ValueRefused:
            raise Unfit(_("“%(value)s” is no value of the field “%(field)s”.") % names) from None
        if value in seen:
            raise Unfit(_("The field “%(field)s” has the choice “%(value)s” already.") % names)
        if wanted.several_choices and ";" in choice.value:
            raise Unfit(_("A semicolon separates several values, so no value may contain one: %(value)s.") % names)
        seen.add(value)


def _check_type_change(field: CustomField, wanted: document.Field) -> None:
    """Refuse what would leave people with values that mean nothing."""
    names = {"field": field.label, "type": CustomField.Type(wanted.type).label}
    if not any({FieldType(field.type), wanted.type} <= family for family in FAMILIES):
        raise Unfit(_("“%(field)s” cannot become “%(type)s”: texts stay texts, numbers numbers, dates dates.") % names)
    if wanted.several_choices != field.is_multiple:
        raise Unfit(_("Whether “%(field)s” takes several values cannot change any more.") % names)
    if field.rule_conditions.exists() or field.mappings.exists():
        raise Unfit(_("“%(field)s” cannot become “%(type)s” while a rule or a mapping uses it.") % names)
    offered = field_types.read_choices([one.value for one in wanted.choices], wanted.type)
    if unfit := choice_values.misfits(field, wanted.type, offered):
        raise Unfit(
            _("“%(field)s” cannot become “%(type)s”: somebody has the value “%(value)s”.")
            % {**names, "value": unfit[0].value}
        )


def _write_choices(field: CustomField, wanted: Sequence[document.Choice]) -> None:
    CustomFieldChoice.objects.bulk_create(
        [
            CustomFieldChoice(field=field, value=one.value, is_archived=one.archived, position=position)
            for position, one in enumerate(wanted)
        ],
        update_conflicts=True,
        unique_fields=["field", "value"],
        update_fields=["is_archived", "position"],
    )


def _write_courses(portal: Portal, wanted: Sequence[document.Course], concerned: set[str]) -> dict[str, Course]:
    known = {key(one.title): one for one in Course.objects.filter(portal=portal)}
    for one in wanted:
        if key(one.title) not in concerned:
            continue
        course = known.setdefault(key(one.title), Course(portal=portal))
        was_published = course.status == Course.Status.PUBLISHED
        is_new = course.pk is None
        for name, value in asdict(one).items():
            setattr(course, name, value)
        checked(course, one.title)
        course.save()
        if course.status == Course.Status.PUBLISHED and not was_published and not is_new:
            definitions.announce_published(course)
    return known


def _write_groups(
    portal: Portal,
    wanted: Sequence[document.Group],
    concerned: set[str],
    courses: Mapping[str, Course],
) -> dict[str, Group]:
    """Write the groups that differ and their courses, and return all of the portal's by key.

    Courses come before rules: whoever joins by a rule is enrolled in what the group has then.
    """
    groups = {key(one.title): one for one in Group.objects.filter(portal=portal).select_related("rule__base_group")}
    for one in wanted:
        if key(one.title) in concerned:
            group = groups.setdefault(key(one.title), Group(portal=portal))
            group.title, group.description, group.sso_sync = one.title, one.description, one.single_sign_on
            checked(group, one.title)
            group.save()
            _write_group_courses(group, one.courses, courses)
    return groups


def _write_group_courses(group: Group, wanted: Sequence[document.GroupCourse], courses: Mapping[str, Course]) -> None:
    known = {one.course_id: one for one in GroupCourse.objects.filter(group=group)}
    added: list[int] = []
    changed: list[int] = []
    for one in wanted:
        course = courses.get(key(one.course))
        if course is None:
            raise Unfit(_("The group “%(group)s” has a course that is nowhere: “%(course)s”.") % _names(group, one))
        terms = (one.required, one.due_days, one.enroll_again)
        row = known.get(course.pk)
        if row and (row.is_required, row.due_days, row.reenroll_completed) == terms:
            continue
        (changed if row else added).append(course.pk)
        row = row or GroupCourse(group=group, course=course)
        row.is_required, row.due_days, row.reenroll_completed = terms
        row.save()
    definitions.announce_courses(group_id=group.pk, added=added, changed=changed)


def _names(group: Group, course: document.GroupCourse) -> dict[str, str]:
    return {"group": group.title, "course": course.course}


def _bases_first(wanted: Sequence[document.Group]) -> list[document.Group]:
    """Return the groups, each after the one that its rule takes its people from. Raises Unfit."""
    by_key = {key(one.title): one for one in wanted}
    bases: dict[str, list[str]] = {mark: [] for mark in by_key}
    for mark, one in by_key.items():
        if one.rule and one.rule.base_group:
            base = key(one.rule.base_group)
            if base not in by_key:
                names = {"group": one.title, "base": one.rule.base_group}
                raise Unfit(
                    _("The rule of “%(group)s” takes its people from a group that is nowhere: “%(base)s”.") % names
                )
            bases[mark].append(base)
    try:
        return [by_key[mark] for mark in TopologicalSorter(bases).static_order()]
    except CycleError as circle:
        titles = " → ".join(by_key[mark].title for mark in circle.args[1])
        raise Unfit(_("These rules take their people from each other in a circle: %s.") % titles) from None


def _write_rule(
    groups: Mapping[str, Group], wanted: document.Group, rule: document.Rule, fields: Mapping[str, CustomField]
) -> None:
    group = groups[key(wanted.title)]
    blocks = [[_condition(one, wanted.title, fields) for one in block] for block in rule.blocks]
    try:
        definitions.save_rule(
            group=group,
            blocks=blocks,
            base_group=groups[key(rule.base_group)] if rule.base_group else None,
            on_leaving=rule.on_leaving,
            state=rule.state,
        )
    except ConditionRefused as refusal:
        why = REFUSALS.get(refusal.reason, refusal.reason)
        raise Unfit(_("The rule of “%(group)s” cannot be used: %(why)s") % {"group": group, "why": why}) from None
    except CircularBase:
        raise Unfit(_("The rule of “%s” would take its people from the group itself.") % group) from None


def _condition(one: document.Condition, title: str, fields: Mapping[str, CustomField]) -> Condition:
    field = fields.get(key(one.field)) if one.field else None
    if bool(one.field) != (one.looks_at == "custom_field") or (one.field and field is None):
        raise Unfit(
            _("The rule of “%(group)s” looks at a custom field that is nowhere: “%(field)s”.")
            % {"group": title, "field": one.field}
        )
    return Condition(
        subject=one.looks_at,
        operator=one.comparison,
        operands=tuple(one.values),
        field_key=field.key if field else "",
        type=FieldType(field.type) if field else FieldType.STRING,
        is_multiple=bool(field and field.is_multiple),
    )
