"""The living records of an object type, in order of their ids."""

from bisect import bisect_left, insort
from collections.abc import Iterator

from integrations.sandbox.hubspot.records import Record


class Shelf:
    """Records by id, and pages of them."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        # Their ids, ascending.
        self._order: list[int] = []

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, object_id: str) -> bool:
        return object_id in self._records

    def __iter__(self) -> Iterator[Record]:
        return (self._records[str(number)] for number in self._order)

    def get(self, object_id: str) -> Record | None:
        """Return a record, or None."""
        return self._records.get(object_id)

    def page(self, after: int, limit: int) -> tuple[list[Record], str]:
        """Return `limit` records from id `after` on, and the id with which the next page begins, or nothing."""
        start = bisect_left(self._order, after)
        chosen = self._order[start : start + limit]
        following = self._order[start + limit : start + limit + 1]
        return [self._records[str(number)] for number in chosen], str(following[0]) if following else ""

    def put(self, record: Record) -> None:
        """Add a record that is not there yet."""
        self._records[record.id] = record
        number = int(record.id)
        if self._order and number < self._order[-1]:
            insort(self._order, number)
        else:
            self._order.append(number)

    def take(self, object_id: str) -> None:
        """Take a record away. Raises KeyError."""
        del self._records[object_id]
        del self._order[bisect_left(self._order, int(object_id))]
