"""What each operator means, for every type, also for values that are blank."""

from datetime import date

import pytest

from portals.field_types import FieldType
from portals.rules import (
    CircularBase,
    Condition,
    ConditionRefused,
    Facts,
    Operator,
    Rule,
    Subject,
    check,
    explain,
    groups_of,
    in_order,
    matches,
    operators_for,
)

TODAY = date(2026, 3, 31)
GROUP, BASE, BASE_OF_BASE = 1, 2, 3
BLANKS: list[object] = [None, "", []]


def facts(**known):
    return Facts(**({"email": "robin@example.com", "created_on": TODAY, "custom_data": {}} | known))


def about(type_, operator, *operands, is_multiple=False):
    return Condition(Subject.CUSTOM_FIELD, operator, operands, "7", type_, is_multiple)


def holds(condition, **known):
    return matches(Rule(GROUP, ((condition,),)), facts(**known), TODAY)


def holds_for(condition, value):
    return holds(condition, custom_data={} if value is None else {"7": value})


class TestText:
    @pytest.mark.parametrize(
        ("operator", "operand", "fitting", "other"),
        [
            (Operator.IS, " Sales ", ["Sales", "sALES"], ["Presales", *BLANKS]),
            (Operator.IS_NOT, "sales", ["Presales", *BLANKS], ["Sales"]),
            (Operator.CONTAINS, "ALE", ["Sales", "pale ale"], ["Al", *BLANKS]),
            (Operator.DOES_NOT_CONTAIN, "ale", ["Al", *BLANKS], ["SALES"]),
            (Operator.STARTS_WITH, "sa", ["Sales"], ["Presales", *BLANKS]),
            (Operator.ENDS_WITH, "LES", ["Sales"], ["Salesforce", *BLANKS]),
            (Operator.CONTAINS, "%", ["100 %"], ["100", *BLANKS]),
            (Operator.IS, "ÉTÉ", ["été"], ["ete", *BLANKS]),
        ],
    )
    def test_ignores_case_and_outer_blanks(self, operator, operand, fitting, other):
        condition = about(FieldType.STRING, operator, operand)

        assert all(holds_for(condition, value) for value in fitting)
        assert not any(holds_for(condition, value) for value in other)


class TestNumber:
    @pytest.mark.parametrize("type_", [FieldType.INTEGER, FieldType.DECIMAL])
    @pytest.mark.parametrize(
        ("operator", "operands", "fitting", "other"),
        [
            (Operator.IS, ["5"], [5, 5.0], [4, None]),
            (Operator.IS_NOT, ["5"], [4, None], [5]),
            (Operator.LESS, ["5"], [4, -9], [5, 6, None]),
            (Operator.AT_MOST, ["5"], [4, 5], [6, None]),
            (Operator.GREATER, ["5"], [6, 40], [5, None]),
            (Operator.AT_LEAST, ["5"], [5, 10], [4, None]),
            (Operator.BETWEEN, ["5", "7"], [5, 6, 7], [4, 8, None]),
        ],
    )
    def test_compares_as_numbers(self, type_, operator, operands, fitting, other):
        condition = about(type_, operator, *operands)

        assert all(holds_for(condition, value) for value in fitting)
        assert not any(holds_for(condition, value) for value in other)

    def test_compares_fractions(self):
        assert holds_for(about(FieldType.DECIMAL, Operator.GREATER, "0.5"), 0.75)
        assert not holds_for(about(FieldType.DECIMAL, Operator.GREATER, "0.5"), 0.25)


