"""The portal that is measured: ten mapped fields of all kinds, ten groups with rules, a course for most of them.

Everybody is active at once and gets a welcome mail, so an import writes an account, a membership, an invitation, an
audit row, a line of the plan, an identity, one or two group memberships and an enrollment per person.
"""

from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations import connecting
from integrations.models import Connection, FieldMapping, InviteSettings, SyncRun
from integrations.sandbox import fields
from integrations.sync import leases
from integrations.sync import run as sync_run
from portals.field_types import FieldType
from portals.models import (
    Course,
    CustomField,
    CustomFieldChoice,
    DynamicRule,
    Group,
    GroupCourse,
    Portal,
    Realm,
    RuleCondition,
)
from portals.rules import Operator, Subject
from tests.benchmark.expected import CITIES, CITIES_WITH_COURSE, DEPARTMENTS

EMPLOYMENT_TYPES = ("full_time", "part_time_twenty_plus_hours", "part_time_under_twenty_hours", "seasonal")
# Attribute of Gusto, type, choices.
FIELDS = (
    ("department", FieldType.STRING_CHOICE, DEPARTMENTS),
    ("job_title", FieldType.STRING, ()),
    ("hire_date", FieldType.DATE, ()),
    ("hire_year", FieldType.INTEGER, ()),
    ("home_city", FieldType.STRING, ()),
    ("employment_type", FieldType.STRING_CHOICE, EMPLOYMENT_TYPES),
    ("employee_code", FieldType.STRING, ()),
    (f"custom:{fields.UNIFORM_BUDGET}", FieldType.DECIMAL, ()),
    (f"custom:{fields.SAFETY_COURSE_DUE}", FieldType.DATE, ()),
    (f"custom:{fields.T_SHIRT_SIZE}", FieldType.STRING_CHOICE, fields.SHIRT_SIZES),
)


def prepare(*codes: str) -> dict[str, Any]:
    """Make a portal per consent code and connect it; return the connections' ids."""
    return {"connections": [_create(number, code) for number, code in enumerate(codes)]}


def sync(*connections: int) -> dict[str, Any]:
    """Carry out one sync of each connection, one after the other; return how they and the last one ended."""
    runs = [_carry_out(connection, SyncRun.Trigger.COMMAND) for connection in connections]
    return _ended(runs)


def preview(connection: int) -> dict[str, Any]:
    """Preview a sync and return how that ended."""
    return _ended([_carry_out(connection, SyncRun.Trigger.PREVIEW)])


def sync_all() -> dict[str, Any]:
    """Carry out one sync of every connection of the database."""
    return sync(*Connection.objects.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _create(number: int, code: str) -> int:
    realm = Realm.objects.create(name=f"Benchmark {number}")
    portal = Portal.objects.create(
        realm=realm,
        name=realm.name,
        slug=f"benchmark-{number}",
        time_zone="America/Los_Angeles",
        enabled_integrations=["gusto"],
    )
    connection = connecting.connect_by_code(portal=portal, provider="gusto", code=code, now=timezone.now())
    InviteSettings.objects.update_or_create(
        connection=connection, defaults={"when": "added", "how": "active_welcome", "address": "work_first"}
    )
    made = {attribute: _field(connection, attribute, type_, choices) for attribute, type_, choices in FIELDS}
    for title in DEPARTMENTS:
        _group(portal, title, made["department"], with_course=True)
    for title in CITIES:
        _group(portal, title, made["home_city"], with_course=title in CITIES_WITH_COURSE)
    return connection.pk


def _carry_out(connection_id: int, trigger: SyncRun.Trigger) -> SyncRun:
    """Carry out one run as a worker does."""
    connection = Connection.objects.get(pk=connection_id)
    claimed = leases.claim(connection=connection, trigger=trigger, now=timezone.now())
    run = sync_run.carry_out(run_id=claimed.pk)
    assert run is not None
    return run


def _ended(runs: list[SyncRun]) -> dict[str, Any]:
    states = sorted({run.state for run in runs})
    return {"run": runs[-1].pk, "states": states, "trouble": runs[-1].trouble, "totals": runs[-1].totals}


def _field(connection: Connection, attribute: str, type_: FieldType, choices: tuple[str, ...]) -> CustomField:
    field = CustomField.objects.create(portal=connection.portal, label=attribute, type=type_)
    CustomFieldChoice.objects.bulk_create(CustomFieldChoice(field=field, value=value) for value in choices)
    FieldMapping.objects.create(connection=connection, attribute=attribute, custom_field=field)
    return field


def _group(portal: Portal, title: str, field: CustomField, *, with_course: bool) -> None:
    group = Group.objects.create(portal=portal, title=title)
    rule = DynamicRule.objects.create(group=group, state=DynamicRule.State.ACTIVE)
    RuleCondition.objects.create(
        rule=rule, subject=Subject.CUSTOM_FIELD, custom_field=field, operator=Operator.IS, operands=[title]
    )
    if with_course:
        course = Course.objects.create(portal=portal, title=f"About {title}", status=Course.Status.PUBLISHED)
        GroupCourse.objects.create(group=group, course=course, is_required=True, due_days=30)
