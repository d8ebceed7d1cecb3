"""The endpoints of associations between records (guides "Associate records" and "Associations schema")."""

import json
from collections.abc import Callable
from typing import Any

from integrations.sandbox.hubspot.associations import CATEGORIES
from integrations.sandbox.hubspot.calls import Call, dated, whole_number
from integrations.sandbox.hubspot.errors import Json, error, invalid
from integrations.sandbox.hubspot.objects import ObjectType
from integrations.sandbox.wire import Response, Route, json_response

MOST_READ, MOST_WRITTEN = 1_000, 2_000
_PAGE = 500  # associated records of one record in an answer
_BATCH = "/crm/associations/{version}/{a}/{b}"
_ONE = "/crm/objects/{version}/{a}/{a_id}/associations"


class AssociationCalls:
    """One method per endpoint; `start` and `to` are names of object types."""

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        return [
            dated("POST", f"{_BATCH}/batch/read", self.read),
            dated("POST", f"{_BATCH}/batch/create", self.create),
            dated("POST", f"{_BATCH}/batch/associate/default", self.associate),
            dated("POST", f"{_BATCH}/batch/archive", self.archive),
            dated("POST", f"{_BATCH}/batch/labels/archive", self.archive_labels),
            dated("GET", f"{_BATCH}/labels", self.labels),
            dated("POST", f"{_BATCH}/labels", self.add_label),
            dated("GET", f"{_ONE}/{{b}}", self.of_one),
            dated("PUT", f"{_ONE}/default/{{b}}/{{b_id}}", self.associate_one),
            dated("PUT", f"{_ONE}/{{b}}/{{b_id}}", self.create_one),
            dated("DELETE", f"{_ONE}/{{b}}/{{b_id}}", self.archive_one),
        ]

    def read(self, call: Call, start: str, to: str) -> Response:
        """Return what records are associated with; those without anything appear as errors only."""
        one, other = _types(call, start, to, writes=False)
        results, errors = [], []
        for given in _inputs(call, MOST_READ):
            object_id = str(given.get("id", ""))
            linked = _linked(call, one, object_id, other)
            if not linked:
                errors.append(_nothing_associated(one, object_id, other))
                continue
            first = whole_number(given.get("after"), "after", default=0, most=10**9)
            results.append({"from": {"id": object_id}} | _page(linked, first, "to"))
        return _batch(call, results, errors)

    def create(self, call: Call, start: str, to: str) -> Response:
        """Associate pairs of records by the kinds that each pair names."""
        one, other = _types(call, start, to, writes=True)
        return _each(call, one, other, lambda given: _linked_by(call, one, other, given, _type_ids(given)), status=201)

    def associate(self, call: Call, start: str, to: str) -> Response:
        """Associate pairs of records by the default kind."""
        one, other = _types(call, start, to, writes=True)
        return _each(call, one, other, lambda given: _linked_by_default(call, one, other, given), status=200)

    def archive(self, call: Call, start: str, to: str) -> Response:
        """End every association of pairs; here `to` is a list."""
        one, other = _types(call, start, to, writes=True)
        for given in _inputs(call, MOST_WRITTEN):
            partners = given.get("to")
            if not isinstance(partners, list):
                raise invalid("Invalid input JSON: to has to be a list.")
            for partner in partners:
                call.account.associations.unlink(one.type_id, _id(given.get("from")), other.type_id, _id(partner))
        return Response(204)

    def archive_labels(self, call: Call, start: str, to: str) -> Response:
        """Take the named kinds away from pairs."""
        one, other = _types(call, start, to, writes=True)
        for given in _inputs(call, MOST_WRITTEN):
            type_ids = _known_type_ids(call, one, other, _type_ids(given))
            call.account.associations.unlink(
                one.type_id, _id(given.get("from")), other.type_id, _id(given.get("to")), type_ids
            )
        return Response(204)

    def labels(self, call: Call, start: str, to: str) -> Response:
        """Return the kinds of associations in this direction."""
        one, other = _types(call, start, to, writes=False)
        kinds = call.account.associations.kinds(one.type_id, other.type_id)
        return json_response({"results": [kind.shown() for kind in kinds]})

    def add_label(self, call: Call, start: str, to: str) -> Response:
        """Add a kind with a label."""
        one, other = _types(call, start, to, writes=True)
        body = call.body()
        if not body.get("label") or not body.get("name"):
            raise invalid("A label and a name are required.")
        label = str(body["label"])
        made = call.account.associations.add_label(
            one.type_id, other.type_id, label, str(body.get("inverseLabel") or label)
        )
        return json_response({"results": [kind.shown() for kind in made]})

    def of_one(self, call: Call, start: str, object_id: str, to: str) -> Response:
        """Return what one record is associated with, a page at a time."""
        one, other = _types(call, start, to, writes=False)
        _demand_record(one, object_id)
        limit = call.number("limit", default=_PAGE, most=_PAGE)
        first = call.number("after", default=0, most=10**9) if call.request.query.get("after") else 0
        return json_response(_page(_linked(call, one, object_id, other), first, "results", limit))

    def associate_one(self, call: Call, start: str, object_id: str, to: str, other_id: str) -> Response:
        """Associate two records by the default kind."""
        one, other = _types(call, start, to, writes=True)
        given = {"from": {"id": object_id}, "to": {"id": other_id}}
        _demand_record(one, object_id)
        _demand_record(other, other_id)
        return _batch(call, [_linked_by_default(call, one, other, given)], [])

    def create_one(self, call: Call, start: str, object_id: str, to: str, other_id: str) -> Response:
        """Associate two records by kinds; the body is a list of them."""
        one, other = _types(call, start, to, writes=True)
        _demand_record(one, object_id)
        _demand_record(other, other_id)
        given = {"from": {"id": object_id}, "to": {"id": other_id}, "types": _listed(call)}
        return json_response(_linked_by(call, one, other, given, _type_ids(given)), 201)

    def archive_one(self, call: Call, start: str, object_id: str, to: str, other_id: str) -> Response:
        """End every association of two records."""
        one, other = _types(call, start, to, writes=True)
        call.account.associations.unlink(one.type_id, object_id, other.type_id, other_id)
        return Response(204)


