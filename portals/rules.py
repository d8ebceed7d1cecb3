"""Pure: do these facts satisfy a dynamic rule, and why; also the oracle for the SQL in users.grouping."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from portals.field_types import FieldType, Stored


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


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; `field_key` and `type` are given for a custom field only."""

    subject: Subject
    operator: Operator
    operands: tuple[str, ...] = ()
    field_key: str = ""
    type: FieldType = FieldType.STRING
    is_multiple: bool = False


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
    custom_data: dict[str, Stored]
    group_ids: frozenset[int] = frozenset()
