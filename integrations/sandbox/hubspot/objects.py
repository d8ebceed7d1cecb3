"""The storage of one object type: definitions of its properties, records with ids, and unique values.

It serves contacts and users, and just as well custom and app objects. To add a type to an account:

    kind = ObjectType(
        type_id="2-3465404", name="course_enrollment", aliases=("p4455667_course_enrollment",),
        scopes=Scopes(read="crm.objects.custom.read", create=…, update=…, archive=…, schema_read=…, schema_write=…),
        first_id=33001, required=("course_name",), facts={"labels": …},       # facts: anything that JSON can hold
    )
    kind.add_group(Group("course_enrollment_information", "Course enrollment"))
    kind.define(definition_of(body, groups=kind.groups, at=at.text, prefix="a1122334_"))
    account.add_type(kind)                  # from now on its object, batch, search and property calls work
    account.remove_type("2-3465404")        # and now they do not

Values are written through `values.accepted` (which checks them) and `add`, `change`, `archive`, `restore`, `erase` or
`merge`; what these do is told to the account's listener as a `Change` (new values only for contacts and users:
nobody can subscribe to those of other types). The types whose `is_standard` is false
are kept in the state file whole, with their definitions and `facts`; of contacts and users only what differs
from the seed. The caller holds the world's lock.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Self

from integrations.sandbox.hubspot.definitions import Definition, Group
from integrations.sandbox.hubspot.errors import Json
from integrations.sandbox.hubspot.records import MERGED_IDS, OBJECT_ID, Change, Moment, Record
from integrations.sandbox.hubspot.shelves import Shelf
from integrations.sandbox.hubspot.unique_values import UniqueValues


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a grant needs for each kind of call; several, separated by spaces: any of them is enough."""

    read: str
    create: str
    update: str
    archive: str
    schema_read: str
    schema_write: str


