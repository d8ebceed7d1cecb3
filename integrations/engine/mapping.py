"""Pure: attributes → custom values, and what could not be mapped."""

from __future__ import annotations

from typing import Any

from portals.field_types import ValueRefused, read

from .records import Flaw, Person, Policy

# How much of a refused value is shown to an admin, in characters.
SHOWN_LENGTH = 100


def custom_values(person: Person, policy: Policy) -> tuple[dict[str, Any], tuple[Flaw, ...]]:
    """Return the custom data that the person should have, by field key, and the values that were refused.

    None means that the field must be empty. A field is left out when its attribute was not delivered, was refused, or
    is empty and the mapping keeps the old value.
    """
    values: dict[str, Any] = {}
    flaws: list[Flaw] = []
    for rule in policy.mappings:
        text = person.attributes.get(rule.attribute)
        if text is None:
            continue
        target = rule.target
        try:
            value = read(text, target.type, choices=target.choices, is_multiple=target.is_multiple)
        except ValueRefused as refusal:
            flaws.append(Flaw(rule.attribute, refusal.reason, text[:SHOWN_LENGTH]))
            continue
        if value is not None or not rule.keeps_when_empty:
            values[target.key] = value
    return values, tuple(flaws)
