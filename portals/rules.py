"""Pure: do these facts satisfy a dynamic rule, and why; also the oracle for the SQL in users.grouping."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum, StrEnum, auto
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final, cast

from portals import field_types
from portals.field_types import FieldType, Scalar, Stored, ValueRefused

MAX_CONDITIONS = 50
MAX_OPERANDS = 200
MAX_DAYS = 36_500


class Subject(StrEnum):
    EMAIL_DOMAIN = "email_domain"
    CREATED_ON = "created_on"
    CUSTOM_FIELD = "custom_field"


class Operator(StrEnum):
    IS = "is"
    IS_NOT = "is_not"
    IS_ONE_OF = "is_one_of"
    IS_NONE_OF = "is_none_of"
    CONTAINS = "contains"
    DOES_NOT_CONTAIN = "does_not_contain"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    LESS = "less"
    AT_MOST = "at_most"
    GREATER = "greater"
    AT_LEAST = "at_least"
    BETWEEN = "between"
    IN_LAST_DAYS = "in_last_days"
    MORE_THAN_DAYS_AGO = "more_than_days_ago"
    CONTAINS_ANY = "contains_any"
    CONTAINS_ALL = "contains_all"
    CONTAINS_NONE = "contains_none"
    IS_EMPTY = "is_empty"
    IS_NOT_EMPTY = "is_not_empty"


class Kind(Enum):
    """How a value is compared."""

    DOMAIN = auto()  # text after the @, with its sub-domains
    TEXT = auto()  # without regard to case
    NUMBER = auto()
    DAY = auto()  # as ISO text, which sorts like the dates
    CHOICE = auto()  # exactly: the value comes from a list
    CHOICES = auto()


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; `field_key` and `type` are given for a custom field only."""

    subject: Subject
    operator: Operator
    operands: tuple[str, ...] = ()
    field_key: str = ""
    type: FieldType = FieldType.STRING
    is_multiple: bool = False

    @property
    def kind(self) -> Kind:
        """How values of the subject are compared."""
        return _kind(self.subject, self.type, self.is_multiple)


