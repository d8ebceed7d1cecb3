"""What each row of a file of users does."""

from functools import partial

import pytest

from portals.field_types import FieldType, reader
from users.import_plan import Field, Known, Options, Setting, columns_of, plan

OFFICE = Field("1", "Office", is_required=False, read=reader(FieldType.STRING_CHOICE, choices={"Berlin", "Porto"}))
HIRED = Field("2", "Hired", is_required=False, read=reader(FieldType.DATE))
BADGE = Field("3", "Badge", is_required=True, read=reader(FieldType.INTEGER))
INVITES = Options(adds_as="pending", mail="invite", updates=True)
CREATES = Options(adds_as="active", mail="welcome", updates=True)
MAYA = partial(Known, user_id=7, first_name="Maya", last_name="Ortiz")
MEMBER = partial(MAYA, membership_id=5, role="learner", status="active")


def setting(options=INVITES, fields=(OFFICE, HIRED), *, may_add=False):
    return Setting(options, tuple(fields), {"sales": 10, "kitchen crew": 11}, may_add)


def entry(**cells):
    return {"email": "maya@example.com", **{name.lstrip("_"): text for name, text in cells.items()}}


def codes(planned):
    return [problem[0] for problem in planned.problems]


class TestColumnsOf:
    def test_finds_columns_by_their_headings_and_custom_fields_by_label(self):
        headings = {"e-mail": "E-Mail", "firstname": "Firstname", "office": "Office", "shoe size": "Shoe size"}

        columns, ignored = columns_of(headings, {"office": "1"})

        assert columns == {"e-mail": "email", "firstname": "first_name", "office": "1"}
        assert ignored == ["Shoe size"]

    def test_refuses_two_headings_for_one_column(self):
        with pytest.raises(ValueError, match="First name"):
            columns_of({"firstname": "firstname", "first name": "First name"}, {})


class TestErrors:
    @pytest.mark.parametrize(
        ("cells", "code"),
        [
            ({"email": ""}, "no_email"),
            ({"email": "maya"}, "invalid_email"),
            ({"email": "a" * 250 + "@example.com"}, "invalid_email"),
            ({"email": "maya\u200b@example.com"}, "invalid_email"),
            ({"first_name": "x" * 10_000}, "name_too_long"),
            ({"enabled": "perhaps"}, "enabled_unclear"),
            ({"_1": "Atlantis"}, "unknown_choice"),
            ({"_2": "soon"}, "not_a_date"),
        ],
    )
    @pytest.mark.parametrize("known", [None, MEMBER()])
    def test_are_told_whoever_the_row_is_about(self, cells, code, known):
        planned = plan(entry(**cells), known, setting())

        assert (planned.kind, codes(planned), planned.after) == ("error", [code], {})

    def test_are_all_told_at_once(self):
        assert codes(plan(entry(_1="Atlantis", _2="soon"), None, setting())) == ["unknown_choice", "not_a_date"]

    def test_name_groups_that_are_not_there(self):
        options = Options("pending", "invite", assigns_groups=True)

        planned = plan(entry(groups="Sales; Moon base"), None, setting(options))

        assert planned.problems == [["unknown_group", "", "Moon base"]]

    def test_name_required_fields_that_stay_empty(self):
        fields = (OFFICE, BADGE)

        assert codes(plan(entry(), None, setting(fields=fields))) == ["required"]
        assert plan(entry(_3="12"), None, setting(fields=fields)).kind == "invite"

    def test_keep_required_values_from_being_cleared(self):
        options = Options("pending", "invite", updates=True, clears_empty=True)
        known = MEMBER(custom_data={"3": 12})

        assert codes(plan(entry(_3=""), known, setting(options, [BADGE]))) == ["required"]


