"""Map your data."""

from http import HTTPStatus

import pytest

from integrations.engine.records import Person
from integrations.http import ProviderUnavailable
from integrations.models import FieldMapping
from integrations.providers import Attribute
from tests.factories.integrations import ConnectionFactory, ExternalIdentityFactory, FieldMappingFactory
from tests.factories.portals import CustomFieldFactory, PortalFactory
from tests.factories.users import MembershipFactory
from users.models import AuditEntry

from .conftest import ROOT, markup_of, text_of

PAGE = f"{ROOT}gusto/mapping/"


def posted(*rows, **more):
    """Return the table as a browser sends it; a row is attribute, custom field, what an empty value does."""
    data = {"rows-TOTAL_FORMS": len(rows), "rows-INITIAL_FORMS": 0, **more}
    for number, (attribute, field, *when_empty) in enumerate(rows):
        data[f"rows-{number}-attribute"] = attribute
        data[f"rows-{number}-custom_field"] = getattr(field, "pk", field)
        data[f"rows-{number}-when_empty"] = when_empty[0] if when_empty else "clear"
    return data


@pytest.fixture
def department(portal):
    return CustomFieldFactory(portal=portal, label="Department")


@pytest.fixture
def started_on(portal):
    return CustomFieldFactory(portal=portal, label="Started on", type="date")


