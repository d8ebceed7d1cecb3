"""The demo's other portals: by signed links, from HubSpot, at a domain of its own, and by SAML with Gusto."""

from __future__ import annotations

import io
import json
import math
import urllib.request
from datetime import datetime, timedelta

from django.db import transaction
from PIL import Image, ImageDraw

from config.demo_data import ADMIN_PASSWORD, Definition, SignIn, define, make_admin, make_portal
from config.demo_people import LEARNER_PASSWORD, Person, learners, study
from integrations import connecting
from integrations.models import Connection, FieldMapping, InviteSettings, SyncRun
from integrations.sync import leases
from integrations.sync import run as sync_run
from portals import domains, logos, saml_metadata
from portals.field_types import FieldType
from portals.models import (
    Course,
    CustomField,
    Group,
    GroupCourse,
    Portal,
    SamlMapping,
    SamlSettings,
    SignedLinkSettings,
)
from users import signed_links
from users.models import Membership, User

BIRCH_DOMAIN = "learn.birch.localhost"
BIRCH_GREEN = "#2f6b3f"
BIRCH = Definition(
    teams=("Wards", "Reception", "Laboratory"),
    fields=(
        ("Department", FieldType.STRING_CHOICE, ("Wards", "Reception", "Laboratory")),
        ("Job title", FieldType.STRING, ()),
        ("Hire date", FieldType.DATE, ()),
        ("Registered until", FieldType.DATE, ()),
    ),
    courses=(
        (
            "Everyone",
            "Clean hands",
            "BC-10",
            "When and how, in five moments.",
            "Before you touch a patient.\n\nBefore a clean task.\n\nAfter body fluids, after a patient, after their "
            "surroundings.",
        ),
        (
            "Wards",
            "Handing over a shift",
            "BC-21",
            "What the next shift needs to know.",
            "Name, why they are here, what changed, what is next.\n\nLet the other one say it back.",
        ),
        (
            "Reception",
            "A calm welcome",
            "BC-22",
            "Names, privacy and waiting times.",
            "Ask for the name quietly.\n\nSay how long it will take, and say so again when that changes.",
        ),
    ),
)
BIRCH_PEOPLE = (
    Person("Hanna", "Sato", "Wards", "Nurse", 800),
    Person("Emil", "Costa", "Wards", "Nurse", 90),
    Person("June", "Aldridge", "Reception", "Receptionist", 1500),
    Person("Tariq", "Aziz", "Laboratory", "Technician", 330),
)
DEALERS = Definition(
    teams=("North", "South"),
    fields=(("Region", FieldType.STRING_CHOICE, ("North", "South")), ("Job title", FieldType.STRING, ())),
    courses=(
        (
            "Everyone",
            "The spring collection",
            "HP-D1",
            "What is new, and what it replaces.",
            "Two new tables and a bench.\n\nThe round table is no longer made; sell what is in store.",
        ),
    ),
)
DEALERS_PEOPLE = (
    Person("Carmen", "Ibarra", "South", "Shop owner"),
    Person("Leo", "Marchetti", "South", "Shop assistant"),
    Person("Britt", "Nyberg", "North", "Shop owner"),
)
# Filled by HubSpot's workflows. The regions are spelled as HubSpot stores them.
CUSTOMERS = Definition(
    teams=(),
    fields=(
        ("Region", FieldType.STRING_CHOICE, ("north", "south", "east", "west")),
        ("Job title", FieldType.STRING, ()),
        ("Department", FieldType.STRING, ()),
    ),
    courses=(
        (
            "Everyone",
            "Caring for your furniture",
            "HP-C1",
            "Oil, water and winter.",
            "Wash it with water and a soft brush; no pressure washer.\n\nOil pine every spring, cedar when you like "
            "it brown.\n\nCover it in winter, or bring it in.",
        ),
        (
            "Everyone",
            "Ordering spare parts",
            "HP-C2",
            "Where the number is, and how long it takes.",
            "The number stands under the seat.\n\nTell us the number and the part; it leaves the workshop within a "
            "week.",
        ),
    ),
)
HOTELS = "Hotels and restaurants"
# They were here before HubSpot: of the first there is a contact with the same address, so that she can be linked.
CUSTOMERS_PEOPLE = (
    Person("Dana", "Kirsch", "north", "Hotel manager"),
    Person("Piet", "Verhoeven", "south", "Caterer"),
)


