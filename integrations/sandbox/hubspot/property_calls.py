"""Definitions of properties and their groups ("Properties")."""

from integrations.sandbox.hubspot import rows
from integrations.sandbox.hubspot.calls import Call, dated
from integrations.sandbox.hubspot.definitions import (
    MOST_UNIQUE,
    NAME,
    Definition,
    Group,
    changed_definition,
    definition_of,
)
from integrations.sandbox.hubspot.errors import Json, Unacceptable, error_row, invalid, not_found
from integrations.sandbox.hubspot.objects import ObjectType
from integrations.sandbox.wire import Response, Route, json_response

_ALL = "/crm/properties/{version}/{type}"


class PropertyCalls:
    """The endpoints under /crm/properties/{version}/{type}."""

    def routes(self) -> list[Route]:
        """Return the endpoints; groups and batches come before names that look like theirs."""
        return [
            dated("GET", f"{_ALL}/groups", self.groups),
            dated("POST", f"{_ALL}/groups", self.create_group),
            dated("GET", f"{_ALL}/groups/{{name}}", self.group),
            dated("PATCH", f"{_ALL}/groups/{{name}}", self.change_group),
            dated("DELETE", f"{_ALL}/groups/{{name}}", self.delete_group),
            dated("POST", f"{_ALL}/batch/create", self.create_batch),
            dated("POST", f"{_ALL}/batch/read", self.read_batch),
            dated("POST", f"{_ALL}/batch/archive", self.archive_batch),
            dated("GET", _ALL, self.page),
            dated("POST", _ALL, self.create),
            dated("GET", f"{_ALL}/{{name}}", self.read),
            dated("PATCH", f"{_ALL}/{{name}}", self.change),
            dated("DELETE", f"{_ALL}/{{name}}", self.archive),
        ]

    def page(self, call: Call, type_name: str) -> Response:
        """Return every definition of one sensitivity, without pages."""
        kind = _readable(call, type_name)
        sensitivity = call.request.query.get("dataSensitivity", "non_sensitive")
        results = [
            one.shown()
            for one in kind.definitions.values()
            if bool(one.archived_at) == call.wants_archived() and one.sensitivity == sensitivity
        ]
        return json_response({"results": results})

    def read(self, call: Call, type_name: str, name: str) -> Response:
        """Return one definition, of any sensitivity."""
        return json_response(_definition(call, _readable(call, type_name), name).shown())

    def create(self, call: Call, type_name: str) -> Response:
        """Add a property."""
        kind = _writable(call, type_name)
        try:
            definition = _add(call, kind, call.body())
        except Unacceptable as problem:
            raise problem.refused() from problem
        return json_response(definition.shown(), 201)

    def create_batch(self, call: Call, type_name: str) -> Response:
        """Add properties; those that cannot be added are among the errors."""
        kind = _writable(call, type_name)
        results, problems = [], []
        for body in rows.inputs_of(call.body()):
            try:
                results.append(_add(call, kind, body).shown())
            except Unacceptable as problem:
                problems.append(problem.row(None) | {"context": {"name": [str(body.get("name"))]}})
        return rows.batch(results, problems, began=call.at.text, ended=call.at.text, status=201)

    def read_batch(self, call: Call, type_name: str) -> Response:
        """Return the definitions with these names."""
        kind = _readable(call, type_name)
        names = [str(one.get("name")) for one in rows.inputs_of(call.body())]
        missing = [name for name in names if not kind.definition(name)]
        results = [found.shown() for name in names if (found := kind.definition(name))]
        problems = [_missing(missing)] if missing else []
        return rows.batch(results, problems, began=call.at.text, ended=call.at.text)

    def change(self, call: Call, type_name: str, name: str) -> Response:
        """Change what may be changed of a property."""
        kind = _writable(call, type_name)
        known = _definition(call, kind, name)
        try:
            definition = changed_definition(known, call.body(), groups=kind.groups, at=call.at.text)
        except ValueError as problem:
            raise invalid(str(problem)) from problem
        kind.define(definition)
        return json_response(definition.shown())

    def archive(self, call: Call, type_name: str, name: str) -> Response:
        """Archive a property; its values are no longer shown."""
        kind = _writable(call, type_name)
        _archive(call, kind, _definition(call, kind, name))
        return Response(204)

    def archive_batch(self, call: Call, type_name: str) -> Response:
        """Archive properties; names that nobody knows are no error."""
        kind = _writable(call, type_name)
        for one in rows.inputs_of(call.body()):
            if definition := kind.definition(str(one.get("name"))):
                _archive(call, kind, definition)
        return Response(204)

    def groups(self, call: Call, type_name: str) -> Response:
        """Return every group."""
        kind = _readable(call, type_name)
        return json_response({"results": [group.shown() for group in kind.groups.values()]})

    def group(self, call: Call, type_name: str, name: str) -> Response:
        """Return one group."""
        return json_response(_group(_readable(call, type_name), name).shown())

    def create_group(self, call: Call, type_name: str) -> Response:
        """Add a group."""
        kind, body = _writable(call, type_name), call.body()
        name, label = str(body.get("name") or ""), str(body.get("label") or "")
        if not NAME.fullmatch(name) or not label:
            raise invalid("A group needs a label, and a name of lower-case letters, digits and underscores.")
        if name in kind.groups:
            raise Unacceptable(409, "OBJECT_ALREADY_EXISTS", f"The property group '{name}' already exists.").refused()
        kind.add_group(Group(name, label, int(body.get("displayOrder", -1))))
        return json_response(kind.groups[name].shown(), 201)

    def change_group(self, call: Call, type_name: str, name: str) -> Response:
        """Change label and place of a group."""
        kind, body = _writable(call, type_name), call.body()
        known = _group(kind, name)
        order = int(body.get("displayOrder", known.display_order))
        kind.add_group(Group(name, str(body.get("label", known.label)), order))
        return json_response(kind.groups[name].shown())

    def delete_group(self, call: Call, type_name: str, name: str) -> Response:
        """Delete a group that holds no property."""
        kind = _writable(call, type_name)
        group = _group(kind, name)
        if group.is_seeded or any(one.group == name and not one.archived_at for one in kind.definitions.values()):
            raise invalid(f"The property group {name} still has properties.")
        kind.remove_group(name)
        return Response(204)


