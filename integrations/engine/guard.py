"""Pure: which removals must be held for a person's approval."""

from __future__ import annotations

# More removals than this number *and* this share of the linked learners are too many …
MANY = 3
MANY_SHARE = 0.10
# … and so is half of them, from two people on.
HALF_FROM = 2


def too_many_removals(*, planned: int, lately: int, linked: int) -> bool:
    """Whether ending access for `planned` people must be approved.

    `lately` counts those ended over the last 24 hours, so that small steps add up; `linked` are the linked learners
    with access before any of them ended.
    """
    total = planned + lately
    if planned == 0:
        return False
    if total > MANY and total > MANY_SHARE * linked:
        return True
    return total >= HALF_FROM and 2 * total >= linked
