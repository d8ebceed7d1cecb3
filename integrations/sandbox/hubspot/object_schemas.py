"""Custom objects of an account and app objects of the application as types of objects.

Sources: the pages "Custom objects" and "App objects". Both store their records as contacts do; what differs is where
the definition comes from and which scopes it needs.
"""

from typing import Any

from integrations.sandbox.hubspot.accounts import Account
from integrations.sandbox.hubspot.associations import Associations
from integrations.sandbox.hubspot.definitions import NAME, Definition, Group, definition_of
from integrations.sandbox.hubspot.errors import Json
from integrations.sandbox.hubspot.objects import ObjectType, Scopes
from integrations.sandbox.hubspot.records import Moment

CUSTOM, APP = "custom", "app"
_FIRST_TYPE, _FIRST_RECORD = 3_465_404, 33_001
_CUSTOM_SCOPES = Scopes(
    read="crm.objects.custom.read",
    create="crm.objects.custom.write",
    update="crm.objects.custom.write",
    archive="crm.objects.custom.write",
    schema_read="crm.schemas.custom.read crm.objects.custom.read",
    schema_write="crm.schemas.custom.write",
)
_OWN_PROPERTIES = (
    ("hs_object_id", "Record ID", "number", "number"),
    ("hs_createdate", "Object create date/time", "datetime", "date"),
    ("hs_lastmodifieddate", "Object last modified date/time", "datetime", "date"),
)


def custom_object(account: Account, body: Json, at: Moment) -> ObjectType:
    """Return the type that a schema describes, as a further one of an account. Raises ValueError."""
    name = str(body.get("name") or "")
    if not NAME.fullmatch(name):
        raise ValueError("The name has to be lower-case letters, digits and underscores, a letter first.")
    _require(body, labels=dict, properties=list, requiredProperties=list, associatedObjects=list)
    kind = _kind(
        type_id=_next_type_id(account),
        name=name,
        alias=f"p{account.id}_{name}",
        scopes=_CUSTOM_SCOPES,
        body=body,
        at=at,
        origin=CUSTOM,
    )
    _define(kind, body["properties"], at, prefix="")
    return kind


def app_object(app: int, declaration: Json, at: Moment) -> ObjectType:
    """Return the type that the `config` of a project's app-object file describes. Raises ValueError.

    Its qualified name and its properties begin with the application's prefix.
    """
    _require(declaration, name=str, singularForm=str, pluralForm=str, properties=list)
    prefix = f"a{app}_"
    name = str(declaration["name"]).lower()
    qualified = f"{prefix}{name}"
    names = [one["name"] for one in declaration["properties"]]
    body = {
        "labels": {"singular": declaration["singularForm"], "plural": declaration["pluralForm"]},
        "description": declaration.get("description", ""),
        "primaryDisplayProperty": f"{prefix}{declaration.get('primaryDisplayLabelPropertyName', names[0])}",
        "secondaryDisplayProperties": [
            f"{prefix}{one}" for one in declaration.get("secondaryDisplayLabelPropertyNames", ())
        ],
        "requiredProperties": [],
        "searchableProperties": [],
    }
    kind = _kind(
        type_id=f"1-{app}", name=name, alias=qualified, scopes=_app_scopes(qualified), body=body, at=at, origin=APP
    )
    for group in declaration.get("propertyGroups", ()):
        kind.add_group(Group(group["name"], group["label"]))
    _define(kind, declaration["properties"], at, prefix=prefix)
    return kind


def schema_of(kind: ObjectType, account: Account) -> Json:
    """Return the schema as the API shows it."""
    facts = kind.facts
    return {
        "id": kind.type_id.partition("-")[2],
        "objectTypeId": kind.type_id,
        "fullyQualifiedName": facts["qualified_name"],
        "name": facts["name"],
        "labels": facts["labels"],
        "description": facts["description"],
        "primaryDisplayProperty": facts["primary"],
        "secondaryDisplayProperties": facts["secondary"],
        "searchableProperties": facts["searchable"],
        "requiredProperties": list(kind.required),
        "properties": [one.shown() for one in kind.definitions.values() if not one.archived_at],
        "associations": _associations_of(kind, account.associations),
        "allowsSensitiveProperties": False,
        "archived": False,
        "createdAt": facts["created_at"],
        "updatedAt": facts["updated_at"],
        "portalId": account.id,
    }


