"""Planned changes in words."""

import pytest

from integrations.models import PlannedChange
from integrations.views.change_rows import Reader
from tests.factories.portals import CustomFieldFactory


def row(connection, **change):
    return Reader(connection).row(PlannedChange(**{"kind": "update", "state": "applied", **change}))


class TestReader:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"kind": "add"}, "Created"),
            ({"kind": "update", "after": {"last_name": "Reyes"}}, "Updated"),
            ({"kind": "update", "warnings": [["department", "unknown_choice", "X"]]}, "Nothing changed"),
            ({"kind": "skip", "state": "skipped"}, "Not taken over"),
            ({"kind": "end_access", "state": "skipped", "after": {"last_day": "2026-09-30"}}, "Not taken over"),
            ({"kind": "end_access", "state": "held"}, "Held for approval: Access ends"),
            ({"kind": "end_access", "state": "rejected"}, "Rejected: Access ends"),
            ({"kind": "update", "state": "failed"}, "Failed: Updated"),
        ],
    )
    def test_says_what_was_done(self, connection, change, words):
        assert row(connection, **change).kind == words

    def test_leaves_out_what_stays_the_same(self, connection):
        found = row(connection, before={"email": "a@b.example"}, after={"email": "a@b.example", "first_name": "Maya"})

        assert [(str(one.label), one.after) for one in found.differences] == [("First name", "Maya")]

    def test_uses_the_words_of_statuses(self, connection):
        (difference,) = row(connection, before={"status": "pending"}, after={"status": "active"}).differences

        assert (difference.before, difference.after) == ("Pending", "Active")

    def test_prints_custom_values_by_type(self, portal, connection):
        day = CustomFieldFactory(portal=portal, label="Day", type="date")
        sizes = CustomFieldFactory(portal=portal, label="Sizes", type="string_choice", is_multiple=True)
        rate = CustomFieldFactory(portal=portal, label="Rate", type="decimal")
        after = {day.key: "2026-01-31", sizes.key: ["S", "M"], rate.key: 0.5}

        found = row(connection, after={"custom_data": after}).differences

        assert {one.label: one.after for one in found} == {"Day": "Jan. 31, 2026", "Sizes": "S; M", "Rate": "0.5"}

    def test_copes_with_a_field_that_was_deleted(self, connection):
        (difference,) = row(connection, after={"custom_data": {"999999": "x"}}).differences

        assert difference.label == "A field that was deleted"

    def test_says_when_access_ends_without_a_date(self, connection):
        found = row(connection, kind="end_access", after={"last_day": None})

        assert found.reason == "Inactive without a termination date: access ends at once."

    def test_explains_an_address_that_could_not_be_taken_over(self, connection):
        (refused,) = row(connection, warnings=[["email", "email_taken", "maya@harbor.example"]]).warnings

        assert refused.attribute == "E-mail"
        assert str(refused.problem).startswith("The e-mail address belongs to another user")
