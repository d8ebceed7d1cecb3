"""Records and batches as the API shows them ("Using object APIs")."""

from collections import Counter
from collections.abc import Iterable, Sequence

from integrations.sandbox.hubspot.accounts import Account
from integrations.sandbox.hubspot.errors import Json, error, invalid
from integrations.sandbox.hubspot.objects import ObjectType
from integrations.sandbox.hubspot.records import OBJECT_ID, Record
from integrations.sandbox.wire import Response, json_response

MOST_INPUTS = 100


def shown(kind: ObjectType, record: Record, names: Iterable[str]) -> Json:
    """Return a record with these properties, null for those that are not set."""
    row: Json = {
        "id": record.id,
        "properties": {name: kind.value(record, name) for name in names},
        "createdAt": record.created_at,
        "updatedAt": record.updated_at,
        "archived": bool(record.archived_at),
    }
    if record.archived_at:
        row["archivedAt"] = record.archived_at
    return row


def with_defaults(kind: ObjectType, asked: Iterable[str]) -> list[str]:
    """Return the names of properties to show: what was asked for and exists, and what always comes."""
    known = (name for name in asked if kind.definition(name))
    return sorted({*kind.default_properties, *known})


def with_own(kind: ObjectType, asked: Iterable[str]) -> list[str]:
    """Return the names of properties that batches show: what was asked for and exists, the id and both dates."""
    known = (name for name in asked if kind.definition(name))
    return sorted({OBJECT_ID, kind.created_property, kind.modified_property, *known})


def with_url(account: Account, kind: ObjectType, record: Record, row: Json) -> Json:
    """Return the row of a single record or a list, which tells where the record's page is."""
    return row | {"url": account.record_url(kind.type_id, record.id)}


def associated(account: Account, kind: ObjectType, record: Record, types: Sequence[str]) -> Json:
    """Return the records of these types that a record is associated with, by the name that was asked for."""
    found: Json = {}
    for name in types:
        partner = account.find_type(name)
        if partner is None:
            raise invalid(f"Unable to infer object type from: {name}")
        links = account.associations.of(kind.type_id, record.id, partner.type_id)
        if links:
            entries = [{"id": to_id, "type": f"{kind.name}_to_{partner.name}"} for to_id, _ in links]
            found[name] = {"results": entries}
    return found


def inputs_of(body: Json) -> list[Json]:
    """Return the inputs of a batch. Raises Refused when there are none, too many, or no objects."""
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not inputs or not all(isinstance(one, dict) for one in inputs):
        raise invalid("Invalid input JSON: inputs has to be a list of objects that is not empty.")
    if len(inputs) > MOST_INPUTS:
        raise error(
            400, "VALIDATION_ERROR", f"A batch may have {MOST_INPUTS} inputs at most, this one has {len(inputs)}."
        )
    return inputs


def ids_of(inputs: Iterable[Json]) -> list[str]:
    """Return the ids of a batch. Raises Refused when one is missing."""
    ids = [one.get("id") for one in inputs]
    if not all(isinstance(one, str | int) and str(one) for one in ids):
        raise invalid("Invalid input JSON: every input needs an id.")
    return [str(one) for one in ids]


def refuse_repeated(ids: Iterable[str]) -> None:
    """Raise Refused when an id comes twice."""
    twice = [one for one, count in Counter(ids).items() if count > 1]
    if twice:
        raise invalid(f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique")


def batch(results: list[Json], problems: list[Json], *, began: str, ended: str, status: int = 200) -> Response:
    """Return the answer of a batch; with problems its status is 207."""
    body: Json = {"status": "COMPLETE", "results": results, "startedAt": began, "completedAt": ended}
    if problems:
        body |= {"numErrors": len(problems), "errors": problems}
    return json_response(body, 207 if problems else status)
