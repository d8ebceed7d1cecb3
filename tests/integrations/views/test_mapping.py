"""Map your data."""

from http import HTTPStatus

import pytest

from integrations.http import ProviderUnavailable
from integrations.models import FieldMapping
from tests.factories.integrations import ConnectionFactory, ExternalIdentityFactory, FieldMappingFactory
from tests.factories.portals import CustomFieldFactory, PortalFactory
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
