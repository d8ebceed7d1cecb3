"""Single records: list, read, create, change and archive ("Using object APIs")."""

from collections.abc import Mapping
from typing import Any

from integrations.sandbox.hubspot import rows, values
from integrations.sandbox.hubspot.calls import Call, dated
from integrations.sandbox.hubspot.errors import Json, Unacceptable, invalid, not_found
from integrations.sandbox.hubspot.objects import ObjectType
from integrations.sandbox.hubspot.records import Record
from integrations.sandbox.wire import Response, Route, json_response

_DEFAULT_LIMIT, _MOST = 10, 100
_MOST_WITH_HISTORY = 50


class ObjectCalls:
    """The endpoints under /crm/objects/{version}/{type}."""

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        one = "/crm/objects/{version}/{type}/{id}"
        return [
            dated("GET", "/crm/objects/{version}/{type}", self.page),
            dated("POST", "/crm/objects/{version}/{type}", self.create),
            dated("GET", one, self.read),
            dated("PATCH", one, self.change),
            dated("DELETE", one, self.archive),
        ]

    def page(self, call: Call, type_name: str) -> Response:
        """Return one page of living or of archived records; the cursor is the id with which the next one begins."""
        kind = call.kind(type_name)
        call.require(kind.scopes.read)
        most = _MOST_WITH_HISTORY if call.names("propertiesWithHistory") else _MOST
        limit = call.number("limit", default=_DEFAULT_LIMIT, most=most)
        after = call.request.query.get("after", "0")
        if not after.isdigit():
            raise invalid("The cursor `after` is not one that a list gave.")
        if call.wants_archived():
            records, following = _archived_page(kind, int(after), limit)
        else:
            records, following = kind.page(int(after), limit)
        body: Json = {"results": [_row(call, kind, record) for record in records]}
        if following:
            link = f"https://api.hubapi.com{call.request.path}?limit={limit}&after={following}"
            body["paging"] = {"next": {"after": following, "link": link}}
        return json_response(body)

    def read(self, call: Call, type_name: str, object_id: str) -> Response:
        """Return one record by id or by a unique property; the id of a merged record leads to the surviving one."""
        kind = call.kind(type_name)
        call.require(kind.scopes.read)
        return json_response(_row(call, kind, _found(call, kind, object_id)))

    def create(self, call: Call, type_name: str) -> Response:
        """Enter one record."""
        kind = call.kind(type_name)
        call.require(kind.scopes.create)
        body = call.body()
        try:
            properties = new_values(call, kind, body)
            links = links_of(call, kind, body)
            record = kind.add(properties, call.at)
        except Unacceptable as problem:
            raise problem.refused() from problem
        link(call, kind, record, links)
        return json_response(rows.shown(kind, record, rows.with_own(kind, properties)), 201)

    def change(self, call: Call, type_name: str, object_id: str) -> Response:
        """Set properties of one record."""
        kind = call.kind(type_name)
        call.require(kind.scopes.update)
        record = _found(call, kind, object_id)
        try:
            properties = changed_values(call, kind, call.body(), record)
            kind.change(record, properties, call.at)
        except Unacceptable as problem:
            raise problem.refused() from problem
        return json_response(rows.shown(kind, record, rows.with_own(kind, properties)))

    def archive(self, call: Call, type_name: str, object_id: str) -> Response:
        """Put a record into the bin; one that is not there is no error."""
        kind = call.kind(type_name)
        call.require(kind.scopes.archive)
        if record := kind.get(object_id):
            kind.archive(record, call.at)
        return Response(204)


def new_values(
    call: Call, kind: ObjectType, body: Mapping[str, Any], more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the checked values of a new record, what the account's admin requires included. Raises Unacceptable."""
    required = (*kind.required, *call.account.rules.required_on_create.get(kind.type_id, ()))
    return values.accepted(
        kind,
        _properties(body) | dict(more or {}),
        account_id=call.account.id,
        owner_ids=call.account.owner_ids(),
        required=required,
    )


def changed_values(call: Call, kind: ObjectType, body: Mapping[str, Any], record: Record) -> dict[str, str]:
    """Return the checked values for a record. Raises Unacceptable."""
    return values.accepted(
        kind,
        _properties(body),
        account_id=call.account.id,
        owner_ids=call.account.owner_ids(),
        current=record.properties,
    )


Link = tuple[str, str, int]


def links_of(call: Call, kind: ObjectType, body: Mapping[str, Any]) -> list[Link]:
    """Return type, id and kind of association for everything that a new record is to be associated with.

    Raises Unacceptable.
    """
    links: list[Link] = []
    for wanted in body.get("associations") or ():
        to_id = str(wanted.get("to", {}).get("id", ""))
        for spec in wanted.get("types") or ():
            type_id = spec.get("associationTypeId")
            partner = _partner(call, kind, type_id)
            if partner is None:
                raise Unacceptable(400, "VALIDATION_ERROR", f"No association type {type_id} starts at {kind.name}.")
            if partner.get(to_id) is None:
                raise Unacceptable(
                    404, "OBJECT_NOT_FOUND", f"The {partner.name} {to_id} does not exist.", context={"id": [to_id]}
                )
            links.append((partner.type_id, to_id, type_id))
    return links


def link(call: Call, kind: ObjectType, record: Record, links: list[Link]) -> None:
    """Associate a new record."""
    for type_id, to_id, association in links:
        call.account.associations.link(kind.type_id, record.id, type_id, to_id, {association})


def _partner(call: Call, kind: ObjectType, type_id: Any) -> ObjectType | None:
    """Return the object type to which this kind of association leads."""
    associations = call.account.associations
    for name in associations.partners(kind.type_id):
        if any(known.type_id == type_id for known in associations.kinds(kind.type_id, name)):
            return call.account.find_type(name)
    return None


def _properties(body: Mapping[str, Any]) -> dict[str, Any]:
    properties = body.get("properties", {})
    if not isinstance(properties, dict):
        raise invalid("Invalid input JSON: properties has to be an object.")
    return properties


def _found(call: Call, kind: ObjectType, object_id: str) -> Record:
    id_property = call.request.query.get("idProperty", "")
    if id_property and id_property != "hs_object_id" and not kind.is_unique(id_property):
        raise invalid(f"{id_property} is not a unique property of {kind.type_id}.")
    record = kind.archived.get(object_id) if call.wants_archived() else kind.find(object_id, id_property)
    if record is None:
        raise not_found(f"Object not found. No {kind.name} has the id {object_id}.")
    return record


def _row(call: Call, kind: ObjectType, record: Record) -> Json:
    names = rows.with_defaults(kind, call.names("properties"))
    row = rows.with_url(call.account, kind, record, rows.shown(kind, record, names))
    if types := call.names("associations"):
        found = rows.associated(call.account, kind, record, types)
        row |= {"associations": found} if found else {}
    return row


def _archived_page(kind: ObjectType, after: int, limit: int) -> tuple[list[Record], str]:
    later = sorted((one for one in kind.archived.values() if int(one.id) >= after), key=lambda one: int(one.id))
    following = later[limit : limit + 1]
    return later[:limit], following[0].id if following else ""
