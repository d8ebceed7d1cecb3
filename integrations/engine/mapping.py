"""Pure: attributes → custom values, and what could not be mapped."""

from __future__ import annotations

from typing import Any

from portals.field_types import ValueRefused

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
    for attribute, key, read, keeps_when_empty in policy.readers:
        text = person.attributes.get(attribute)
        if text is None:
            continue
        try:
            value = read(text)
        except ValueRefused as refusal:
            flaws.append(Flaw(attribute, refusal.reason, text[:SHOWN_LENGTH]))
            continue
        if value is not None or not keeps_when_empty:
            values[key] = value
    return values, tuple(flaws)