class TestDay:
    @pytest.mark.parametrize(
        ("operator", "operands", "fitting", "other"),
        [
            (Operator.IS, ["2026-03-01"], ["2026-03-01"], ["2026-03-02"]),
            (Operator.LESS, ["2026-03-01"], ["2026-02-28"], ["2026-03-01"]),
            (Operator.AT_MOST, ["2026-03-01"], ["2026-03-01"], ["2026-03-02"]),
            (Operator.GREATER, ["03/01/2026"], ["2026-03-02"], ["2026-03-01"]),
            (Operator.AT_LEAST, ["2026-03-01"], ["2026-03-01"], ["2026-02-28"]),
            (Operator.BETWEEN, ["2026-03-01", "2026-03-03"], ["2026-03-01", "2026-03-03"], ["2026-03-04"]),
            (Operator.IN_LAST_DAYS, ["30"], ["2026-03-31", "2026-03-01"], ["2026-02-28", "2026-04-01"]),
            (Operator.IN_LAST_DAYS, ["0"], ["2026-03-31"], ["2026-03-30"]),
            (Operator.MORE_THAN_DAYS_AGO, ["30"], ["2026-02-28"], ["2026-03-01", "2026-04-01"]),
        ],
    )
    def test_compares_days_of_fields_and_of_the_creation(self, operator, operands, fitting, other):
        of_field = about(FieldType.DATE, operator, *operands)
        of_creation = Condition(Subject.CREATED_ON, operator, tuple(operands))

        assert all(holds_for(of_field, value) for value in fitting)
        assert not any(holds_for(of_field, value) for value in [*other, None])
        assert all(holds(of_creation, created_on=date.fromisoformat(value)) for value in fitting)
        assert not any(holds(of_creation, created_on=date.fromisoformat(value)) for value in other)


class TestChoice:
    @pytest.mark.parametrize(
        ("operator", "operands", "fitting", "other"),
        [
            (Operator.IS, ["Sales"], ["Sales"], ["sales", "Support", None]),
            (Operator.IS_NOT, ["Sales"], ["Support", None], ["Sales"]),
            (Operator.IS_ONE_OF, ["Sales", "Support"], ["Support"], ["Legal", None]),
            (Operator.IS_NONE_OF, ["Sales", "Support"], ["Legal", None], ["Sales"]),
        ],
    )
    def test_compares_exactly(self, operator, operands, fitting, other):
        condition = about(FieldType.STRING_CHOICE, operator, *operands)

        assert all(holds_for(condition, value) for value in fitting)
        assert not any(holds_for(condition, value) for value in other)

    def test_compares_choices_of_numbers_as_numbers(self):
        assert holds_for(about(FieldType.DECIMAL_CHOICE, Operator.IS_ONE_OF, "1.50", "2"), 1.5)
        assert holds_for(about(FieldType.INTEGER_CHOICE, Operator.IS, "2"), 2)

    @pytest.mark.parametrize(
        ("operator", "operands", "fitting", "other"),
        [
            (Operator.CONTAINS_ANY, ["en", "fr"], [["fr"], ["de", "en"]], [["de"], [], None]),
            (Operator.CONTAINS_ALL, ["en", "fr"], [["fr", "en"], ["de", "en", "fr"]], [["en"], [], None]),
            (Operator.CONTAINS_NONE, ["en", "fr"], [["de"], [], None], [["de", "en"]]),
        ],
    )
    def test_looks_into_several_choices(self, operator, operands, fitting, other):
        condition = about(FieldType.STRING_CHOICE, operator, *operands, is_multiple=True)

        assert all(holds_for(condition, value) for value in fitting)
        assert not any(holds_for(condition, value) for value in other)


class TestEmptiness:
    @pytest.mark.parametrize(
        ("type_", "is_multiple", "value"),
        [
            (FieldType.STRING, False, "x"),
            (FieldType.INTEGER, False, 0),
            (FieldType.DATE, False, "2026-03-01"),
            (FieldType.STRING_CHOICE, False, "x"),
            (FieldType.STRING_CHOICE, True, ["x"]),
        ],
    )
    def test_tells_blanks_from_values(self, type_, is_multiple, value):
        is_empty = about(type_, Operator.IS_EMPTY, is_multiple=is_multiple)
        is_not_empty = about(type_, Operator.IS_NOT_EMPTY, is_multiple=is_multiple)

        assert all(holds_for(is_empty, blank) and not holds_for(is_not_empty, blank) for blank in BLANKS)
        assert holds_for(is_not_empty, value)
        assert not holds_for(is_empty, value)


