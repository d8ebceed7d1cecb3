"""Which attribute can fill which custom field."""

import pytest

from integrations.forms import fitting_types
from integrations.providers import Attribute
from portals.field_types import FieldType

STRING, STRING_CHOICE = FieldType.STRING, FieldType.STRING_CHOICE
INTEGER, INTEGER_CHOICE = FieldType.INTEGER, FieldType.INTEGER_CHOICE
DECIMAL, DECIMAL_CHOICE, DATE = FieldType.DECIMAL, FieldType.DECIMAL_CHOICE, FieldType.DATE


class TestFittingTypes:
    @pytest.mark.parametrize(
        ("key", "kind", "types"),
        [
            ("job_title", "text", {STRING, STRING_CHOICE}),
            ("work_email", "email", {STRING, STRING_CHOICE}),
            ("is_manager", "boolean", {STRING, STRING_CHOICE}),
            ("hire_date", "date", {STRING, DATE}),
            ("hire_year", "integer", {STRING, INTEGER, DECIMAL, INTEGER_CHOICE}),
            ("custom:a", "decimal", {STRING, INTEGER, DECIMAL, INTEGER_CHOICE, DECIMAL_CHOICE}),
            ("custom:a", "text", {STRING, STRING_CHOICE, INTEGER_CHOICE, DECIMAL_CHOICE}),
        ],
    )
    def test_follows_the_kind_of_the_attribute(self, key, kind, types):
        assert fitting_types(Attribute(key, "Label", kind, is_own=key.startswith("custom:"))) == types

    @pytest.mark.parametrize(
        ("options", "numbers"),
        [(("1", "2"), {INTEGER_CHOICE, DECIMAL_CHOICE}), (("1", "1.5"), {DECIMAL_CHOICE}), (("1", "two"), set())],
    )
    def test_lets_a_list_fill_number_choices_when_all_options_are_numbers(self, options, numbers):
        attribute = Attribute("custom:a", "Label", "choice", options=options)

        assert fitting_types(attribute) == {STRING, STRING_CHOICE} | numbers

    def test_allows_everything_for_an_attribute_that_is_no_longer_offered(self):
        assert fitting_types(Attribute("gone", "gone", "")) == set(FieldType)
