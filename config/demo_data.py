"""The portals of the demo, with what an admin would have defined; config.demo_people puts people into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

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
from users.models import Membership, User

# They open nothing but the demo on the loopback address, and are printed at every start.
OPERATOR_PASSWORD = "demo-operator-42"  # noqa: S105
ADMIN_PASSWORD = "demo-admin-42"  # noqa: S105
DEPARTMENTS = ("Sales", "Operations", "Support", "Engineering", "People")
FIELDS: tuple[tuple[str, FieldType, tuple[str, ...]], ...] = (
    ("Department", FieldType.STRING_CHOICE, DEPARTMENTS),
    ("Job title", FieldType.STRING, ()),
    ("Hire date", FieldType.DATE, ()),
    ("Work city", FieldType.STRING, ()),
    ("T-shirt size", FieldType.STRING_CHOICE, ("S", "M", "L", "XL")),
    ("Training track", FieldType.STRING_CHOICE, ("Sales", "Floor", "Office")),
    ("Employee code", FieldType.STRING, ()),
)
# Group, title, reference, description, and what the learner reads.
COURSES: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "Everyone",
        "Welcome aboard",
        "HP-100",
        "Who we are, where things are, and whom to ask.",
        "Harbor & Pine makes outdoor furniture in three workshops.\n\nYour first week: meet your lead, collect your "
        "badge at the front desk, and read the house rules below.\n\nWhen you are lost, ask; everybody was new once.",
    ),
    (
        "Everyone",
        "Working safely",
        "HP-110",
        "Lifting, exits, and what to do in an emergency.",
        "Lift with your legs and in pairs above 20 kg.\n\nKnow the two nearest exits of every room you work in.\n\n"
        "In an emergency: get people out, call 911, then your lead.",
    ),
    (
        "Sales",
        "Talking about wood",
        "HP-210",
        "Cedar, teak and pine: what to say when a customer asks.",
        "Cedar resists rot and weathers to silver.\n\nTeak lasts longest and costs most.\n\nPine is light and cheap "
        "and needs oil every spring.",
    ),
    (
        "Operations",
        "Forklift basics",
        "HP-220",
        "The daily check, loads and right of way.",
        "Check brakes, horn and forks before every shift.\n\nNever carry a load that you cannot see over.\n\n"
        "People on foot always go first.",
    ),
    (
        "Support",
        "A good answer",
        "HP-230",
        "Read, repeat, resolve: how we write to customers.",
        "Read the whole message first.\n\nSay back in one sentence what the customer needs.\n\nThen solve it, or say "
        "who will and by when.",
    ),
    (
        "Engineering",
        "How we ship",
        "HP-240",
        "Small changes, reviewed by one other person.",
        "A change fits on one screen.\n\nSomebody else reads it before it ships.\n\nWhoever ships it watches it.",
    ),
    (
        "People",
        "Keeping records private",
        "HP-250",
        "What may be written down about people, and for how long.",
        "Write down only what the work needs.\n\nShare it only with those whose work needs it.\n\nDelete it when that "
        "work is done.",
    ),
)


@dataclass(frozen=True)
class SignIn:
    """One way into the demo."""

    who: str
    url: str
    email: str
    password: str


@dataclass(frozen=True)
class Definition:
    """What a portal of the demo teaches, and to whom."""

    teams: tuple[str, ...]
    fields: tuple[tuple[str, FieldType, tuple[str, ...]], ...]
    courses: tuple[tuple[str, str, str, str, str], ...]


COMPANY = Definition(DEPARTMENTS, FIELDS, COURSES)


@transaction.atomic
def seed() -> list[SignIn]:
    """Make the demo's two companies and the operator where they are missing, and return who can sign in where."""
    harbor = make_portal("Harbor & Pine", "harbor", "Harbor & Pine Academy", time_zone="America/Denver")
    juniper = make_portal(
        "Juniper Works",
        "juniper",
        "Juniper Works Learning",
        time_zone="America/New_York",
        sign_in_method=Portal.SignInMethod.SAML,
    )
    for company in (harbor, juniper):
        define(company, COMPANY)
    operator = User.objects.filter(realm=None, email="operator@example.com").first()
    if operator is None:
        operator = User.objects.create_superuser(
            email="operator@example.com", password=OPERATOR_PASSWORD, first_name="Noor", last_name="Haddad"
        )
    platform = f"{settings.PLATFORM_SCHEME}://{settings.PLATFORM_DOMAIN}/admin/"
    return [
        make_admin(harbor, "nora.bell@harborpine.example", "Nora", "Bell"),
        make_admin(juniper, "theo.marsh@juniperworks.example", "Theo", "Marsh"),
        SignIn("Operator of the installation", platform, operator.email, OPERATOR_PASSWORD),
    ]