@pytest.mark.usefixtures("connection")
class TestMappingPage:
    def test_sends_portals_without_custom_fields_to_make_some(self, portal_admin):
        page = text_of(portal_admin.get(PAGE))

        assert "This portal has no custom user data yet" in page
        assert "Add new mapping" not in page

    def test_shows_the_mappings(self, portal_admin, connection, department):
        FieldMappingFactory(connection=connection, attribute="department", custom_field=department, when_empty="keep")

        page = portal_admin.get(PAGE).content.decode()

        assert '<option value="department" selected>Department</option>' in page
        assert f'<option value="{department.pk}" selected>Department (Text)</option>' in page
        assert '<option value="keep" selected>' in page

    def test_marks_sensitive_attributes(self, portal_admin, department):
        page = text_of(portal_admin.post(PAGE, posted(("", ""))))
        page = text_of(portal_admin.post(PAGE, posted(add="1")))

        assert "Date of birth (sensitive)" in page
        assert "Attributes marked as sensitive (Date of birth)" in page

    def test_saves_the_rows(self, portal_admin, connection, admin, department, started_on):
        rows = posted(("department", department, "keep"), ("hire_date", started_on), ("", ""), save="1")

        response = portal_admin.post(PAGE, rows, follow=True)

        assert "Saved." in text_of(response)
        stored = connection.mappings.order_by("attribute").values_list("attribute", "custom_field", "when_empty")
        assert list(stored) == [("department", department.pk, "keep"), ("hire_date", started_on.pk, "clear")]
        entry = AuditEntry.objects.get(action="mappings_changed")
        assert (entry.portal_id, entry.actor_id, entry.object_id) == (connection.portal_id, admin.pk, connection.pk)
        assert entry.before == {}
        assert entry.after == {str(department.pk): "department (keep)", str(started_on.pk): "hire_date (clear)"}

    def test_removes_and_changes_rows(self, portal_admin, connection, department, started_on):
        kept = FieldMappingFactory(connection=connection, attribute="department", custom_field=department)
        FieldMappingFactory(connection=connection, attribute="hire_date", custom_field=started_on)

        portal_admin.post(PAGE, posted(("employment_type", department), save="1"))

        assert list(connection.mappings.values_list("pk", "attribute")) == [(kept.pk, "employment_type")]

    def test_records_nothing_when_nothing_changed(self, portal_admin, connection, department):
        FieldMappingFactory(connection=connection, attribute="department", custom_field=department)

        portal_admin.post(PAGE, posted(("department", department), save="1"))

        assert not AuditEntry.objects.filter(action="mappings_changed").exists()

    def test_adds_a_row_without_saving(self, portal_admin, connection, department):
        response = portal_admin.post(PAGE, posted(("department", department), add="1"))

        page = response.content.decode()
        assert page.count('name="remove"') == 2
        assert '<option value="department" selected>' in page
        assert "Not saved yet." in text_of(response)
        assert page.count("autofocus") == 1
        assert not connection.mappings.exists()

    def test_removes_a_row_without_saving(self, portal_admin, connection, department, started_on):
        rows = posted(("department", department), ("hire_date", started_on), remove="0")

        response = portal_admin.post(PAGE, rows)

        page = markup_of(response)
        assert page.count('name="remove"') == 1
        assert '<option value="hire_date" selected>' in page
        assert '<option value="department" selected>' not in page
        assert 'name="add" value="1" formnovalidate autofocus' in page
        assert not connection.mappings.exists()

    @pytest.mark.parametrize("total", ["", "-1", "many", "1000000"])
    def test_survives_nonsense_in_the_table(self, portal_admin, department, total):
        assert portal_admin.post(PAGE, {"rows-TOTAL_FORMS": total, "add": "1"}).status_code == HTTPStatus.OK
        assert portal_admin.post(PAGE, {"rows-TOTAL_FORMS": total, "save": "1"}).status_code in {302, 422}

    def test_passes_over_rows_that_were_counted_and_not_posted(self, portal_admin, connection, department):
        response = portal_admin.post(PAGE, posted(("department", department)) | {"rows-TOTAL_FORMS": 2})

        assert response.status_code == HTTPStatus.FOUND
        assert FieldMapping.objects.get().custom_field == department

    def test_wants_types_that_fit(self, portal_admin, connection, started_on):
        response = portal_admin.post(PAGE, posted(("department", started_on), save="1"))

        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert "“Department” cannot fill a field of the type “Date”. Select a field of the type: Text" in text_of(
            response
        )
        assert not connection.mappings.exists()

    def test_wants_one_source_for_a_field(self, portal_admin, connection, department):
        rows = posted(("department", department), ("employment_type", department), save="1")

        response = portal_admin.post(PAGE, rows)

        assert "“Department” is filled by row 1 already. A CUD field takes one attribute." in text_of(response)
        assert not connection.mappings.exists()

    @pytest.mark.parametrize(
        ("row", "complaint"),
        [
            (("department", ""), "Select the CUD field that this attribute fills."),
            (("", "Department"), "Select the attribute that fills this CUD field."),
            (("salary", "Department"), "salary is not one of the available choices."),
            (("department", "999999"), "999999 is not one of the available choices."),
        ],
    )
    def test_wants_whole_rows_of_known_things(self, portal_admin, connection, department, row, complaint):
        attribute, field = row

        response = portal_admin.post(
            PAGE, posted((attribute, department if field == "Department" else field), save="1")
        )

        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert complaint in text_of(response)
        assert not connection.mappings.exists()

    def test_refuses_a_field_of_another_portal(self, portal_admin, portal, connection, department):
        foreign = CustomFieldFactory(portal=PortalFactory(realm=portal.realm), label="Secret of others")

        response = portal_admin.post(PAGE, posted(("department", foreign), save="1"))

        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert "Secret of others" not in text_of(response)
        assert not FieldMapping.objects.exists()

    def test_leaves_the_mappings_of_another_portal_alone(self, portal_admin, department):
        other = ConnectionFactory(external_account_id="c2")
        FieldMappingFactory(connection=other, custom_field=CustomFieldFactory(portal=other.portal))

        portal_admin.post(PAGE, posted(("department", department), save="1"))

        assert other.mappings.count() == 1

    def test_keeps_a_row_whose_attribute_is_gone(self, portal_admin, connection, department):
        FieldMappingFactory(connection=connection, attribute="custom:gone", custom_field=department)

        assert '<option value="custom:gone" selected>' in portal_admin.get(PAGE).content.decode()
        portal_admin.post(PAGE, posted(("custom:gone", department, "keep"), save="1"))
        assert connection.mappings.get().when_empty == "keep"

    @pytest.mark.parametrize(
        "names", [{"attribute": "gone"}, {"attribute": "department", "fallback_attribute": "gone"}]
    )
    def test_says_which_attributes_are_gone(self, portal_admin, connection, department, started_on, names):
        FieldMappingFactory(connection=connection, custom_field=department, **names)
        FieldMappingFactory(connection=connection, custom_field=started_on, attribute="hire_date")

        page = text_of(portal_admin.get(PAGE))

        assert f"Gusto does not have the attribute of these fields any more: {department.label} The fields" in page

    def test_says_so_while_the_provider_is_down_when_the_last_sync_noticed(
        self, portal_admin, connection, department, started_on, gusto
    ):
        gusto.trouble = ProviderUnavailable("down")
        FieldMappingFactory(connection=connection, custom_field=department, attribute="gone", is_broken=True)
        FieldMappingFactory(connection=connection, custom_field=started_on, attribute="hire_date")

        assert f"any more: {department.label} The fields" in text_of(portal_admin.get(PAGE))

    def test_keeps_in_mind_that_an_attribute_is_gone_until_another_one_is_chosen(
        self, portal_admin, connection, department
    ):
        FieldMappingFactory(connection=connection, custom_field=department, attribute="gone", is_broken=True)

        portal_admin.post(PAGE, posted(("gone", department, "keep"), save="1"))
        assert connection.mappings.get().is_broken

        portal_admin.post(PAGE, posted(("department", department, "keep"), save="1"))
        assert not connection.mappings.get().is_broken

    def test_wants_a_field_of_several_choices_for_several_values(self, portal_admin, portal, connection, gusto):
        gusto.offer.append(Attribute("languages", "Languages", "choice", options=("en", "de"), is_multiple=True))
        one = CustomFieldFactory(portal=portal, type="string_choice", choices=["en", "de"])
        several = CustomFieldFactory(portal=portal, type="string_choice", choices=["en", "de"], is_multiple=True)
        text = CustomFieldFactory(portal=portal)

        refusal = portal_admin.post(PAGE, posted(("languages", one), save="1"))
        portal_admin.post(PAGE, posted(("languages", several), ("languages", text), save="1"))

        assert refusal.status_code == 422
        assert "“Languages” may have several values at once." in text_of(refusal)
        assert connection.mappings.count() == 2

    def test_costs_the_same_for_any_number_of_rows(self, portal, connection, queries):
        def add(number):
            field = CustomFieldFactory(portal=portal, type="string_choice", choices=["Sales", f"Unit {number}"])
            FieldMappingFactory(connection=connection, attribute="department", custom_field=field)

        add(0)
        before = queries(PAGE)
        for number in range(1, 8):
            add(number)

        assert queries(PAGE) == before <= 14


