"""The answers of HubSpot's faults, in the shapes of its own errors ("Error handling")."""

import uuid
from collections.abc import Callable

from integrations.sandbox.faults import Fault
from integrations.sandbox.hubspot import errors
from integrations.sandbox.wire import HTML_TYPE, Response, json_response

_EDGE_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>"


def _plain(status: int, message: str, category: str = "") -> Callable[[], Response]:
    def make() -> Response:
        body = {"status": "error", "message": message, "correlationId": str(uuid.uuid4())}
        return json_response(body | ({"category": category} if category else {}), status)

    return make


def too_long() -> Response:
    """Return what the edge says to an address with too long a query."""
    return Response(414, b"<html><body>Request-URI Too Large</body></html>", content_type=HTML_TYPE)


_REPLACEMENTS: dict[str, Callable[[], Response]] = {
    "401": lambda: errors.no_token().response,
    "403": lambda: errors.missing_scopes("crm.objects.contacts.read").response,
    "404": _plain(404, "resource not found", "OBJECT_NOT_FOUND"),
    "409": _plain(409, "The record was changed by another call.", "CONFLICT"),
    "414": too_long,
    "423": _plain(423, "The record is locked by another write.", "LOCKED"),
    "429": lambda: errors.too_many("TEN_SECONDLY_ROLLING").response,
    "477": _plain(477, "The account is being moved to another data center.", "MIGRATION_IN_PROGRESS"),
    "500": _plain(500, "internal error", "INTERNAL_ERROR"),
    "502": lambda: Response(502, _EDGE_PAGE, content_type=HTML_TYPE),
    "503": lambda: Response(503, _EDGE_PAGE, content_type=HTML_TYPE),
}
_WITH_RETRY_AFTER = frozenset(("423", "477"))


def replacement(fault: Fault) -> Response | None:
    """Return the answer that is sent instead of doing anything, or None; 429 says nothing about when to come back."""
    make = _REPLACEMENTS.get(fault.kind)
    if make is None:
        return fault.replacement()
    response = make()
    if fault.retry_after:
        response.headers["Retry-After"] = fault.retry_after
    elif fault.kind in _WITH_RETRY_AFTER and fault.retry_after is None:
        response.headers["Retry-After"] = f"{fault.seconds:g}"
    return response
