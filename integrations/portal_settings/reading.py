"""Database → file: the settings of a portal as they are now; a fixed number of queries."""

from __future__ import annotations

from integrations import models
from integrations.portal_settings import document
from integrations.portal_settings.document import Document
from portals.field_types import FieldType
from portals.models import Course, CustomField, DynamicRule, Group, Portal
from portals.rules import Operator, Subject

PORTAL = (
    "language",
    "accent_color",
    "mail_sender",
    "remind_days_before",
    "remind_days_after",
    "tells_of_new_people",
    "may_request_deletion",
)
INVITES = ("when", "how", "address")
SAFETY = (
    "most_people",
    "most_percent",
    "holds_first_mails",
    "most_mails",
    "out_of_scope",
    "ends_missing",
)


def settings_of(portal: Portal) -> Document:
    """Return everything about a portal that a file holds."""
    fields = CustomField.objects.filter(portal=portal).prefetch_related("choices").order_by("position", "pk")
    groups = (
        Group.objects.filter(portal=portal)
        .select_related("rule__base_group")
        .prefetch_related("rule__conditions__custom_field", "group_courses__course")
        .order_by("title", "pk")
    )
    connections = (
        models.Connection.objects.filter(portal=portal)
        .select_related("invite_settings", "safety_settings")
        .prefetch_related("mappings__custom_field", "mappings__aliases__choice")
        .order_by("provider")
    )
    return Document(
        format=document.FORMAT,  # type: ignore[arg-type]
        version=document.VERSION,  # type: ignore[arg-type]
        portal=document.PortalPart(**{name: getattr(portal, name) for name in PORTAL}),
        custom_fields=[_field(one) for one in fields],
        courses=[_course(one) for one in Course.objects.filter(portal=portal).order_by("title", "pk")],
        groups=[_group(one) for one in groups],
        connections={one.provider: _connection(one) for one in connections},
    )


def _field(field: CustomField) -> document.Field:
    choices = sorted(field.choices.all(), key=lambda choice: (choice.position, choice.pk))
    return document.Field(
        label=field.label,
        type=FieldType(field.type),
        several_choices=field.is_multiple,
        required=field.is_required,
        learner_may_edit=field.learner_may_edit,
        learner_may_see=field.learner_may_see,
        position=field.position,
        archived=field.is_archived,
        choices=[document.Choice(value=one.value, archived=one.is_archived) for one in choices],
    )


def _course(course: Course) -> document.Course:
    return document.Course(
        title=course.title,
        reference=course.reference,
        status=course.status,  # type: ignore[arg-type]
        description=course.description,
        content_url=course.content_url,
        content_text=course.content_text,
        first_reminder_days=course.first_reminder_days,
        second_reminder_days=course.second_reminder_days,
    )


def _group(group: Group) -> document.Group:
    terms = sorted(group.group_courses.all(), key=lambda one: document.key(one.course.title))
    return document.Group(
        title=group.title,
        description=group.description,
        single_sign_on=group.sso_sync,
        rule=_rule(getattr(group, "rule", None)),
        courses=[
            document.GroupCourse(
                course=one.course.title,
                required=one.is_required,
                due_days=one.due_days,
                enroll_again=one.reenroll_completed,
            )
            for one in terms
        ],
    )


def _rule(rule: DynamicRule | None) -> document.Rule | None:
    """Return a rule as it last ran; one that was only built and never ran is nobody else's business."""
    if rule is None:
        return None
    conditions = sorted(rule.conditions.all(), key=lambda one: (one.block, one.pk))
    if rule.state == DynamicRule.State.DRAFT and not conditions:
        return None
    blocks: dict[int, list[document.Condition]] = {}
    for one in conditions:
        blocks.setdefault(one.block, []).append(
            document.Condition(
                looks_at=Subject(one.subject),
                field=one.custom_field.label if one.custom_field else "",
                comparison=Operator(one.operator),
                values=list(one.operands),
            )
        )
    return document.Rule(
        state=rule.state,  # type: ignore[arg-type]
        base_group=rule.base_group.title if rule.base_group else None,
        on_leaving=rule.on_leaving,  # type: ignore[arg-type]
        blocks=list(blocks.values()),
    )


def _connection(connection: models.Connection) -> document.Connection:
    invites = getattr(connection, "invite_settings", None)
    safety = getattr(connection, "safety_settings", None)
    mappings = sorted(connection.mappings.all(), key=lambda one: document.key(one.custom_field.label))
    return document.Connection(
        mappings=[_mapping(one) for one in mappings],
        invites=document.Invites(**{name: getattr(invites, name) for name in INVITES}) if invites else None,
        safety=_safety(safety) if safety else None,
    )


def _safety(safety: models.SafetySettings) -> document.Safety:
    return document.Safety(
        **{name: getattr(safety, name) for name in SAFETY},
        scope=[document.ScopeLine(**line) for line in safety.scope],
    )


def _mapping(mapping: models.FieldMapping) -> document.Mapping:
    aliases = sorted((one.value, one.choice.value) for one in mapping.aliases.all())
    return document.Mapping(
        field=mapping.custom_field.label,
        attribute=mapping.attribute,
        fallback_attribute=mapping.fallback_attribute,
        default=mapping.default,
        when_empty=mapping.when_empty,  # type: ignore[arg-type]
        aliases=dict(aliases),
    )
