"""Pure: which identities a run has seen, as ranges of ids, so that memory stays flat for a million people."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence


class SeenIds:
    """A set of whole numbers kept as sorted, closed, disjoint ranges."""

    def __init__(self, flat: Sequence[int] = ()) -> None:
        """Start from what `flat` returned."""
        self._firsts = list(flat[0::2])
        self._lasts = list(flat[1::2])

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self._firsts, number) - 1
        return place >= 0 and number <= self._lasts[place]

    def __len__(self) -> int:
        return sum(self._lasts) - sum(self._firsts) + len(self._firsts)

    def add(self, numbers: Iterable[int]) -> None:
        """Add numbers; cheap when they are near one another."""
        for first, last in _runs(sorted(numbers)):
            self.add_range(first, last)

    def add_ranges(self, flat: Sequence[int]) -> None:
        """Add what another set's `flat` returned."""
        for first, last in zip(flat[0::2], flat[1::2], strict=True):
            self.add_range(first, last)

    def add_range(self, first: int, last: int) -> None:
        """Add every number from first to last."""
        low = bisect_right(self._lasts, first - 2)
        high = bisect_right(self._firsts, last + 1)
        if low < high:
            first = min(first, self._firsts[low])
            last = max(last, self._lasts[high - 1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [last]

    def flat(self) -> list[int]:
        """Return first and last of each range, one after the other."""
        return [number for pair in zip(self._firsts, self._lasts, strict=True) for number in pair]

    def as_multirange(self) -> str:
        """Return the set as a PostgreSQL int8multirange."""
        pairs = zip(self._firsts, self._lasts, strict=True)
        return "{" + ",".join(f"[{first},{last}]" for first, last in pairs) + "}"


def _runs(numbers: list[int]) -> Iterable[tuple[int, int]]:
    first = last = None
    for number in numbers:
        if last is not None and number <= last + 1:
            last = number
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = number
    if first is not None and last is not None:
        yield first, last
