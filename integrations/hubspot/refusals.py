"""Pure: what an answer of HubSpot that is no success says, without the values that its messages repeat.

Reference: "Error handling"; every key of the body may be missing, and the edge answers in HTML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import msgspec

from integrations.hubspot.payloads import ErrorItem, texts

# Of a refusal as a whole, in characters.
LONGEST_DETAIL = 400
MISSING_SCOPES = "MISSING_SCOPES"
CONFLICT = "CONFLICT"

# Seconds; HubSpot promises no Retry-After with its limits ("Usage guidelines and limits").
POLICY_WAITS = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0, "DAILY": 3600.0}
# At least so long after too many writes at once.
LOCKED_WAIT = 2.0

_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_EXISTING = re.compile(r"Existing ID: ?([0-9]{1,20})")


def read(body: bytes) -> ErrorItem:
    """Return what an error answer says; nothing for one that is no JSON object."""
    try:
        return _ERROR.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ErrorItem()


def wait_of(error: ErrorItem, status: int, named: float | None) -> float | None:
    """Return the seconds to wait; `named` are those of the answer's headers."""
    if status == 423:
        return max(named or 0.0, LOCKED_WAIT)
    if status == 429 and named is None:
        return POLICY_WAITS.get(error.policy_name or "", POLICY_WAITS["TEN_SECONDLY_ROLLING"])
    return named


def category_of(error: ErrorItem) -> str:
    """Return HubSpot's fixed word for the error, or an empty text."""
    return _word(error.category or error.policy_name or "")


def detail_of(error: ErrorItem) -> str:
    """Return what was wrong with what: codes, names of properties and scopes, an existing id; never a value."""
    words = dict.fromkeys(_words(error))
    return " ".join(words)[:LONGEST_DETAIL]


def existing_id(error: ErrorItem) -> str:
    """Return the id of the record that is in the way (409), or an empty text."""
    found = _EXISTING.search(error.message or "")
    return found.group(1) if found else ""


def _words(error: ErrorItem) -> Iterator[str]:
    for part in (error, *(error.errors or ())):
        yield from _own_words(part)
    for named in _embedded(error.message or ""):
        yield from filter(None, (_word(named.get("error")), _word(named.get("name"))))
    if found := existing_id(error):
        yield found


def _own_words(error: ErrorItem) -> Iterator[str]:
    yield from filter(None, (_word(error.code), _word(error.sub_category)))
    if error.context:
        named = (*texts(error.context.property_name), *texts(error.context.required_granular_scopes))
        yield from filter(None, map(_word, named))


def _embedded(message: str) -> list[Mapping[str, object]]:
    """Return the list that older answers put into their message: the only place that names each property."""
    start, end = message.find("["), message.rfind("]")
    try:
        found = json.loads(message[start : end + 1]) if 0 <= start < end else []
    except (ValueError, RecursionError):
        return []
    return [one for one in found if isinstance(one, dict)]


def _word(text: object) -> str:
    return text if isinstance(text, str) and _WORD.fullmatch(text) else ""


_ERROR = msgspec.json.Decoder(ErrorItem)
