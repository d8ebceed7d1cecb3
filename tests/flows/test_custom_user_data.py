"""An admin keeps custom user data in order: fields, choices, names, and what nobody needs any more."""

import pytest

from portals import definitions
from portals.models import CustomField
from portals.rules import Condition, Operator, Subject
from tests.factories.portals import CustomFieldFactory, GroupFactory
from tests.factories.users import MembershipFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once")]


@pytest.fixture
def department(portal):
    return CustomFieldFactory(portal=portal, label="Department", type="string_choice", choices=["Sales", "Legal"])


@pytest.fixture
def seller(portal, department):
    return MembershipFactory(portal=portal, custom_data={department.key: "Sales"})


@pytest.fixture
def group(portal, department, seller):
    group = GroupFactory(portal=portal, title="Sellers")
    wanted = Condition(Subject.CUSTOM_FIELD, Operator.IS, ("Sales",), department.key)
    definitions.save_rule(group=group, blocks=[[wanted]])
    return group


@pytest.fixture
def form(admin, department):
    return admin.open(f"/admin/portals/customfield/{department.pk}/change/")


class TestAField:
    def test_is_added_until_the_portal_has_enough(self, admin, portal):
        portal.custom_field_limit = 1
        portal.save()

        for label in ("Work city", "Shoe size"):
            admin.open("/admin/portals/customfield/add/").press("Save", label=label, type="Text", position="0")

        assert list(CustomField.objects.values_list("label", flat=True)) == ["Work city"]
        assert "This portal may have 1 custom fields" in admin.words

    def test_cannot_go_while_a_rule_uses_it_and_is_archived_instead(self, form, department, group, seller):
        form.open(f"/admin/portals/customfield/{department.pk}/delete/")
        assert "rule of the group “Sellers”" in form.words

        form.follow("Archive the field").press("Archive")

        department.refresh_from_db()
        seller.refresh_from_db()
        assert department.is_archived
        assert seller.custom_data == {department.key: "Sales"}

    def test_is_brought_back(self, form, department):
        form.follow("Archive").press("Archive")
        form.follow("Bring back").press("Bring back")

        department.refresh_from_db()
        assert not department.is_archived


class TestAChoice:
    def test_is_renamed_for_everyone_and_in_the_rules(self, form, department, group, seller):
        form.press("Save", **{"choices-0-value": "Selling"})

        seller.refresh_from_db()
        assert "also for 1 person and in the rules" in form.words
        assert seller.custom_data == {department.key: "Selling"}
        assert group.rule.conditions.get().operands == ["Selling"]

    def test_says_who_has_it(self, form, seller):
        form.open(form.address)

        assert "1 person" in form.words
        form.follow("1 person")
        assert seller.user.email in form.words

    def test_cannot_go_while_somebody_has_it(self, form, department, seller):
        form.press("Save", **{"choices-0-DELETE": "Click to cancel"})

        assert "1 person has “Sales”, so it cannot be deleted. Archive it" in form.words
        assert department.choices.count() == 2
