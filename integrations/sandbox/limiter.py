"""So many calls per rolling window and caller (Gusto guide "Rate limits", HubSpot page "Usage guidelines")."""

from collections import deque
from dataclasses import dataclass

MINUTE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left after a call; `free_in` is in seconds until a call is free again."""

    is_allowed: bool
    limit: int
    remaining: int
    free_in: float


class Limiter:
    """Counts the calls of each grant or account; a `limit` of 0 switches it off."""

    def __init__(self, limit: int, *, window_seconds: float = MINUTE_SECONDS) -> None:
        self.limit = limit
        self._window = window_seconds
        self._calls: dict[int, deque[float]] = {}

    def take(self, caller: int, now: float) -> Allowance | None:
        """Count one call at `now` and return what is left, or None when there is no limit."""
        if not self.limit:
            return None
        calls = self._calls.setdefault(caller, deque())
        # A call "in the future" was made before the clock was moved back.
        while calls and not now - self._window < calls[0] <= now:
            calls.popleft()
        is_allowed = len(calls) < self.limit
        if is_allowed:
            calls.append(now)
        free_in = max(0.0, calls[0] + self._window - now)
        return Allowance(is_allowed, self.limit, max(0, self.limit - len(calls)), free_in)

    def reset(self) -> None:
        """Forget every call."""
        self._calls.clear()
