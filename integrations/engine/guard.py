"""Pure: which changes must be held for a person's approval."""

from __future__ import annotations

# More removals than this number *and* this share of the linked learners are too many …
MANY = 3
MANY_SHARE = 0.10
# … and so is half of them, from two people on.
HALF_FROM = 2


def too_many(*, planned: int, lately: int, linked: int, many: int = MANY, share: float = MANY_SHARE) -> bool:
    """Whether taking something away from `planned` people must be approved.

    `lately` counts those of the last 24 hours, so that small steps add up; `linked` are the linked learners with
    access before any of that.
    """
    total = planned + lately
    if planned == 0:
        return False
    if total > many and total > share * linked:
        return True
    return total >= HALF_FROM and 2 * total >= linked


def is_drastic(*, planned: int, linked: int) -> bool:
    """Whether so many people are concerned that an approval must be typed."""
    return 2 * planned > linked


def too_many_mails(*, planned: int, lately: int, most: int) -> bool:
    """Whether the mails of a run wait for their release; `lately` are those of the last 24 hours."""
    return planned > 0 and planned + lately > most
