"""Custom user data with the people behind it: renaming, archiving, deleting, changing the type."""

import pytest
from django.urls import reverse

from integrations.models import ChoiceAlias
from portals import definitions, drafts
from portals.models import CustomField, DynamicRule
from portals.rules import Condition, Operator, Subject
from tests.admin_pages import errors, page, save
from tests.factories.integrations import FieldMappingFactory
from tests.factories.portals import CustomFieldFactory, GroupFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users import choice_values
from users.models import AuditEntry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once")]


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def client(portal_client, portal):
    return portal_client(portal, AdminFactory(portal=portal).user)


@pytest.fixture
def department(portal):
    return CustomFieldFactory(portal=portal, label="Department", type="string_choice", choices=["Sales", "Office"])


@pytest.fixture
def seller(portal, department):
    return MembershipFactory(portal=portal, custom_data={department.key: "Sales", "0": "stays"})


@pytest.fixture
def group(portal, department):
    """A group whose rule wants sellers."""
    group = GroupFactory(portal=portal, title="Sellers")
    condition = Condition(Subject.CUSTOM_FIELD, Operator.IS_ONE_OF, ("Sales",), department.key)
    definitions.save_rule(group=group, blocks=[[condition]])
    return group


def change(field):
    return page(CustomField, "change", field.pk)


def first_choice(field):
    return next(iter(field.choices.order_by("position", "pk")))


class TestRenamingAChoice:
    def test_renames_it_for_people_and_rules(self, client, department, seller, group):
        save(client, change(department), **{"choices-0-value": "Selling"})

        seller.refresh_from_db()
        assert seller.custom_data == {department.key: "Selling", "0": "stays"}
        assert group.rule.conditions.get().operands == ["Selling"]
        assert group.rule.state == "active"
        assert AuditEntry.objects.get(action="choice_renamed").after == {"value": "Selling", "people": 1}

    def test_renames_it_in_what_was_built_but_not_run(self, client, department, group):
        condition = Condition(Subject.CUSTOM_FIELD, Operator.IS, ("Sales",), department.key)
        drafts.save_draft(group=group, blocks=[[condition]])

        save(client, change(department), **{"choices-0-value": "Selling"})

        assert drafts.latest(DynamicRule.objects.get(group=group)).blocks[0][0].operands == ("Selling",)

    def test_lets_mappings_know_the_old_name(self, client, portal, department):
        mapping = FieldMappingFactory(connection__portal=portal, custom_field=department, default="Sales")

        save(client, change(department), **{"choices-0-value": "Selling"})

        alias = ChoiceAlias.objects.get()
        mapping.refresh_from_db()
        assert (alias.mapping, alias.value, alias.choice.value) == (mapping, "Sales", "Selling")
        assert mapping.default == "Selling"

    def test_keeps_the_place_among_several_values(self, client, portal):
        field = CustomFieldFactory(portal=portal, type="integer_choice", is_multiple=True, choices=["1", "2", "3"])
        member = MembershipFactory(portal=portal, custom_data={field.key: [3, 1, 2]})

        save(client, change(field), **{"choices-0-value": "7"})

        member.refresh_from_db()
        assert member.custom_data == {field.key: [3, 7, 2]}

    def test_leaves_other_portals_and_other_values_alone(self, client, portal, department, seller):
        clerk = MembershipFactory(portal=portal, custom_data={department.key: "Office"})
        stranger = MembershipFactory(custom_data={department.key: "Sales"})

        save(client, change(department), **{"choices-0-value": "Selling"})

        for person, value in ((clerk, "Office"), (stranger, "Sales")):
            person.refresh_from_db()
            assert person.custom_data == {department.key: value}

    def test_goes_on_in_the_background_when_many_people_have_it(
        self, client, department, seller, monkeypatch, django_capture_on_commit_callbacks
    ):
        monkeypatch.setattr("users.choice_values.LARGE", 0)

        with django_capture_on_commit_callbacks() as waiting:
            response = save(client, change(department), **{"choices-0-value": "Selling"})
        assert first_choice(department).value == "Sales"
        for call in waiting:
            call()

        seller.refresh_from_db()
        assert seller.custom_data[department.key] == "Selling"
        assert first_choice(department).value == "Selling"
        assert response.status_code == 302

    def test_refuses_two_names_that_change_places(self, client, department, seller):
        response = save(client, change(department), **{"choices-0-value": "Office", "choices-1-value": "Sales"})

        assert "Another choice has this name" in errors(response)

    def test_does_nothing_the_second_time(self, department, seller):
        choice = first_choice(department)

        first = choice_values.rename(choice=choice, value="Selling", now=None)
        second = choice_values.rename(choice=choice, value="Selling", now=None)

        assert (first, second) == (1, 0)


