"""What was asked of the sandbox: the last calls, and how many there were of each kind."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_KEPT_CALLS = 5000
_SECRET_KEYS = frozenset(("access_token", "client_secret", "code", "hapikey", "password", "refresh_token", "token"))


@dataclass(frozen=True, slots=True)
class Call:
    """One call; no token or secret is in it."""

    number: int
    at: str
    method: str
    path: str
    pattern: str
    query: dict[str, str]
    status: int
    milliseconds: float
    grant: int | None
    fault: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return the call for JSON."""
        return asdict(self)


class CallLog:
    """The last calls, newest last, and counters that never forget until cleared."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=_KEPT_CALLS)
        self._counts: Counter[tuple[str, int]] = Counter()
        self._number = 0

    def add(
        self,
        *,
        at: str,
        method: str,
        path: str,
        pattern: str,
        query: Mapping[str, str],
        status: int,
        milliseconds: float,
        grant: int | None,
        fault: str | None,
    ) -> None:
        """Record one answered call."""
        self._number += 1
        shown = {key: "…" if key in _SECRET_KEYS else value for key, value in query.items()}
        self._calls.append(Call(self._number, at, method, path, pattern, shown, status, milliseconds, grant, fault))
        self._counts[f"{method} {pattern}", status] += 1

    def newest(self, count: int = _KEPT_CALLS) -> list[Call]:
        """Return up to `count` calls, newest last."""
        return list(self._calls)[-count:]

    def counters(self) -> dict[str, dict[str, int]]:
        """Return how many calls each pattern had, in total and per status."""
        table: dict[str, dict[str, int]] = {}
        for (pattern, status), count in sorted(self._counts.items()):
            row = table.setdefault(pattern, {"total": 0})
            row["total"] += count
            row[str(status)] = count
        return table

    def clear(self) -> None:
        """Forget everything but the numbering."""
        self._calls.clear()
        self._counts.clear()