@pytest.mark.usefixtures("connection")
class TestChoiceValues:
    @pytest.fixture
    def unit(self, portal):
        return CustomFieldFactory(portal=portal, label="Unit", type="string_choice", choices=["Sales", "Operations"])

    def test_lists_values_of_people_that_match_no_choice(self, portal_admin, connection, unit):
        FieldMappingFactory(connection=connection, attribute="department", custom_field=unit)
        for value in ("Sales", "sales", "sales", "Legal", ""):
            ExternalIdentityFactory(connection=connection, snapshot={"attributes": {"department": value}})

        page = text_of(portal_admin.get(PAGE))

        assert "Values of “Department” that are no choice of “Unit”" in page
        assert "sales : 2 people Add as a choice" in page
        assert "Legal : 1 person Add as a choice" in page
        assert "Sales :" not in page
        assert "Add choices to “Unit”" in page

    def test_lists_offered_values_that_match_no_choice(self, portal_admin, connection, unit):
        FieldMappingFactory(connection=connection, attribute="employment_type", custom_field=unit)

        page = text_of(portal_admin.get(PAGE))

        assert "full_time : offered, but nobody has it" in page

    def test_names_offered_values_as_the_provider_does(self, portal_admin, connection, unit, gusto):
        gusto.offer.append(
            Attribute("unit", "Unit", "choice", options=("u1", "Support"), option_labels=("Sales & more", "Support"))
        )
        FieldMappingFactory(connection=connection, attribute="unit", custom_field=unit)

        assert "u1 (Sales & more) : offered, but nobody has it" in text_of(portal_admin.get(PAGE))

    def test_compares_numbers_as_numbers(self, portal_admin, portal, connection):
        grade = CustomFieldFactory(portal=portal, label="Grade", type="integer_choice", choices=["1", "2"])
        FieldMappingFactory(connection=connection, attribute="custom:shirt", custom_field=grade)
        for value in ("1.0", "2", "three"):
            ExternalIdentityFactory(connection=connection, snapshot={"attributes": {"custom:shirt": value}})

        page = text_of(portal_admin.get(PAGE))

        assert "three : 1 person" in page
        assert "1.0 :" not in page

    def test_is_silent_when_everything_matches(self, portal_admin, connection, unit):
        FieldMappingFactory(connection=connection, attribute="department", custom_field=unit)
        ExternalIdentityFactory(connection=connection, snapshot={"attributes": {"department": "Sales"}})

        assert "that are no choice" not in text_of(portal_admin.get(PAGE))

    def test_never_counts_people_of_another_portal(self, portal_admin, connection, unit):
        FieldMappingFactory(connection=connection, attribute="department", custom_field=unit)
        other = ConnectionFactory(external_account_id="c2")
        ExternalIdentityFactory(connection=other, snapshot={"attributes": {"department": "Elsewhere"}})

        assert "Elsewhere" not in text_of(portal_admin.get(PAGE))