@transaction.atomic
def populate(harbor: Portal, *, now: datetime) -> list[SignIn]:
    """Make the white-labelled portal and the sub-portals; return who can sign in where."""
    _dealers(harbor, now)
    return [_customers(harbor, now), *_birch(now)]


def other_ways() -> list[str]:
    """Return sentences on how to come in without a password, once all portals have their people."""
    juniper, dealers = Portal.objects.get(slug="juniper"), Portal.objects.get(slug="dealers")
    by_saml, by_link = _first_learner(juniper), _first_learner(dealers)
    tester = dealers.url("/admin/portals/signedlinksettings/tester/")
    return [
        f"By SAML: open {juniper.url()} and choose {by_saml.full_name} at the identity provider.",
        f"By signed link: open {tester} as Nora Bell, and make one for {by_link.email}.",
    ]


def connect_juniper(juniper: Portal, *, sandbox_url: str, now: datetime) -> None:
    """Let Juniper's learners come from Gusto and sign in at the sandbox's identity provider, which must answer.

    Its key is a new one at every start, so the metadata is taken over every time; Gusto is connected once.
    """
    with urllib.request.urlopen(f"{sandbox_url}/idp/metadata", timeout=10) as answer:  # noqa: S310 - loopback
        metadata = saml_metadata.read(answer.read())
    settings, is_new = SamlSettings.objects.get_or_create(
        portal=juniper,
        defaults={
            "email_attribute": "email",
            "first_name_attribute": "firstName",
            "last_name_attribute": "lastName",
            "groups_attribute": "groups",
        },
    )
    saml_metadata.take_over(settings, metadata)
    if is_new:
        field = CustomField.objects.get(portal=juniper, label="Job title")
        SamlMapping.objects.create(settings=settings, attribute="jobTitle", custom_field=field)
    if not Connection.objects.filter(portal=juniper).exists():
        _sync_juniper(juniper, sandbox_url, now)


def _sync_juniper(juniper: Portal, sandbox_url: str, now: datetime) -> None:
    """Connect the sandbox's second company, map two attributes and sync for the first time."""
    body = json.dumps({"company": "Juniper Works Inc", "redirect_uri": connecting.redirect_uri("gusto")})
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{sandbox_url}/_control/authorize", body.encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
        code = json.loads(answer.read())["code"]
    connection = connecting.connect_by_code(portal=juniper, provider="gusto", code=code, now=now)
    connection.connected_by = User.objects.get(memberships__portal=juniper, memberships__role=Membership.Role.ADMIN)
    connection.save(update_fields=["connected_by"])
    for attribute, label in (("department", "Department"), ("job_title", "Job title"), ("hire_date", "Hire date")):
        field = CustomField.objects.get(portal=juniper, label=label)
        FieldMapping.objects.create(connection=connection, attribute=attribute, custom_field=field)
    InviteSettings.objects.update_or_create(connection=connection, defaults={"how": InviteSettings.How.ACTIVE})
    run = leases.claim(connection=connection, trigger=SyncRun.Trigger.COMMAND, now=now)
    sync_run.carry_out(run_id=run.pk)
    study(juniper, now=now)


def _birch(now: datetime) -> list[SignIn]:
    birch = make_portal(
        "Birch Clinics",
        "birch",
        "Birch Academy",
        time_zone="America/Chicago",
        custom_domain=BIRCH_DOMAIN,
        accent_color=BIRCH_GREEN,
        mail_sender="Birch Clinics training",
        enabled_integrations=[],
    )
    if birch.custom_domain_verified_at is None:
        domains.verify(birch, now=now)
        logos.keep(birch, _leaf())
    define(birch, BIRCH)
    admin = make_admin(birch, "elena.voss@birchclinics.example", "Elena", "Voss")
    _fill(birch, BIRCH_PEOPLE, "birchclinics.example", now)
    learner = BIRCH_PEOPLE[0].email("birchclinics.example")
    return [admin, SignIn("Learner at an own domain", birch.url(), learner, LEARNER_PASSWORD)]


