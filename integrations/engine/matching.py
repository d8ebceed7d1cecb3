"""Pure: which learner is this person? The stored external id first, then the mail address, once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from .changes import Reason
from .records import Learner, Person, Policy

# Good enough to tell an address from a slip; the mail server has the last word.
_ADDRESS = re.compile(r"[^@\s\"<>(),;:\\]+@[^@\s\"<>(),;:\\.]+(\.[^@\s\"<>(),;:\\.]+)+")
MAX_ADDRESS_LENGTH = 254


class NoMatch(Exception):
    """The person fits no learner for certain, and must not become a new one either."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the database knows around one batch of people; addresses are lower-case."""

    linked: dict[str, Learner] = field(default_factory=dict)
    by_email: dict[str, Learner] = field(default_factory=dict)
    # Accounts of the realm, by address, that have no membership in this portal.
    accounts: dict[str, int] = field(default_factory=dict)
    # People whose learner was removed by an admin after the link was made.
    removed: frozenset[str] = frozenset()
    # People who were deleted for good, so that nothing of them may be stored again.
    erased: frozenset[str] = frozenset()
    # Addresses that more than one person of the batch would sign in with.
    shared: frozenset[str] = frozenset()


def addresses(person: Person, policy: Policy) -> list[str]:
    """Return the person's addresses, the one to sign in with first, in lower case."""
    work, personal = person.work_email.strip().lower(), person.personal_email.strip().lower()
    if policy.invite.address == "work_only":
        personal = ""
    first, second = (personal, work) if policy.invite.address == "personal_first" else (work, personal)
    if not first or first == second:
        return [second] if second else []
    return [first, second] if second else [first]


def is_address(text: str) -> bool:
    """Whether a mail could be sent there."""
    return len(text) <= MAX_ADDRESS_LENGTH and _ADDRESS.fullmatch(text) is not None


def shared_addresses(people: Iterable[Person], policy: Policy) -> frozenset[str]:
    """Return the sign-in addresses that more than one of these people has."""
    counts = Counter(found[0] for person in people if (found := addresses(person, policy)))
    return frozenset(address for address, count in counts.items() if count > 1)


def match_by_email(person: Person, known: list[str], surroundings: Surroundings) -> Learner | None:
    """Return the learner with one of the person's addresses, or None when there is none. Raises NoMatch."""
    found = {
        learner.membership_id: learner
        for address in known
        if (learner := surroundings.by_email.get(address)) is not None
    }
    if not found:
        return None
    if len(found) > 1:
        raise NoMatch(Reason.TWO_LEARNERS)
    (learner,) = found.values()
    if learner.linked_key and learner.linked_key != person.key:
        raise NoMatch(Reason.EMAIL_TAKEN)
    if learner.is_staff:
        raise NoMatch(Reason.STAFF_ACCOUNT)
    return learner