class TestEmailDomain:
    @pytest.mark.parametrize(
        ("operator", "operands", "fitting", "other"),
        [
            (Operator.IS, ["Example.com"], ["a@example.com", "a@EXAMPLE.com"], ["a@eu.example.com"]),
            (Operator.IS, ["@example.com"], ["a@example.com"], ["a@example.test"]),
            (Operator.IS_NOT, ["example.com"], ["a@example.test"], ["a@example.com"]),
            (Operator.IS_ONE_OF, ["example.com", "example.test"], ["a@example.test"], ["a@else.example"]),
            (Operator.ENDS_WITH, ["example.com"], ["a@example.com", "a@eu.example.com"], ["a@badexample.com"]),
            (Operator.ENDS_WITH, [".com"], ["a@example.com"], ["a@example.test"]),
        ],
    )
    def test_compares_what_follows_the_at_sign(self, operator, operands, fitting, other):
        condition = Condition(Subject.EMAIL_DOMAIN, operator, tuple(operands))

        assert all(holds(condition, email=email) for email in fitting)
        assert not any(holds(condition, email=email) for email in other)


SALES = about(FieldType.STRING, Operator.IS, "Sales")
LONDON = about(FieldType.STRING, Operator.STARTS_WITH, "London")
SENIOR = Condition(Subject.CUSTOM_FIELD, Operator.AT_LEAST, ("5",), "8", FieldType.INTEGER)


class TestMatches:
    def test_takes_everyone_without_a_block(self):
        assert matches(Rule(GROUP), facts(), TODAY)

    def test_wants_all_conditions_of_a_block(self):
        rule = Rule(GROUP, ((SALES, SENIOR),))

        assert matches(rule, facts(custom_data={"7": "Sales", "8": 5}), TODAY)
        assert not matches(rule, facts(custom_data={"7": "Sales", "8": 4}), TODAY)

    def test_wants_one_of_the_blocks(self):
        rule = Rule(GROUP, ((SALES,), (SENIOR,)))

        assert matches(rule, facts(custom_data={"8": 5}), TODAY)
        assert not matches(rule, facts(custom_data={"8": 4}), TODAY)

    def test_takes_only_people_of_the_base_group(self):
        rule = Rule(GROUP, base_group_id=BASE)

        assert matches(rule, facts(group_ids=frozenset({BASE})), TODAY)
        assert not matches(rule, facts(), TODAY)


class TestGroupsOf:
    def test_follows_base_groups_whatever_the_order(self):
        rules = [Rule(GROUP, base_group_id=BASE), Rule(BASE, base_group_id=BASE_OF_BASE), Rule(BASE_OF_BASE)]

        assert groups_of(rules, facts(), TODAY) == {GROUP, BASE, BASE_OF_BASE}

    def test_counts_members_by_hand_as_members_of_the_base(self):
        rules = [Rule(GROUP, base_group_id=BASE), Rule(BASE, ((SALES,),))]

        assert groups_of(rules, facts(group_ids=frozenset({BASE})), TODAY) == {GROUP}
        assert groups_of(rules, facts(), TODAY) == set()


class TestInOrder:
    def test_refuses_a_circle(self):
        with pytest.raises(CircularBase) as refusal:
            in_order([Rule(GROUP, base_group_id=BASE), Rule(BASE, base_group_id=GROUP)])

        assert set(refusal.value.group_ids) == {GROUP, BASE}

    def test_ignores_base_groups_without_a_rule(self):
        assert in_order([Rule(GROUP, base_group_id=BASE)]) == (Rule(GROUP, base_group_id=BASE),)


