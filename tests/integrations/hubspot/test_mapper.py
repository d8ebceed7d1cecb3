"""How a record becomes a person: pure, value by value."""

from zoneinfo import ZoneInfo

import pytest

from integrations.engine.records import EmploymentStatus, Flaw
from integrations.hubspot.mapper import Mapper, OwnerName, Reading, Surroundings, reading_of
from integrations.hubspot.payloads import Option, Property, Record

BEN = OwnerName("Ben Okafor", "ben@northwind.example")


def person_of(properties, readings=(), *, record_type="contacts", zone="UTC", wanted=None):
    surroundings = Surroundings(
        record_type,
        dict(readings),
        owners={"41629779": BEN, "2": OwnerName("Eve", "eve@x.example")},
        zone=ZoneInfo(zone),
    )
    return Mapper(dict(readings) if wanted is None else wanted, surroundings).person(Record("901", properties))


def read(reading, text, **options):
    return person_of({"p": text}, {"p": reading}, **options)


class TestPerson:
    def test_goes_by_the_record_id(self):
        contact = {"email": " Ana.Silva@Example.ORG ", "firstname": "Ana", "lastname": "Silva"}

        person = person_of(contact)

        assert (person.key, person.first_name, person.last_name) == ("901", "Ana", "Silva")
        assert (person.work_email, person.personal_email) == ("ana.silva@example.org", "")

    def test_of_a_user_has_other_properties(self):
        user = {"hs_email": "Ben@Northwind.example", "hs_given_name": "Ben", "hs_family_name": "Okafor"}

        person = person_of(user, record_type="users")

        assert (person.work_email, person.first_name, person.last_name) == ("ben@northwind.example", "Ben", "Okafor")

    def test_is_never_said_to_have_left(self):
        person = person_of({"email": "a@example.org", "hs_deactivated": "true"})

        assert (person.status, person.last_day, person.hired_on) == (EmploymentStatus.ACTIVE, None, None)

    def test_may_lack_everything(self):
        person = person_of({"email": None})

        assert (person.work_email, person.first_name, person.attributes) == ("", "", {})

    def test_loses_characters_that_cannot_be_stored(self):
        person = person_of({"firstname": "Ana\x00", "lastname": "Sil\nva"})

        assert (person.first_name, person.last_name) == ("Ana", "Sil va")
        assert [flaw.code for flaw in person.flaws] == ["characters_removed", "characters_removed"]


class TestAttributes:
    @pytest.mark.parametrize(
        ("reading", "text", "attribute"),
        [
            (Reading.TEXT, " Sales ", "Sales"),
            (Reading.NUMBER, "4711", "4711"),
            (Reading.NUMBER, "-28.50", "-28.50"),
            (Reading.NUMBER, "1.2E7", "12000000"),
            (Reading.BOOLEAN, "True", "true"),
            (Reading.BOOLEAN, "false", "false"),
            (Reading.CHOICE, "r_and_d", "r_and_d"),
            (Reading.CHOICES, ";english; german ;", "english;german"),
            (Reading.DATE, "2026-09-01", "2026-09-01"),
            (Reading.DATE, "2026-09-01T00:00:00.000Z", "2026-09-01"),
            (Reading.DATE, "1788220800000", "2026-09-01"),
            (Reading.OWNER, "41629779", "Ben Okafor"),
            (Reading.OWNER, "41629779;2", "Ben Okafor;Eve"),
        ],
    )
    def test_are_read_by_type(self, reading, text, attribute):
        person = read(reading, text)

        assert (person.attributes, person.flaws) == ({"p": attribute}, ())

    @pytest.mark.parametrize("reading", Reading)
    @pytest.mark.parametrize("text", [None, "", " "])
    def test_are_empty_when_they_were_delivered_empty(self, reading, text):
        assert read(reading, text).attributes == {"p": ""}

    @pytest.mark.parametrize(
        ("zone", "day"),
        [("UTC", "2026-01-15"), ("Pacific/Auckland", "2026-01-16"), ("America/New_York", "2026-01-15")],
    )
    def test_of_a_moment_are_the_day_at_the_portal(self, zone, day):
        assert read(Reading.MOMENT, "2026-01-15T22:30:00.000Z", zone=zone).attributes == {"p": day}

    def test_of_a_moment_may_be_milliseconds(self):
        assert read(Reading.MOMENT, "1768516200000", zone="Europe/Dublin").attributes == {"p": "2026-01-15"}

    def test_of_an_owner_may_be_the_address(self):
        found = person_of(
            {"hubspot_owner_id": "41629779"}, {"hubspot_owner_id": Reading.OWNER}, wanted=["hubspot_owner_id:email"]
        )

        assert found.attributes == {"hubspot_owner_id:email": "ben@northwind.example"}

    @pytest.mark.parametrize(
        ("reading", "text", "code"),
        [
            (Reading.DATE, "soon", "not_a_date"),
            (Reading.DATE, "9" * 30, "not_a_date"),
            (Reading.MOMENT, "2026-13-01T00:00:00Z", "not_a_date"),
            (Reading.NUMBER, "a lot", "not_a_number"),
            (Reading.NUMBER, "NaN", "not_a_number"),
            (Reading.OWNER, "99", "unknown_owner"),
        ],
    )
    def test_that_cannot_be_read_leave_the_old_value(self, reading, text, code):
        person = read(reading, text)

        assert (person.attributes, person.flaws) == ({}, (Flaw("p", code, text),))

    def test_are_only_those_that_are_wanted(self):
        person = person_of({"p": "1", "q": "2"}, {"p": Reading.TEXT, "q": Reading.TEXT}, wanted=["q"])

        assert person.attributes == {"q": "2"}

    def test_lack_what_was_not_delivered(self):
        assert person_of({}, {"p": Reading.TEXT}).attributes == {}

    def test_lack_a_property_that_hubspot_does_not_have_any_more(self):
        assert person_of({"p": None}, {}, wanted=["p"]).attributes == {}


class TestProperties:
    def test_are_asked_for_once(self):
        surroundings = Surroundings("contacts", {"owner": Reading.OWNER, "email": Reading.TEXT})

        mapper = Mapper(["owner", "owner:email", "email", "gone"], surroundings)

        assert mapper.properties == ["email", "firstname", "lastname", "owner"]


class TestReadingOf:
    @pytest.mark.parametrize(
        ("definition", "reading"),
        [
            ({"type": "string"}, Reading.TEXT),
            ({"type": "phone_number"}, Reading.TEXT),
            ({"type": "number"}, Reading.NUMBER),
            ({"type": "bool", "options": [Option("true", "Yes")]}, Reading.BOOLEAN),
            ({"type": "date"}, Reading.DATE),
            ({"type": "datetime"}, Reading.MOMENT),
            ({"type": "enumeration", "field_type": "select", "options": [Option("a")]}, Reading.CHOICE),
            ({"type": "enumeration", "field_type": "checkbox", "options": [Option("a")]}, Reading.CHOICES),
            ({"type": "enumeration", "field_type": "select", "options": []}, Reading.TEXT),
            ({"type": "enumeration", "options": [], "referenced_object_type": "OWNER"}, Reading.OWNER),
            ({"type": "object_coordinates"}, None),
            ({"type": "json"}, None),
            ({"type": "calculation_rollup"}, None),
        ],
    )
    def test_goes_by_the_type(self, definition, reading):
        assert reading_of(Property("p", **definition)) == reading