@pytest.mark.usefixtures("connection", "department")
class TestOffer:
    def test_asks_the_provider_once_for_many_visits(self, portal_admin, gusto):
        portal_admin.get(PAGE)
        portal_admin.get(PAGE)

        assert gusto.times_asked == 1

    def test_asks_for_each_connection(self, portal_admin, gusto, portal_client, admin):
        portal_admin.get(PAGE)
        other = ConnectionFactory(external_account_id="c2")
        CustomFieldFactory(portal=other.portal)
        admin.is_superuser = True
        admin.save()

        portal_client(other.portal, admin).get(PAGE)

        assert gusto.times_asked == 2

    def test_asks_again_when_told_to(self, portal_admin, gusto):
        portal_admin.get(PAGE)
        gusto.offer = gusto.offer[:1]

        page = text_of(portal_admin.post(f"{PAGE}refresh/", follow=True))

        assert gusto.times_asked == 2
        assert "The list of attributes is up to date." in page

    def test_goes_on_with_the_last_list_while_the_provider_is_down(self, portal_admin, connection, gusto, department):
        portal_admin.get(PAGE)
        gusto.trouble = ProviderUnavailable("down")

        page = text_of(portal_admin.post(f"{PAGE}refresh/", follow=True))

        assert "The attributes could not be read from Gusto just now." in page
        assert "could not be reached or was too busy" in page
        assert "You can work with the list as it was read last" in page
        portal_admin.post(PAGE, posted(("department", department), save="1"))
        assert connection.mappings.count() == 1

    def test_offers_what_every_company_has_when_there_has_never_been_a_list(
        self, portal_admin, connection, gusto, department
    ):
        gusto.trouble = ProviderUnavailable("down")
        FieldMappingFactory(connection=connection, attribute="custom:shirt", custom_field=department)

        page = portal_admin.post(PAGE, posted(("custom:shirt", department), add="1")).content.decode()

        assert '<option value="department">Department</option>' in page
        assert '<option value="custom:shirt" selected>A field that is not in the list now (…:shirt)</option>' in page


