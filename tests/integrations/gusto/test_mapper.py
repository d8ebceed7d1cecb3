"""Employees as they come over the wire, and the people they are."""

import json
from datetime import date

import pytest

from integrations.engine.records import EmploymentStatus, Flaw, Person
from integrations.gusto import attributes, mapper, payloads
from integrations.gusto.mapper import Mapper, Surroundings

TODAY = date(2026, 7, 15)
UUID = "0b6d1f7a-2f3e-4f0a-9a51-1d8c7e5f3002"
SHIRT, BADGE = "d4e1f3a5-8b0c-4d6e-9f20-3a5b7c9d6005", "d4e1f3a5-8b0c-4d6e-9f20-3a5b7c9d6001"

EMPLOYEE = {
    "uuid": UUID,
    "first_name": "Maya",
    "middle_initial": "R",
    "last_name": "Okafor",
    "preferred_first_name": "May",
    "email": "maya.okafor@example.net",
    "work_email": "maya@harborpine.example",
    "phone": "3035550142",
    "company_uuid": "5f0c2b1e-8d0e-4c1b-9f3a-6c2f5a7d9b10",
    "manager_uuid": "0b6d1f7a-2f3e-4f0a-9a51-1d8c7e5f3001",
    "employee_code": "3a71c2",
    "department": "Sales",
    "department_uuid": "a1d7e7a2-0f5b-4d57-8d3b-52f4a0f3c101",
    "current_employment_status": "full_time",
    "terminated": False,
    "onboarded": True,
    "onboarding_status": "onboarding_completed",
    "historical": False,
    "two_percent_shareholder": False,
    "date_of_birth": "1991-04-17",
    "ssn": "",
    "jobs": [{"primary": True, "title": "Account Executive", "hire_date": "2023-09-05", "rate": "71000.00"}],
    "terminations": [],
}
JUNIPER_COURT = {
    "street_1": "88 Juniper Ct",
    "street_2": None,
    "city": "Boulder",
    "state": "CO",
    "zip": "80302",
    "country": "USA",
}
ABSENT = object()


def job(hire_date="2023-09-05", title="Picker", *, primary=True, **more):
    return {"primary": primary, "title": title, "hire_date": hire_date, **more}


def ended(last_day, *, active=False):
    return {"uuid": UUID, "active": active, "effective_date": last_day}


def person(*wanted, history=None, surroundings=None, **changes):
    """Return the person for an employee that differs from Maya in these keys."""
    record = {key: value for key, value in {**EMPLOYEE, **changes}.items() if value is not ABSENT}
    (employee,) = payloads.employees(json.dumps([record]).encode())
    return Mapper(wanted, surroundings or Surroundings(today=TODAY)).person(employee, history)


def value(attribute, **changes):
    """Return an attribute's text, None when it was not delivered."""
    return person(attribute, **changes).attributes.get(attribute)


class TestPerson:
    def test_knows_who_somebody_is(self):
        assert person() == Person(
            key=UUID,
            first_name="Maya",
            last_name="Okafor",
            work_email="maya@harborpine.example",
            personal_email="maya.okafor@example.net",
            status=EmploymentStatus.ACTIVE,
            hired_on=date(2023, 9, 5),
            last_day=None,
            manager_key="0b6d1f7a-2f3e-4f0a-9a51-1d8c7e5f3001",
        )

    def test_has_empty_texts_for_what_is_null_or_missing(self):
        someone = person(work_email=None, email=ABSENT, manager_uuid=None, first_name=None)

        assert (someone.work_email, someone.personal_email, someone.manager_key) == ("", "", "")
        assert someone.first_name == ""

    def test_trims_names_and_addresses(self):
        someone = person(first_name=" Maya ", work_email=" maya@harborpine.example\u00a0")

        assert (someone.first_name, someone.work_email) == ("Maya", "maya@harborpine.example")