def make_portal(realm_name: str, slug: str, name: str, **fields: Any) -> Portal:
    """Return a portal, made where it is missing."""
    realm, _ = Realm.objects.get_or_create(name=realm_name)
    found, _ = Portal.objects.get_or_create(
        slug=slug, defaults={"realm": realm, "name": name, "enabled_integrations": ["gusto"], **fields}
    )
    return found


def define(portal: Portal, definition: Definition) -> None:
    """Give a portal its fields, groups with rules, and courses where they are missing."""
    fields = _fields(portal, definition.fields)
    groups = _groups(portal, next(iter(fields.values())), definition.teams)
    _courses(portal, groups, definition.courses)


def make_admin(portal: Portal, email: str, first_name: str, last_name: str) -> SignIn:
    """Return how the portal's full admin signs in, made where they are missing."""
    user = User.objects.filter(realm=portal.realm, email=email).first()
    if user is None:
        user = User.objects.create_user(
            realm=portal.realm, email=email, password=ADMIN_PASSWORD, first_name=first_name, last_name=last_name
        )
    Membership.objects.get_or_create(
        portal=portal, user=user, defaults={"role": Membership.Role.ADMIN, "created_at": timezone.now()}
    )
    return SignIn(f"Admin of {portal.name}", portal.url("/admin/"), email, ADMIN_PASSWORD)


def _fields(portal: Portal, wanted: Sequence[tuple[str, FieldType, tuple[str, ...]]]) -> dict[str, CustomField]:
    """Return the portal's fields by label, made where they are missing."""
    fields: dict[str, CustomField] = {}
    for position, (label, kind, choices) in enumerate(wanted):
        field, is_new = CustomField.objects.get_or_create(
            portal=portal, label=label, defaults={"type": kind, "position": position}
        )
        if is_new:
            CustomFieldChoice.objects.bulk_create(
                CustomFieldChoice(field=field, value=value, position=place) for place, value in enumerate(choices)
            )
        fields[label] = field
    return fields


def _groups(portal: Portal, field: CustomField, teams: Sequence[str]) -> dict[str, Group]:
    """Return the groups by title: everyone, and one per team, each filled by an active rule."""
    groups: dict[str, Group] = {}
    for title in ("Everyone", *teams):
        group, is_new = Group.objects.get_or_create(portal=portal, title=title)
        if is_new:
            rule = DynamicRule.objects.create(group=group, state=DynamicRule.State.ACTIVE)
            if title in teams:
                RuleCondition.objects.create(
                    rule=rule,
                    subject=Subject.CUSTOM_FIELD,
                    custom_field=field,
                    operator=Operator.IS,
                    operands=[title],
                )
        groups[title] = group
    return groups


def _courses(portal: Portal, groups: dict[str, Group], courses: Sequence[tuple[str, str, str, str, str]]) -> None:
    for group, title, reference, description, text in courses:
        course, is_new = Course.objects.get_or_create(
            portal=portal,
            title=title,
            defaults={
                "reference": reference,
                "description": description,
                "content_text": text,
                "status": Course.Status.PUBLISHED,
            },
        )
        if is_new:
            GroupCourse.objects.create(
                group=groups[group], course=course, is_required=group == "Everyone", due_days=30
            )