@dataclass(frozen=True, slots=True)
class Rule:
    """Any block whose conditions all hold puts a person into the group; no block means everyone."""

    group_id: int
    blocks: tuple[tuple[Condition, ...], ...] = ()
    base_group_id: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules may look at."""

    email: str
    created_on: date
    custom_data: Mapping[str, Stored]
    group_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A condition ready to be evaluated.

    Negative operators are the true complement of a positive one, so they hold for an empty value; relative days are
    already dates. Operands are trimmed and typed; texts and domains are in lower case.
    """

    operator: Operator
    operands: tuple[Scalar, ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What one condition saw: the value (None when empty) and whether it holds."""

    condition: Condition
    value: Stored | None
    holds: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a rule takes a person in or not; `matching_block` counts from 0."""

    matches: bool
    is_in_base: bool
    blocks: tuple[tuple[Finding, ...], ...]
    matching_block: int | None


class ConditionRefused(ValueError):
    """The condition makes no sense; `reason` is a short code that pages explain.

    Codes: operator_not_offered, operand_missing, too_many_operands, range_reversed, not_a_domain,
    not_a_number_of_days, too_many_conditions, unknown_field, archived_field, unknown_choice, and the codes of
    ValueRefused.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CircularBase(ValueError):
    """Rules take their people from each other in a circle; `group_ids` are those of the circle."""

    def __init__(self, group_ids: Iterable[int]) -> None:
        self.group_ids = tuple(group_ids)
        super().__init__(f"groups {self.group_ids} depend on each other")


_EMPTINESS = (Operator.IS_EMPTY, Operator.IS_NOT_EMPTY)
_RANGES = (Operator.LESS, Operator.AT_MOST, Operator.GREATER, Operator.AT_LEAST, Operator.BETWEEN)
_DAYS = (Operator.IS, *_RANGES, Operator.IN_LAST_DAYS, Operator.MORE_THAN_DAYS_AGO)
_SEVERAL = (Operator.CONTAINS_ANY, Operator.CONTAINS_ALL, Operator.CONTAINS_NONE)
_LISTS = (Operator.IS_ONE_OF, Operator.IS_NONE_OF, *_SEVERAL)
_OFFERED: Final[Mapping[Kind, tuple[Operator, ...]]] = {
    Kind.DOMAIN: (Operator.IS, Operator.IS_NOT, Operator.IS_ONE_OF, Operator.ENDS_WITH),
    Kind.TEXT: (
        Operator.IS,
        Operator.IS_NOT,
        Operator.CONTAINS,
        Operator.DOES_NOT_CONTAIN,
        Operator.STARTS_WITH,
        Operator.ENDS_WITH,
        *_EMPTINESS,
    ),
    Kind.NUMBER: (Operator.IS, Operator.IS_NOT, *_RANGES, *_EMPTINESS),
    Kind.DAY: (*_DAYS, *_EMPTINESS),
    Kind.CHOICE: (Operator.IS, Operator.IS_NOT, Operator.IS_ONE_OF, Operator.IS_NONE_OF, *_EMPTINESS),
    Kind.CHOICES: (*_SEVERAL, *_EMPTINESS),
}
_COMPLEMENTS: Final[Mapping[Operator, Operator]] = {
    Operator.IS_NOT: Operator.IS,
    Operator.IS_NONE_OF: Operator.IS_ONE_OF,
    Operator.DOES_NOT_CONTAIN: Operator.CONTAINS,
    Operator.CONTAINS_NONE: Operator.CONTAINS_ANY,
    Operator.IS_EMPTY: Operator.IS_NOT_EMPTY,
}


def operators_for(
    subject: Subject, type_: FieldType = FieldType.STRING, *, is_multiple: bool = False
) -> tuple[Operator, ...]:
    """Return the operators that a subject, or a custom field of this type, offers."""
    if subject is Subject.CREATED_ON:
        # Nobody is without a creation date.
        return _DAYS
    return _OFFERED[_kind(subject, type_, is_multiple)]


def check(condition: Condition) -> None:
    """Raise ConditionRefused when the operator is not offered here, or the operands do not fit it."""
    _typed_operands(condition)


def matches(rule: Rule, facts: Facts, today: date) -> bool:
    """Whether the rule takes the person in; `today` is the portal's calendar day."""
    if rule.base_group_id is not None and rule.base_group_id not in facts.group_ids:
        return False
    return not rule.blocks or any(
        all(_holds(condition, _value(condition, facts), today) for condition in block) for block in rule.blocks
    )


def explain(rule: Rule, facts: Facts, today: date) -> Explanation:
    """Return what every condition saw, and the first block that holds."""
    is_in_base = rule.base_group_id is None or rule.base_group_id in facts.group_ids
    blocks = tuple(tuple(_find(condition, facts, today) for condition in block) for block in rule.blocks)
    holding = [number for number, block in enumerate(blocks) if all(finding.holds for finding in block)]
    matching_block = holding[0] if is_in_base and holding else None
    return Explanation(is_in_base and (bool(holding) or not blocks), is_in_base, blocks, matching_block)


def in_order(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return the rules with each one after the rule that fills its base group. Raises CircularBase."""
    by_group = {rule.group_id: rule for rule in rules}
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for group_id, rule in by_group.items():
        sorter.add(group_id, *(() if rule.base_group_id is None else (rule.base_group_id,)))
    try:
        return tuple(by_group[group_id] for group_id in sorter.static_order() if group_id in by_group)
    except CycleError as circle:
        raise CircularBase(circle.args[1][1:]) from None


def groups_of(rules: Iterable[Rule], facts: Facts, today: date) -> frozenset[int]:
    """Return the groups that these rules put the person into.

    `facts.group_ids` are the other memberships: those made by hand, and those of groups without one of these rules.
    """
    found: set[int] = set()
    for rule in in_order(rules):
        known = Facts(facts.email, facts.created_on, facts.custom_data, facts.group_ids | found)
        if matches(rule, known, today):
            found.add(rule.group_id)
    return frozenset(found)


def comparison(condition: Condition, today: date) -> Comparison:
    """Return the condition in the form that is evaluated. Raises ConditionRefused."""
    operands = _typed_operands(condition)
    operator = condition.operator
    if operator is Operator.IN_LAST_DAYS:
        return Comparison(Operator.BETWEEN, (_days_before(today, operands), today.isoformat()))
    if operator is Operator.MORE_THAN_DAYS_AGO:
        return Comparison(Operator.LESS, (_days_before(today, operands),))
    positive = _COMPLEMENTS.get(operator)
    return Comparison(positive, operands, is_negated=True) if positive else Comparison(operator, operands)


def fold(text: str) -> str:
    """Return the text in lower case, letter by letter as PostgreSQL does it."""
    return "".join([letter.lower()[0] for letter in text])


def _kind(subject: Subject, type_: FieldType, is_multiple: bool) -> Kind:
    if subject is Subject.EMAIL_DOMAIN:
        return Kind.DOMAIN
    if subject is Subject.CREATED_ON or type_ is FieldType.DATE:
        return Kind.DAY
    if type_.is_choice:
        return Kind.CHOICES if is_multiple else Kind.CHOICE
    return Kind.TEXT if type_ is FieldType.STRING else Kind.NUMBER


@lru_cache(maxsize=10_000)
def _typed_operands(condition: Condition) -> tuple[Scalar, ...]:
    """Return the operands as they are compared. Raises ConditionRefused."""
    offered = operators_for(condition.subject, condition.type, is_multiple=condition.is_multiple)
    if condition.operator not in offered:
        raise ConditionRefused("operator_not_offered")
    texts = [text.strip() for text in condition.operands]
    _check_count(condition.operator, texts)
    operands = tuple(_operand(condition, text) for text in texts)
    if condition.operator is Operator.BETWEEN and operands[0] > operands[1]:  # type: ignore[operator]
        raise ConditionRefused("range_reversed")
    return operands


def _check_count(operator: Operator, texts: list[str]) -> None:
    if operator in _EMPTINESS:
        least, most = 0, 0
    elif operator is Operator.BETWEEN:
        least, most = 2, 2
    else:
        least, most = 1, MAX_OPERANDS if operator in _LISTS else 1
    if len(texts) < least or not all(texts):
        raise ConditionRefused("operand_missing")
    if len(texts) > most:
        raise ConditionRefused("too_many_operands")


def _operand(condition: Condition, text: str) -> Scalar:
    if condition.operator in {Operator.IN_LAST_DAYS, Operator.MORE_THAN_DAYS_AGO}:
        return _number_of_days(text)
    if condition.kind is Kind.DOMAIN:
        return _domain(text)
    type_ = FieldType.DATE if condition.subject is Subject.CREATED_ON else condition.type.base
    try:
        value = field_types.read(text, type_)
    except ValueRefused as refusal:
        raise ConditionRefused(refusal.reason) from None
    if isinstance(value, str) and condition.kind is Kind.TEXT:
        return fold(value)
    # Neither None nor a list: the text is not blank, and one operand is one value.
    return cast(Scalar, value)


def _number_of_days(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > MAX_DAYS:
        raise ConditionRefused("not_a_number_of_days")
    return int(text)


def _domain(text: str) -> str:
    # People write the domain with what precedes it in an address, or in the name of a sub-domain.
    domain = fold(text.removeprefix("@").removeprefix("."))
    if not re.fullmatch(r"[\w-]+(\.[\w-]+)*", domain):
        raise ConditionRefused("not_a_domain")
    return domain


def _days_before(today: date, operands: tuple[Scalar, ...]) -> str:
    return (today - timedelta(days=int(operands[0]))).isoformat()


def _find(condition: Condition, facts: Facts, today: date) -> Finding:
    value = _value(condition, facts)
    return Finding(condition, value, _holds(condition, value, today))


def _value(condition: Condition, facts: Facts) -> Stored | None:
    """Return what the condition looks at, or None when it is empty."""
    if condition.subject is Subject.EMAIL_DOMAIN:
        return facts.email.rpartition("@")[2]
    if condition.subject is Subject.CREATED_ON:
        return facts.created_on.isoformat()
    value = facts.custom_data.get(condition.field_key)
    return None if value in ("", []) else value


def _holds(condition: Condition, value: Stored | None, today: date) -> bool:
    wanted = comparison(condition, today)
    if isinstance(value, str) and condition.kind in {Kind.TEXT, Kind.DOMAIN}:
        value = fold(value)
    return (value is not None and _TESTS[wanted.operator](value, wanted.operands, condition.kind)) != wanted.is_negated


def _ends_with(value: str, ending: str, kind: Kind) -> bool:
    if kind is Kind.DOMAIN:
        return value == ending or value.endswith(f".{ending}")
    return value.endswith(ending)


_TESTS: Final[Mapping[Operator, Callable[[Any, Any, Kind], bool]]] = {
    Operator.IS: lambda value, operands, _: value == operands[0],
    Operator.IS_ONE_OF: lambda value, operands, _: value in operands,
    Operator.CONTAINS: lambda value, operands, _: operands[0] in value,
    Operator.STARTS_WITH: lambda value, operands, _: value.startswith(operands[0]),
    Operator.ENDS_WITH: lambda value, operands, kind: _ends_with(value, operands[0], kind),
    Operator.LESS: lambda value, operands, _: value < operands[0],
    Operator.AT_MOST: lambda value, operands, _: value <= operands[0],
    Operator.GREATER: lambda value, operands, _: value > operands[0],
    Operator.AT_LEAST: lambda value, operands, _: value >= operands[0],
    Operator.BETWEEN: lambda value, operands, _: operands[0] <= value <= operands[1],
    Operator.CONTAINS_ANY: lambda value, operands, _: any(operand in value for operand in operands),
    Operator.CONTAINS_ALL: lambda value, operands, _: all(operand in value for operand in operands),
    Operator.IS_NOT_EMPTY: lambda *_: True,
}