@pytest.mark.usefixtures("connection")
class TestFallbackAndDefault:
    def test_are_saved_and_recorded(self, portal_admin, connection, department):
        more = {"rows-0-fallback_attribute": "custom:shirt", "rows-0-default": "None", "save": "1"}

        portal_admin.post(PAGE, posted(("department", department), **more))

        stored = connection.mappings.get()
        assert (stored.fallback_attribute, stored.default) == ("custom:shirt", "None")
        entry = AuditEntry.objects.get(action="mappings_changed")
        assert entry.after == {str(department.pk): "department > custom:shirt > “None” (clear)"}
        page = markup_of(portal_admin.get(PAGE))
        assert '<option value="custom:shirt" selected>' in page
        assert 'name="rows-0-default" value="None"' in page

    @pytest.mark.parametrize(
        ("fallback", "default", "complaint"),
        [
            ("hire_date", "", "Select another attribute, or nothing."),
            ("department", "", "“Department” cannot fill a field of the type “Date”."),
            ("", "soon", "This is not a date."),
            ("salary", "", "salary is not one of the available choices."),
        ],
    )
    def test_are_checked(self, portal_admin, connection, started_on, fallback, default, complaint):
        more = {"rows-0-fallback_attribute": fallback, "rows-0-default": default, "save": "1"}

        response = portal_admin.post(PAGE, posted(("hire_date", started_on), **more))

        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert complaint in text_of(response)
        assert not connection.mappings.exists()

    def test_takes_a_default_from_the_choices(self, portal_admin, portal, connection):
        unit = CustomFieldFactory(portal=portal, type="string_choice", choices=["Sales"])

        refused = portal_admin.post(PAGE, posted(("department", unit), **{"rows-0-default": "Legal", "save": "1"}))
        portal_admin.post(PAGE, posted(("department", unit), **{"rows-0-default": "Sales", "save": "1"}))

        assert "This value is not among the choices of the field." in text_of(refused)
        assert connection.mappings.get().default == "Sales"