def _types(call: Call, start: str, to: str, *, writes: bool) -> tuple[ObjectType, ObjectType]:
    """Return both types. Raises Refused when the scopes do not suffice or the types cannot be associated."""
    one, other = call.kind(start), call.kind(to)
    for kind in (one, other):
        call.require(kind.scopes.update if writes else kind.scopes.read)
    if not call.account.associations.kinds(one.type_id, other.type_id):
        raise invalid(f"No association types exist between {one.name} and {other.name}.")
    return one, other


def _inputs(call: Call, most: int) -> list[Json]:
    inputs = call.body().get("inputs")
    if not isinstance(inputs, list) or not inputs or not all(isinstance(one, dict) for one in inputs):
        raise invalid("Invalid input JSON: inputs has to be a list of objects.")
    if len(inputs) > most:
        raise invalid(f"Batch size is limited to {most} inputs; {len(inputs)} were given.")
    return inputs


def _each(call: Call, one: ObjectType, other: ObjectType, link: Callable[[Json], Json], *, status: int) -> Response:
    """Link every pair whose records exist; the others are named as errors."""
    results: list[Json] = []
    errors: list[Json] = []
    for given in _inputs(call, MOST_WRITTEN):
        missing = [
            (kind, object_id, side)
            for kind, side in ((one, "from"), (other, "to"))
            if kind.get(object_id := _id(given.get(side))) is None
        ]
        if missing:
            errors.extend(_no_record(*one_missing) for one_missing in missing)
        else:
            results.append(link(given))
    return _batch(call, results, errors, status=status)


