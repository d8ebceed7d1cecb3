"""Searching records, with its own limits, and late ("Search the CRM")."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from integrations.sandbox.hubspot import rows
from integrations.sandbox.hubspot.calls import Call, dated, whole_number
from integrations.sandbox.hubspot.definitions import Definition
from integrations.sandbox.hubspot.errors import Json, invalid
from integrations.sandbox.hubspot.objects import ObjectType
from integrations.sandbox.hubspot.records import Record
from integrations.sandbox.hubspot.state import HubSpot
from integrations.sandbox.wire import Response, Route, json_response

MOST_RESULTS = 10_000
_DEFAULT_LIMIT, _MOST = 10, 200
_MOST_GROUPS, _MOST_FILTERS, _MOST_IN_ALL = 5, 6, 18
_LONGEST_BODY = 3000
_SEARCHED = ("email", "firstname", "lastname", "phone", "company", "hs_email", "hs_searchable_calculated_name")

# What a record is found by: its properties as the index knows them.
Values = Callable[[str], str | None]
Test = Callable[[Values], bool]
Sortable = float | str


class Search:
    """The endpoint …/search of each object type; the limit of calls a second is counted before."""

    def __init__(self, hubspot: HubSpot) -> None:
        self._hubspot = hubspot

    def routes(self) -> list[Route]:
        """Return the endpoint."""
        return [dated("POST", "/crm/objects/{version}/{type}/search", self.search)]

    def search(self, call: Call, type_name: str) -> Response:
        """Return one page of the living records that fit, as they were some seconds ago."""
        kind = call.kind(type_name)
        call.require(kind.scopes.read)
        if len(call.request.body) > _LONGEST_BODY:
            raise invalid(f"The body of a search may have {_LONGEST_BODY} characters at most.")
        body = call.body()
        limit = whole_number(body.get("limit"), "limit", default=_DEFAULT_LIMIT, most=_MOST)
        after = _after(body, limit)
        fits = _test(kind, body)
        found = [record for record, values in self._indexed(kind, call) if fits(values)]
        _sort(kind, found, body)
        names = rows.with_defaults(kind, body.get("properties") or ())
        page = [rows.shown(kind, record, names) for record in found[after : after + limit]]
        answer: Json = {"total": len(found), "results": page}
        if after + limit < len(found):
            answer["paging"] = {"next": {"after": str(after + limit)}}
        return json_response(answer)

    def _indexed(self, kind: ObjectType, call: Call) -> Iterable[tuple[Record, Values]]:
        """Return the records that the index knows, each with what it knows of them."""
        known_until = call.at.seconds - self._hubspot.search_delay
        for record in kind:
            properties = record.properties if record.changed_at <= known_until else record.found_by
            if properties is not None:
                yield record, _Known(kind, record, properties)


@dataclass(slots=True)
class _Known:
    """Looks values up in what the index knows of a record."""

    kind: ObjectType
    record: Record
    properties: dict[str, str]

    def __call__(self, name: str) -> str | None:
        definition = self.kind.definitions[name]
        is_kept_apart = definition.is_read_only and name not in self.properties
        return self.kind.value(self.record, name) if is_kept_apart else self.properties.get(name)


def _after(body: Json, limit: int) -> int:
    after = str(body.get("after") or "0")
    if not after.isdigit():
        raise invalid("after has to be a whole number in a text.")
    if int(after) + limit > MOST_RESULTS:
        raise invalid(f"A search shows its first {MOST_RESULTS} results only.")
    return int(after)


def _test(kind: ObjectType, body: Json) -> Test:
    """Return the test that groups (any) of filters (all) and the words describe. Raises Refused."""
    groups = [group.get("filters") or [] for group in body.get("filterGroups") or []]
    total = sum(len(filters) for filters in groups)
    if len(groups) > _MOST_GROUPS or total > _MOST_IN_ALL or any(len(filters) > _MOST_FILTERS for filters in groups):
        raise invalid(
            f"A search may have {_MOST_GROUPS} groups, {_MOST_FILTERS} filters in a group and {_MOST_IN_ALL} in all."
        )
    tests = [[_filter(kind, one) for one in filters] for filters in groups]
    words = str(body.get("query") or "").casefold()
    searched = [name for name in _SEARCHED if kind.definition(name)]

    def fits(values: Values) -> bool:
        if words and not any(words in (values(name) or "").casefold() for name in searched):
            return False
        return not tests or any(all(test(values) for test in group) for group in tests)

    return fits


def _filter(kind: ObjectType, given: Json) -> Test:
    name, operator = str(given.get("propertyName")), str(given.get("operator"))
    definition = kind.definition(name)
    if definition is None:
        raise invalid(f"There was a problem with the request: property {name} does not exist.")
    if operator == "HAS_PROPERTY":
        return lambda values: bool(values(name))
    if operator == "NOT_HAS_PROPERTY":
        return lambda values: not values(name)
    if operator in ("IN", "NOT_IN"):
        return _among(definition, [str(one) for one in given.get("values") or ()], is_in=operator == "IN")
    if "value" not in given:
        raise invalid(f"The operator {operator} needs a value.")
    return _comparison(definition, operator, str(given["value"]), str(given.get("highValue", "")))


def _among(definition: Definition, wanted: list[str], *, is_in: bool) -> Test:
    name = definition.name
    # "IN" and "NOT_IN" need lower case for texts; enumerations are compared as they are.
    if definition.type == "string":
        return lambda values: (((values(name) or "").lower() in wanted) == is_in) and bool(values(name))
    return lambda values: ((values(name) in wanted) == is_in) and bool(values(name))


def _comparison(definition: Definition, operator: str, value: str, high: str) -> Test:
    name, wanted, highest = definition.name, _sortable(definition, value), _sortable(definition, high)
    compare = _COMPARISONS.get(operator)
    if compare is None:
        raise invalid(f"Unknown operator {operator}.")

    def fits(values: Values) -> bool:
        text = values(name)
        if text is None:
            return operator in ("NEQ", "NOT_CONTAINS_TOKEN")
        found = _sortable(definition, text)
        return type(found) is type(wanted) and compare(found, wanted, highest)

    return fits


def _contains(found: Sortable, wanted: Sortable, _: Sortable) -> bool:
    token = str(wanted).casefold()
    text = str(found).casefold()
    words = text.replace("@", " ").replace(".", " ").split()
    bare = token.strip("*")
    if token.startswith("*") or token.endswith("*"):
        return bare in text
    return bare in words or bare == text


_COMPARISONS: dict[str, Callable[[Sortable, Sortable, Sortable], bool]] = {
    "EQ": lambda found, wanted, _: found == wanted,
    "NEQ": lambda found, wanted, _: found != wanted,
    "LT": lambda found, wanted, _: found < wanted,  # type: ignore[operator]
    "LTE": lambda found, wanted, _: found <= wanted,  # type: ignore[operator]
    "GT": lambda found, wanted, _: found > wanted,  # type: ignore[operator]
    "GTE": lambda found, wanted, _: found >= wanted,  # type: ignore[operator]
    "BETWEEN": lambda found, low, high: low <= found <= high,  # type: ignore[operator]
    "CONTAINS_TOKEN": _contains,
    "NOT_CONTAINS_TOKEN": lambda found, wanted, high: not _contains(found, wanted, high),
}


def _sortable(definition: Definition, text: str) -> Sortable:
    """Return a value as it compares: numbers and times as numbers, everything else as text."""
    if definition.type == "number":
        return _number(text)
    if definition.type in ("date", "datetime"):
        return _number(text) if text.lstrip("-").isdigit() else _milliseconds(text)
    return text.lower() if definition.name in ("email", "hs_email") else text


def _number(text: str) -> Sortable:
    try:
        return float(text)
    except ValueError:
        return text


def _milliseconds(text: str) -> Sortable:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000


def _sort(kind: ObjectType, found: list[Record], body: Json) -> None:
    """Sort by the one property that may be named, else leave the order of entry. Raises Refused."""
    sorts = body.get("sorts") or []
    if len(sorts) > 1:
        raise invalid("A search can be sorted by one property only.")
    for sort in sorts:
        name = sort["propertyName"] if isinstance(sort, dict) else str(sort)
        definition = kind.definition(name)
        if definition is None:
            raise invalid(f"There was a problem with the request: property {name} does not exist.")
        is_descending = isinstance(sort, dict) and sort.get("direction") == "DESCENDING"
        found.sort(key=lambda one: _order(definition, kind.value(one, name)), reverse=is_descending)


def _order(definition: Definition, text: str | None) -> tuple[bool, bool, float, str]:
    value = _sortable(definition, text) if text else ""
    is_number = isinstance(value, float | int)
    return not text, not is_number, float(value) if is_number else 0.0, "" if is_number else str(value)
