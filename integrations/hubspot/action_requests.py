"""Pure: what HubSpot sends to a workflow action and to the choices of its fields (page "Custom workflow actions")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from integrations import bodies

# The public ids of our rows, as they are stored in workflows.
PORTAL, GROUP, LEARNER = "prt_", "grp_", "lrn_"
# The kinds of records by the names that actions and option lists use.
RECORD_TYPES = {"CONTACT": "contacts", "0-1": "contacts", "USER": "users", "0-115": "users"}

MOST_ID = 64
MOST_CALLBACK = 200


class Unreadable(ValueError):
    """The request is not what HubSpot documents."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One action on one record: who asks, for which record, and what was chosen in the workflow."""

    callback_id: str
    account_id: str
    workflow_id: str
    record_id: str
    # As HubSpot names the kind: CONTACT, USER …
    object_type: str
    properties: Mapping[str, str]
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OptionsRequest:
    """The choices of a field are wanted: those that contain `query`, from the place `after` on."""

    account_id: str
    inputs: Mapping[str, str]
    query: str = ""
    after: str = ""


class _Origin(msgspec.Struct, rename="camel"):
    portal_id: int


class _Context(msgspec.Struct, rename="camel"):
    workflow_id: int | str | None = None


class _Object(msgspec.Struct, rename="camel"):
    object_id: int | str
    object_type: str = ""
    properties: dict[str, Any] | None = None


class _Execution(msgspec.Struct, rename="camel"):
    callback_id: str
    origin: _Origin
    object: _Object
    context: _Context | None = None
    input_fields: dict[str, Any] | None = None
    # What older definitions send instead.
    fields: dict[str, Any] | None = None


class _FetchOptions(msgspec.Struct):
    q: str | None = None
    after: str | int | None = None


class _Options(msgspec.Struct, rename="camel"):
    origin: _Origin
    input_fields: dict[str, Any] | None = None
    fields: dict[str, Any] | None = None
    fetch_options: _FetchOptions | None = None


_EXECUTIONS = msgspec.json.Decoder(_Execution)
_OPTIONS = msgspec.json.Decoder(_Options)


def execution_of(body: bytes) -> Execution:
    """Return what is to be done. Raises Unreadable."""
    found = _decode(_EXECUTIONS, body)
    record_id = str(found.object.object_id)
    if not 0 < len(found.callback_id) <= MOST_CALLBACK or not 0 < len(record_id) <= MOST_ID:
        raise Unreadable("an id is missing or too long")
    workflow_id = found.context.workflow_id if found.context else None
    return Execution(
        callback_id=_clean(found.callback_id),
        account_id=str(found.origin.portal_id),
        workflow_id=_clean(str(workflow_id or ""))[:32],
        record_id=_clean(record_id),
        object_type=_clean(found.object.object_type)[:40],
        properties=_texts(found.object.properties),
        inputs=_texts(found.input_fields or found.fields),
    )


def options_request_of(body: bytes) -> OptionsRequest:
    """Return which choices are wanted. Raises Unreadable."""
    found = _decode(_OPTIONS, body)
    wanted = found.fetch_options or _FetchOptions()
    return OptionsRequest(
        account_id=str(found.origin.portal_id),
        inputs=_texts(found.input_fields or found.fields),
        query=_clean(wanted.q or "").strip(),
        after=str(wanted.after or ""),
    )


def pk_of(value: str, prefix: str) -> int | None:
    """Return the row that a public id such as "prt_7" stands for, or None when it stands for none."""
    digits = value.removeprefix(prefix)
    is_ours = value.startswith(prefix) and digits.isascii() and digits.isdigit() and len(digits) <= 18
    return int(digits) if is_ours else None


def day_of(text: str) -> date:
    """Return the day of a date field: midnight UTC in milliseconds, or written as 2026-12-31. Raises ValueError."""
    if text.lstrip("-").isdigit():
        try:
            return datetime.fromtimestamp(int(text) / 1000, tz=UTC).date()
        except (OverflowError, OSError):
            raise ValueError("no such day") from None
    return date.fromisoformat(text[:10])


def _decode(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return bodies.read(decoder.decode, body)
    except ValueError as error:
        raise Unreadable(type(error).__name__) from None


def _texts(fields: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the values that are there as texts; option lists wrap them, as {"value": "prt_7", "type": …}."""
    texts = {}
    for name, given in (fields or {}).items():
        value = given.get("value") if isinstance(given, dict) else given
        if isinstance(value, str | int | float):
            texts[name] = _clean(str(value)).strip()
    return texts


def _clean(text: str) -> str:
    """Leave out NUL, which PostgreSQL does not take."""
    return text.replace("\0", "")