def _dealers(harbor: Portal, now: datetime) -> None:
    dealers = make_portal(
        harbor.realm.name,
        "dealers",
        "Harbor & Pine Dealers",
        parent=harbor,
        time_zone=harbor.time_zone,
        accent_color="#7a4a1e",
        sign_in_method=Portal.SignInMethod.SIGNED_LINK,
        enabled_integrations=[],
    )
    define(dealers, DEALERS)
    _fill(dealers, DEALERS_PEOPLE, "dealers.example", now)
    settings, is_new = SignedLinkSettings.objects.get_or_create(portal=dealers, defaults={"max_age_minutes": 30})
    if is_new:
        secret = signed_links.new_secret()
        signed_links.rotate(settings=settings, secret=secret, overlap=timedelta(0), now=now)


def _customers(harbor: Portal, now: datetime) -> SignIn:
    """Make the portal whose people HubSpot brings, with a group for a workflow to choose; Harbor's admins run it."""
    customers = make_portal(
        harbor.realm.name,
        "customers",
        "Harbor & Pine Customers",
        parent=harbor,
        time_zone=harbor.time_zone,
        enabled_integrations=["hubspot"],
    )
    define(customers, CUSTOMERS)
    group, is_new = Group.objects.get_or_create(portal=customers, title=HOTELS)
    if is_new:
        course = Course.objects.create(
            portal=customers,
            title="Furniture in heavy use",
            reference="HP-C3",
            description="Tightening, sanding, and when to replace.",
            content_text="Tighten every screw once a month.\n\nSand and oil twice a year.\n\nReplace what wobbles.",
            status=Course.Status.PUBLISHED,
        )
        GroupCourse.objects.create(group=group, course=course, due_days=30)
    admin = User.objects.filter(memberships__portal=harbor, memberships__role=Membership.Role.ADMIN).earliest("pk")
    _fill(customers, CUSTOMERS_PEOPLE, "example.org", now)
    return SignIn("The same admin, for customers", customers.url("/admin/"), admin.email, ADMIN_PASSWORD)


def _first_learner(portal: Portal) -> User:
    people = portal.memberships.filter(role=Membership.Role.LEARNER, status=Membership.Status.ACTIVE)
    return people.select_related("user").earliest("pk").user


def _fill(portal: Portal, people: tuple[Person, ...], domain: str, now: datetime) -> None:
    if not portal.memberships.filter(role=Membership.Role.LEARNER).exists():
        actor = User.objects.filter(
            memberships__portal=portal.top_level, memberships__role=Membership.Role.ADMIN
        ).earliest("pk")
        learners(portal, people, domain=domain, actor=actor, now=now)
        study(portal, now=now)


def _leaf() -> logos.Logo:
    """Draw Birch's logo: a green leaf on a white tile."""
    size = 200
    picture = Image.new("RGBA", (size, size))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((0, 0, size - 1, size - 1), radius=36, fill="#ffffff")
    steps = [number / 20 for number in range(21)]
    upper = [(step, math.sin(math.pi * step) / 4) for step in steps]
    outline = [*upper, *((along, -across) for along, across in reversed(upper))]
    # From the lower left to the upper right.
    draw.polygon([_tilted(along, across, size) for along, across in outline], fill=BIRCH_GREEN)
    draw.line([_tilted(-0.1, 0, size), _tilted(0.8, 0, size)], fill="#ffffff", width=6)
    content = io.BytesIO()
    picture.save(content, "PNG")
    content.seek(0)
    return logos.read(content)


def _tilted(along: float, across: float, size: int) -> tuple[float, float]:
    return size * (0.2 + 0.6 * along - across), size * (0.8 - 0.6 * along - across)
