"""Attributes become custom values of the right type, or a flaw that names the value."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


class TestFallback:
    RULE = replace(DEPARTMENT, fallback="team", default="Support")

    @pytest.mark.parametrize(
        ("attributes", "value"),
        [
            ({"department": "Sales", "team": "Support"}, "Sales"),
            ({"department": "", "team": "Sales"}, "Sales"),
            ({"department": " ", "team": "Sales"}, "Sales"),
            ({"team": "Sales"}, "Sales"),
            ({"department": "", "team": " "}, "Support"),
            ({"department": ""}, "Support"),
            ({}, "Support"),
            ({"team": ""}, "Support"),
        ],
    )
    def test_has_its_say_when_the_attribute_is_empty_and_then_the_default(self, attributes, value):
        assert custom_values(person(attributes=attributes), policy(self.RULE)) == ({"7": value}, ())

    def test_leaves_a_value_alone_when_nothing_was_delivered(self):
        assert custom_values(person(), policy(self.RULE), filled={"7": "Sales"}) == ({}, ())

    def test_does_not_hide_a_value_that_is_refused(self):
        found = custom_values(person(attributes={"department": "sales", "team": "Sales"}), policy(self.RULE))

        assert found == ({}, (Flaw("department", "unknown_choice", "sales"),))

    def test_names_the_attribute_whose_value_is_refused(self):
        _values, (flaw,) = custom_values(person(attributes={"department": "", "team": "x"}), policy(self.RULE))

        assert flaw == Flaw("team", "unknown_choice", "x")

    def test_clears_or_keeps_when_everything_is_empty(self):
        rule = replace(DEPARTMENT, fallback="team")
        emptied = person(attributes={"department": "", "team": ""})

        assert custom_values(emptied, policy(rule)) == ({"7": None}, ())
        assert custom_values(emptied, policy(replace(rule, keeps_when_empty=True))) == ({}, ())

    def test_waits_for_what_is_known_only_at_the_end_of_the_list(self):
        late = replace(DEPARTMENT, fallback="manager_name", default="Support")

        assert custom_values(person(attributes={"department": ""}), policy(late)) == ({}, ())
        assert custom_values(person(), policy(replace(late, attribute="is_manager", fallback=""))) == ({}, ())

    @given(
        first=st.sampled_from([None, "", " ", "Sales", "?"]),
        second=st.sampled_from([None, "", "Support", "?"]),
        default=st.sampled_from(["", "Sales"]),
        keeps=st.booleans(),
    )
    def test_gives_a_value_or_a_flaw_but_never_both(self, first, second, default, keeps):
        delivered = {"department": first, "team": second}
        who = person(attributes={name: text for name, text in delivered.items() if text is not None})
        rule = replace(DEPARTMENT, fallback="team", default=default, keeps_when_empty=keeps)

        values, flaws = custom_values(who, policy(rule))

        assert not (values and flaws)
        assert values.get("7") in (None, "Sales", "Support")
        if default:
            assert values.get("7") or flaws


class TestAliases:
    RULE = replace(DEPARTMENT, aliases={"SLS": "Sales", "Sales": "Support", "Old": "Gone"})

    @pytest.mark.parametrize(("text", "value"), [("SLS", "Sales"), (" SLS ", "Sales"), ("Support", "Support")])
    def test_stand_for_a_choice(self, text, value):
        assert custom_values(person(attributes={"department": text}), policy(self.RULE)) == ({"7": value}, ())

    def test_never_replace_a_choice(self):
        assert custom_values(person(attributes={"department": "Sales"}), policy(self.RULE)) == ({"7": "Sales"}, ())

    @pytest.mark.parametrize("text", ["sls", "Old", "Nonsense"])
    def test_are_exact_and_lead_to_choices_only(self, text):
        _values, flaws = custom_values(person(attributes={"department": text}), policy(self.RULE))

        assert flaws == (Flaw("department", "unknown_choice", text),)

    def test_work_for_each_of_several_values(self):
        several = replace(self.RULE, target=replace(DEPARTMENT.target, is_multiple=True))

        values, _ = custom_values(person(attributes={"department": "Support; SLS ;Sales"}), policy(several))

        assert values == {"7": ["Support", "Sales"]}

    def test_stand_for_numbers(self):
        grades = MappingRule(
            "grade", TargetField("9", FieldType.INTEGER_CHOICE, choices=frozenset({1, 2})), aliases={"first": "1"}
        )

        assert custom_values(person(attributes={"grade": "first"}), policy(grades)) == ({"9": 1}, ())
