"""Pure: the parts of HubSpot's answers that are used, read tolerantly: nearly every key may be missing.

Shapes from the guides "Using object APIs", "Properties", "Owners", "Custom objects" and "Error handling".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import blake2b
from typing import Annotated, Any, TypeVar

import msgspec

from integrations import bodies

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Number = int | str
Shape = TypeVar("Shape")


class Record(msgspec.Struct, gc=False, rename="camel"):
    """A record of any object type; values are texts or null, whatever the type of the property."""

    id: Id
    properties: dict[str, str | None] = {}
    archived: bool = False
    # In answers to an upsert: whether the record was created.
    new: bool | None = None
    # Given back from the input of a write.
    object_write_trace_id: str | None = None


class Option(msgspec.Struct, gc=False, rename="camel"):
    value: str
    label: str = ""
    hidden: bool = False


class Modification(msgspec.Struct, gc=False, rename="camel"):
    read_only_value: bool | None = None


class Property(msgspec.Struct, gc=False, rename="camel"):
    """A property definition."""

    name: str
    label: str | None = None
    type: str = ""
    field_type: str | None = None
    description: str | None = None
    group_name: str | None = None
    options: list[Option] | None = None
    hidden: bool | None = None
    archived: bool | None = None
    data_sensitivity: str | None = None
    # "OWNER" when the value is an owner's id.
    referenced_object_type: str | None = None
    hubspot_defined: bool | None = None
    has_unique_value: bool | None = None
    modification_metadata: Modification | None = None


class Owner(msgspec.Struct, gc=False, rename="camel"):
    """Somebody to whom records can belong; `user_id` is null for those who were deactivated."""

    id: Id
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    user_id: Number | None = None
    archived: bool | None = None


class Schema(msgspec.Struct, rename="camel"):
    """An object type that somebody defined: by an account or by an app."""

    name: str
    object_type_id: str = ""
    fully_qualified_name: str = ""
    archived: bool | None = None
    properties: list[Property] | None = None


class AssociatedStart(msgspec.Struct):
    id: Number


class AssociatedRecord(msgspec.Struct, rename="camel"):
    to_object_id: Number


class Associated(msgspec.Struct):
    """What one record is associated with."""

    start: AssociatedStart = msgspec.field(name="from")
    to: list[AssociatedRecord]


class AssociationLabel(msgspec.Struct, rename="camel"):
    category: str
    type_id: int
    label: str | None = None


class Account(msgspec.Struct, rename="camel"):
    """What the account says of itself."""

    portal_id: Number
    account_type: str | None = None
    time_zone: str | None = None
    ui_domain: str | None = None
    data_hosting_location: str | None = None


class TokenInfo(msgspec.Struct):
    """What HubSpot says of a token; only `active` is there for one that no longer works."""

    active: bool = True
    hub_id: Number = ""
    hub_domain: str | None = None
    user_id: Number | None = None
    app_id: Number | None = None
    scopes: list[str] | None = None


class ErrorContext(msgspec.Struct, rename="camel"):
    ids: Any = None
    object_write_trace_id: Any = None
    from_object_id: Any = None
    required_granular_scopes: Any = None
    property_name: Any = None


class ErrorItem(msgspec.Struct, rename="camel"):
    """An error: a whole answer, a row of a batch, or a part of either."""

    category: str | None = None
    sub_category: Any = None
    code: str | None = None
    message: str | None = None
    correlation_id: str | None = None
    policy_name: str | None = None
    id: Any = None
    context: ErrorContext | None = None
    errors: list[ErrorItem] | None = None


class Next(msgspec.Struct):
    after: str


class Paging(msgspec.Struct):
    next: Next | None = None


class RawPage(msgspec.Struct):
    """A page of a list, or the answer to a batch; its rows are read one by one."""

    results: list[msgspec.Raw] = []
    paging: Paging | None = None
    errors: list[ErrorItem] | None = None
    num_errors: int | None = msgspec.field(default=None, name="numErrors")


def records(rows: Iterable[msgspec.Raw]) -> tuple[list[Record], list[str]]:
    """Return the rows as records, and keys of those that are none: one broken row does not spoil the others."""
    found: list[Record] = []
    unreadable: list[str] = []
    for row in rows:
        try:
            found.append(bodies.read(_RECORD.decode, row))
        except ValueError:
            unreadable.append(_key_of(bytes(row)))
    return found, unreadable


def texts(value: Any) -> tuple[str, ...]:
    """Return the texts of a context's value, which comes as a list, alone, or not at all."""
    values = value if isinstance(value, list) else [value]
    return tuple(str(one) for one in values if isinstance(one, str | int) and not isinstance(one, bool))


def _key_of(row: bytes) -> str:
    try:
        record = json.loads(row.decode(errors="replace"))
    except (ValueError, RecursionError):
        record = None
    key = record.get("id") if isinstance(record, dict) else None
    if isinstance(key, str | int) and 0 < len(str(key)) <= 64:
        return str(key)
    return f"unreadable-{blake2b(row, digest_size=8).hexdigest()}"


_RECORD = msgspec.json.Decoder(Record)
