"""Pure: the parts of Gusto's answers that are used; pay, birth dates and identity numbers are not even decoded.

Field by field from the App Integrations reference, version 2026-06-15. UNSET means that a key was not in the answer.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

Text = str | None | UnsetType
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Compensation(msgspec.Struct, gc=False):
    uuid: str
    flsa_status: str | None = None


class Job(msgspec.Struct, gc=False):
    primary: bool | None = False
    title: str | None = None
    # Hire or rehire date for this job; may lie ahead.
    hire_date: str | None = None
    current_compensation_uuid: str | None = None
    compensations: list[Compensation] | None = None


class Termination(msgspec.Struct, gc=False):
    # The last day of work.
    effective_date: str | None = None


class Address(msgspec.Struct, gc=False):
    street_1: str | None = None
    street_2: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None


class CustomValue(msgspec.Struct, gc=False):
    company_custom_field_id: str
    # Text whatever the type; cleared fields come as an empty text, those never filled in not at all.
    value: str | None = None


class Employee(msgspec.Struct, gc=False):
    """An employee as in the list of a company."""

    uuid: Key
    first_name: str | None
    last_name: str | None
    middle_initial: Text = UNSET
    preferred_first_name: Text = UNSET
    # The personal address.
    email: Text = UNSET
    work_email: Text = UNSET
    phone: Text = UNSET
    company_uuid: Text = UNSET
    manager_uuid: Text = UNSET
    department: Text = UNSET
    department_uuid: Text = UNSET
    employee_code: Text = UNSET
    current_employment_status: Text = UNSET
    onboarding_status: Text = UNSET
    onboarded: bool | UnsetType | None = UNSET
    # True once a termination is in effect, not while it is only scheduled.
    terminated: bool | UnsetType | None = UNSET
    historical: bool | UnsetType | None = UNSET
    two_percent_shareholder: bool | UnsetType | None = UNSET
    hired_at: str | None = None
    jobs: list[Job] | UnsetType | None = UNSET
    terminations: list[Termination] | UnsetType | None = UNSET
    custom_fields: list[CustomValue] | None = None
    current_home_address: Address | UnsetType | None = UNSET


class Unreadable(msgspec.Struct, gc=False):
    """A record that is no employee; the key is its uuid, or made of its content where even that is missing."""

    key: str


class EmployeeKey(msgspec.Struct, gc=False):
    """An employee in a list that is read only for who is in it."""

    uuid: Any = None


class Resource(msgspec.Struct):
    type: str
    uuid: Key


class TokenInfo(msgspec.Struct):
    resource: Resource


class Company(msgspec.Struct):
    uuid: str
    name: str | None = None
    trade_name: str | None = None


class Location(Address):
    uuid: str = ""


class WorkAddress(msgspec.Struct):
    location_uuid: str | None = None
    active: bool | None = False


class SystemToken(msgspec.Struct):
    access_token: str


class Subscription(msgspec.Struct):
    uuid: Key


class Event(msgspec.Struct):
    """A webhook's event: ids only. Further keys are left alone."""

    uuid: Key
    event_type: Annotated[str, msgspec.Meta(max_length=100)]
    # The company.
    resource_uuid: Key
    # Seconds since 1970.
    timestamp: Annotated[int, msgspec.Meta(ge=0, le=32_503_680_000)]
    entity_type: str | None = None
    entity_uuid: Annotated[str, msgspec.Meta(max_length=64)] | None = None


class Verification(msgspec.Struct):
    """The first, unsigned message of a subscription."""

    verification_token: Annotated[str, msgspec.Meta(min_length=8, max_length=200)]


class CompanyField(msgspec.Struct):
    uuid: str
    name: str
    type: str
    description: str | None = None
    selection_options: list[str] | None = None


class CompanyFields(msgspec.Struct):
    custom_fields: list[CompanyField]


class Rehire(msgspec.Struct):
    effective_date: str | None = None


class EmploymentPeriod(msgspec.Struct):
    hire_date: str | None = None


_EMPLOYEES = msgspec.json.Decoder(list[Employee])


def employees(body: bytes) -> list[Employee | Unreadable]:
    """Return the records of a page; one that is broken does not spoil the others. Raises ValueError for no list."""
    try:
        return _EMPLOYEES.decode(body)  # type: ignore[return-value]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Rare, so it may be slow: the standard library reads invalid UTF-8 and lone surrogates, too.
        records = json.loads(body.decode(errors="replace"))
    if not isinstance(records, list):
        raise ValueError("not a list of records")
    return [_employee(record) for record in records]


def stand_in_key(content: bytes) -> str:
    """Return a key for a record without a usable one, the same as long as the record stays the same."""
    return f"unreadable-{blake2b(content, digest_size=8).hexdigest()}"


def _employee(record: object) -> Employee | Unreadable:
    try:
        return msgspec.convert(record, Employee)
    except msgspec.ValidationError:
        uuid = record.get("uuid") if isinstance(record, dict) else None
        if isinstance(uuid, str) and 0 < len(uuid) <= 64:
            return Unreadable(uuid)
        return Unreadable(stand_in_key(json.dumps(record, sort_keys=True).encode()))
