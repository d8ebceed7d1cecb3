"""The endpoints of object schemas (page "Custom objects"); app objects are read here and declared in a project."""

from integrations.sandbox.hubspot.accounts import ENTERPRISE
from integrations.sandbox.hubspot.calls import Call, dated
from integrations.sandbox.hubspot.errors import error, invalid, not_found
from integrations.sandbox.hubspot.object_schemas import change_schema, custom_object, is_app_object, schema_of
from integrations.sandbox.hubspot.objects import ObjectType
from integrations.sandbox.wire import Response, Route, json_response

MOST_DEFINITIONS = 10
READ, WRITE = "crm.schemas.custom.read", "crm.schemas.custom.write"
_MANY = "/crm-object-schemas/{version}/schemas"
_ONE = f"{_MANY}/{{name}}"


class SchemaCalls:
    """One method per endpoint."""

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        return [
            dated("GET", _MANY, self.show_all),
            dated("POST", _MANY, self.create),
            dated("GET", _ONE, self.show),
            dated("PATCH", _ONE, self.change),
            dated("DELETE", _ONE, self.delete),
            dated("POST", f"{_ONE}/associations", self.associate),
        ]

    def show_all(self, call: Call) -> Response:
        """Return every custom object of the account, and the application's own one."""
        call.require(f"{READ} {WRITE}")
        kinds = [] if call.wants_archived() else _further(call)
        return json_response({"results": [schema_of(kind, call.account) for kind in kinds]})

    def show(self, call: Call, name: str) -> Response:
        """Return one, for whoever is installed at all."""
        kind = _find(call, name)
        return json_response(schema_of(kind, call.account))

    def create(self, call: Call) -> Response:
        """Define a custom object."""
        call.require(WRITE)
        account, body = call.account, call.body()
        if account.tier != ENTERPRISE:
            raise error(403, "FORBIDDEN", "This feature isn't available in your plan: custom objects.")
        custom = [kind for kind in _further(call) if not is_app_object(kind)]
        if len(custom) >= MOST_DEFINITIONS:
            raise invalid(f"The account has {MOST_DEFINITIONS} custom objects, which is the limit.")
        try:
            kind = custom_object(account, body, call.at)
            partners = [_partner(call, str(one)) for one in body["associatedObjects"]]
        except (KeyError, TypeError, ValueError) as problem:
            raise invalid(str(problem)) from problem
        if account.find_type(kind.aliases[0]) is not None:
            raise error(409, "OBJECT_ALREADY_EXISTS", f"An object with the name {kind.name} already exists.")
        account.add_type(kind)
        for partner in partners:
            account.associations.allow(kind.type_id, partner.type_id)
        return json_response(schema_of(kind, account), 201)

    def change(self, call: Call, name: str) -> Response:
        """Change labels and what is shown; names stay."""
        kind = _writable(call, name)
        try:
            change_schema(kind, call.body(), call.at)
        except ValueError as problem:
            raise invalid(str(problem)) from problem
        return json_response(schema_of(kind, call.account))

    def delete(self, call: Call, name: str) -> Response:
        """Delete a custom object without records."""
        kind = _writable(call, name)
        if len(kind):
            raise invalid(f"{kind.name} still has records: delete them first.")
        call.account.associations.forbid(kind.type_id)
        call.account.remove_type(kind.type_id)
        return Response(204)

    def associate(self, call: Call, name: str) -> Response:
        """Let a custom object be associated with one more type."""
        kind, body = _writable(call, name), call.body()
        partner = _partner(call, str(body.get("toObjectTypeId", "")))
        call.account.associations.allow(kind.type_id, partner.type_id)
        default = call.account.associations.kinds(kind.type_id, partner.type_id)[0]
        return json_response(
            {
                "id": str(default.type_id),
                "fromObjectTypeId": kind.type_id,
                "toObjectTypeId": partner.type_id,
                "name": body.get("name"),
                "createdAt": call.at.text,
                "updatedAt": call.at.text,
            },
            201,
        )


def _further(call: Call) -> list[ObjectType]:
    return [kind for kind in call.account.types.values() if not kind.is_standard]


def _find(call: Call, name: str) -> ObjectType:
    kind = call.account.find_type(name)
    if kind is None or kind.is_standard:
        raise not_found(f"There is no object type {name}.")
    return kind


def _writable(call: Call, name: str) -> ObjectType:
    call.require(WRITE)
    kind = _find(call, name)
    if is_app_object(kind):
        raise error(403, "FORBIDDEN", "App objects are changed in the project of their application.")
    return kind


def _partner(call: Call, name: str) -> ObjectType:
    """Return a type that custom objects may be associated with. Raises Refused: users are not among them."""
    kind = call.account.find_type(name)
    if kind is None or kind is call.account.users:
        raise invalid(f"Records of {name} cannot be associated with custom objects.")
    return kind
