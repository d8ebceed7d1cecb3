"""Pure: texts of other systems as they can be stored, and what had to be taken out of them."""

from __future__ import annotations

import re
from typing import Any

from .records import Flaw

# How much of a refused value is shown, in characters.
SHOWN_LENGTH = 100

_LINE_BREAKS = re.compile("[\t\n\r]+")
# Control characters and halves of surrogate pairs: no database takes NUL, no mail the rest.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


def storable(value: Any, attribute: str, flaws: list[Flaw]) -> str:
    """Return a text without what cannot be stored; nothing for null, false and what was not delivered."""
    if not value:
        return ""
    text: str = value
    # Decided in C for all but a few texts.
    if text.isprintable():
        return text.strip()
    cleaned = _FORBIDDEN.sub("", _LINE_BREAKS.sub(" ", text))
    if cleaned != text:
        flaws.append(Flaw(attribute, "characters_removed", cleaned[:SHOWN_LENGTH]))
    return cleaned.strip()


def shown(text: str) -> str:
    """Return the beginning of a refused value, fit to be stored and shown."""
    return _FORBIDDEN.sub("", text)[:SHOWN_LENGTH]
