"""Pure: is this person wanted here? Conditions on attributes that all must hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    IS_ONE_OF = "is_one_of"
    IS_NONE_OF = "is_none_of"
    IS_EMPTY = "is_empty"
    IS_NOT_EMPTY = "is_not_empty"

    @property
    def takes_values(self) -> bool:
        return self in (Operator.IS_ONE_OF, Operator.IS_NONE_OF)


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be true of one attribute; values are compared exactly, without their outer blanks."""

    attribute: str
    operator: Operator
    values: tuple[str, ...] = ()

    def holds(self, text: str) -> bool:
        """Whether a value of the attribute satisfies the condition; one that was not delivered counts as empty."""
        text = text.strip()
        if self.operator is Operator.IS_ONE_OF:
            return text in self.values
        if self.operator is Operator.IS_NONE_OF:
            return text not in self.values
        return bool(text) is (self.operator is Operator.IS_NOT_EMPTY)


def broken(attributes: Mapping[str, str], scope: Sequence[Condition]) -> list[Condition]:
    """Return the conditions that do not hold of a person with these attributes; none: the person is wanted."""
    return [condition for condition in scope if not condition.holds(attributes.get(condition.attribute, ""))]


def has_surely_left(attributes: Mapping[str, str], scope: Sequence[Condition]) -> bool:
    """Whether what was delivered of a person breaks a condition: an attribute that is missing proves nothing."""
    return any(condition.attribute in attributes for condition in broken(attributes, scope))