class TestChoiceValueAssistant:
    ADDRESS = f"{PAGE}values/"

    @pytest.fixture
    def unit(self, portal):
        return CustomFieldFactory(portal=portal, label="Unit", type="string_choice", choices=["Sales", "Operations"])

    @pytest.fixture
    def mapping(self, connection, unit):
        ExternalIdentityFactory(connection=connection, snapshot={"attributes": {"department": "Legal"}})
        return FieldMappingFactory(connection=connection, attribute="department", custom_field=unit)

    def test_adds_a_value_as_a_choice(self, portal_admin, mapping, unit):
        data = {"mapping": mapping.pk, "value": "Legal", "add": "1"}

        page = text_of(portal_admin.post(self.ADDRESS, data, follow=True))

        assert "“Legal” is a choice of “Unit” now" in page
        assert "that are no choice" not in page
        assert unit.choices.filter(value="Legal").count() == 1
        assert AuditEntry.objects.get(action="choice_added").after == {"value": "Legal"}
        portal_admin.post(self.ADDRESS, data)
        assert AuditEntry.objects.filter(action="choice_added").count() == 1

    def test_lets_a_value_stand_for_a_choice_and_for_itself_again(self, portal_admin, mapping, unit):
        choice = unit.choices.get(value="Sales")
        data = {"mapping": mapping.pk, "value": "Legal", "alias": "1", "choice": choice.pk}

        page = text_of(portal_admin.post(self.ADDRESS, data, follow=True))

        assert "“Legal” stands for “Sales” of “Unit”" in page
        assert "that are no choice" not in page
        alias = mapping.aliases.get()
        page = text_of(portal_admin.post(f"{PAGE}aliases/{alias.pk}/remove/", follow=True))
        assert "Legal : 1 person" in page
        assert not mapping.aliases.exists()
        trail = AuditEntry.objects.filter(action__startswith="choice_alias").order_by("pk")
        assert [entry.action for entry in trail] == ["choice_alias_added", "choice_alias_removed"]

    def test_offers_no_text_as_a_choice_of_numbers(self, portal_admin, portal, connection):
        grade = CustomFieldFactory(portal=portal, label="Grade", type="integer_choice", choices=["1"])
        mapping = FieldMappingFactory(connection=connection, attribute="custom:shirt", custom_field=grade)
        ExternalIdentityFactory(connection=connection, snapshot={"attributes": {"custom:shirt": "large"}})

        page = text_of(portal_admin.get(PAGE))
        data = {"mapping": mapping.pk, "value": "large", "add": "1"}
        refused = text_of(portal_admin.post(self.ADDRESS, data, follow=True))

        assert "large : 1 person 1 Stands for this choice" in page
        assert "“large” is no value of this type." in refused
        assert grade.choices.count() == 1

    def test_looks_at_each_of_several_values(self, portal_admin, portal, connection):
        skills = CustomFieldFactory(
            portal=portal, label="Skills", type="string_choice", choices=["First aid"], is_multiple=True
        )
        FieldMappingFactory(connection=connection, attribute="custom:shirt", custom_field=skills)
        several = {"attributes": {"custom:shirt": "First aid; Fire drill"}}
        ExternalIdentityFactory(connection=connection, snapshot=several)

        page = text_of(portal_admin.get(PAGE))

        assert "Fire drill : 1 person" in page
        assert "First aid :" not in page

    @pytest.mark.parametrize("wrong", [{"mapping": "x"}, {"mapping": 0}, {"value": ""}, {"value": "x" * 201}])
    def test_refuses_nonsense(self, portal_admin, mapping, unit, wrong):
        data = {"mapping": mapping.pk, "value": "Legal", "add": "1", **wrong}

        assert portal_admin.post(self.ADDRESS, data).status_code == HTTPStatus.NOT_FOUND
        assert unit.choices.count() == 2

    def test_refuses_what_is_of_others(self, portal_admin, mapping):
        other = ConnectionFactory(external_account_id="c2")
        field = CustomFieldFactory(portal=other.portal, type="string_choice", choices=["Sales"])
        foreign = FieldMappingFactory(connection=other, attribute="department", custom_field=field)
        choice = field.choices.get()
        alias = foreign.aliases.create(value="Legal", choice=choice)
        posts = [
            (self.ADDRESS, {"mapping": foreign.pk, "value": "Mine", "add": "1"}),
            (self.ADDRESS, {"mapping": mapping.pk, "value": "Legal", "alias": "1", "choice": choice.pk}),
            (f"{PAGE}aliases/{alias.pk}/remove/", {}),
        ]

        for address, data in posts:
            assert portal_admin.post(address, data).status_code == HTTPStatus.NOT_FOUND
        assert field.choices.count() == 1
        assert foreign.aliases.count() == 1
        assert not mapping.aliases.exists()


