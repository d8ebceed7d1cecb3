"""Pure: what a record of HubSpot is as a Person, and how the value of each property is read.

All values are texts, whatever the type; null and "" are empty ("Using object APIs", "Properties"). A mapper is made
once per read for the attributes that are wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import NamedTuple

from integrations.engine.records import Flaw, Person
from integrations.engine.texts import shown, storable
from integrations.hubspot.payloads import Property, Record

CONTACTS = "contacts"
USERS = "users"
# An owner has two attributes: the property's own name stands for the owner's name, with this ending for the address.
OWNER_EMAIL = ":email"
OWNER = "OWNER"


class Reading(StrEnum):
    """How the text of a property becomes the text of an attribute."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    # Multiple checkboxes: values with a semicolon between them.
    CHOICES = "choices"
    DATE = "date"
    MOMENT = "moment"
    OWNER = "owner"


class Identity(NamedTuple):
    """The properties that say who somebody is."""

    email: str
    first_name: str
    last_name: str


IDENTITIES = {
    CONTACTS: Identity("email", "firstname", "lastname"),
    USERS: Identity("hs_email", "hs_given_name", "hs_family_name"),
}


class OwnerName(NamedTuple):
    """An owner in words; somebody without a name goes by the address."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is needed beside the record: how each property is read, owners by id, the portal's time zone."""

    record_type: str
    readings: Mapping[str, Reading]
    owners: Mapping[str, OwnerName] = field(default_factory=dict)
    zone: tzinfo = UTC


def reading_of(definition: Property) -> Reading | None:
    """Return how values of a property are read, or None for a type that is no use to a training portal."""
    if definition.referenced_object_type == OWNER:
        return Reading.OWNER
    if definition.type == "enumeration":
        if not any(not option.hidden for option in definition.options or ()):
            return Reading.TEXT
        return Reading.CHOICES if definition.field_type == "checkbox" else Reading.CHOICE
    return _READINGS.get(definition.type)


def property_of(attribute: str) -> str:
    """Return the name of the property that an attribute is read from."""
    return attribute.removesuffix(OWNER_EMAIL)


class Mapper:
    """Makes people of records; what is wanted but not among the readings does not exist at HubSpot any more."""

    def __init__(self, wanted: Iterable[str], surroundings: Surroundings) -> None:
        self._identity = IDENTITIES[surroundings.record_type]
        self._surroundings = surroundings
        readings = surroundings.readings
        names = sorted((key, property_of(key)) for key in wanted)
        self._wanted = [(key, name, readings[name]) for key, name in names if name in readings]

    @property
    def properties(self) -> list[str]:
        """The names of the properties that a record must come with."""
        return list(dict.fromkeys([*self._identity, *(name for _key, name, _reading in self._wanted)]))

    def person(self, record: Record) -> Person:
        """Return the person; a property that was not delivered is left out."""
        values = record.properties
        flaws: list[Flaw] = []
        email, first_name, last_name = (storable(values.get(name), name, flaws) for name in self._identity)
        attributes: dict[str, str] = {}
        for key, name, reading in self._wanted:
            if name not in values:
                continue
            text = self._text(key, storable(values[name], name, flaws), reading, flaws)
            if text is not None:
                attributes[key] = text
        return Person(
            key=record.id,
            first_name=first_name,
            last_name=last_name,
            work_email=email.lower(),
            attributes=attributes,
            flaws=tuple(dict.fromkeys(flaws)),
        )

    def _text(self, key: str, text: str, reading: Reading, flaws: list[Flaw]) -> str | None:
        """Return the attribute's text; None leaves the value that is there."""
        if not text:
            return ""
        if reading is Reading.OWNER:
            return self._owner(key, text, flaws)
        try:
            return self._read(text, reading)
        except (ValueError, InvalidOperation, OverflowError):
            flaws.append(Flaw(key, "not_a_number" if reading is Reading.NUMBER else "not_a_date", shown(text)))
            return None

    def _read(self, text: str, reading: Reading) -> str:
        if reading is Reading.MOMENT:
            return _moment(text).astimezone(self._surroundings.zone).date().isoformat()
        return _PLAIN.get(reading, str)(text)

    def _owner(self, key: str, text: str, flaws: list[Flaw]) -> str | None:
        found = [self._surroundings.owners.get(one) for one in _parts(text)]
        if None in found:
            flaws.append(Flaw(key, "unknown_owner", shown(text)))
            return None
        wants_email = key.endswith(OWNER_EMAIL)
        return ";".join((one.email if wants_email else one.name) for one in found if one)


def unreadable(key: str) -> Person:
    """Return somebody of whom only the key is known."""
    return Person(key=key, is_readable=False)


def _parts(text: str) -> list[str]:
    return [part for part in (part.strip() for part in text.split(";")) if part]


def _day(text: str) -> str:
    # Older properties hold midnight UTC in milliseconds.
    day = _moment(text).astimezone(UTC).date() if text.lstrip("-").isdigit() else date.fromisoformat(text[:10])
    return day.isoformat()


def _moment(text: str) -> datetime:
    if text.lstrip("-").isdigit():
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _number(text: str) -> str:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(text)
    # Large numbers come as 1.2E7.
    return format(number, "f") if "e" in text.lower() else text


_PLAIN: dict[Reading, Callable[[str], str]] = {
    Reading.NUMBER: _number,
    Reading.BOOLEAN: str.lower,
    Reading.CHOICES: lambda text: ";".join(_parts(text)),
    Reading.DATE: _day,
}
_READINGS = {
    "string": Reading.TEXT,
    "phone_number": Reading.TEXT,
    "number": Reading.NUMBER,
    "bool": Reading.BOOLEAN,
    "date": Reading.DATE,
    "datetime": Reading.MOMENT,
}