def _linked_by(call: Call, one: ObjectType, other: ObjectType, given: Json, type_ids: set[int]) -> Json:
    known = _known_type_ids(call, one, other, type_ids)
    start_id, to_id = _id(given["from"]), _id(given["to"])
    call.account.associations.link(one.type_id, start_id, other.type_id, to_id, known)
    kinds = call.account.associations.kinds(one.type_id, other.type_id)
    return {
        "fromObjectTypeId": one.type_id,
        "fromObjectId": start_id,
        "toObjectTypeId": other.type_id,
        "toObjectId": to_id,
        "labels": [kind.label for kind in kinds if kind.type_id in known and kind.label],
    }


def _linked_by_default(call: Call, one: ObjectType, other: ObjectType, given: Json) -> Json:
    default = call.account.associations.kinds(one.type_id, other.type_id)[0]
    start_id, to_id = _id(given["from"]), _id(given["to"])
    call.account.associations.link(one.type_id, start_id, other.type_id, to_id, {default.type_id})
    return {"from": {"id": start_id}, "to": {"id": to_id}, "associationSpec": default.spec()}


def _known_type_ids(call: Call, one: ObjectType, other: ObjectType, type_ids: set[int]) -> set[int]:
    known = {kind.type_id for kind in call.account.associations.kinds(one.type_id, other.type_id)}
    if unknown := type_ids - known:
        raise invalid(f"{sorted(unknown)[0]} is no association type from {one.name} to {other.name}.")
    return type_ids


def _type_ids(given: Json) -> set[int]:
    types = given.get("types")
    if not isinstance(types, list) or not types:
        raise invalid("Every pair has to name the types of its association.")
    try:
        if not all(one["associationCategory"] in CATEGORIES for one in types):
            raise invalid(f"The categories are {', '.join(CATEGORIES)}.")
        return {int(one["associationTypeId"]) for one in types}
    except (KeyError, TypeError, ValueError):
        raise invalid("A type is an object with associationCategory and associationTypeId.") from None


def _listed(call: Call) -> Any:
    try:
        return json.loads(call.request.body)
    except ValueError:
        raise invalid("Invalid input JSON: the body has to be a list.") from None


def _id(given: Any) -> str:
    if not isinstance(given, dict) or not given.get("id"):
        raise invalid("Every record is named by an object with its id.")
    return str(given["id"])


def _linked(call: Call, one: ObjectType, object_id: str, other: ObjectType) -> list[Json]:
    """Return the living records that one is associated with."""
    if one.get(object_id) is None:
        return []
    return [
        {
            "toObjectId": int(to_id),
            "associationTypes": [
                {"category": kind.category, "typeId": kind.type_id, "label": kind.label} for kind in kinds
            ],
        }
        for to_id, kinds in call.account.associations.of(one.type_id, object_id, other.type_id)
        if other.get(to_id)
    ]


def _page(linked: list[Json], first: int, key: str, limit: int = _PAGE) -> Json:
    page: Json = {key: linked[first : first + limit]}
    if len(linked) > first + limit:
        page["paging"] = {"next": {"after": str(first + limit), "link": f"?after={first + limit}"}}
    return page


def _demand_record(kind: ObjectType, object_id: str) -> None:
    if kind.get(object_id) is None:
        raise error(404, "OBJECT_NOT_FOUND", f"There is no {kind.name} {object_id}.")


def _nothing_associated(one: ObjectType, object_id: str, other: ObjectType) -> Json:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {other.name} is associated with {one.name} {object_id}.",
        "context": {"fromObjectId": [object_id], "fromObjectType": [one.name], "toObjectType": [other.name]},
    }


def _no_record(kind: ObjectType, object_id: str, side: str) -> Json:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": f"There is no {kind.name} {object_id}.",
        "context": {f"{side}ObjectId": [object_id], f"{side}ObjectType": [kind.name]},
    }


def _batch(call: Call, results: list[Json], errors: list[Json], *, status: int = 200) -> Response:
    body: Json = {"status": "COMPLETE", "results": results, "startedAt": call.at.text, "completedAt": call.at.text}
    if not errors:
        return json_response(body, status)
    return json_response(body | {"numErrors": len(errors), "errors": errors}, 207)