class TestDates:
    @pytest.mark.parametrize(
        ("case", "changes", "status", "hired_on", "last_day"),
        [
            ("employed", {}, "active", "2023-09-05", None),
            ("scheduled to leave", {"terminations": [ended("2026-08-14")]}, "active", "2023-09-05", "2026-08-14"),
            ("on the last day", {"terminations": [ended("2026-07-15")]}, "active", "2023-09-05", "2026-07-15"),
            (
                "left",
                {"terminated": True, "terminations": [ended("2026-06-30", active=True)]},
                "inactive",
                "2023-09-05",
                "2026-06-30",
            ),
            ("left without a date", {"terminated": True, "terminations": []}, "inactive", "2023-09-05", None),
            (
                "left, terminations not sent",
                {"terminated": True, "terminations": ABSENT},
                "inactive",
                "2023-09-05",
                None,
            ),
            ("rehired, list emptied", {"jobs": [job("2026-03-02")]}, "active", "2026-03-02", None),
            (
                "rehired, old termination kept",
                {"jobs": [job("2026-03-02")], "terminations": [ended("2024-12-20", active=True)]},
                "active",
                "2026-03-02",
                None,
            ),
            (
                "rehired and leaving again",
                {"jobs": [job("2026-03-02")], "terminations": [ended("2024-12-20"), ended("2026-09-30")]},
                "active",
                "2026-03-02",
                "2026-09-30",
            ),
            (
                "termination moved: the latest counts",
                {"terminations": [ended("2026-08-31"), ended("2026-08-14")]},
                "active",
                "2023-09-05",
                "2026-08-31",
            ),
            (
                "dismissed on the first day",
                {"terminations": [ended("2023-09-05")]},
                "active",
                "2023-09-05",
                "2023-09-05",
            ),
            ("not onboarded", {"onboarded": False, "jobs": []}, "pending", None, None),
            ("onboarding not told", {"onboarded": ABSENT}, "active", "2023-09-05", None),
            ("starts today", {"jobs": [job("2026-07-15")]}, "active", "2026-07-15", None),
            ("starts tomorrow", {"jobs": [job("2026-07-16")]}, "pending", "2026-07-16", None),
            (
                "second job is older",
                {"jobs": [job("2019-01-01", primary=False), job("2020-02-02")]},
                "active",
                "2020-02-02",
                None,
            ),
            (
                "no primary job: the earliest",
                {"jobs": [job("2021-01-01", primary=False), job("2020-02-02", primary=False)]},
                "active",
                "2020-02-02",
                None,
            ),
            (
                "primary job without a date: the earliest",
                {"jobs": [job(None), job("2020-02-02", primary=False)]},
                "active",
                "2020-02-02",
                None,
            ),
            ("no job, but hired", {"jobs": [], "hired_at": "2022-02-02"}, "active", "2022-02-02", None),
            ("no date anywhere", {"jobs": None}, "active", None, None),
        ],
    )
    def test_follow_the_rules(self, case, changes, status, hired_on, last_day):
        found = person(**changes)

        assert found.status == status, case
        assert found.hired_on == (date.fromisoformat(hired_on) if hired_on else None), case
        assert found.last_day == (date.fromisoformat(last_day) if last_day else None), case
        assert found.flaws == ()

    def test_name_an_impossible_hire_date_and_take_it_for_unknown(self):
        found = person("hire_date", "hire_year", jobs=[job("2026-02-31")])

        assert found.hired_on is None
        assert found.attributes == {}
        assert found.flaws == (Flaw("hire_date", "not_a_date", "2026-02-31"),)

    def test_name_an_impossible_last_day_and_take_the_others(self):
        found = person(terminations=[ended("someday"), ended("2026-08-14")])

        assert found.last_day == date(2026, 8, 14)
        assert found.flaws == (Flaw("termination_date", "not_a_date", "someday"),)

    def test_leave_the_old_last_day_alone_when_it_cannot_be_read(self):
        assert value("termination_date", terminations=[ended("someday")]) is None


