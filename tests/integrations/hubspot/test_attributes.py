"""What an admin can choose from: the properties of the chosen record type."""

import pytest

from integrations.hubspot import attributes
from integrations.hubspot.payloads import Option, Property


def keys(*definitions):
    return [one.key for one in attributes.available(definitions)]


def text(name, label="Label", **facts):
    return Property(name, label=label, type="string", field_type="text", **facts)


class TestAvailable:
    def test_offers_every_kind_in_words(self):
        select = Property(
            "department",
            label="Department",
            type="enumeration",
            field_type="select",
            options=[Option("sales", "Sales"), Option("left", "Left the company", hidden=True), Option("r_and_d")],
        )
        checkbox = Property(
            "languages",
            label="Languages",
            type="enumeration",
            field_type="checkbox",
            options=[Option("en", "English")],
        )

        department, languages = attributes.available([select, checkbox])

        assert (department.kind, department.options) == ("choice", ("sales", "r_and_d"))
        assert department.option_labels == ("Sales", "r_and_d")
        assert (languages.kind, languages.is_multiple, department.is_multiple) == ("choice", True, False)

    @pytest.mark.parametrize(
        ("facts", "kind"),
        [
            ({"type": "string"}, "text"),
            ({"type": "phone_number"}, "text"),
            ({"type": "number"}, "decimal"),
            ({"type": "bool"}, "boolean"),
            ({"type": "date"}, "date"),
            ({"type": "datetime"}, "date"),
            ({"type": "enumeration"}, "text"),
        ],
    )
    def test_knows_the_kind(self, facts, kind):
        (found,) = attributes.available([Property("p", **facts)])

        assert (found.kind, found.options, found.label) == (kind, (), "p")

    def test_puts_the_accounts_own_properties_last(self):
        assert keys(
            text("shirt", "Shirt size"),
            text("jobtitle", "Job title", hubspot_defined=True),
            text("city", "city", hubspot_defined=True),
        ) == ["city", "jobtitle", "shirt"]

    def test_offers_owners_by_name_and_by_address(self):
        owner = Property("hubspot_owner_id", label="Contact owner", type="enumeration", referenced_object_type="OWNER")

        address, name = attributes.available([owner])

        assert (name.key, name.label, name.kind) == ("hubspot_owner_id", "Contact owner: name", "text")
        assert (address.key, address.kind) == ("hubspot_owner_id:email", "email")

    @pytest.mark.parametrize(
        "facts",
        [
            {"hidden": True},
            {"archived": True},
            {"data_sensitivity": "sensitive"},
            {"data_sensitivity": "highly_sensitive"},
        ],
    )
    def test_leaves_out_what_is_kept_from_sight(self, facts):
        assert keys(text("p", **facts)) == []

    @pytest.mark.parametrize(
        ("name", "label"),
        [
            ("date_of_birth", "Date of birth"),
            ("geburtstag", "Birthday"),
            ("ssn", "Number"),
            ("p", "Social Security Number"),
            ("hourly_rate", "Hourly rate"),
            ("monthly_salary", "Monthly"),
            ("passport_number", "Document"),
            ("pay_grade", "Grade"),
        ],
    )
    def test_never_offers_birth_pay_and_identity_numbers(self, name, label):
        assert keys(text(name, label)) == []

    @pytest.mark.parametrize("name", ["payment_terms", "company", "wagestown", "dobby", "birmingham_office"])
    def test_is_not_misled_by_parts_of_words(self, name):
        assert keys(text(name)) == [name]

    @pytest.mark.parametrize("name", ["gender", "marital_status"])
    def test_marks_what_is_about_the_person(self, name):
        (found,) = attributes.available([text(name)])

        assert found.is_sensitive


class TestStandard:
    @pytest.mark.parametrize(
        ("record_type", "names"), [("contacts", ["email", "firstname"]), ("users", ["hs_email", "hs_given_name"])]
    )
    def test_is_what_every_account_has(self, record_type, names):
        assert [one.key for one in attributes.standard(record_type)][:2] == names


@pytest.mark.django_db
class TestOfAnAccount:
    def test_are_its_contacts_properties(self, source, connect_hubspot):
        offered = {one.key: one for one in source.attributes(connect_hubspot())}

        assert offered["department"].options == ("sales", "support", "r_and_d", "operations")
        assert offered["languages"].is_multiple
        assert not {"date_of_birth", "hourly_rate", "dietary_needs", "office_position"} & offered.keys()

    def test_are_its_users_properties(self, source, connect_hubspot):
        offered = {one.key: one for one in source.attributes(connect_hubspot(record_type="users"))}

        assert offered["office"].options == ("dublin", "lisbon", "remote")
        assert "department" not in offered
