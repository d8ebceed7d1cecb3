"""Who works at one company: a million people fit, because only changed ones are kept."""

from array import array
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from integrations.sandbox import ids, records
from integrations.sandbox.employees import Employee
from integrations.sandbox.people import Generator

_CACHED_BYTES = 400_000_000
_CACHED_SELECTIONS = 8


class Roster:
    """The people of a company in the order in which they were entered."""

    def __init__(self, *, make_ids: ids.Ids, generator: Generator, samples: list[Employee], count: int) -> None:
        self._ids = make_ids
        self._generator = generator
        self._kept = {employee.number: employee for employee in samples[:count]}
        self._kept_numbers = {employee.uuid: employee.number for employee in samples[:count]}
        self._order = array("L", range(1, count + 1))
        self.began_with = count
        self.changes = 0  # how often anybody was added, changed or removed
        self._removed: set[int] = set()
        self._next_number = max(count, len(samples)) + 1
        self._selections: OrderedDict[Hashable, array[int]] = OrderedDict()
        self._pieces: dict[Hashable, dict[int, bytes]] = {}
        self._piece_bytes = 0

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Employee]:
        return map(self._get, self._order)

    def numbers(self) -> Sequence[int]:
        """Return everyone's number, first entered first."""
        return self._order

    def new_number(self) -> int:
        """Return a number that nobody had."""
        self._next_number += 1
        return self._next_number - 1

    def add(self, employee: Employee) -> None:
        """Put a new person at the end of the list."""
        self._kept[employee.number] = employee
        self._order.append(employee.number)
        self.changes += 1
        self._selections.clear()

    def find(self, uuid: str) -> Employee | None:
        """Return the person with this UUID, or None."""
        number = self._kept_numbers.get(uuid)
        if number is None:
            found = self._ids.read(uuid)
            if found is None or found[0] != ids.EMPLOYEE:
                return None
            number = found[1]
        person = self.by_number(number)
        return person if person and person.uuid == uuid else None

    def by_number(self, number: int) -> Employee | None:
        """Return person `number`, or None when there is none or they were removed."""
        is_made_up = 0 < number <= self.began_with and number not in self._removed
        return self._get(number) if is_made_up or number in self._kept else None

    def keep(self, employee: Employee) -> None:
        """Remember that this person changed: what was made of them before is forgotten."""
        employee.revision += 1
        self.changes += 1
        self._kept[employee.number] = employee
        self._selections.clear()
        for pieces in self._pieces.values():
            self._piece_bytes -= len(pieces.pop(employee.number, b""))

    def remove(self, employee: Employee) -> None:
        """Delete somebody for good."""
        self.keep(employee)
        self._order.remove(employee.number)
        self._removed.add(employee.number)
        del self._kept[employee.number]

    def record(self) -> dict[str, Any]:
        """Return what JSON can hold of everything that differs from the seed, those added in their order."""
        differing = (one for one in self._kept.values() if one.revision or one.number > self.began_with)
        return {
            "people": [records.record_of(one) for one in differing],
            "removed": sorted(self._removed),
            "next_number": self._next_number,
        }

    def restore(self, record: dict[str, Any]) -> None:
        """Bring a roster of the same seed to where a record was taken. Raises LookupError, TypeError or ValueError."""
        self._next_number = int(record["next_number"])
        self._removed = set(record["removed"])
        for person in map(records.employee_of, record["people"]):
            self._kept[person.number] = person
            if person.number > self.began_with:
                self._order.append(person.number)
        for number in self._removed:
            self._kept.pop(number, None)
        self._order = array("L", (number for number in self._order if number not in self._removed))

    def forget_answers(self) -> None:
        """Drop everything that was made ready to send: the calendar or the company changed."""
        self._selections.clear()
        self._pieces.clear()
        self._piece_bytes = 0

    def select(self, key: Hashable, choose: Callable[[Iterator[Employee]], list[int]]) -> Sequence[int]:
        """Return the numbers that `choose` picks, remembered under `key` until someone changes."""
        if key not in self._selections:
            self._selections[key] = array("L", choose(iter(self)))
            if len(self._selections) > _CACHED_SELECTIONS:
                self._selections.popitem(last=False)
        self._selections.move_to_end(key)
        return self._selections[key]

    def pieces(self, numbers: Sequence[int], variant: Hashable, encode: Callable[[Employee], bytes]) -> list[bytes]:
        """Return the encoded people; what `encode` made for a `variant` is kept while there is room."""
        ready = self._pieces.setdefault(variant, {})
        return [ready.get(number) or self._encode(number, ready, encode) for number in numbers]

    def _encode(self, number: int, ready: dict[int, bytes], encode: Callable[[Employee], bytes]) -> bytes:
        piece = encode(self._get(number))
        # Nothing is thrown out for a newcomer: whole walks would throw out all of it each time.
        if self._piece_bytes + len(piece) <= _CACHED_BYTES:
            ready[number] = piece
            self._piece_bytes += len(piece)
        return piece

    def _get(self, number: int) -> Employee:
        return self._kept.get(number) or self._generator.employee(number)
