"""Definitions of properties and their groups, and what the "Properties" page allows in them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any, Self

from integrations.sandbox.hubspot.errors import Json

MOST_UNIQUE = 10  # properties with unique values for each object type
NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
FIELD_TYPES = {
    "string": {"text", "textarea", "html", "phonenumber", "file", "calculation_equation"},
    "phone_number": {"phonenumber"},
    "number": {"number", "calculation_equation"},
    "bool": {"booleancheckbox", "calculation_equation"},
    "enumeration": {"select", "radio", "checkbox", "booleancheckbox", "calculation_equation"},
    "date": {"date"},
    "datetime": {"date"},
    "object_coordinates": {"text"},
    "json": {"text"},
}
_ALWAYS = frozenset(("name", "label"))
_YES_NO = ({"label": "Yes", "value": "true"}, {"label": "No", "value": "false"})


@dataclass(slots=True)
class Group:
    """A heading under which properties stand."""

    name: str
    label: str
    display_order: int = -1
    is_seeded: bool = False

    def shown(self) -> Json:
        """Return the group as the API shows it."""
        return {"name": self.name, "label": self.label, "displayOrder": self.display_order, "archived": False}


@dataclass(slots=True)
class Definition:
    """One property of one object type; `is_seeded` until somebody changes it."""

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str = ""
    description: str = ""
    options: list[Json] = field(default_factory=list)
    display_order: int = -1
    is_unique: bool = False
    is_read_only: bool = False
    is_hidden: bool = False
    is_calculated: bool = False
    is_hubspot_defined: bool = False
    is_form_field: bool = True
    has_external_options: bool = False
    referenced_object_type: str = ""
    sensitivity: str = "non_sensitive"
    created_at: str = ""
    updated_at: str = ""
    archived_at: str = ""
    is_seeded: bool = False
    values: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.type == "bool" and not self.options:
            self.options = [dict(option) for option in _YES_NO]
        self.options = [_option(option, order) for order, option in enumerate(self.options)]
        self.values = frozenset(option["value"] for option in self.options)

    @property
    def holds_several(self) -> bool:
        """Tell whether a value is a list, joined with semicolons."""
        return self.field_type == "checkbox"

    def shown(self) -> Json:
        """Return the definition as the API shows it."""
        shown: Json = {
            "name": self.name,
            "label": self.label,
            "description": self.description,
            "groupName": self.group,
            "type": self.type,
            "fieldType": self.field_type,
            "options": self.options,
            "displayOrder": self.display_order,
            "calculated": self.is_calculated,
            "externalOptions": self.has_external_options,
            "hasUniqueValue": self.is_unique,
            "hidden": self.is_hidden,
            "hubspotDefined": self.is_hubspot_defined,
            "formField": self.is_form_field,
            "archived": bool(self.archived_at),
            "dataSensitivity": self.sensitivity,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "modificationMetadata": {
                "archivable": not self.is_hubspot_defined,
                "readOnlyDefinition": self.is_hubspot_defined,
                "readOnlyOptions": self.is_hubspot_defined,
                "readOnlyValue": self.is_read_only,
            },
        }
        if self.referenced_object_type:
            shown["referencedObjectType"] = self.referenced_object_type
        if self.archived_at:
            shown["archivedAt"] = self.archived_at
        return shown

    def changed(self, **changes: Any) -> Self:
        """Return a copy with other values that is no longer as the seed made it."""
        known = {one.name: getattr(self, one.name) for one in fields(self) if one.init}
        return type(self)(**known | changes | {"is_seeded": False})

    def record(self) -> Json:
        """Return what JSON can hold of it, without what is as usual."""
        given = {one.name: getattr(self, one.name) for one in fields(self) if one.init}
        bare = Definition(self.name, self.label)
        return {name: value for name, value in given.items() if name in _ALWAYS or value != getattr(bare, name)}


def definition_of(body: Json, *, groups: Iterable[str], at: str, prefix: str = "") -> Definition:
    """Return the definition that a body describes. Raises ValueError with what is wrong about it.

    `prefix` is put before the name, as for app objects.
    """
    missing = [key for key in ("name", "label", "type", "fieldType") if not body.get(key)]
    if missing:
        raise ValueError(f"Missing required fields: {', '.join(missing)}.")
    name = f"{prefix}{body['name']}"
    if not NAME.fullmatch(name):
        raise ValueError(f"Property names are lower-case letters, digits and underscores, a letter first: {name}.")
    check_type(body["type"], body["fieldType"])
    group = str(body.get("groupName", ""))
    if group not in groups:
        raise ValueError(f"The property group {group!r} does not exist.")
    options = _checked_options(body.get("options") or [])
    if body["type"] == "enumeration" and not options and not body.get("externalOptions"):
        raise ValueError("An enumeration needs options.")
    return Definition(
        name=name,
        label=str(body["label"]),
        type=body["type"],
        field_type=body["fieldType"],
        group=group,
        description=str(body.get("description") or ""),
        options=options,
        display_order=int(body.get("displayOrder", -1)),
        is_unique=bool(body.get("hasUniqueValue")),
        is_read_only=body["fieldType"].startswith("calculation"),
        is_calculated=body["fieldType"].startswith("calculation"),
        is_hidden=bool(body.get("hidden")),
        is_form_field=bool(body.get("formField")),
        has_external_options=bool(body.get("externalOptions")),
        referenced_object_type=str(body.get("referencedObjectType") or ""),
        sensitivity=str(body.get("dataSensitivity") or "non_sensitive"),
        created_at=at,
        updated_at=at,
    )


def changed_definition(known: Definition, body: Json, *, groups: Iterable[str], at: str) -> Definition:
    """Return the definition with the changes of a PATCH. Raises ValueError."""
    if known.is_hubspot_defined:
        raise ValueError(f"{known.name} is defined by HubSpot and cannot be changed.")
    for fixed in ("name", "hasUniqueValue"):
        if fixed in body:
            raise ValueError(f"{fixed} cannot be changed.")
    kind, field_type = body.get("type", known.type), body.get("fieldType", known.field_type)
    check_type(kind, field_type)
    group = body.get("groupName", known.group)
    if group not in groups:
        raise ValueError(f"The property group {group!r} does not exist.")
    return known.changed(
        label=str(body.get("label", known.label)),
        type=kind,
        field_type=field_type,
        group=group,
        description=str(body.get("description", known.description)),
        options=_checked_options(body["options"]) if "options" in body else known.options,
        display_order=int(body.get("displayOrder", known.display_order)),
        is_hidden=bool(body.get("hidden", known.is_hidden)),
        is_form_field=bool(body.get("formField", known.is_form_field)),
        updated_at=at,
    )


def check_type(kind: str, field_type: str) -> None:
    """Raise ValueError for a type that does not exist or that this kind of field cannot hold."""
    if kind not in FIELD_TYPES:
        raise ValueError(f"{kind} is no type of properties; known: {', '.join(FIELD_TYPES)}.")
    if field_type not in FIELD_TYPES[kind]:
        raise ValueError(f"{kind} does not go with the field type {field_type}.")


def _checked_options(options: list[Json]) -> list[Json]:
    values = [option.get("value") for option in options]
    if not all(
        isinstance(value, str) and value and option.get("label") for value, option in zip(values, options, strict=True)
    ):
        raise ValueError("Every option needs a label and a value.")
    if len(set(values)) < len(values):
        raise ValueError("Two options have the same value.")
    return options


def _option(option: Json, order: int) -> Json:
    return {
        "label": option["label"],
        "value": option["value"],
        "displayOrder": option.get("displayOrder", order),
        "hidden": bool(option.get("hidden")),
        "description": option.get("description", ""),
    }