def _readable(call: Call, type_name: str) -> ObjectType:
    kind = call.kind(type_name)
    call.require(kind.scopes.schema_read)
    return kind


def _writable(call: Call, type_name: str) -> ObjectType:
    kind = call.kind(type_name)
    call.require(kind.scopes.schema_write)
    return kind


def _definition(call: Call, kind: ObjectType, name: str) -> Definition:
    definition = kind.definitions.get(name)
    if definition is None or bool(definition.archived_at) != call.wants_archived():
        raise not_found(f"The property {name} of {kind.type_id} does not exist.")
    return definition


def _group(kind: ObjectType, name: str) -> Group:
    if name not in kind.groups:
        raise not_found(f"The property group {name} does not exist.")
    return kind.groups[name]


def _add(call: Call, kind: ObjectType, body: Json) -> Definition:
    """Add the property that a body describes. Raises Unacceptable."""
    try:
        definition = definition_of(body, groups=kind.groups, at=call.at.text)
    except (TypeError, ValueError) as problem:
        raise Unacceptable(400, "VALIDATION_ERROR", str(problem)) from problem
    known = kind.definitions.get(definition.name)
    if known:
        state = "was archived with this name" if known.archived_at else "already exists"
        raise Unacceptable(409, "OBJECT_ALREADY_EXISTS", f"A property named '{definition.name}' {state}.")
    unique = [one for one in kind.definitions.values() if one.is_unique and not one.is_hubspot_defined]
    if definition.is_unique and len(unique) >= MOST_UNIQUE:
        raise Unacceptable(400, "VALIDATION_ERROR", f"{MOST_UNIQUE} properties with unique values are the most.")
    kind.define(definition)
    return definition


def _archive(call: Call, kind: ObjectType, definition: Definition) -> None:
    if definition.is_hubspot_defined:
        raise invalid(f"{definition.name} is defined by HubSpot and cannot be archived.")
    kind.define(definition.changed(archived_at=call.at.text))


def _missing(names: list[str]) -> Json:
    return error_row("OBJECT_NOT_FOUND", "Some properties do not exist.", context={"name": names})
