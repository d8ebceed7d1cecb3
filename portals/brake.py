"""Pure: when taking something away from people, by a sync or by a file, must be approved first."""

from __future__ import annotations

# More than this number of people *and* more than this share of those who could be concerned are too many …
MANY = 3
MANY_SHARE = 0.10
# … and so is half of them, from two people on.
HALF_FROM = 2


def too_many(*, planned: int, lately: int, linked: int, many: int = MANY, share: float = MANY_SHARE) -> bool:
    """Whether taking something away from `planned` people must be approved.

    `lately` counts those of the last 24 hours, so that small steps add up; `linked` are the people who could be
    concerned, before any of that.
    """
    total = planned + lately
    if planned == 0:
        return False
    if total > many and total > share * linked:
        return True
    return total >= HALF_FROM and 2 * total >= linked
