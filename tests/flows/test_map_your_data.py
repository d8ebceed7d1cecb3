"""Map your data: connect Gusto fields to custom user data."""

import pytest

from integrations.models import FieldMapping, InviteSettings
from portals import definitions
from portals.rules import Condition, Operator, Subject
from tests.factories.integrations import FieldMappingFactory
from tests.factories.portals import CourseFactory, CustomFieldFactory, GroupCourseFactory, GroupFactory
from tests.factories.users import MembershipFactory

from .conftest import GUSTO, sync, sync_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once", "smtp")]


@pytest.fixture
def department(portal):
    choices = ["Sales", "Operations", "Support", "Engineering", "People"]
    return CustomFieldFactory(portal=portal, label="Department", type="string_choice", choices=choices)


@pytest.fixture
def group_for(department):
    """Make a group whose rule takes the people of a department, with a course."""

    def make(title):
        group = GroupFactory(portal=department.portal, title=title)
        GroupCourseFactory(group=group, course=CourseFactory(portal=group.portal, title=f"{title} basics"))
        is_there = Condition(Subject.CUSTOM_FIELD, Operator.IS, (title,), field_key=department.key)
        definitions.save_rule(group=group, blocks=[[is_there]])
        return group

    return make


@pytest.fixture
def adds_active(connection):
    """Let people be active at once: pending ones are in no group."""
    InviteSettings.objects.filter(connection=connection).update(how="active")


def add_mapping(browser, attribute, field):
    """Add one row to the table and save."""
    browser.open(GUSTO).follow("Map your data").press("Add new mapping")
    row = FieldMapping.objects.count()
    answers = {f"rows-{row}-attribute": attribute, f"rows-{row}-custom_field": field}
    return browser.press("Save changes", **answers)


class TestMapYourData:
    def test_fills_custom_user_data_that_puts_people_into_groups_and_courses(
        self, admin, adds_active, department, group_for, people
    ):
        sales, support = group_for("Sales"), group_for("Support")

        add_mapping(admin, "Department", "Department (Choice of texts)")
        sync(admin)

        maya = people("Maya Okafor")
        assert maya.custom_data == {department.key: "Sales"}
        assert [one.group for one in maya.group_memberships.all()] == [sales]
        assert [str(one.course) for one in maya.enrollments.all()] == ["Sales basics"]
        assert support.members.exists()
        assert not people("Ines Duarte").group_memberships.exists()

    def test_moves_people_to_other_groups_when_they_move_in_gusto(
        self, adds_active, connection, world, department, group_for, people, after_an_hour
    ):
        group_for("Sales"), group_for("Support")
        FieldMappingFactory(connection=connection, attribute="department", custom_field=department)
        sync_now(connection)
        world.change("Maya Okafor", department="Support")
        after_an_hour(connection)

        sync_now(connection)

        maya = people("Maya Okafor")
        assert [one.group.title for one in maya.group_memberships.all()] == ["Support"]
        assert [str(one.course) for one in maya.enrollments.all()] == ["Support basics"]

    def test_updates_the_custom_user_data_of_existing_accounts(self, connection, portal, department):
        before = MembershipFactory(portal=portal, user__email="maya@harborpine.example")
        FieldMappingFactory(connection=connection, attribute="department", custom_field=department)

        sync_now(connection)

        before.refresh_from_db()
        assert before.custom_data == {department.key: "Sales"}

    def test_connects_as_many_fields_as_needed_and_removes_a_row_with_x(self, admin, connection, portal, department):
        CustomFieldFactory(portal=portal, label="Job title")
        add_mapping(admin, "Department", "Department (Choice of texts)")
        add_mapping(admin, "Job title", "Job title (Text)")
        assert FieldMapping.objects.count() == 2

        admin.press("X")
        assert "Not saved yet." in admin.words
        assert FieldMapping.objects.count() == 2
        admin.press("Save changes")

        assert FieldMapping.objects.get().attribute == "job_title"

    def test_refuses_a_field_that_cannot_hold_the_attribute(self, admin, connection, portal):
        CustomFieldFactory(portal=portal, label="Shoe size", type="integer")

        add_mapping(admin, "Department", "Shoe size (Whole number)")

        assert admin.status == 422
        assert "cannot fill a field of the type “Whole number”" in admin.words
        assert not FieldMapping.objects.exists()


class TestChoicesThatMustMatchExactly:
    def test_values_that_do_not_match_are_listed_and_taken_over_once_they_do(
        self, admin, connection, world, portal, people, after_an_hour
    ):
        field = CustomFieldFactory(portal=portal, label="Team", type="string_choice", choices=["Sales", "support"])
        world.change("Wei Zhang", department="Support")
        add_mapping(admin, "Department", "Team (Choice of texts)")

        run = sync(admin)

        assert people("Maya Okafor").custom_data == {field.key: "Sales"}
        assert people("Wei Zhang").custom_data == {}
        assert "Department: “Support”" in run.words
        page = admin.open(GUSTO).follow("Map your data")
        assert "Values of “Department” that are no choice of “Team”" in page.words

        field.choices.create(value="Support")
        after_an_hour(connection)
        sync_now(connection)

        assert people("Wei Zhang").custom_data == {field.key: "Support"}
        assert " Support: " not in admin.open(GUSTO).follow("Map your data").words

    @pytest.mark.parametrize(
        ("attribute", "name", "value", "type_", "words", "matching", "other"),
        [
            ("Training track", "Training track", "Floor", "string_choice", "Choice of texts", "Floor", "floor"),
            ("Forklift level", "Forklift level", "4", "integer_choice", "Choice of whole numbers", "4", "5"),
            ("Uniform budget", "Uniform budget", "75.50", "decimal_choice", "Choice of decimal numbers", "75.5", "75"),
        ],
    )
    def test_is_so_for_texts_whole_numbers_and_decimal_numbers(
        self, admin, connection, world, portal, people, attribute, name, value, type_, words, matching, other
    ):
        fits = CustomFieldFactory(portal=portal, label="Fits", type=type_, choices=[matching])
        CustomFieldFactory(portal=portal, label="Fits not", type=type_, choices=[other])
        world.change("Maya Okafor", custom={name: value})
        add_mapping(admin, attribute, f"Fits ({words})")
        add_mapping(admin, attribute, f"Fits not ({words})")

        sync_now(connection)

        (stored,) = people("Maya Okafor").custom_data.items()
        assert stored == (fits.key, stored[1])
        assert str(stored[1]) == matching
        page = admin.open(GUSTO).follow("Map your data")
        assert f"Values of “{attribute}” that are no choice of “Fits not”" in page.words
