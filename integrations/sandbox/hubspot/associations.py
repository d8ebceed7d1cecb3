"""Which records of one account belong together, and the kinds of belonging (guide "Associate records")."""

from dataclasses import dataclass
from typing import Any

HUBSPOT_DEFINED, INTEGRATOR_DEFINED, USER_DEFINED = "HUBSPOT_DEFINED", "INTEGRATOR_DEFINED", "USER_DEFINED"
CATEGORIES = (HUBSPOT_DEFINED, INTEGRATOR_DEFINED, USER_DEFINED, "WORK")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of association in one direction; the default kind has no label."""

    category: str
    type_id: int
    label: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return it as lists of labels show it."""
        return {"category": self.category, "typeId": self.type_id, "label": self.label}

    def spec(self) -> dict[str, Any]:
        """Return it as answers to writes name it."""
        return {"associationCategory": self.category, "associationTypeId": self.type_id}


class Associations:
    """Links between records, both ways. Object types are ids such as 0-1; ids of kinds differ between accounts."""

    def __init__(self, account: int) -> None:
        self.changes = 0
        self._kinds: dict[tuple[str, str], list[Kind]] = {}
        self._links: dict[tuple[str, str, str], dict[str, set[int]]] = {}
        self._next_type_id = 17 + account % 83

    def allow(self, first: str, second: str, category: str = INTEGRATOR_DEFINED) -> None:
        """Let records of two types be associated; a second call changes nothing."""
        for pair in ((first, second), (second, first)):
            if pair not in self._kinds:
                self._kinds[pair] = [self._kind(category, None)]

    def forbid(self, object_type: str) -> None:
        """Forget a type with everything that belonged to its records."""
        self.changes += 1
        self._kinds = {pair: kinds for pair, kinds in self._kinds.items() if object_type not in pair}
        self._links = {key: links for key, links in self._links.items() if object_type not in (key[0], key[2])}

    def partners(self, object_type: str) -> list[str]:
        """Return the types that a type may be associated with."""
        return [to for start, to in self._kinds if start == object_type]

    def kinds(self, start: str, to: str) -> list[Kind]:
        """Return the kinds from one type to another, the default one first; none when that is not allowed."""
        return list(self._kinds.get((start, to), ()))

    def add_label(self, start: str, to: str, label: str, inverse: str) -> list[Kind]:
        """Add a kind with a label and return it in both directions. Raises KeyError for types that do not go."""
        made = [self._kind(USER_DEFINED, label), self._kind(USER_DEFINED, inverse)]
        self._kinds[start, to].append(made[0])
        self._kinds[to, start].append(made[1])
        return made

    def link(self, start: str, start_id: str, to: str, to_id: str, type_ids: set[int]) -> None:
        """Associate two records by kinds of this direction; the other direction follows. Raises KeyError."""
        there, back = self._kinds[start, to], self._kinds[to, start]
        self.changes += 1
        places = {kind.type_id: place for place, kind in enumerate(there)}
        wanted = {places[type_id] for type_id in type_ids}
        self._put(start, start_id, to, to_id, {there[place].type_id for place in wanted})
        self._put(to, to_id, start, start_id, {back[place].type_id for place in wanted})

    def unlink(self, start: str, start_id: str, to: str, to_id: str, type_ids: set[int] | None = None) -> None:
        """Take kinds away from two records, all of them for None. Raises KeyError for unknown kinds."""
        there, back = self._kinds[start, to], self._kinds[to, start]
        self.changes += 1
        places = {kind.type_id: place for place, kind in enumerate(there)}
        wanted = {places[type_id] for type_id in (places if type_ids is None else type_ids)}
        self._take(start, start_id, to, to_id, {there[place].type_id for place in wanted})
        self._take(to, to_id, start, start_id, {back[place].type_id for place in wanted})

    def of(self, start: str, start_id: str, to: str) -> list[tuple[str, list[Kind]]]:
        """Return the ids that a record is associated with, oldest link first, and how."""
        known = {kind.type_id: kind for kind in self.kinds(start, to)}
        links = self._links.get((start, start_id, to), {})
        return [(to_id, [known[type_id] for type_id in sorted(type_ids)]) for to_id, type_ids in links.items()]

    def forget(self, object_type: str, object_id: str) -> None:
        """Drop every link of a record that is gone."""
        for to in self.partners(object_type):
            for other, _ in self.of(object_type, object_id, to):
                self.unlink(object_type, object_id, to, other)

    def move(self, object_type: str, old_id: str, new_id: str) -> None:
        """Give every link of one record to another."""
        for to in self.partners(object_type):
            for other, kinds in self.of(object_type, old_id, to):
                self.link(object_type, new_id, to, other, {kind.type_id for kind in kinds})
                self.unlink(object_type, old_id, to, other)

    def record(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return {
            "next_type_id": self._next_type_id,
            "kinds": [
                [*pair, [[one.category, one.type_id, one.label] for one in kinds]]
                for pair, kinds in self._kinds.items()
            ],
            "links": [
                [*key, to_id, sorted(type_ids)]
                for key, links in self._links.items()
                for to_id, type_ids in links.items()
            ],
        }

    def restore(self, record: dict[str, Any]) -> None:
        """Take everything from a record. Raises LookupError, TypeError or ValueError."""
        self._next_type_id = int(record["next_type_id"])
        self._kinds = {(start, to): [Kind(*one) for one in kinds] for start, to, kinds in record["kinds"]}
        self._links = {}
        for start, start_id, to, to_id, type_ids in record["links"]:
            self._put(start, start_id, to, to_id, set(type_ids))

    def _kind(self, category: str, label: str | None) -> Kind:
        self.changes += 1
        self._next_type_id += 1
        return Kind(category, self._next_type_id, label)

    def _put(self, start: str, start_id: str, to: str, to_id: str, type_ids: set[int]) -> None:
        self._links.setdefault((start, start_id, to), {}).setdefault(to_id, set()).update(type_ids)

    def _take(self, start: str, start_id: str, to: str, to_id: str, type_ids: set[int]) -> None:
        links = self._links.get((start, start_id, to), {})
        left = links.get(to_id, set()) - type_ids
        if left:
            links[to_id] = left
        else:
            links.pop(to_id, None)
