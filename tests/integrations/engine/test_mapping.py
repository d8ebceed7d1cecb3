"""Attributes become custom values of the right type, or a flaw that names the value."""

from dataclasses import replace

import pytest

from integrations.engine.mapping import custom_values
from integrations.engine.records import Flaw, MappingRule, TargetField
from portals.field_types import FieldType

from .records import DEPARTMENT, person, policy


def mapped(text, type_, **target):
    rule = MappingRule("a", TargetField("1", type_, **target))
    return custom_values(person(attributes={"a": text}), policy(rule))


class TestCustomValues:
    @pytest.mark.parametrize(
        ("text", "type_", "value"),
        [
            ("  plain ", FieldType.STRING, "plain"),
            ("42", FieldType.INTEGER, 42),
            ("1,250.00", FieldType.DECIMAL, 1250),
            ("$150.50", FieldType.DECIMAL, 150.5),
            ("-3", FieldType.INTEGER, -3),
            ("2026-02-28", FieldType.DATE, "2026-02-28"),
            ("02/28/2026", FieldType.DATE, "2026-02-28"),
            ("", FieldType.STRING, None),
            ("   ", FieldType.INTEGER, None),
        ],
    )
    def test_reads_each_type(self, text, type_, value):
        assert mapped(text, type_) == ({"1": value}, ())

    @pytest.mark.parametrize(
        ("text", "type_", "code"),
        [
            ("2026-02-31", FieldType.DATE, "not_a_date"),
            ("soon", FieldType.DATE, "not_a_date"),
            ("many", FieldType.INTEGER, "not_a_number"),
            ("1.5", FieldType.INTEGER, "not_a_whole_number"),
            ("9" * 16, FieldType.INTEGER, "too_long"),
            (".", FieldType.DECIMAL, "not_a_number"),
            ("x" * 1001, FieldType.STRING, "too_long"),
            ("2", FieldType.INTEGER_CHOICE, "unknown_choice"),
        ],
    )
    def test_refuses_what_does_not_fit(self, text, type_, code):
        assert mapped(text, type_) == ({}, (Flaw("a", code, text[:100]),))

    def test_compares_choices_of_numbers_as_numbers(self):
        assert mapped("3.0", FieldType.INTEGER_CHOICE, choices=frozenset({3})) == ({"1": 3}, ())

    def test_reads_several_choices_once_each(self):
        choices = frozenset({"Red", "Blue"})

        values, _ = mapped("Red; Blue;Red", FieldType.STRING_CHOICE, choices=choices, is_multiple=True)

        assert values == {"1": ["Red", "Blue"]}

    def test_clears_an_emptied_value_unless_the_mapping_keeps_it(self):
        emptied = person(attributes={"department": ""})

        assert custom_values(emptied, policy(DEPARTMENT)) == ({"7": None}, ())
        assert custom_values(emptied, policy(replace(DEPARTMENT, keeps_when_empty=True))) == ({}, ())

    def test_leaves_out_what_was_not_delivered(self):
        assert custom_values(person(), policy(DEPARTMENT)) == ({}, ())
