"""Try mappings on a real person: search the last snapshot, show what each mapping makes of what was read."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from django.utils.translation import gettext as _

from integrations import explanations, providers
from integrations.engine import scope
from integrations.engine.mapping import source_of
from integrations.engine.records import LATE, Flaw, MappingRule, Person, Policy, value_reader
from integrations.http import ProviderError
from integrations.models import Connection, FieldMapping
from integrations.sync.ledger import label
from portals import statements
from portals.field_types import ValueRefused, to_text
from portals.numbers import number_from

logger = logging.getLogger(__name__)

# People that a search lists.
MOST_FOUND = 8

_SEARCH = """
SELECT id, snapshot::text
FROM integrations_externalidentity
WHERE connection_id = %(connection)s AND snapshot ? 'key' AND (id = %(id)s OR %(id)s = 0 AND (
    external_id = %(searched)s
    OR position(lower(%(searched)s) IN lower(concat_ws(' ', snapshot ->> 'first_name', snapshot ->> 'last_name',
        snapshot ->> 'work_email', snapshot ->> 'personal_email'))) > 0))
ORDER BY snapshot ->> 'last_name', id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one mapping makes of a person: which attribute had its say, its text, the result or what is wrong."""

    field: str
    source: str
    raw: str
    result: str = ""
    problem: str = ""


@dataclass(slots=True)
class Trial:
    """The people found, and the outcome for one of them."""

    found: list[tuple[int, str]] = field(default_factory=list)
    more: bool = False
    name: str = ""
    outcomes: list[Outcome] = field(default_factory=list)
    is_out_of_scope: bool = False


def try_on(
    connection: Connection,
    policy: Policy,
    mappings: Sequence[FieldMapping],
    *,
    searched: str,
    chosen: str,
    labels: Mapping[str, str],
) -> Trial:
    """Return what a policy makes of the one person found, or whom to choose from.

    People are found among those of the last sync, which costs one statement, and where the provider can be asked for
    anybody, there.
    """
    chosen_id = number_from(chosen) or 0
    if not searched and not chosen_id:
        return Trial()
    parameters = {"connection": connection.pk, "searched": searched, "id": chosen_id, "limit": MOST_FOUND + 1}
    rows = statements.rows(_SEARCH, parameters)
    people = [(row[0], msgspec.json.decode(row[1], type=Person)) for row in rows]
    person = None
    if len(people) < 2:
        stored = people[0][1] if people else None
        person = _asked_for(connection, policy, stored.key if stored else searched) or stored
    if person is None:
        found = [(pk, label(person)) for pk, person in people[:MOST_FOUND]]
        return Trial(found, more=len(people) > MOST_FOUND)
    fields = {mapping.custom_field.key: mapping.custom_field.label for mapping in mappings}
    return Trial(
        name=label(person),
        outcomes=[_outcome(person, rule, fields[rule.target.key], labels) for rule in policy.mappings],
        is_out_of_scope=bool(scope.broken(person.attributes, policy.scope)),
    )


def _asked_for(connection: Connection, policy: Policy, searched: str) -> Person | None:
    """Return the person as the provider knows them now, if it can be asked for anybody."""
    source = providers.people_source(connection.provider)
    if not source.finds_people or not connection.is_connected:
        return None
    try:
        return source.find(connection, searched, wanted=policy.wanted_attributes)
    except ProviderError as trouble:
        logger.warning("connection %s: %s", connection.pk, trouble)
        return None


def _outcome(person: Person, rule: MappingRule, field_label: str, labels: Mapping[str, str]) -> Outcome:
    attribute, text = source_of(person, rule)
    source = labels.get(attribute, attribute)
    if text is None and rule.default and not any(name in LATE for name in rule.attributes):
        text = rule.default
    if text is None:
        problem = _("Not read yet: the next sync reads it.")
        return Outcome(field_label, source, "", problem=problem)
    raw = person.attributes.get(attribute, "")
    if text == rule.default and not raw.strip():
        source = _("the default")
        raw = text
    try:
        value = value_reader(rule)(text)
    except ValueRefused as refusal:
        return Outcome(field_label, source, raw, problem=_problem(Flaw(attribute, refusal.reason, raw)))
    if value is None:
        kept = _("stays as it is") if rule.keeps_when_empty else _("becomes empty")
        return Outcome(field_label, source, raw, result=kept)
    return Outcome(field_label, source, raw, result=to_text(value))


def _problem(flaw: Flaw) -> str:
    return str(explanations.field_problem(flaw.code))