def change_schema(kind: ObjectType, body: Json, at: Moment) -> None:
    """Take over what a PATCH may change. Raises ValueError for unknown properties."""
    for key, fact in (("primaryDisplayProperty", "primary"), ("labels", "labels"), ("description", "description")):
        if key in body:
            kind.facts[fact] = body[key]
    for key, fact in (("secondaryDisplayProperties", "secondary"), ("searchableProperties", "searchable")):
        if key in body:
            kind.facts[fact] = _known(kind, body[key])
    if "requiredProperties" in body:
        kind.required = tuple(_known(kind, body["requiredProperties"]))
    kind.facts["updated_at"] = at.text
    kind.changes += 1


def is_app_object(kind: ObjectType) -> bool:
    """Tell whether the application's project brought the type."""
    return kind.facts.get("origin") == APP


def _next_type_id(account: Account) -> str:
    first = _FIRST_TYPE + account.id % 1_000 * 100
    taken = [int(one.removeprefix("2-")) for one in account.types if one.startswith("2-")]
    return f"2-{max(taken, default=first) + 1}"


def _app_scopes(qualified: str) -> Scopes:
    objects, schemas = f"crm.app.objects.{qualified}", f"crm.app.schemas.{qualified}"
    return Scopes(
        read=f"{objects}.view",
        create=f"{objects}.create",
        update=f"{objects}.edit",
        archive=f"{objects}.delete",
        schema_read=f"{schemas}.read {objects}.view",
        schema_write=f"{schemas}.properties.write",
    )


def _kind(*, type_id: str, name: str, alias: str, scopes: Scopes, body: Json, at: Moment, origin: str) -> ObjectType:
    facts: dict[str, Any] = {
        "origin": origin,
        "name": name,
        "qualified_name": alias,
        "labels": body["labels"],
        "description": str(body.get("description") or ""),
        "primary": body.get("primaryDisplayProperty"),
        "secondary": body.get("secondaryDisplayProperties") or [],
        "searchable": body.get("searchableProperties") or [],
        "created_at": at.text,
        "updated_at": at.text,
    }
    kind = ObjectType(
        type_id=type_id,
        # An account may have a custom object with the name of an app object.
        name=alias if origin == APP else name,
        aliases=(alias,),
        scopes=scopes,
        first_id=_FIRST_RECORD,
        default_properties=("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
        required=tuple(body.get("requiredProperties") or ()),
        facts=facts,
    )
    kind.add_group(Group(_group(kind), f"{body['labels'].get('singular', name)} information"))
    return kind


def _define(kind: ObjectType, bodies: list[Json], at: Moment, *, prefix: str) -> None:
    group = _group(kind)
    for name, label, type_name, field_type in _OWN_PROPERTIES:
        kind.define(
            Definition(
                name,
                label,
                type_name,
                field_type,
                group,
                is_read_only=True,
                is_hubspot_defined=True,
                created_at=at.text,
                updated_at=at.text,
            )
        )
    kind.define(
        Definition(
            "hubspot_owner_id",
            f"{kind.facts['labels']['singular']} owner",
            "enumeration",
            "select",
            group,
            has_external_options=True,
            referenced_object_type="OWNER",
            is_hubspot_defined=True,
            created_at=at.text,
            updated_at=at.text,
        )
    )
    for body in bodies:
        wanted = {"groupName": group} | body
        kind.define(definition_of(wanted, groups=kind.groups, at=at.text, prefix=prefix))
    _known(kind, [*kind.required, *kind.facts["secondary"], *kind.facts["searchable"]])


def _known(kind: ObjectType, names: list[str]) -> list[str]:
    unknown = [name for name in names if name not in kind.definitions]
    if unknown:
        raise ValueError(f"There are no properties {', '.join(unknown)}.")
    return list(names)


def _associations_of(kind: ObjectType, associations: Associations) -> list[Json]:
    shown = []
    for partner in associations.partners(kind.type_id):
        for start, to in ((kind.type_id, partner), (partner, kind.type_id)):
            default = associations.kinds(start, to)[0]
            shown.append(
                {
                    "id": str(default.type_id),
                    "fromObjectTypeId": start,
                    "toObjectTypeId": to,
                    "name": f"{start}_to_{to}",
                }
            )
    return shown


def _group(kind: ObjectType) -> str:
    return f"{kind.facts['name']}_information"


def _require(body: Json, **wanted: type) -> None:
    missing = [key for key, kind in wanted.items() if not isinstance(body.get(key), kind)]
    if missing:
        raise ValueError(f"Missing or malformed fields: {', '.join(missing)}.")