class TestAttributes:
    @pytest.mark.parametrize(
        ("key", "text"),
        [
            ("first_name", "Maya"),
            ("last_name", "Okafor"),
            ("email_login", "maya@harborpine.example"),
            ("middle_initial", "R"),
            ("preferred_first_name", "May"),
            ("full_name", "Maya Okafor"),
            ("display_name", "May Okafor"),
            ("personal_email", "maya.okafor@example.net"),
            ("work_email", "maya@harborpine.example"),
            ("phone", "3035550142"),
            ("employee_uuid", UUID),
            ("employee_code", "3a71c2"),
            ("employment_status", "active"),
            ("employment_type", "full_time"),
            ("onboarding_status", "onboarding_completed"),
            ("onboarded", "true"),
            ("terminated", "false"),
            ("hire_date", "2023-09-05"),
            ("hire_year", "2023"),
            ("termination_date", ""),
            ("termination_scheduled", "false"),
            ("job_title", "Account Executive"),
            ("all_job_titles", "Account Executive"),
            ("job_count", "1"),
            ("department", "Sales"),
            ("department_uuid", "a1d7e7a2-0f5b-4d57-8d3b-52f4a0f3c101"),
            ("manager_uuid", "0b6d1f7a-2f3e-4f0a-9a51-1d8c7e5f3001"),
            ("company_uuid", "5f0c2b1e-8d0e-4c1b-9f3a-6c2f5a7d9b10"),
            ("two_percent_shareholder", "false"),
            ("historical", "false"),
        ],
    )
    def test_are_read(self, key, text):
        assert value(key) == text

    @pytest.mark.parametrize(
        ("key", "changes", "text"),
        [
            ("phone", {"phone": None}, ""),
            ("phone", {"phone": ""}, ""),
            ("phone", {"phone": ABSENT}, None),
            ("onboarded", {"onboarded": None}, ""),
            ("onboarded", {"onboarded": ABSENT}, None),
            ("job_title", {"jobs": [job(title="")]}, ""),
            ("job_title", {"jobs": []}, ""),
            ("job_title", {"jobs": ABSENT}, None),
            ("job_title", {"jobs": [job(title="Trainer", primary=False), job(title="Manager")]}, "Manager"),
            (
                "all_job_titles",
                {"jobs": [job(title="Trainer", primary=False), job(title="Manager")]},
                "Manager; Trainer",
            ),
            ("all_job_titles", {"jobs": [job(title=None)]}, ""),
            ("job_count", {"jobs": ABSENT}, None),
            ("job_count", {"jobs": [job(), job()]}, "2"),
            ("hire_date", {"jobs": []}, ""),
            ("hire_date", {"jobs": ABSENT}, None),
            ("termination_date", {"terminations": [ended("2026-08-14")]}, "2026-08-14"),
            ("termination_date", {"terminations": ABSENT}, None),
            ("termination_scheduled", {"terminations": [ended("2026-08-14")]}, "true"),
            ("termination_scheduled", {"terminated": True, "terminations": [ended("2026-06-30")]}, "false"),
            ("employment_status", {"terminated": True}, "inactive"),
            ("employment_status", {"onboarded": False}, "pending"),
            ("display_name", {"preferred_first_name": ""}, "Maya Okafor"),
            ("email_login", {"work_email": None}, "maya.okafor@example.net"),
            ("email_login", {"work_email": None, "email": None}, ""),
            ("home_city", {}, None),
            ("home_city", {"current_home_address": None}, ""),
            ("home_city", {"current_home_address": JUNIPER_COURT}, "Boulder"),
            ("home_street", {"current_home_address": {**JUNIPER_COURT, "street_2": "Apt 4"}}, "88 Juniper Ct, Apt 4"),
            ("flsa_status", {}, None),
        ],
    )
    def test_tell_empty_from_not_delivered(self, key, changes, text):
        assert value(key, **changes) == text

    def test_take_the_pay_rule_of_the_current_compensation(self):
        paid = job(
            current_compensation_uuid="c-2",
            compensations=[{"uuid": "c-1", "flsa_status": "Exempt"}, {"uuid": "c-2", "flsa_status": "Nonexempt"}],
        )

        assert value("flsa_status", jobs=[paid]) == "Nonexempt"

    def test_follow_the_choice_of_address(self):
        personal_first = Surroundings(today=TODAY, addresses=("email", "work_email"))
        work_only = Surroundings(today=TODAY, addresses=("work_email",))

        assert value("email_login", surroundings=personal_first) == "maya.okafor@example.net"
        assert value("email_login", surroundings=work_only, work_email=None) == ""

    def test_come_from_the_companys_own_fields_by_uuid(self):
        fields = [
            {"company_custom_field_id": SHIRT, "name": "T-shirt size", "type": "radio", "value": "M"},
            {"company_custom_field_id": BADGE, "name": "T-shirt size", "type": "text", "value": ""},
        ]

        found = person(f"custom:{SHIRT}", f"custom:{BADGE}", "custom:never-filled-in", custom_fields=fields)

        assert found.attributes == {f"custom:{SHIRT}": "M", f"custom:{BADGE}": ""}

    def test_come_from_the_company_and_the_place_of_work(self):
        place = mapper.work_values(
            payloads.Location(uuid="l-1", street_1="1200 Larimer St", city="Denver", state="CO")
        )
        surroundings = Surroundings(today=TODAY, company={"company_name": "Harbor & Pine"}, work_places={UUID: place})

        found = person("company_name", "work_city", "work_location", "work_zip", surroundings=surroundings)

        assert found.attributes == {
            "company_name": "Harbor & Pine",
            "work_city": "Denver",
            "work_location": "1200 Larimer St, Denver, CO",
            "work_zip": "",
        }

    def test_are_left_out_where_the_place_of_work_is_unknown(self):
        assert value("work_city") is None

    def test_come_from_calls_about_the_person(self):
        found = person("original_hire_date", history={"original_hire_date": "2020-07-13"})

        assert found.attributes == {"original_hire_date": "2020-07-13"}

    def test_are_all_offered_and_all_understood(self):
        scopes = ["employments:read", "compensations:read"]
        offered = {attribute.key for attribute in attributes.available(scopes, [])}
        read = {
            *mapper.PLAIN,
            *mapper.FLAGS,
            *mapper.DERIVED,
            *mapper.COMPANY,
            *mapper.WORK,
            *mapper.HISTORY,
            mapper.LOGIN,
        }

        # The run fills in what speaks of other people.
        assert offered == read | {"manager_name", "manager_email", "is_manager"}


