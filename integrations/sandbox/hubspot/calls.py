"""One call of HubSpot's API on its way, and how its dated paths are written down."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from integrations.sandbox.hubspot.accounts import Account
from integrations.sandbox.hubspot.errors import Json, error, invalid, missing_scopes
from integrations.sandbox.hubspot.grants import Grant
from integrations.sandbox.hubspot.objects import ObjectType
from integrations.sandbox.hubspot.records import Moment
from integrations.sandbox.wire import Request, Response, Route

_VERSION = r"(?:20\d\d-\d\d|v[1-4])"
# The paths of the versions that were not dated, which the vendor's Python package still uses.
_LEGACY = (
    (re.compile(r"/crm/(v\d)/(objects|properties|owners|associations)(/.*|)"), r"/crm/\2/\1\3"),
    (re.compile(r"/crm/(v\d)/schemas(/.*|)"), r"/crm-object-schemas/\1/schemas\2"),
    (re.compile(r"/settings/(v\d)/users(/.*|)"), r"/settings/users/\1\2"),
    (re.compile(r"/automation/(v\d)/actions/callbacks(/.*)"), r"/automation/actions/callbacks/\1\2"),
    (re.compile(r"/automation/(v\d)/actions(/.*)"), r"/automation/actions/\1\2"),
)


@dataclass(frozen=True, slots=True)
class Call:
    """A request of the app that is installed in `account`."""

    request: Request
    account: Account
    grant: Grant
    at: Moment

    def body(self) -> Json:
        """Return the JSON object of the body. Raises Refused."""
        return body_of(self.request)

    def require(self, scopes: str) -> None:
        """Raise Refused (403) unless one of the scopes, separated by spaces, was granted."""
        wanted = scopes.split()
        if not any(scope in self.grant.scopes for scope in wanted):
            raise missing_scopes(*wanted)

    def kind(self, name: str) -> ObjectType:
        """Return the object type that a path names. Raises Refused."""
        kind = self.account.find_type(name)
        if kind is None:
            raise error(400, "VALIDATION_ERROR", f"Unable to infer object type from: {name}")
        return kind

    def number(self, name: str, *, default: int, most: int) -> int:
        """Return a whole number of the query, 1 to `most`. Raises Refused."""
        return whole_number(self.request.query.get(name), name, default=default, most=most)

    def names(self, key: str) -> list[str]:
        """Return a list of the query: separated by commas, or the key repeated."""
        given = [value for name, value in parse_qsl(self.request.query_text) if name == key]
        return [name.strip() for value in given for name in value.split(",") if name.strip()]

    def wants_archived(self) -> bool:
        """Tell whether deleted records are asked for."""
        return self.request.query.get("archived", "false").lower() == "true"


def body_of(request: Request) -> Json:
    """Return the JSON object of a request's body. Raises Refused."""
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        raise invalid("Invalid input JSON: the body cannot be read.") from None
    if not isinstance(body, dict):
        raise invalid("Invalid input JSON: the body has to be an object.")
    return body


def whole_number(given: Any, name: str, *, default: int, most: int) -> int:
    """Return a number between 1 and `most`. Raises Refused."""
    if given in (None, ""):
        return default
    if not str(given).isdigit() or not int(given):
        raise invalid(f"{name} has to be a whole number above 0.")
    if int(given) > most:
        raise invalid(f"The given {name} {given} is above the maximum of {most}.")
    return int(given)


def dated(method: str, pattern: str, handler: Callable[..., Response]) -> Route:
    """Return the route for a pattern whose {version} may be any; the other {names} go to the handler."""
    expression = re.sub(r"\{(\w+)\}", lambda name: _VERSION if name[1] == "version" else "([^/]+)", pattern)
    return Route(method, pattern, handler, re.compile(expression))


def present_path(path: str) -> str:
    """Return the path in the form of the dated versions, which end without the slash that some clients put there."""
    for expression, form in _LEGACY:
        if match := expression.fullmatch(path):
            return match.expand(form).rstrip("/")
    return path
