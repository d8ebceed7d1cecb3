"""The filters and orders of the employee list."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from integrations.sandbox.employees import Employee
from integrations.sandbox.refusals import invalid_parameter

_SORT_KEYS = ("created_at", "name", "onboarding_status")


def boolean(query: dict[str, str], key: str) -> bool | None:
    """Return true, false or None when it was not asked. Raises Refused for anything else."""
    text = query.get(key)
    if text in (None, ""):
        return None
    if text not in ("true", "false"):
        raise invalid_parameter(key, f"{key} must be true or false.")
    return text == "true"


@dataclass(frozen=True, slots=True)
class Selection:
    """Who is asked for, and in which order; equal selections are equal keys."""

    terminated: bool | None = None
    terminated_today: bool | None = None
    onboarded: bool | None = None
    onboarded_active: bool | None = None
    location_uuid: str | None = None
    search_term: str | None = None
    uuids: tuple[str, ...] | None = None
    order: tuple[tuple[str, bool], ...] = ()

    @classmethod
    def of(cls, query: dict[str, str]) -> "Selection":
        """Read a query; keys that the provider does not know are ignored. Raises Refused."""
        if query.get("search_term") and query.get("sort_by"):
            raise invalid_parameter("sort_by", "sort_by cannot be combined with search_term.")
        uuids = query.get("uuids")
        return cls(
            terminated=boolean(query, "terminated"),
            terminated_today=boolean(query, "terminated_today"),
            onboarded=boolean(query, "onboarded"),
            onboarded_active=boolean(query, "onboarded_active"),
            location_uuid=query.get("location_uuid") or None,
            search_term=query.get("search_term", "").casefold() or None,
            uuids=tuple(uuids.split(",")) if uuids else None,
            order=_order(query.get("sort_by", "")),
        )

    @property
    def is_everyone(self) -> bool:
        """Tell whether nothing is filtered or reordered: the list is kept in order of creation."""
        return self == Selection() or self == Selection(order=(("created_at", False),))

    def choose(self, people: Iterator[Employee], today: date) -> list[int]:
        """Return the numbers of those who are asked for, in order."""
        chosen = [person for person in people if self._wants(person, today)]
        for key, is_descending in reversed(self.order):
            chosen.sort(key=lambda person: _sort_value(person, key), reverse=is_descending)
        return [person.number for person in chosen]

    def _wants(self, person: Employee, today: date) -> bool:
        is_terminated = person.is_terminated(today)
        answers = (
            (self.terminated, is_terminated or person.is_leaving(today)),
            (self.terminated_today, is_terminated),
            (self.onboarded, person.is_onboarded),
            (self.onboarded_active, person.is_onboarded and not is_terminated),
        )
        if any(wanted is not None and wanted != actual for wanted, actual in answers):
            return False
        if self.uuids is not None and person.uuid not in self.uuids:
            return False
        if self.search_term and self.search_term not in person.name.casefold():
            return False
        if self.location_uuid is None:
            return True
        place = person.work_place(today)
        return place is not None and place.location_uuid == self.location_uuid


def _order(text: str) -> tuple[tuple[str, bool], ...]:
    order = []
    for part in text.split(",") if text else []:
        key, _, direction = part.partition(":")
        if key not in _SORT_KEYS or direction not in ("", "asc", "desc"):
            raise invalid_parameter("sort_by", f"Cannot sort by {part}.")
        order.append((key, direction == "desc"))
    return tuple(order)


def _sort_value(person: Employee, key: str) -> tuple[str | int, ...]:
    match key:
        case "name":
            return (person.last_name, person.first_name, person.number)
        case "onboarding_status":
            return (person.onboarding_status,)
    return (person.number,)
