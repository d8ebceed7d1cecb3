"""Pure: the seven types of custom user data, how a value is read, stored and printed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import partial

MAX_TEXT_LENGTH = 1000
# Digits that a number may have, so that every stored number survives JSON and sorting.
MAX_DIGITS = 15

# What is stored in JSON: text, whole number, decimal (as a number), ISO date, or a list of them.
Scalar = str | int | float
Stored = Scalar | list[Scalar]


class FieldType(StrEnum):
    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    STRING_CHOICE = "string_choice"
    INTEGER_CHOICE = "integer_choice"
    DECIMAL_CHOICE = "decimal_choice"

    @property
    def is_choice(self) -> bool:
        return self.value.endswith("_choice")

    @property
    def base(self) -> FieldType:
        """The type of a single value: a choice of whole numbers holds whole numbers."""
        return FieldType(self.value.removesuffix("_choice"))


# A field may only become what its values can be read as.
FAMILIES: tuple[frozenset[FieldType], ...] = (
    frozenset({FieldType.STRING, FieldType.STRING_CHOICE}),
    frozenset({FieldType.INTEGER, FieldType.DECIMAL, FieldType.INTEGER_CHOICE, FieldType.DECIMAL_CHOICE}),
    frozenset({FieldType.DATE}),
)


class ValueRefused(ValueError):
    """The text is no value of this field; `reason` is a short code that pages explain."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read(text: str, type_: FieldType, *, choices: Collection[Scalar] = (), is_multiple: bool = False) -> Stored | None:
    """Return the value to store for a text, or None when it is blank.

    Choices are compared exactly after trimming the outer blanks; several are separated by semicolons.
    Raises ValueRefused.
    """
    return reader(type_, choices=choices, is_multiple=is_multiple)(text)


def reader(
    type_: FieldType, *, choices: Collection[Scalar] = (), is_multiple: bool = False
) -> Callable[[str], Stored | None]:
    """Return `read` for one field, to be called for many texts."""
    scalar = _SCALARS[type_.base]
    if not type_.is_choice:
        return partial(_read_one, scalar)
    choice = partial(_choice, scalar, choices)
    return partial(_read_several if is_multiple else _read_one, choice)


def read_choices(texts: Collection[str], type_: FieldType) -> frozenset[Scalar]:
    """Return what the choices of a field are when stored; texts that do not fit the type are left out."""
    found = set()
    for text in texts:
        try:
            found.add(_SCALARS[type_.base](text.strip()))
        except ValueRefused:
            continue
    return frozenset(found)


def to_text(value: object) -> str:
    """Return a stored value as text that `read` takes back."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(to_text(part) for part in value)
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return str(value)


def _read_one(scalar: Callable[[str], Scalar], text: str) -> Scalar | None:
    text = text.strip()
    return scalar(text) if text else None


def _read_several(scalar: Callable[[str], Scalar], text: str) -> list[Scalar] | None:
    parts = [part for part in (part.strip() for part in text.split(";")) if part]
    return list(dict.fromkeys(scalar(part) for part in parts)) or None


def _choice(scalar: Callable[[str], Scalar], choices: Collection[Scalar], text: str) -> Scalar:
    try:
        value = scalar(text)
    except ValueRefused:
        raise ValueRefused("unknown_choice") from None
    if value not in choices:
        raise ValueRefused("unknown_choice")
    return value


def _string(text: str) -> str:
    if len(text) > MAX_TEXT_LENGTH:
        raise ValueRefused("too_long")
    return text


def _integer(text: str) -> int:
    number = _number(text)
    if number != number.to_integral_value():
        raise ValueRefused("not_a_whole_number")
    return int(number)


def _decimal(text: str) -> int | float:
    number = _number(text)
    return int(number) if number == number.to_integral_value() else float(number)


# Thousands separators and a currency sign are how people and systems write amounts.
_NUMBER = re.compile(r"[-+]?\$?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?")


def _number(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueRefused("not_a_number")
    try:
        number = Decimal(text.replace(",", "").replace("$", ""))
    except InvalidOperation:
        raise ValueRefused("not_a_number") from None
    if len(number.as_tuple().digits) > MAX_DIGITS:
        raise ValueRefused("too_long")
    return number


# How systems write dates; read a dozen times faster than by a shape.
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _date(text: str) -> str:
    if _ISO_DATE.fullmatch(text):
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            raise ValueRefused("not_a_date") from None
    for shape in ("%Y-%m-%d", "%m/%d/%Y"):
        try:
            found: date = datetime.strptime(text, shape).date()  # noqa: DTZ007
        except ValueError:
            continue
        return found.isoformat()
    raise ValueRefused("not_a_date")


_SCALARS: dict[FieldType, Callable[[str], Scalar]] = {
    FieldType.STRING: _string,
    FieldType.INTEGER: _integer,
    FieldType.DECIMAL: _decimal,
    FieldType.DATE: _date,
}