class TestChoices:
    def test_say_what_uses_them(self, client, portal, department, seller, group):
        FieldMappingFactory(connection__portal=portal, custom_field=department)

        shown = client.get(change(department)).content.decode()

        assert f"?custom_{department.pk}=Sales" in shown
        assert "1 person" in shown
        assert "1 rule" in shown
        assert "1 mapping" in shown

    def test_stay_while_somebody_has_them(self, client, department, seller):
        response = save(client, change(department), **{"choices-0-DELETE": "on"})

        assert "Archive it" in errors(response)
        assert department.choices.count() == 2

    def test_are_kept_when_archived_and_not_offered_any_more(self, client, portal, department, seller):
        save(client, change(department), **{"choices-0-is_archived": "on"})

        newcomer = MembershipFactory(portal=portal)
        shown = client.get(reverse("admin:users_membership_change", args=[newcomer.pk])).content.decode()
        save(client, reverse("admin:users_membership_change", args=[seller.pk]), first_name="Ada")

        seller.refresh_from_db()
        assert ">Office<" in shown.replace(" ", "").replace("\n", "")
        assert ">Sales<" not in shown.replace(" ", "").replace("\n", "")
        assert seller.custom_data[department.key] == "Sales"

    def test_cost_the_same_number_of_questions_however_many_there_are(
        self, client, portal, django_assert_max_num_queries
    ):
        field = CustomFieldFactory(portal=portal, type="string_choice", choices=[f"No. {n}" for n in range(20)])

        with django_assert_max_num_queries(25):
            client.get(change(field))


class TestChangingTheType:
    def test_counts_the_values_that_would_not_fit(self, client, portal):
        field = CustomFieldFactory(portal=portal, type="string")
        for value in ("red", "red", "blue"):
            MembershipFactory(portal=portal, custom_data={field.key: value})
        lines = {"choices-TOTAL_FORMS": 1, "choices-0-value": "blue", "choices-0-position": 0}

        refused = save(client, change(field), type="string_choice", **lines)

        field.refresh_from_db()
        assert "2 values of people do not fit" in errors(refused)
        assert "“red” (2)" in errors(refused)
        assert field.type == "string"

    def test_takes_over_values_that_fit(self, client, portal):
        field = CustomFieldFactory(portal=portal, type="string")
        member = MembershipFactory(portal=portal, custom_data={field.key: "red"})
        lines = {"choices-TOTAL_FORMS": 1, "choices-0-value": "red", "choices-0-position": 0}

        save(client, change(field), type="string_choice", **lines)

        field.refresh_from_db()
        member.refresh_from_db()
        assert (field.type, member.custom_data) == ("string_choice", {field.key: "red"})

    def test_keeps_fractions_from_becoming_whole_numbers(self, client, portal):
        field = CustomFieldFactory(portal=portal, type="decimal")
        MembershipFactory(portal=portal, custom_data={field.key: 1.5})

        refused = save(client, change(field), type="integer")

        assert "“1.5” (1)" in errors(refused)


class TestArchivingAField:
    def act(self, client, field, name):
        return client.post(reverse(f"admin:portals_customfield_{name}", args=[field.pk]))

    def test_asks_first_and_names_the_rules_that_break(self, client, department, group):
        asked = client.get(reverse("admin:portals_customfield_archive_field", args=[department.pk]))

        assert "“Sellers”" in asked.content.decode()
        department.refresh_from_db()
        assert not department.is_archived

    def test_breaks_its_rules_and_keeps_values_and_members(self, client, portal, department, seller, group):
        self.act(client, department, "archive_field")

        department.refresh_from_db()
        seller.refresh_from_db()
        assert department.is_archived
        assert DynamicRule.objects.get(group=group).state == "broken"
        assert seller.custom_data[department.key] == "Sales"

    def test_hides_it_from_people_and_makes_room_for_another(self, client, portal, department, seller):
        portal.custom_field_limit = 1
        portal.save()
        self.act(client, department, "archive_field")

        save(client, page(CustomField, "add"), label="Track", type="string", position=0)

        shown = client.get(reverse("admin:users_membership_change", args=[seller.pk])).content.decode()
        assert CustomField.objects.filter(portal=portal, label="Track").exists()
        assert "Department" not in shown

    def test_is_taken_back_if_there_is_room(self, client, portal, department):
        self.act(client, department, "archive_field")
        portal.custom_field_limit = 0
        portal.save()
        refused = self.act(client, department, "bring_field_back")
        portal.custom_field_limit = 1
        portal.save()
        self.act(client, department, "bring_field_back")

        department.refresh_from_db()
        assert "may have 0 custom fields" in refused.content.decode()
        assert not department.is_archived

    def test_is_offered_where_a_field_in_use_cannot_be_deleted(self, client, department, group):
        shown = client.get(page(CustomField, "delete", department.pk)).content.decode()

        assert "rule of the group “Sellers”" in shown
        assert reverse("admin:portals_customfield_archive_field", args=[department.pk]) in shown


class TestOrder:
    def test_is_set_in_the_list_with_or_without_scripts(self, client, portal):
        first, second = CustomFieldFactory(portal=portal, position=0), CustomFieldFactory(portal=portal, position=1)
        data = {"form-TOTAL_FORMS": 2, "form-INITIAL_FORMS": 2, "_save": "Save"}
        for number, (field, position) in enumerate(((first, 5), (second, 2))):
            data |= {f"form-{number}-id": field.pk, f"form-{number}-position": position}

        client.post(page(CustomField, "changelist"), data)

        assert list(CustomField.objects.order_by("position")) == [second, first]

    def test_costs_the_same_number_of_questions_for_any_number_of_fields(
        self, client, portal, django_assert_max_num_queries
    ):
        CustomFieldFactory.create_batch(12, portal=portal)

        with django_assert_max_num_queries(15):
            client.get(page(CustomField, "changelist"))
