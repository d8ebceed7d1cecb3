"""One record of an account, what happens to it, and when, as HubSpot writes it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

OBJECT_ID = "hs_object_id"
MERGED_IDS = "hs_merged_object_ids"


class Moment(NamedTuple):
    """A point in time, as the clock counts it and as HubSpot writes it."""

    seconds: float
    text: str

    @classmethod
    def of(cls, now: datetime) -> Self:
        """Return the moment of an aware datetime."""
        return cls(now.timestamp(), stamp(now))


def stamp(now: datetime) -> str:
    """Return a time as HubSpot writes it: ISO 8601 with milliseconds and Z."""
    return f"{now.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a record; `kind` is the last part of a subscription type of HubSpot's webhooks.

    These are creation, propertyChange, deletion, restore, merge and privacyDeletion.
    """

    kind: str
    type_id: str
    object_id: str
    at: float
    source: str
    property_name: str = ""
    property_value: str = ""
    primary_id: str = ""
    merged_ids: tuple[str, ...] = ()
    new_id: str = ""
    was_merged: int = 0


@dataclass(slots=True)
class Record:
    """One record; `properties` is replaced, never altered, so that whoever holds the old one still has it."""

    id: str
    properties: dict[str, str]
    created_at: str
    updated_at: str
    archived_at: str = ""
    changed_at: float = 0.0  # by the clock; the search finds it some seconds later
    found_by: dict[str, str] | None = None  # what the search goes by until then; None: it does not know the record

    def kept(self) -> dict[str, Any]:
        """Return it for JSON; the search will know it at once after a restart."""
        return {
            "id": self.id,
            "properties": self.properties,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "archived_at": self.archived_at,
        }
