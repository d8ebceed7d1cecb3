"""A portal with one of everything that a file holds, and people whom it concerns."""

import msgspec
import pytest
from django.utils import timezone

from integrations.models import ChoiceAlias, SafetySettings
from integrations.portal_settings import document, importing, reading
from portals import definitions
from portals.field_types import FieldType
from portals.rules import Condition, Operator, Subject
from tests.factories.integrations import ConnectionFactory, FieldMappingFactory, InviteSettingsFactory
from tests.factories.portals import (
    CourseFactory,
    CustomFieldFactory,
    GroupCourseFactory,
    GroupFactory,
    PortalFactory,
)


@pytest.fixture
def portal():
    return PortalFactory(name="Harbor Academy", slug="harbor", accent_color="#123456", remind_days_before=1)


@pytest.fixture
def team(portal):
    """The custom field Team: Sales, Support or Packing."""
    return CustomFieldFactory(
        portal=portal, label="Team", type="string_choice", choices=["Sales", "Support", "Packing"]
    )


@pytest.fixture
def sellers(portal, team):
    """The group Sellers, filled by a rule, with a course."""
    group = GroupFactory(portal=portal, title="Sellers", description="Who sells")
    course = CourseFactory(portal=portal, title="Selling", reference="S-1", content_text="Be kind.\n")
    GroupCourseFactory(group=group, course=course, is_required=True, due_days=14)
    definitions.save_rule(group=group, blocks=[[condition(team, "Sales")]])
    return group


@pytest.fixture
def stars(portal, team, sellers):
    """The group Stars, which takes its people from the sellers."""
    group = GroupFactory(portal=portal, title="Stars")
    definitions.save_rule(
        group=group, blocks=[[Condition(Subject.EMAIL_DOMAIN, Operator.IS, ("example.com",))]], base_group=sellers
    )
    return group


@pytest.fixture
def connection(portal, team):
    """A connection that fills the team, knows a value's other name, and has every kind of setting."""
    made = ConnectionFactory(portal=portal)
    mapping = FieldMappingFactory(
        connection=made, custom_field=team, attribute="department", default="Support", when_empty="keep"
    )
    ChoiceAlias.objects.create(mapping=mapping, value="Verkauf", choice=team.choices.get(value="Sales"))
    InviteSettingsFactory(connection=made, when="hire_date")
    SafetySettings.objects.create(
        connection=made,
        most_people=7,
        scope=[{"attribute": "department", "operator": "is_one_of", "values": ["Sales", "Support"]}],
    )
    return made


@pytest.fixture
def furnished(portal, stars, connection):
    """The portal with everything above in it."""
    return portal


@pytest.fixture
def take_in():
    """Import settings into a portal."""

    def take(portal, wanted):
        return importing.apply(portal=portal, wanted=wanted, now=timezone.now())

    return take


@pytest.fixture
def look_ahead():
    """Say what importing would do."""

    def look(portal, wanted):
        return importing.preview(portal=portal, wanted=wanted, now=timezone.now())

    return look


def condition(field, *values):
    return Condition(
        Subject.CUSTOM_FIELD,
        Operator.IS_ONE_OF if len(values) > 1 else Operator.IS,
        values,
        field_key=field.key,
        type=FieldType(field.type),
    )


def file_of(**sections):
    """A file with these sections, as read."""
    return document.parse(msgspec.json.encode({"format": document.FORMAT, "version": document.VERSION, **sections}))


def file_of_portal(portal):
    """The portal's own file, written and read again."""
    return document.parse(document.write(reading.settings_of(portal)).encode())
