"""A request and an answer of the sandbox, and how routes are written down."""

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

JSON_TYPE = "application/json"
HTML_TYPE = "text/html; charset=utf-8"


class Malformed(Exception):
    """The body cannot be read."""


@dataclass(slots=True)
class Request:
    """One request as it came in; header names are lower-case.

    `pattern`, `grant_id` and `fault` are noted on the way, for the record of calls.
    """

    method: str
    path: str
    query_text: str
    headers: Mapping[str, str]
    body: bytes
    pattern: str = "(unknown)"
    grant_id: int | None = None
    fault: str | None = None
    query: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        pairs = parse_qsl(self.query_text, keep_blank_values=True)
        self.query = dict(reversed(pairs))  # of a repeated key the first one counts

    @property
    def is_form(self) -> bool:
        """Tell whether a browser's form sent the body."""
        return self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")

    def comes_from_elsewhere(self) -> bool:
        """Tell whether a page of another site made a browser send it."""
        origin = self.headers.get("origin", "null")
        return origin != "null" and urlsplit(origin).netloc != self.headers.get("host")

    def fields(self) -> dict[str, Any]:
        """Return the fields of a form or JSON body. Raises Malformed."""
        if not self.body:
            return {}
        try:
            if self.is_form:
                return dict(parse_qsl(self.body.decode(), keep_blank_values=True))
            fields = json.loads(self.body)
        except ValueError as problem:
            raise Malformed("The body is neither JSON nor a form.") from problem
        if not isinstance(fields, dict):
            raise Malformed("The body has to be a JSON object.")
        return fields


@dataclass(slots=True)
class Response:
    """One answer, and what goes wrong while it is sent."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE
    wait_seconds: float = 0
    is_cut: bool = False
    is_dropped: bool = False


def json_response(value: object, status: int = 200) -> Response:
    """Answer with compact JSON, letters of all languages as they are."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status, body)


def redirect(location: str, status: int = 303) -> Response:
    """Send the browser elsewhere."""
    return Response(status, headers={"Location": location}, content_type=HTML_TYPE)


def escape(value: object) -> str:
    """Return text that is safe inside HTML and its attributes; nothing for None."""
    return "" if value is None else html.escape(str(value))


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path pattern such as `/v1/employees/{employee_id}`."""

    method: str
    pattern: str
    handler: Callable[..., Response]
    expression: re.Pattern[str]
    scope: str | None = None

    @classmethod
    def of(cls, method: str, pattern: str, handler: Callable[..., Response], scope: str | None = None) -> "Route":
        """Return the route for a pattern whose {names} match one path segment each."""
        expression = re.sub(r"\{\w+\}", "([^/]+)", pattern)
        return cls(method, pattern, handler, re.compile(expression), scope)


def find_route(routes: list[Route], method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """Return the route for a request and the values of its {names}, or None."""
    for route in routes:
        if route.method == method and (match := route.expression.fullmatch(path)):
            return route, match.groups()
    return None
