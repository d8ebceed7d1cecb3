"""Identifiers that look random and can be read back, so that nobody is looked up in a table."""

import random

_BITS = 120  # what a UUID holds beside its version and variant digits
_SPACE = 1 << _BITS
_NUMBER_SHIFT = 16
_LARGEST_NUMBER = (1 << 40) - 1

EMPLOYEE = 1
JOB = 2
CUSTOM_VALUE = 3
HOME_ADDRESS = 4
WORK_ADDRESS = 5
GARNISHMENT = 6
COMPENSATION = 7
ADMIN = 8
COMPANY = 9
DEPARTMENT = 10
LOCATION = 11


class Ids:
    """Turn (kind, number, part) into a UUID and back; another seed gives other UUIDs.

    Neighbouring numbers land far apart, as they do with a real provider, so an index that
    is filled from them sees the same insertion pattern.
    """

    def __init__(self, seed: str) -> None:
        source = random.Random(seed)
        self._factor = source.getrandbits(_BITS) | 1
        self._inverse = pow(self._factor, -1, _SPACE)
        self._version_factor = source.getrandbits(128) | 1

    def uuid(self, kind: int, number: int, part: int = 0) -> str:
        """Return the UUID of one record; `kind` and `part` are below 256."""
        plain = number << _NUMBER_SHIFT | kind << 8 | part
        hidden = plain * self._factor % _SPACE
        digits = f"{hidden ^ hidden >> _BITS // 2:030x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-a{digits[15:18]}-{digits[18:]}"

    def read(self, uuid: str) -> tuple[int, int, int] | None:
        """Return the (kind, number, part) that `uuid` was made of, or None if it was not."""
        digits = uuid.replace("-", "").lower()
        if len(digits) != 32:
            return None
        try:
            mixed = int(digits[:12] + digits[13:16] + digits[17:], 16)
        except ValueError:
            return None
        plain = (mixed ^ mixed >> _BITS // 2) * self._inverse % _SPACE
        number, kind, part = plain >> _NUMBER_SHIFT, plain >> 8 & 255, plain & 255
        if number > _LARGEST_NUMBER or self.uuid(kind, number, part) != uuid.lower():
            return None
        return kind, number, part

    def version(self, kind: int, number: int, revision: int = 0) -> str:
        """Return the 32 digits that change whenever `revision` does."""
        plain = (number << 40 | revision << 8 | kind) + 1
        return f"{plain * self._version_factor % (1 << 128):032x}"
