"""Pure: attributes → custom values, and what could not be mapped."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from portals.field_types import ValueRefused

from .records import LATE, Flaw, MappingRule, Person, Policy

# How much of a refused value is shown to an admin, in characters.
SHOWN_LENGTH = 100


def custom_values(
    person: Person, policy: Policy, *, filled: Collection[str] = ()
) -> tuple[dict[str, Any], tuple[Flaw, ...]]:
    """Return the custom data that the person should have, by field key, and the values that were refused.

    None means that the field must be empty. A field is left out when its attribute was not delivered, was refused, or
    is empty and the mapping keeps the old value. `filled` are the keys of fields that have a value now: where nothing
    was delivered, a default fills only the others.
    """
    values: dict[str, Any] = {}
    flaws: list[Flaw] = []
    for rule, read in policy.readers:
        key = rule.target.key
        attribute, text = source_of(person, rule)
        if text is None and rule.default and key not in filled and not _comes_later(person, rule):
            text = rule.default
        if text is None:
            continue
        try:
            value = read(text)
        except ValueRefused as refusal:
            flaws.append(Flaw(attribute, refusal.reason, text[:SHOWN_LENGTH]))
            continue
        if value is not None or not rule.keeps_when_empty:
            values[key] = value
    return values, tuple(flaws)


def source_of(person: Person, rule: MappingRule) -> tuple[str, str | None]:
    """Return which attribute has its say, and the text that it gives; None when nothing was delivered."""
    text = person.attributes.get(rule.attribute)
    if not (rule.fallback or rule.default) or (text and not text.isspace()):
        return rule.attribute, text
    if _comes_later(person, rule):
        return rule.attribute, None
    other = person.attributes.get(rule.fallback)
    if other and not other.isspace():
        return rule.fallback, other
    if text is None:
        return rule.attribute, None
    return rule.attribute, rule.default or text


def _comes_later(person: Person, rule: MappingRule) -> bool:
    """Whether an attribute that matters will be filled in when the whole list was read."""
    return any(name in LATE and name not in person.attributes for name in rule.attributes)