class TestOffer:
    def test_leaves_out_what_the_scopes_do_not_cover(self):
        offered = {attribute.key for attribute in attributes.available(["employees:read"], [])}

        assert not offered & {"flsa_status", "original_hire_date", "rehire_date", "date_of_birth"}

    @pytest.mark.parametrize(
        ("type_", "kind"),
        [("text", "text"), ("currency", "decimal"), ("number", "decimal"), ("date", "date"), ("new", "text")],
    )
    def test_shows_the_companys_own_fields(self, type_, kind):
        field = payloads.CompanyField(uuid="f-1", name="Forklift level", type=type_)

        assert attributes.available([], [field])[-1].kind == kind

    def test_shows_the_options_of_a_choice(self):
        field = payloads.CompanyField(uuid="f-1", name="Size", type="radio", selection_options=["S", "M"])

        offered = attributes.available([], [field])[-1]

        assert (offered.key, offered.label, offered.kind, offered.options) == (
            "custom:f-1",
            "Size",
            "choice",
            ("S", "M"),
        )


class TestBrokenTexts:
    @pytest.mark.parametrize(
        ("sent", "kept"),
        [("Ma\0ya", "Maya"), ("Maya\x07", "Maya"), ("Maya\r\nBcc: x", "Maya Bcc: x"), ("Ma\ud800ya", "Maya")],
    )
    def test_lose_what_cannot_be_stored_and_say_so(self, sent, kept):
        found = person(first_name=sent)

        assert found.first_name == kept
        assert found.flaws == (Flaw("first_name", "characters_removed", kept),)

    @pytest.mark.parametrize("name", ["Zoë", "李小龙", "O\u2019Brien", "Ma\u200dya", "محمد"])
    def test_do_not_include_the_letters_of_other_languages(self, name):
        assert (person(first_name=name).first_name, person(first_name=name).flaws) == (name, ())

    def test_are_reported_once_for_each_attribute(self):
        found = person("first_name", "department", first_name="Ma\0ya", department="Sa\0les")

        assert found.attributes == {"first_name": "Maya", "department": "Sales"}
        assert found.flaws == (
            Flaw("first_name", "characters_removed", "Maya"),
            Flaw("department", "characters_removed", "Sales"),
        )

    def test_may_be_long(self):
        assert len(person(first_name="M" * 10_000).first_name) == 10_000


class TestBrokenRecords:
    def page(self, *records, raw=b""):
        body = raw or json.dumps(records).encode()
        make = Mapper([], Surroundings(today=TODAY))
        return [make.person(employee) for employee in payloads.employees(body)]

    @pytest.mark.parametrize(
        "broken",
        [{"email": 42}, {"last_name": ABSENT}, {"jobs": "none"}, {"terminated": "no"}, {"jobs": [{"title": 1}]}],
    )
    def test_do_not_spoil_their_page(self, broken):
        record = {key: text for key, text in {**EMPLOYEE, "uuid": "broken", **broken}.items() if text is not ABSENT}

        healthy, unreadable = self.page(EMPLOYEE, record)

        assert healthy == person()
        assert unreadable == Person(key="broken", is_readable=False)

    @pytest.mark.parametrize("record", [None, 7, "x", [], {}, {"uuid": 3}, {"uuid": ""}, {"uuid": "x" * 65}])
    def test_get_a_key_of_their_own_where_they_have_none(self, record):
        first, again = self.page(record)[0], self.page(record)[0]

        assert not first.is_readable
        assert first.key == again.key
        assert first.key.startswith("unreadable-")

    def test_get_a_key_that_can_be_stored(self):
        (found,) = self.page({**EMPLOYEE, "uuid": "a\0b"})

        assert not found.is_readable
        assert found.key.isprintable()

    def test_may_hold_bytes_that_are_no_text(self):
        body = json.dumps([EMPLOYEE]).encode().replace(b"Maya", b"M\xffaya")

        (found,) = self.page(raw=body)

        assert found.is_readable
        assert found.last_name == "Okafor"

    @pytest.mark.parametrize("body", [b"", b"{}", b"[", b"null", b"<html>", b'[{"uuid": '])
    def test_are_told_from_a_broken_page(self, body):
        with pytest.raises(ValueError):  # noqa: PT011 - any will do
            payloads.employees(body)
