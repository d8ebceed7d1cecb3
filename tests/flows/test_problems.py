"""Problems for HR: found after a sync, handed over as a file, mended in Gusto, and gone by themselves."""

import re
from datetime import timedelta
from http import HTTPStatus

import pytest

from integrations.models import FieldMapping
from tests.factories.portals import CustomFieldFactory

from .conftest import GUSTO, sync_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once", "smtp")]


@pytest.fixture
def department(portal):
    return CustomFieldFactory(portal=portal, label="Department", type="string_choice", choices=["Sales"])


@pytest.fixture
def synced(connection, world, department):
    """Two people's data is not as it should be."""
    FieldMapping.objects.create(connection=connection, attribute="department", custom_field=department)
    world.hire("Rosa", "Quist")
    world.change("Rosa Quist", email=None)
    world.hire("Noor", "Ahmadi", work_email="noor@harborpine.example", department="Astronomy")
    sync_now(connection)


class TestProblems:
    def test_are_named_with_how_many_people_they_concern(self, admin, synced):
        page = admin.open(GUSTO).follow("Problems")

        assert "The person has no e-mail address that may be used." in page.words
        assert "Department: “Astronomy”" in page.words
        assert "Add the missing choice or an alias under “Map your data”" in page.words

    def test_list_the_people_with_one_value(self, admin, synced):
        page = admin.open(GUSTO).follow("Problems").follow("“Astronomy”")

        assert "Department: “Astronomy” (1)" in page.words
        assert "Noor Ahmadi" in page.words

    def test_are_handed_over_as_a_file(self, admin, synced):
        file = admin.open(f"{GUSTO}problems/refused_value/").follow("Download as CSV").source

        assert "Noor,Ahmadi,noor@harborpine.example" in file
        assert "Department: “Astronomy”" in file

    def test_wait_on_the_first_page(self, admin, synced):
        assert "kinds of open problems" in admin.open("/admin/").words

    def test_close_themselves_once_they_are_mended(self, admin, synced, world, department, connection, after_an_hour):
        world.change("Rosa Quist", work_email="rosa@harborpine.example")
        department.choices.create(value="Astronomy")
        after_an_hour(connection)
        sync_now(connection)

        assert "Rosa Quist" not in admin.open(f"{GUSTO}problems/no_email/").words
        assert "Astronomy" not in admin.open(GUSTO).follow("Problems").words


class TestUpcoming:
    def test_is_subscribed_to_by_a_secret_link(
        self, admin, connection, world, today, visit, portal, mails_at_once, after_an_hour
    ):
        mails_at_once(connection)
        sync_now(connection)
        world.terminate("Maya Okafor", today + timedelta(days=5))
        world.hire("Noor", "Ahmadi", work_email="noor@harborpine.example", hired_on=today + timedelta(days=9))
        after_an_hour(connection)
        sync_now(connection)

        page = admin.open("/admin/").follow("Upcoming")
        assert "Maya Okafor Leaves" in page.words
        assert "Noor Ahmadi Starts" in page.words
        address = re.search(r"http\S+\.ics", page.press("Make a link").words).group()

        calendar = visit(portal).open(address).source
        assert "SUMMARY:Maya Okafor: last day" in calendar
        assert "SUMMARY:Noor Ahmadi starts" in calendar
        admin.press("Revoke the link")
        assert visit(portal).open(address).status == HTTPStatus.NOT_FOUND
