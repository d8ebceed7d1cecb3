"""What may be written into a property, and in which form it is kept: always as text."""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime
from typing import Any

from integrations.sandbox.hubspot.definitions import Definition
from integrations.sandbox.hubspot.errors import Problem, invalid_values
from integrations.sandbox.hubspot.objects import ObjectType
from integrations.sandbox.hubspot.records import stamp

LONGEST_TEXT = 65_536
_ADDRESS = re.compile(r"[^@\s;]+@[^@\s;]+\.[^@\s;.]+")
_DAY_MILLISECONDS = 86_400_000


class Bad(Exception):
    """One value that is refused."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def accepted(
    kind: ObjectType,
    properties: Mapping[str, Any],
    *,
    account_id: int,
    owner_ids: Collection[str],
    current: Mapping[str, str] | None = None,
    required: Collection[str] = (),
) -> dict[str, str]:
    """Return the values as they are kept, empty for cleared ones; raises Unacceptable with every problem.

    `current` is what the record has now, None for a new one; `required` has to be filled in on a new one.
    """
    problems, values = [], {}
    for name, given in properties.items():
        definition = kind.definitions.get(name)
        try:
            if definition is None or definition.archived_at:
                raise Bad("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
            # What only HubSpot sets has to be given once, when it is what makes a record of its kind.
            if definition.is_read_only and not (current is None and name in required):
                raise Bad("READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
            values[name] = _value(definition, given, owner_ids, (current or {}).get(name, ""))
        except Bad as bad:
            problems.append(Problem(bad.code, bad.message, name))
    if current is None:
        problems += [
            Problem("REQUIRED_FIELD", f"Property {name} is required", name)
            for name in required
            if not values.get(name)
        ]
    if problems:
        raise invalid_values(problems, account_id)
    return values


def _value(definition: Definition, given: Any, owner_ids: Collection[str], current: str) -> str:
    text = _text(given)
    if not text:
        return ""
    if definition.has_external_options:
        if text not in owner_ids:
            raise Bad("INVALID_OWNER_ID", f"Owner {text} does not exist")
        return text
    if definition.holds_several:
        return _several(definition, text, current)
    reader = _READERS.get(definition.type)
    if reader is None:
        return text
    return reader(definition, text)


def _text(given: Any) -> str:
    match given:
        case None:
            return ""
        case str():
            return given
        case bool():
            return str(given).lower()
        case int() | float():
            return f"{given:.15g}" if isinstance(given, float) else str(given)
    raise Bad("INVALID_STRING", "A property value has to be a text, a number, true, false or null")


def _plain(definition: Definition, text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise Bad("STRING_TOO_LONG", f"{definition.name} may have {LONGEST_TEXT} characters at most")
    if definition.name == "email":
        text = text.strip().lower()
        if not _ADDRESS.fullmatch(text):
            raise Bad("INVALID_EMAIL", f"Email address {text} is invalid")
    return text


def _number(_: Definition, text: str) -> str:
    try:
        float(text)
    except ValueError:
        raise Bad("INVALID_INTEGER", f"{text} was not a valid number.") from None
    return text


def _option(definition: Definition, text: str) -> str:
    if text not in definition.values:
        raise Bad(
            "INVALID_OPTION", f"{text} was not one of the allowed options: {', '.join(sorted(definition.values))}"
        )
    return text


def _bool(definition: Definition, text: str) -> str:
    return _option(definition, text.lower())


def _several(definition: Definition, text: str, current: str) -> str:
    """Return the chosen options, joined; a leading semicolon adds to those that are chosen already."""
    chosen = [_option(definition, one) for one in text.split(";") if one]
    kept = current.split(";") if text.startswith(";") and current else []
    return ";".join(dict.fromkeys([*kept, *chosen]))


def _date(definition: Definition, text: str) -> str:
    try:
        if text.lstrip("-").isdigit():
            milliseconds = int(text)
            if milliseconds % _DAY_MILLISECONDS:
                raise Bad("INVALID_DATE", f"{text} is at {_time_of(milliseconds)} UTC, not midnight!")
            return _moment(milliseconds).date().isoformat()
        return date.fromisoformat(text).isoformat()
    except (ValueError, OverflowError):
        raise Bad("INVALID_DATE", f"{text} was not a valid date for {definition.name}.") from None


def _datetime(definition: Definition, text: str) -> str:
    try:
        moment = _moment(int(text)) if text.lstrip("-").isdigit() else datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise Bad("INVALID_DATE", f"{text} was not a valid time for {definition.name}.") from None
    return stamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)


def _time_of(milliseconds: int) -> str:
    return _moment(milliseconds).strftime("%H:%M:%S")


_READERS: dict[str, Callable[[Definition, str], str]] = {
    "string": _plain,
    "phone_number": _plain,
    "number": _number,
    "bool": _bool,
    "enumeration": _option,
    "date": _date,
    "datetime": _datetime,
}
