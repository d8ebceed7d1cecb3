"""Batches of up to 100 records: read, create, update, upsert and archive ("Using object APIs").

A write is first checked whole. A row that cannot be written fails alone when it carries an `objectWriteTraceId`,
otherwise it fails the batch, of which nothing is written then.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from integrations.sandbox.hubspot import rows
from integrations.sandbox.hubspot.calls import Call, dated
from integrations.sandbox.hubspot.errors import Json, Unacceptable, invalid, some_not_found
from integrations.sandbox.hubspot.object_calls import changed_values, link, links_of, new_values
from integrations.sandbox.hubspot.objects import ObjectType
from integrations.sandbox.hubspot.records import OBJECT_ID, Record
from integrations.sandbox.hubspot.standard import CONTACTS, EMAIL
from integrations.sandbox.wire import Response, Route

_FAILING_ROWS = 10  # of so many rows one fails while the fault "partial" is on


class BatchCalls:
    """The endpoints under /crm/objects/{version}/{type}/batch."""

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        deeds = {
            "read": self.read,
            "create": self.create,
            "update": self.update,
            "upsert": self.upsert,
            "archive": self.archive,
        }
        return [dated("POST", f"/crm/objects/{{version}}/{{type}}/batch/{deed}", do) for deed, do in deeds.items()]

    def read(self, call: Call, type_name: str) -> Response:
        """Return the records that are there, in the order of their ids, and one error row for all others."""
        kind = call.kind(type_name)
        call.require(kind.scopes.read)
        body = call.body()
        asked = dict.fromkeys(rows.ids_of(rows.inputs_of(body)))
        id_property = _id_property(kind, str(body.get("idProperty") or ""))
        found = {one: _record(kind, one, id_property, is_archived=call.wants_archived()) for one in asked}
        missing = [one for one, record in found.items() if record is None]
        names = rows.with_own(kind, body.get("properties") or kind.default_properties)
        records = {record.id: record for record in found.values() if record}
        results = [rows.shown(kind, records[one], names) for one in sorted(records, key=int)]
        problems = [some_not_found(kind.name, missing)] if missing else []
        return rows.batch(results, problems, began=call.at.text, ended=call.at.text)

    def create(self, call: Call, type_name: str) -> Response:
        """Enter records, with their associations."""
        kind = call.kind(type_name)
        call.require(kind.scopes.create)
        write = _Write(call, kind)
        for row in rows.inputs_of(call.body()):
            write.prepare(row, partial(_creation, write, row))
        return write.answer(status=201)

    def update(self, call: Call, type_name: str) -> Response:
        """Set properties of records by id or by a unique property."""
        kind = call.kind(type_name)
        call.require(kind.scopes.update)
        inputs, ids, id_property = _identified(call, kind)
        if kind.type_id == CONTACTS and id_property == EMAIL:
            raise _not_unique(kind)
        write = _Write(call, kind)
        for row, one in zip(inputs, ids, strict=True):
            record = _record(kind, one, id_property)
            if record is None:
                write.missing.append((one, row))
            else:
                write.prepare(row, partial(_update, write, row, record))
        return write.answer()

    def upsert(self, call: Call, type_name: str) -> Response:
        """Set properties of the records with these unique values, and enter those that nobody has."""
        kind = call.kind(type_name)
        call.require(kind.scopes.create)
        call.require(kind.scopes.update)
        inputs, ids, id_property = _identified(call, kind)
        if id_property == OBJECT_ID:
            raise _not_unique(kind)
        # "Partial upserts are not supported" by e-mail address.
        write = _Write(call, kind, is_whole=kind.type_id == CONTACTS and id_property == EMAIL)
        for row, one in zip(inputs, ids, strict=True):
            write.prepare(row, partial(_upsert, write, row, id_property, one))
        return write.answer()

    def archive(self, call: Call, type_name: str) -> Response:
        """Put records into the bin; those that are not there are no error."""
        kind = call.kind(type_name)
        call.require(kind.scopes.archive)
        ids = rows.ids_of(rows.inputs_of(call.body()))
        rows.refuse_repeated(ids)
        for record in [kind.get(one) for one in ids]:
            if record:
                kind.archive(record, call.at)
        return Response(204)


# What is left to do for a row that can be written: do it, and return its result.
Deed = Callable[[], Json]


@dataclass(slots=True)
class _Write:
    """One batch that writes; `is_whole` when no row may fail alone."""

    call: Call
    kind: ObjectType
    is_whole: bool = False
    missing: list[tuple[str, Json]] = field(default_factory=list)
    _deeds: list[Deed] = field(default_factory=list)
    _problems: list[Json] = field(default_factory=list)
    _claimed: set[tuple[str, str]] = field(default_factory=set)
    _count: int = 0

    def prepare(self, row: Json, check: Callable[[], Deed]) -> None:
        """Check one row. Raises Refused when it cannot be written and fails the whole batch."""
        self._count += 1
        try:
            if self.call.request.fault == "partial" and self._count % _FAILING_ROWS == 1:
                raise Unacceptable(500, "INTERNAL_ERROR", "There was a problem with this row.")
            self._deeds.append(check())
        except Unacceptable as problem:
            trace_id = row.get("objectWriteTraceId")
            if self.is_whole or not trace_id:
                raise problem.refused() from problem
            self._problems.append(problem.row(str(trace_id)))

    def claim(self, properties: dict[str, str], record: Record | None = None) -> None:
        """Raise Unacceptable when another record, or another row of the batch, has one of the unique values."""
        self.kind.unique.check(properties, record.id if record else None)
        claims = self.kind.unique.claims(properties)
        if any(claim in self._claimed for claim in claims):
            raise Unacceptable(409, "CONFLICT", "Another input of this batch has the same unique value.")
        self._claimed.update(claims)

    def answer(self, *, status: int = 200) -> Response:
        """Write what can be written and tell the rest; the results are in no order of the inputs."""
        results = [deed() for deed in self._deeds]
        results.reverse()
        if self.missing:
            entry = some_not_found(self.kind.name, [one for one, _ in self.missing])
            trace_ids = [row["objectWriteTraceId"] for _, row in self.missing if row.get("objectWriteTraceId")]
            if trace_ids:
                entry["context"]["objectWriteTraceId"] = trace_ids
            self._problems.append(entry)
        at = self.call.at.text
        return rows.batch(results, self._problems, began=at, ended=at, status=status)

    def result(self, row: Json, record: Record, written: dict[str, str]) -> Json:
        """Return the result of one row: what was written, the id and both dates."""
        kind = self.kind
        shown = rows.shown(kind, record, [*written, OBJECT_ID, kind.created_property, kind.modified_property])
        if trace_id := row.get("objectWriteTraceId"):
            shown["objectWriteTraceId"] = trace_id
        return shown


def _creation(write: _Write, row: Json, more: dict[str, str] | None = None) -> Deed:
    call, kind = write.call, write.kind
    properties = new_values(call, kind, row, more)
    links = links_of(call, kind, row)
    write.claim(properties)

    def enter() -> Json:
        record = kind.add(properties, call.at)
        link(call, kind, record, links)
        return write.result(row, record, properties)

    return enter


def _update(write: _Write, row: Json, record: Record) -> Deed:
    properties = changed_values(write.call, write.kind, row, record)
    write.claim(properties, record)

    def change() -> Json:
        write.kind.change(record, properties, write.call.at)
        return write.result(row, record, properties)

    return change


def _upsert(write: _Write, row: Json, id_property: str, value: str) -> Deed:
    record = write.kind.by_value(id_property, value)
    more = {id_property: value} if id_property not in row.get("properties", {}) else {}
    deed = _update(write, row, record) if record else _creation(write, row, more)
    return lambda: deed() | {"new": record is None}


def _identified(call: Call, kind: ObjectType) -> tuple[list[Json], list[str], str]:
    """Return the inputs, their ids and the property that these are values of. Raises Refused."""
    inputs = rows.inputs_of(call.body())
    names = {str(row.get("idProperty") or OBJECT_ID) for row in inputs}
    if len(names) > 1:
        raise invalid("All inputs of a batch need the same idProperty.")
    ids = rows.ids_of(inputs)
    rows.refuse_repeated(ids)
    return inputs, ids, _id_property(kind, names.pop())


def _id_property(kind: ObjectType, name: str) -> str:
    if name in ("", OBJECT_ID):
        return OBJECT_ID
    if not kind.is_unique(name):
        raise _not_unique(kind)
    return name


def _record(kind: ObjectType, value: str, id_property: str, *, is_archived: bool = False) -> Record | None:
    """Return a record by its own id or a unique value: in batches the ids of merged records lead nowhere."""
    if id_property != OBJECT_ID:
        return kind.by_value(id_property, value)
    return kind.archived.get(value) if is_archived else kind.get(value)


def _not_unique(kind: ObjectType) -> Exception:
    return invalid(f"Unable to perform update/upsert by non-unique {kind.type_id} property")
