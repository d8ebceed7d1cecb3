"""Pure: which changes must be held for a person's approval."""

from __future__ import annotations

from portals.brake import MANY, MANY_SHARE, too_many

from .records import Learner, Policy

__all__ = ["MANY", "MANY_SHARE", "is_drastic", "must_confirm_address", "too_many", "too_many_mails"]


def is_drastic(*, planned: int, linked: int) -> bool:
    """Whether so many people are concerned that an approval must be typed."""
    return 2 * planned > linked


def too_many_mails(*, planned: int, lately: int, most: int) -> bool:
    """Whether the mails of a run wait for their release; `lately` are those of the last 24 hours."""
    return planned > 0 and planned + lately > most


def must_confirm_address(learner: Learner, policy: Policy) -> bool:
    """Whether a new address always waits for an approval.

    Where anyone who fills in a form may write it, it would let a stranger take over an account that is in use.
    """
    return learner.has_signed_in and not policy.trusts_addresses
