"""Compile dynamic rules to SQL; every value is a bound parameter, and the text depends only on the rules' shape.

Rules look at columns that are worked out once per person (`people`), so fifty rules about one custom field read it
once. Negative operators become `(…) IS NOT TRUE`: they hold for an empty value, as in portals.rules.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from portals.field_types import FieldType
from portals.rules import Comparison, Condition, Kind, Operator, Rule, Subject, comparison

_PEOPLE = """
    SELECT m.id, m.rule_groups{columns}
    FROM users_membership AS m
    WHERE {which} AND m.status <> 'pending'"""
_EVERYONE = "m.portal_id = %(portal)s"
# The sum is no index's column: for a page of people the planner must not read the index of the whole portal.
_CHOSEN = "m.id = ANY (%(memberships)s::bigint[]) AND m.portal_id + 0 = %(portal)s"
# People who are about to be added: they have no row yet, and so no groups. No table is read for them.
_NEWCOMERS = """
    SELECT m.key{columns}
    FROM (
        SELECT r.*, %(now)s::timestamptz AS created_at, NULL::timestamptz AS accepted_at
        FROM jsonb_to_recordset(%(newcomers)s::text::jsonb) AS r(key text, email text, status text, custom_data jsonb)
    ) AS m
    WHERE m.status <> 'pending'"""
# Scalar queries: each is an index look-up per person, where a join might read the whole table for a page of people.
_DOMAIN = "(SELECT lower(split_part(u.email, '@', -1)) FROM users_user AS u WHERE u.id = m.user_id)"
_CREATED_ON = "(coalesce(m.accepted_at, m.created_at) AT TIME ZONE %(zone)s::text)::date"
# A base group whose rule is evaluated along is not yet up to date: only its members by hand count, and its rule.
_BASES = """ARRAY(
        SELECT b.group_id FROM users_groupmembership AS b
        WHERE b.membership_id = m.id AND b.group_id = ANY (%(bases)s::bigint[])
            AND (b.origin = 'manual' OR b.group_id <> ALL (%(groups)s::bigint[])))"""
_OF_NEWCOMERS = {_DOMAIN: "lower(split_part(m.email, '@', -1))", _BASES: "'{}'::bigint[]"}


class Compiler:
    """Compiles rules that are evaluated together, and collects their parameters and the columns that they need."""

    def __init__(self, rules: Sequence[Rule], *, portal_id: int, time_zone: str, today: date) -> None:
        self.today = today
        self.parameters: dict[str, Any] = {
            "portal": portal_id,
            "zone": time_zone,
            "groups": sorted(rule.group_id for rule in rules),
            "bases": sorted({rule.base_group_id for rule in rules} - {None}),
        }
        self._by_group = {rule.group_id: rule for rule in rules}
        self._columns: dict[str, str] = {}
        self._bound: dict[tuple[str, Any], str] = {}

    def condition(self, rule: Rule) -> str:
        """Return the SQL condition that the rule is for a person `p` of `people`."""
        blocks = [" AND ".join(self._one(condition) for condition in block) for block in rule.blocks]
        parts = [self._base(rule.base_group_id)] if rule.base_group_id is not None else []
        parts += [f"({' OR '.join(f'({block})' for block in blocks)})"] if blocks else []
        return f"({' AND '.join(parts)})" if parts else "true"

    def people(self, *, only_chosen: bool = False) -> str:
        """Return the query for the people and for what the rules compiled so far look at.

        The chosen ones are those of the parameter `memberships`.
        """
        columns = "".join(f",\n    {expression} AS {name}" for expression, name in self._columns.items())
        return _PEOPLE.format(columns=columns, which=_CHOSEN if only_chosen else _EVERYONE)

    def newcomers(self) -> str:
        """Return the same for people who are about to be added, from the parameters `newcomers` and `now`."""
        columns = "".join(
            f",\n    {_OF_NEWCOMERS.get(expression, expression)} AS {name}"
            for expression, name in self._columns.items()
        )
        return _NEWCOMERS.format(columns=columns)

    def bind(self, value: Any, type_: str) -> str:
        """Return the placeholder of a value, cast to a type of PostgreSQL."""
        known = (type_, tuple(value) if isinstance(value, list) else value)
        if known not in self._bound:
            name = f"v{len(self._bound)}"
            self.parameters[name] = value
            self._bound[known] = f"%({name})s::{type_}"
        return self._bound[known]

    def _base(self, group_id: int) -> str:
        member = f"{self.bind(group_id, 'bigint')} = ANY ({self._column(_BASES)})"
        if group_id not in self._by_group:
            return member
        return f"({member} OR {self.condition(self._by_group[group_id])})"

    def _one(self, condition: Condition) -> str:
        wanted = comparison(condition, self.today)
        sql = self._positive(condition, wanted)
        return f"({sql}) IS NOT TRUE" if wanted.is_negated else sql

    def _positive(self, condition: Condition, wanted: Comparison) -> str:
        column = self._column(self._expression(condition))
        if wanted.operator is Operator.IS_NOT_EMPTY:
            return f"{column} IS NOT NULL"
        if condition.kind is Kind.CHOICES:
            return self._several(column, wanted)
        operands = self._operands(condition, wanted)
        if condition.kind is Kind.DOMAIN and wanted.operator is Operator.ENDS_WITH:
            return f"({column} = {operands[0]} OR right({column}, length({operands[0]}) + 1) = '.' || {operands[0]})"
        return _SQL[wanted.operator](column, operands)

    def _operands(self, condition: Condition, wanted: Comparison) -> Sequence[str]:
        type_ = _operand_type(condition)
        if wanted.operator is Operator.IS_ONE_OF:
            return [self.bind([str(operand) for operand in wanted.operands], f"text[]::{type_}[]")]
        return [self.bind(str(operand), f"text::{type_}") for operand in wanted.operands]

    def _several(self, column: str, wanted: Comparison) -> str:
        if wanted.operator is Operator.CONTAINS_ALL:
            return f"{column} @> {self.bind(json.dumps(wanted.operands), 'text::jsonb')}"
        return f"{column} @> ANY ({self.bind([json.dumps(one) for one in wanted.operands], 'text[]::jsonb[]')})"

    def _column(self, expression: str) -> str:
        return "p." + self._columns.setdefault(expression, f"c{len(self._columns)}")

    def _expression(self, condition: Condition) -> str:
        """Return what the condition looks at, NULL when it is empty."""
        if condition.subject is Subject.EMAIL_DOMAIN:
            return _DOMAIN
        if condition.subject is Subject.CREATED_ON:
            return _CREATED_ON
        key = self.bind(condition.field_key, "text")
        text = f"nullif(m.custom_data ->> {key}, '')"
        value = f"(m.custom_data -> {key})"
        if condition.kind is Kind.CHOICES:
            return f"CASE WHEN jsonb_typeof{value} = 'array' AND {value} <> '[]' THEN {value} END"
        if condition.kind is Kind.TEXT:
            return f"lower({text})"
        if _operand_type(condition) == "numeric":
            # The guard keeps a stray text from failing the whole statement.
            return f"CASE WHEN jsonb_typeof{value} = 'number' THEN {value}::numeric END"
        return f'{text} COLLATE "C"'


_SQL: Final[Mapping[Operator, Callable[[str, Sequence[str]], str]]] = {
    Operator.IS: lambda column, operands: f"{column} = {operands[0]}",
    Operator.IS_ONE_OF: lambda column, operands: f"{column} = ANY ({operands[0]})",
    Operator.CONTAINS: lambda column, operands: f"strpos({column}, {operands[0]}) > 0",
    Operator.STARTS_WITH: lambda column, operands: f"starts_with({column}, {operands[0]})",
    Operator.ENDS_WITH: lambda column, operands: f"right({column}, length({operands[0]})) = {operands[0]}",
    Operator.LESS: lambda column, operands: f"{column} < {operands[0]}",
    Operator.AT_MOST: lambda column, operands: f"{column} <= {operands[0]}",
    Operator.GREATER: lambda column, operands: f"{column} > {operands[0]}",
    Operator.AT_LEAST: lambda column, operands: f"{column} >= {operands[0]}",
    Operator.BETWEEN: lambda column, operands: f"{column} BETWEEN {operands[0]} AND {operands[1]}",
}


def _operand_type(condition: Condition) -> str:
    if condition.subject is Subject.CREATED_ON:
        return "date"
    base = condition.type.base
    is_number = condition.subject is Subject.CUSTOM_FIELD and base in {FieldType.INTEGER, FieldType.DECIMAL}
    return "numeric" if is_number else "text"