class TestTrial:
    @pytest.fixture(autouse=True)
    def maya(self, connection):
        return ExternalIdentityFactory(
            connection=connection,
            external_id="e-1",
            snapshot={
                "key": "e-1",
                "first_name": "Maya",
                "last_name": "Okafor",
                "work_email": "maya@example.com",
                "attributes": {"department": "Sales", "hire_date": "soon", "custom:shirt": ""},
            },
        )

    def trial(self, portal_admin, *rows, person="maya", chosen="", **more):
        return text_of(portal_admin.post(PAGE, posted(*rows, person=person, **{"try": chosen}, **more)))

    def test_shows_what_unsaved_mappings_make_of_a_person(
        self, portal_admin, portal, connection, department, started_on
    ):
        shirt = CustomFieldFactory(portal=portal, label="Shirt")
        size = CustomFieldFactory(portal=portal, label="Size")
        rows = [
            ("department", department),
            ("hire_date", started_on),
            ("custom:shirt", shirt),
            ("employment_type", size),
        ]

        page = self.trial(portal_admin, *rows, **{"rows-2-default": "L"})

        assert "Maya Okafor <maya@example.com>" in page
        assert "Department Department Sales Sales" in page
        assert "Started on Hire date soon This is not a date." in page
        assert "Shirt the default L L" in page
        assert "Size Employment type (empty) Not read yet: the next sync reads it." in page
        assert not connection.mappings.exists()

    def test_lets_the_admin_choose_among_several(self, portal_admin, connection, department, maya):
        ExternalIdentityFactory(
            connection=connection, external_id="e-2", snapshot={"key": "e-2", "first_name": "Maya", "last_name": "Zhu"}
        )

        several = self.trial(portal_admin, ("department", department))
        one = self.trial(portal_admin, ("department", department), chosen=str(maya.pk))

        assert "Several people fit. Choose one: Maya Okafor <maya@example.com> Maya Zhu" in several
        assert "Department Department Sales Sales" in one

    @pytest.mark.parametrize("person", ["nobody", "%", "_", "\0"])
    def test_says_when_nobody_fits(self, portal_admin, department, person):
        assert "Nobody of the last sync fits." in self.trial(portal_admin, ("department", department), person=person)

    def test_asks_for_the_record_as_it_is_now_where_that_is_possible(
        self, portal_admin, department, gusto, monkeypatch
    ):
        monkeypatch.setattr(gusto, "finds_people", True)
        asked = []

        def find(connection, searched, *, wanted):
            asked.append(searched)
            return None if searched == "stranger" else Person("e-1", "Maya", attributes={"department": "Support"})

        monkeypatch.setattr(gusto, "find", find)

        assert "Department Department Support Support" in self.trial(portal_admin, ("department", department))
        assert "Nobody fits." in self.trial(portal_admin, ("department", department), person="stranger")
        assert asked == ["e-1", "stranger"]

    def test_makes_do_with_what_was_read_last_while_the_provider_is_down(
        self, portal_admin, department, gusto, monkeypatch
    ):
        monkeypatch.setattr(gusto, "finds_people", True)

        def find(*args, **options):
            raise ProviderUnavailable("down")

        monkeypatch.setattr(gusto, "find", find)

        assert "Department Department Sales Sales" in self.trial(portal_admin, ("department", department))

    def test_finds_nobody_of_another_portal(self, portal_admin, department):
        other = ConnectionFactory(external_account_id="c2")
        foreign = ExternalIdentityFactory(connection=other, snapshot={"key": "x", "first_name": "Secret"})

        assert "Nobody of the last sync fits." in self.trial(portal_admin, ("department", department), person="Secret")
        assert "Secret" not in self.trial(portal_admin, ("department", department), person="", chosen=str(foreign.pk))


class TestQuestionBeforeSaving:
    def test_says_who_would_get_other_values(self, portal_admin, connection, portal, department):
        member = MembershipFactory(portal=portal)
        snapshot = {"key": "e-1", "first_name": "Robin", "last_name": "Vale", "attributes": {"department": "Sales"}}
        ExternalIdentityFactory(connection=connection, external_id="e-1", membership=member, snapshot=snapshot)
        rows = posted(("department", department), save="1")

        asked = portal_admin.post(PAGE, rows)
        assert "1 person would get other values. No mail would go." in text_of(asked)
        assert not connection.mappings.exists()

        back = portal_admin.post(PAGE, {**rows, "edit": "1"})
        assert '<option value="department" selected>' in markup_of(back)
        portal_admin.post(PAGE, {**rows, "agreed": asked.context["seal"]})
        assert connection.mappings.get().attribute == "department"

    def test_says_what_the_next_sync_reads(self, portal_admin, connection, department):
        ExternalIdentityFactory(connection=connection, external_id="e-1", snapshot={"key": "e-1"})

        page = text_of(portal_admin.post(PAGE, posted(("department", department), save="1"), follow=True))

        assert "Values of Department are read by the next sync" in page
        assert connection.mappings.exists()