class TestNewPeople:
    def test_are_invited(self):
        planned = plan(entry(first_name="Maya", last_name="Ortiz", _1="Porto"), None, setting())

        assert planned.kind == "invite"
        assert planned.after == {
            "email": "maya@example.com",
            "status": "pending",
            "mail": "invite",
            "first_name": "Maya",
            "last_name": "Ortiz",
            "custom_data": {"1": "Porto"},
        }

    def test_are_created(self):
        planned = plan(entry(), None, setting(CREATES))

        assert (planned.kind, planned.after["status"], planned.after["mail"]) == ("add", "active", "welcome")

    def test_join_groups_only_when_asked_for(self):
        cells = entry(groups="kitchen CREW; Sales")

        assert "groups" not in plan(cells, None, setting()).after
        assert plan(cells, None, setting(Options("active", "", assigns_groups=True))).after["groups"] == [10, 11]

    def test_are_not_added_when_they_are_not_enabled(self):
        planned = plan(entry(enabled="No"), None, setting())

        assert (planned.kind, codes(planned)) == ("skip", ["not_enabled"])

    def test_known_elsewhere_are_invited_with_the_account_that_they_have(self):
        planned = plan(entry(first_name="Mia"), MAYA(), setting())

        assert (planned.kind, planned.user_id, codes(planned)) == ("invite", 7, ["has_account"])
        assert "first_name" not in planned.after

    def test_known_elsewhere_are_created_only_where_the_portal_allows_it(self):
        assert codes(plan(entry(), MAYA(), setting(CREATES))) == ["known_elsewhere"]
        assert plan(entry(), MAYA(), setting(CREATES, may_add=True)).kind == "add"


class TestMembers:
    def test_are_left_alone_without_updates(self):
        planned = plan(entry(first_name="Mia", enabled="no"), MEMBER(), setting(Options("active", "")))

        assert (planned.kind, codes(planned)) == ("skip", ["already_member"])

    @pytest.mark.parametrize("role", ["admin", "manager", "instructor"])
    def test_who_are_staff_are_never_touched(self, role):
        planned = plan(entry(enabled="no"), MAYA(membership_id=5, role=role, status="active"), setting())

        assert (planned.kind, codes(planned)) == ("skip", ["staff_account"])

    def test_get_what_differs(self):
        known = MEMBER(custom_data={"1": "Berlin", "2": "2026-01-01"})

        planned = plan(entry(first_name="Mia", last_name="Ortiz", _1="Porto", _2="2026-01-01"), known, setting())

        assert planned.kind == "update"
        assert planned.before == {"first_name": "Maya", "custom_data": {"1": "Berlin"}}
        assert planned.after == {"first_name": "Mia", "custom_data": {"1": "Porto"}}

    def test_are_unchanged_when_nothing_differs(self):
        assert plan(entry(first_name="Maya", enabled="Yes"), MEMBER(), setting()).kind == "unchanged"

    def test_keep_values_of_empty_cells_unless_asked_otherwise(self):
        known = MEMBER(custom_data={"1": "Berlin"})

        assert plan(entry(first_name="", _1=""), known, setting()).kind == "unchanged"
        clearing = Options("pending", "invite", updates=True, clears_empty=True)
        assert plan(entry(_1=""), known, setting(clearing)).after == {"custom_data": {"1": None}}

    def test_keep_what_another_system_keeps(self):
        known = MEMBER(custom_data={"1": "Berlin"}, kept={"1": "Gusto", "first_name": "Gusto"})

        planned = plan(entry(first_name="Mia", _1="Porto", _2="2026-01-01"), known, setting())

        assert planned.after == {"custom_data": {"2": "2026-01-01"}}
        assert planned.problems == [["kept", "first_name", "Gusto"], ["kept", "Office", "Gusto"]]

    def test_lose_access(self):
        planned = plan(entry(enabled="No", first_name="Mia"), MEMBER(), setting())

        assert (planned.kind, planned.before, planned.after) == (
            "end_access",
            {"status": "active"},
            {"status": "ended"},
        )

    def test_whose_access_has_ended_do_not_get_it_back(self):
        gone = MAYA(membership_id=5, role="learner", status="ended")

        assert codes(plan(entry(enabled="Yes"), gone, setting())) == ["access_ended"]
        assert plan(entry(enabled="No"), gone, setting()).kind == "unchanged"

    def test_are_added_to_groups_and_stay_in_theirs(self):
        options = Options("pending", "invite", updates=True, assigns_groups=True)

        planned = plan(entry(groups="Sales"), MEMBER(groups={11: True}), setting(options))

        assert (planned.before, planned.after) == ({"groups": [11]}, {"groups": [10, 11]})

    def test_leave_other_groups_but_those_of_rules(self):
        options = Options("pending", "invite", updates=True, syncs_groups=True)

        planned = plan(entry(groups="Sales"), MEMBER(groups={11: True, 12: False}), setting(options))

        assert planned.after == {"groups": [10, 12]}
