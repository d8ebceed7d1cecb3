"""Whom the syncs are about, values that stay, and seeing before saving what an edit would change."""

import pytest

from integrations.models import FieldMapping, SafetySettings
from tests.factories.portals import CustomFieldFactory
from users.models import Membership

from .conftest import GUSTO, sync, sync_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once", "smtp")]


@pytest.fixture
def department(portal):
    choices = ["Sales", "Operations", "Support", "Engineering", "People"]
    return CustomFieldFactory(portal=portal, label="Department", type="string_choice", choices=choices)


@pytest.fixture
def synced(connection, department, after_an_hour):
    """The portal after its first sync, with the department mapped and people active."""
    connection.invite_settings.how = "active"
    connection.invite_settings.save()
    FieldMapping.objects.create(connection=connection, attribute="department", custom_field=department)
    sync_now(connection)
    after_an_hour(connection)
    return connection


def narrow(browser, *, operator="is one of", values="Sales", **answers):
    """Limit the scope by the department and press Save changes."""
    browser.open(GUSTO).follow("Scope and safety").press("Add condition")
    row = {"scope-0-attribute": "Department", "scope-0-operator": operator, "scope-0-values": values}
    return browser.press("Save changes", **row, **answers)


class TestScope:
    def test_adds_only_the_people_in_scope(self, admin, connection):
        page = narrow(admin)

        assert "Saved." in page.words
        sync(admin)
        departments = {one["snapshot"]["attributes"]["department"] for one in learners(connection)}
        assert departments == {"Sales"}
        assert "outside the scope" in admin.open(f"{GUSTO}people/").words

    def test_shows_who_would_lose_access_before_it_is_saved(self, admin, synced, people):
        asked = narrow(admin, out_of_scope="End their access")

        assert "would lose access" in asked.words
        assert "No mail would go." in asked.words
        assert not SafetySettings.objects.filter(connection=synced).exclude(scope=[]).exists()
        assert "Saved." in asked.press("Save").words
        assert people("Maya Okafor").status == "active"

    def test_ends_access_and_gives_it_back(self, admin, synced, world, people, after_an_hour):
        assert "Saved." in narrow(admin, operator="is none of", values="Legal", out_of_scope="End their access").words
        world.change("Maya Okafor", department="Legal")
        sync_now(synced)
        assert people("Maya Okafor").status == "ended"

        after_an_hour(synced)
        world.change("Maya Okafor", department="Sales")
        sync_now(synced)

        assert people("Maya Okafor").status == "active"

    def test_holds_when_many_would_lose_access(self, admin, synced):
        narrow(admin, values="People", out_of_scope="End their access").press("Save")

        page = sync(admin)

        assert "Held" in page.words
        assert not Membership.objects.filter(status="ended").exists()

    def test_leaves_people_as_they_are_unless_told_otherwise(self, admin, synced, world, people, after_an_hour):
        narrow(admin).press("Save")
        world.change("Maya Okafor", department="Engineering")

        sync_now(synced)

        maya = people("Maya Okafor")
        assert maya.status == "active"
        assert set(maya.custom_data.values()) == {"Sales"}


def learners(connection):
    return connection.identities.filter(membership__isnull=False).values("snapshot")


class TestPins:
    def test_keep_a_local_value_until_they_are_lifted(self, admin, synced, department, people, world, after_an_hour):
        maya = people("Maya Okafor")
        page = f"/admin/users/membership/{maya.pk}/"
        assert "Kept by Gusto: change it there." in admin.open(f"{page}change/").words

        admin.open(f"{page}pin-values/").press("Pin", fields_chosen="Department")
        admin.open(f"{page}change/").press("Save", **{f"custom_{department.pk}": "People"})
        world.change("Maya Okafor", department="Engineering")
        sync_now(synced)
        assert people("Maya Okafor").custom_data == {department.key: "People"}
        assert "Maya Okafor" in admin.open("/admin/users/membership/?pinned=yes").words

        admin.open(f"{page}lift-pins/").press("Lift")
        after_an_hour(synced)
        sync_now(synced)

        assert people("Maya Okafor").custom_data == {department.key: "Engineering"}


class TestChoiceValueAssistant:
    def test_takes_a_value_over_by_one_click(self, admin, synced, department, world, people, after_an_hour):
        world.change("Maya Okafor", department="Sales EMEA")
        sync_now(synced)
        after_an_hour(synced)
        page = admin.open(GUSTO).follow("Map your data")
        assert "Sales EMEA : 1 person" in page.words

        page.press("Add as a choice")
        sync_now(synced)

        assert people("Maya Okafor").custom_data == {department.key: "Sales EMEA"}

    def test_lets_a_value_stand_for_a_choice(self, admin, synced, department, world, people, after_an_hour):
        for name in ("Wei Zhang", "Maya Okafor"):
            world.change(name, department="Revenue")
        sync_now(synced)
        after_an_hour(synced)

        page = admin.open(GUSTO).follow("Map your data")
        assert "Revenue : 2 people" in page.words
        page.press("Stands for this choice", choice="People")
        sync_now(synced)

        assert people("Wei Zhang").custom_data == {department.key: "People"}
        assert "“Revenue” stands for “People” of “Department”" in admin.open(f"{GUSTO}mapping/").words


class TestTrial:
    def test_tells_before_saving_what_becomes_of_a_person(self, admin, synced, portal):
        CustomFieldFactory(portal=portal, label="Job title")
        admin.open(GUSTO).follow("Map your data").press("Add new mapping")

        row = {"rows-1-attribute": "Job title", "rows-1-custom_field": "Job title (Text)"}
        page = admin.press("Try", person="Maya Okafor", **row)

        assert "Department Department Sales Sales" in page.words
        assert "Not read yet: the next sync reads it." in page.words
        assert FieldMapping.objects.count() == 1
