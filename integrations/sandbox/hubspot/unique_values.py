"""Which record of a type has which unique value, further values such as additional addresses included."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from integrations.sandbox.hubspot.errors import taken


@dataclass(slots=True)
class UniqueValues:
    """The unique values of the living records of one type.

    `further` names, for a unique property, the one that holds more values of it, separated by semicolons; the values
    of such a pair are compared without regard to case.
    """

    kind_name: str
    further: Mapping[str, str]
    _holders: dict[str, dict[str, str]] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self._holders

    def declare(self, name: str) -> None:
        """Let the values of a property be unique from now on."""
        self._holders.setdefault(name, {})

    def holder(self, name: str, value: str) -> str | None:
        """Return the id of the record with this value, or None."""
        return self._holders.get(name, {}).get(self._key(name, value))

    def values_of(self, properties: Mapping[str, str], name: str) -> list[str]:
        """Return the values of a unique property: the main one and further ones."""
        beside = self.further.get(name)
        further = properties.get(beside, "").split(";") if beside else []
        return [value for value in (properties.get(name, ""), *further) if value]

    def claims(self, properties: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return the unique properties that are set, each with the form of its value that nobody else may have."""
        return [(name, self._key(name, value)) for name in self._holders if (value := properties.get(name))]

    def check(self, properties: Mapping[str, str], own_id: str | None) -> None:
        """Raise Unacceptable when another record than the one with `own_id` has one of the values."""
        for name, key in self.claims(properties):
            holder = self._holders[name].get(key)
            if holder not in (None, own_id):
                raise taken(self.kind_name, name, str(holder))

    def enter(self, object_id: str, properties: Mapping[str, str], changed: Iterable[str] | None = None) -> None:
        """Note the values of a record; with `changed` only those of these properties."""
        for name in self._touched(changed):
            for value in self.values_of(properties, name):
                # Two records may share a further value in old data: the first one is found.
                self._holders[name].setdefault(self._key(name, value), object_id)

    def leave(self, object_id: str, properties: Mapping[str, str], changed: Iterable[str] | None = None) -> None:
        """Free the values of a record; with `changed` only those of these properties."""
        for name in self._touched(changed):
            for value in self.values_of(properties, name):
                key = self._key(name, value)
                if self._holders[name].get(key) == object_id:
                    del self._holders[name][key]

    def _touched(self, changed: Iterable[str] | None) -> list[str]:
        if changed is None:
            return list(self._holders)
        named = set(changed)
        return [name for name in self._holders if name in named or self.further.get(name) in named]

    def _key(self, name: str, value: str) -> str:
        return value.lower() if name in self.further else value
