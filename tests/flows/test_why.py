"""Why is this person in this group, and where is the colleague who should be here: answered without support."""

import pytest

from integrations.models import FieldMapping, InviteSettings
from portals import definitions
from portals.rules import Condition, Operator, Subject
from tests.factories.portals import CourseFactory, CustomFieldFactory, GroupCourseFactory, GroupFactory

from .conftest import GUSTO, sync_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once", "smtp")]

MISSING = "Is somebody missing? Search, and read why"


@pytest.fixture
def department(portal):
    choices = ["Sales", "Operations", "Support", "Engineering", "People"]
    return CustomFieldFactory(portal=portal, label="Department", type="string_choice", choices=choices)


@pytest.fixture
def sellers(department):
    """A group that a rule fills, with a course."""
    group = GroupFactory(portal=department.portal, title="Sellers")
    course = CourseFactory(portal=group.portal, title="Talking about wood")
    GroupCourseFactory(group=group, course=course)
    is_there = Condition(Subject.CUSTOM_FIELD, Operator.IS, ("Sales",), field_key=department.key)
    definitions.save_rule(group=group, blocks=[[is_there]])
    return group


@pytest.fixture
def synced(connection, world, department, sellers):
    """The first sync, by which everyone came with their department."""
    InviteSettings.objects.filter(connection=connection).update(how="active")
    FieldMapping.objects.create(connection=connection, attribute="department", custom_field=department)
    world.hire("Noor", "Ahmadi", work_email="noor@harborpine.example", department="Sales")
    world.hire("Rosa", "Quist")
    world.change("Rosa Quist", email=None)
    return sync_now(connection)


class TestWhy:
    def test_is_asked_from_the_page_of_the_person(self, admin, synced, people):
        noor = people("Noor Ahmadi")

        page = admin.open(f"/admin/users/membership/{noor.pk}/change/").follow(
            "Why: where the values, groups, courses and mails of this person come from"
        )

        assert "Why Noor Ahmadi has what they have" in page.words
        assert "Department: “Sales” Sales Sync" in page.words
        assert "Sellers : The rule fits:" in page.words
        assert "Department is Sales: Sales (fits)" in page.words
        assert "Talking about wood (Not started): Through the group “Sellers”." in page.words

    def test_leads_to_the_run_that_wrote_a_value(self, admin, synced, people, latest_run, connection):
        number = latest_run(connection).pk

        admin.open(f"/admin/settings/integrations/people/{people('Noor Ahmadi').pk}/why/").follow(f"Sync {number}")

        assert admin.path == f"{GUSTO}runs/{number}/"

    def test_follows_the_person_to_another_department(self, admin, synced, people, world, connection, after_an_hour):
        world.change("Noor Ahmadi", department="Support")
        after_an_hour(connection)
        sync_now(connection)

        page = admin.open(f"/admin/settings/integrations/people/{people('Noor Ahmadi').pk}/why/")

        assert "Department: “Support” Support Sync" in page.words
        assert "Sellers : The rule does not fit. Department is Sales: Support (does not fit)" in page.words


class TestWhyNot:
    def test_reads_the_first_step_that_stopped_somebody(self, admin, synced):
        page = admin.open(GUSTO).follow(MISSING).press("Search", q="quist")

        assert "Why Rosa Quist is not here" in page.words
        assert "Stopped here: The person has no e-mail address that may be used." in page.words
        assert "Enter a work or personal e-mail in the connected system" in page.words

    def test_is_reached_from_the_line_of_the_run(self, admin, synced):
        page = admin.open(f"{GUSTO}runs/{synced.pk}/?show=skipped&q=quist").follow("Why not Rosa Quist")

        assert "Why Rosa Quist is not here" in page.words

    def test_says_what_to_check_for_somebody_whom_nobody_knows(self, admin, synced):
        page = admin.open(GUSTO).follow(MISSING).press("Search", q="Contractor")

        assert "Nobody called “Contractor” was found" in page.words
        assert "Contractors are not in the list." in page.words

    def test_tells_that_somebody_disappeared_from_the_list(self, admin, synced, world, connection, after_an_hour):
        world.remove("Rosa Quist")
        after_an_hour(connection)
        sync_now(connection)

        page = admin.open(GUSTO).follow(MISSING).press("Search", q="quist")

        assert (
            "Stopped here: The last complete list of the connected system did not contain this person." in page.words
        )