class TestExplain:
    def test_shows_the_values_and_the_block_that_holds(self):
        rule = Rule(GROUP, ((SALES, SENIOR), (LONDON,)))

        told = explain(rule, facts(custom_data={"7": "London Bridge", "8": 3}), TODAY)

        assert told.matches
        assert told.matching_block == 1
        assert [(finding.value, finding.holds) for finding in told.blocks[0]] == [("London Bridge", False), (3, False)]

    def test_tells_that_the_person_is_not_in_the_base_group(self):
        told = explain(Rule(GROUP, ((SALES,),), base_group_id=BASE), facts(custom_data={"7": "Sales"}), TODAY)

        assert (told.matches, told.is_in_base, told.matching_block) == (False, False, None)

    def test_shows_a_blank_as_none(self):
        told = explain(Rule(GROUP, ((SALES,),)), facts(custom_data={"7": ""}), TODAY)

        assert told.blocks[0][0].value is None


class TestOperatorsFor:
    def test_offers_no_emptiness_for_the_creation_date(self):
        assert Operator.IS_EMPTY not in operators_for(Subject.CREATED_ON)
        assert Operator.IS_EMPTY in operators_for(Subject.CUSTOM_FIELD, FieldType.DATE)

    def test_offers_lists_for_several_choices(self):
        offered = operators_for(Subject.CUSTOM_FIELD, FieldType.STRING_CHOICE, is_multiple=True)

        assert Operator.CONTAINS_ALL in offered
        assert Operator.IS not in offered


class TestCheck:
    @pytest.mark.parametrize(
        ("condition", "reason"),
        [
            (about(FieldType.STRING, Operator.LESS, "5"), "operator_not_offered"),
            (about(FieldType.STRING, Operator.IS), "operand_missing"),
            (about(FieldType.STRING, Operator.IS, "  "), "operand_missing"),
            (about(FieldType.STRING, Operator.IS, "a", "b"), "too_many_operands"),
            (about(FieldType.STRING, Operator.IS_EMPTY, "a"), "too_many_operands"),
            (about(FieldType.STRING, Operator.IS, "x" * 1001), "too_long"),
            (about(FieldType.INTEGER, Operator.IS, "many"), "not_a_number"),
            (about(FieldType.INTEGER, Operator.IS, "1.5"), "not_a_whole_number"),
            (about(FieldType.INTEGER, Operator.BETWEEN, "7"), "operand_missing"),
            (about(FieldType.INTEGER, Operator.BETWEEN, "7", "5"), "range_reversed"),
            (about(FieldType.DATE, Operator.IS, "2026-02-30"), "not_a_date"),
            (about(FieldType.DATE, Operator.IN_LAST_DAYS, "-1"), "not_a_number_of_days"),
            (about(FieldType.DATE, Operator.IN_LAST_DAYS, "99999"), "not_a_number_of_days"),
            (about(FieldType.STRING_CHOICE, Operator.CONTAINS_ANY, "a"), "operator_not_offered"),
            (Condition(Subject.EMAIL_DOMAIN, Operator.IS, ("robin@example.com",)), "not_a_domain"),
            (Condition(Subject.EMAIL_DOMAIN, Operator.ENDS_WITH, ("two words",)), "not_a_domain"),
            (Condition(Subject.CREATED_ON, Operator.IS_EMPTY), "operator_not_offered"),
        ],
    )
    def test_refuses_what_makes_no_sense(self, condition, reason):
        with pytest.raises(ConditionRefused) as refusal:
            check(condition)

        assert refusal.value.reason == reason

    @pytest.mark.parametrize(
        "condition",
        [
            about(FieldType.INTEGER, Operator.BETWEEN, "5", "5"),
            about(FieldType.STRING, Operator.IS_EMPTY),
            about(FieldType.INTEGER_CHOICE, Operator.IS_ONE_OF, "1", "2"),
            Condition(Subject.EMAIL_DOMAIN, Operator.IS, ("münchen.example",)),
        ],
    )
    def test_accepts_what_does(self, condition):
        check(condition)
