"""How many workers write to one HubSpot account at once: a few, since an answer takes longer than the limit allows.

Only politeness towards other work is at stake: rows are claimed, so that more or fewer workers change no result.
"""

from __future__ import annotations

from django.core.cache import cache

# Records are written side by side; totals of a person by one worker alone, so that no older one comes last.
LANES = 4
LANE_SECONDS = 60


class Lane:
    """A worker's place; it lapses by itself when the worker is gone."""

    def __init__(self, key: str) -> None:
        self._key = key

    def keep(self) -> None:
        """Stay in the lane."""
        cache.touch(self._key, LANE_SECONDS)

    def leave(self) -> None:
        """Make room."""
        cache.delete(self._key)


def enter(what: str, *, lanes: int = LANES) -> Lane | None:
    """Return a free lane, or None when all are taken."""
    for number in range(lanes):
        key = f"hubspot:progress:{what}:{number}"
        if cache.add(key, 1, LANE_SECONDS):
            return Lane(key)
    return None
