"""What HubSpot is told about an enrollment or a person, as texts; an empty text clears a property."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from hashlib import blake2b

import msgspec

from integrations.hubspot.enrollment_properties import KEY, PROGRESS_OF_STATUS, TITLE
from integrations.hubspot.progress.reading import Facts, Row

DIGEST_BYTES = 16
OWNER = "hubspot_owner_id"
UNFINISHED = ("not_started", "in_progress")

Values = dict[str, str]

# An enrollment, and the attempt unless it is the first.
_NUMBERS = re.compile(r"([0-9]{1,18})(?::([0-9]{1,4}))?")

# The names come from the database, which keeps no order.
_ENCODER = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True, slots=True)
class Portal:
    """What the records of all people of a portal have in common; owners of users by mail address."""

    id: int
    name: str
    today: date
    is_of_users: bool
    owners: Mapping[str, str]

    def key(self, enrollment_id: int, attempt: int = 1) -> str:
        """Return the unique key of an enrollment's record; each further attempt has one of its own."""
        return f"{self.key_prefix}{enrollment_id}" + (f":{attempt}" if attempt > 1 else "")

    @property
    def key_prefix(self) -> str:
        """How the keys of all records of the portal begin."""
        return f"prt_{self.id}:"

    def enrollment(self, key: str) -> tuple[int, int] | None:
        """Return the enrollment that a key stands for and its attempt, None for keys of others."""
        found = _NUMBERS.fullmatch(key.removeprefix(self.key_prefix)) if key.startswith(self.key_prefix) else None
        return (int(found[1]), int(found[2] or 1)) if found else None


def enrollment(row: Row, facts: Facts, portal: Portal) -> Values:
    """Return the properties of an enrollment's record, by our names."""
    return {
        KEY: portal.key(row.enrollment_id, row.attempt),
        TITLE: facts.course_title,
        "course_id": f"crs_{facts.course_id}",
        "course_reference": facts.course_reference,
        "portal_id": f"prt_{portal.id}",
        "portal_name": portal.name,
        "learner_id": f"lrn_{row.membership_id}",
        "learner_name": facts.learner_name,
        "learner_email": facts.learner_email,
        "hubspot_user_id": row.linked_to if portal.is_of_users else "",
        OWNER: portal.owners.get(facts.learner_email.lower(), ""),
        "status": facts.status,
        "progress": PROGRESS_OF_STATUS[facts.status],
        "percent_complete": str(facts.percent),
        "score": number(facts.score),
        "is_required": yes_or_no(facts.is_required),
        "is_overdue": yes_or_no(
            facts.status in UNFINISHED and facts.due_on is not None and facts.due_on < portal.today
        ),
        "enrolled_on": day(facts.enrolled_on),
        "started_on": day(facts.started_on),
        "completed_on": day(facts.completed_on),
        "due_on": day(facts.due_on),
        "access_ends_on": day(facts.access_ends_on),
        "group_name": facts.group_title,
    }


def named(values: Values, names: Mapping[str, str]) -> Values:
    """Return the values that an account has properties for, by their names there."""
    return {names[ours]: value for ours, value in values.items() if ours in names}


def digest(values: Values, place: str) -> str:
    """Return what differs whenever the values or the place where they go do."""
    return blake2b(_ENCODER.encode([place, values]), digest_size=DIGEST_BYTES).hexdigest()


def is_same(ours: str, theirs: str | None) -> bool:
    """Whether HubSpot has a value, which it writes in its own way: null for empty, 87.5 for 87.50."""
    if ours == (theirs or ""):
        return True
    try:
        return bool(ours and theirs) and Decimal(ours) == Decimal(theirs or "")
    except InvalidOperation:
        return False


def number(value: Decimal | float | None) -> str:
    """Return a number without needless zeros."""
    if value is None:
        return ""
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def day(value: date | None) -> str:
    """Return a day as HubSpot's date properties take it."""
    return value.isoformat() if value else ""


def yes_or_no(value: bool) -> str:
    """Return a flag as HubSpot's checkboxes take it."""
    return "true" if value else "false"