@dataclass(slots=True)
class ObjectType:
    """One object type of one account; `further_values` names the property with more values of a unique one."""

    type_id: str
    name: str
    aliases: tuple[str, ...]
    scopes: Scopes
    first_id: int
    default_properties: tuple[str, ...] = ()
    created_property: str = "hs_createdate"
    modified_property: str = "hs_lastmodifieddate"
    further_values: dict[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    is_standard: bool = False
    facts: Json = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    notify: Callable[[Change], None] | None = None
    unique: UniqueValues = field(init=False)
    archived: dict[str, Record] = field(default_factory=dict)
    changes: int = 0
    forwards: dict[str, str] = field(default_factory=dict)  # ids of merged records to the surviving one
    _living: Shelf = field(default_factory=Shelf)
    _touched: set[str] = field(default_factory=set)
    _erased: set[str] = field(default_factory=set)
    _next_id: int = 0

    def __post_init__(self) -> None:
        self._next_id = self._next_id or self.first_id
        self.unique = UniqueValues(self.name, self.further_values)

    def __len__(self) -> int:
        return len(self._living)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._living)

    # Definitions

    def define(self, definition: Definition) -> None:
        """Add or replace the definition of a property."""
        self.definitions[definition.name] = definition
        if definition.is_unique:
            self.unique.declare(definition.name)
        self.changes += 1

    def add_group(self, group: Group) -> None:
        """Add or replace a group of properties."""
        self.groups[group.name] = group
        self.changes += 1

    def remove_group(self, name: str) -> None:
        """Take a group away that somebody added."""
        del self.groups[name]
        self.changes += 1

    def definition(self, name: str) -> Definition | None:
        """Return the definition of a property that has not been archived."""
        found = self.definitions.get(name)
        return None if found is None or found.archived_at else found

    def is_unique(self, name: str) -> bool:
        """Tell whether records can be found by this property."""
        return name in self.unique and self.definition(name) is not None

    # Reading

    def get(self, object_id: str) -> Record | None:
        """Return a living record by its own id."""
        return self._living.get(object_id)

    def find(self, value: str, id_property: str = "") -> Record | None:
        """Return a living record by id or unique value; the id of a merged record leads to the surviving one."""
        if id_property in ("", OBJECT_ID):
            return self._living.get(value) or self._living.get(self._survivor(value))
        return self.by_value(id_property, value)

    def by_value(self, name: str, value: str) -> Record | None:
        """Return the living record with this unique value."""
        found = self.unique.holder(name, value)
        return self._living.get(found) if found else None

    def page(self, after: int, limit: int) -> tuple[list[Record], str]:
        """Return `limit` living records from id `after` on, and the id with which the next page begins, or nothing."""
        return self._living.page(after, limit)

    def value(self, record: Record, name: str) -> str | None:
        """Return one property of a record, or None."""
        if name == OBJECT_ID:
            return record.id
        if name == self.created_property:
            return record.created_at
        if name == self.modified_property:
            return record.updated_at
        return record.properties.get(name)

    # Writing

    def add(
        self, properties: dict[str, str], at: Moment, *, source: str = "INTEGRATION", object_id: str = ""
    ) -> Record:
        """Enter a record. Raises Unacceptable when a unique value is taken."""
        self.unique.check(properties, None)
        record = Record(object_id or self._new_id(), {k: v for k, v in properties.items() if v}, at.text, at.text)
        record.changed_at = at.seconds
        self._enter(record)
        self._touch(record)
        if self.notify:
            self.notify(Change("creation", self.type_id, record.id, at.seconds, source))
            self._tell_values(record, properties, at, source)
        return record

    def seed(self, record: Record) -> None:
        """Enter a record that belongs to the seed."""
        self._enter(record)
        self._next_id = max(self._next_id, int(record.id) + 1)

    def change(self, record: Record, properties: dict[str, str], at: Moment, *, source: str = "INTEGRATION") -> None:
        """Set properties of a record, an empty text clears one. Raises Unacceptable when a unique value is taken."""
        old = record.properties
        differing = {name: value for name, value in properties.items() if old.get(name, "") != value}
        if not differing:
            return
        self.unique.check(differing, record.id)
        self.unique.leave(record.id, old, differing)
        self._replace(record, {name: value for name, value in (old | differing).items() if value}, at)
        self.unique.enter(record.id, record.properties, differing)
        if self.notify:
            self._tell_values(record, differing, at, source)

    def archive(self, record: Record, at: Moment, *, source: str = "INTEGRATION") -> None:
        """Move a record to the bin, from where it can be restored."""
        self._take_out(record)
        record.archived_at = at.text
        self.archived[record.id] = record
        self._touch(record)
        self._tell(Change("deletion", self.type_id, record.id, at.seconds, source))

    def restore(self, record: Record, at: Moment, *, source: str = "CRM_UI") -> None:
        """Take a record out of the bin. Raises Unacceptable when a unique value has been taken meanwhile."""
        self.unique.check(record.properties, record.id)
        del self.archived[record.id]
        record.archived_at, record.changed_at, record.found_by = "", at.seconds, None
        self._enter(record)
        self._touch(record)
        self._tell(Change("restore", self.type_id, record.id, at.seconds, source))

    def erase(self, record: Record, at: Moment, *, source: str = "CRM_UI") -> None:
        """Delete a record for good and for privacy, out of the bin too."""
        if record.id in self._living:
            self._take_out(record)
            self._tell(Change("deletion", self.type_id, record.id, at.seconds, source))
        self.archived.pop(record.id, None)
        self._touched.discard(record.id)
        self._erased.add(record.id)
        self.changes += 1
        self._tell(Change("privacyDeletion", self.type_id, record.id, at.seconds, source))

    def merge(
        self, primary: Record, other: Record, at: Moment, *, makes_new_id: bool, source: str = "CRM_UI"
    ) -> Record:
        """Make one record of two and return it; its own values win, further unique values are kept beside them."""
        properties = other.properties | primary.properties
        for name, beside in self.further_values.items():
            kept = [self.unique.values_of(record.properties, name) for record in (primary, other)]
            further = list(dict.fromkeys(value for values in kept for value in values))
            properties |= {name: further[0], beside: ";".join(further[1:])} if further else {}
        old_ids = [primary.id, other.id]
        merged = [*filter(None, properties.get(MERGED_IDS, "").split(";")), *old_ids]
        properties[MERGED_IDS] = ";".join(dict.fromkeys(merged))
        for record in (primary, other):
            self._take_out(record)
            self._erased.add(record.id)
            self._touched.discard(record.id)
        new_id = self._new_id() if makes_new_id else primary.id
        record = Record(new_id, {k: v for k, v in properties.items() if v}, primary.created_at, at.text)
        record.changed_at, record.found_by = at.seconds, primary.properties
        self._enter(record)
        self._erased.discard(new_id)
        self._touch(record)
        self.forwards |= {old: new_id for old in old_ids if old != new_id}
        self._tell(
            Change(
                "merge",
                self.type_id,
                new_id,
                at.seconds,
                source,
                primary_id=primary.id,
                merged_ids=(other.id,),
                new_id=new_id if makes_new_id else "",
                was_merged=len(properties),
            )
        )
        return record

    # State

    def record(self) -> Json:
        """Return what JSON can hold of everything that differs from the seed."""
        kept = (self._living.get(one) or self.archived.get(one) for one in sorted(self._touched, key=int))
        return {
            "next_id": self._next_id,
            "records": [one.kept() for one in kept if one],
            "erased": sorted(self._erased, key=int),
            "forwards": dict(self.forwards),
            "definitions": [one.record() for one in self.definitions.values() if not one.is_seeded],
            "groups": [asdict(one) for one in self.groups.values() if not one.is_seeded],
        }

    def resume(self, record: Json) -> None:
        """Bring a type of the same seed to where a record was taken. Raises LookupError, TypeError or ValueError."""
        for group in record["groups"]:
            self.add_group(Group(**group))
        for definition in record["definitions"]:
            self.define(Definition(**definition))
        self._erased = set(record["erased"])
        self.forwards = dict(record["forwards"])
        for one in [*self._erased, *(entry["id"] for entry in record["records"])]:
            if record_there := self._living.get(one):
                self._take_out(record_there)
        for entry in record["records"]:
            known = Record(**entry)
            self._touched.add(known.id)
            if known.archived_at:
                self.archived[known.id] = known
            else:
                self._enter(known)
        self._next_id = int(record["next_id"])

    def outline(self) -> Json:
        """Return what JSON can hold of the type itself, without its records."""
        return {
            "type_id": self.type_id,
            "name": self.name,
            "aliases": list(self.aliases),
            "scopes": asdict(self.scopes),
            "first_id": self.first_id,
            "default_properties": list(self.default_properties),
            "required": list(self.required),
            "facts": self.facts,
        }

    @classmethod
    def of_outline(cls, outline: Json) -> Self:
        """Return an empty type that an outline described. Raises TypeError."""
        lists = {key: tuple(outline[key]) for key in ("aliases", "default_properties", "required")}
        return cls(**outline | lists | {"scopes": Scopes(**outline["scopes"])})

    # Inside

    def _new_id(self) -> str:
        self._next_id += 1
        return str(self._next_id - 1)

    def _survivor(self, object_id: str) -> str:
        while object_id in self.forwards and object_id not in self._living:
            object_id = self.forwards[object_id]
        return object_id

    def _enter(self, record: Record) -> None:
        self._living.put(record)
        self.unique.enter(record.id, record.properties)

    def _replace(self, record: Record, properties: dict[str, str], at: Moment) -> None:
        record.found_by, record.properties = record.properties, properties
        record.updated_at, record.changed_at = at.text, at.seconds
        self._touch(record)

    def _take_out(self, record: Record) -> None:
        self.unique.leave(record.id, record.properties)
        self._living.take(record.id)

    def _touch(self, record: Record) -> None:
        self._touched.add(record.id)
        self.changes += 1

    def _tell(self, change: Change) -> None:
        if self.notify:
            self.notify(change)

    def _tell_values(self, record: Record, properties: dict[str, str], at: Moment, source: str) -> None:
        if not self.is_standard:
            return
        for name, value in properties.items():
            self._tell(Change("propertyChange", self.type_id, record.id, at.seconds, source, name, value))
