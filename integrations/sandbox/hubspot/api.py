"""HubSpot's API: what every call goes through before its own part begins."""

from collections.abc import Callable

from integrations.sandbox.faults import Fault
from integrations.sandbox.hubspot import errors, faults
from integrations.sandbox.hubspot.account_calls import AccountCalls
from integrations.sandbox.hubspot.association_calls import AssociationCalls
from integrations.sandbox.hubspot.automation_calls import AutomationCalls
from integrations.sandbox.hubspot.batch_calls import BatchCalls
from integrations.sandbox.hubspot.calls import Call, present_path
from integrations.sandbox.hubspot.consent import Consent
from integrations.sandbox.hubspot.contact_calls import ContactCalls
from integrations.sandbox.hubspot.definition_calls import DefinitionCalls
from integrations.sandbox.hubspot.object_calls import ObjectCalls
from integrations.sandbox.hubspot.people_calls import PeopleCalls
from integrations.sandbox.hubspot.property_calls import PropertyCalls
from integrations.sandbox.hubspot.records import Moment, stamp
from integrations.sandbox.hubspot.schema_calls import SchemaCalls
from integrations.sandbox.hubspot.search import Search
from integrations.sandbox.hubspot.state import HubSpot
from integrations.sandbox.hubspot.tokens import Tokens
from integrations.sandbox.limiter import Allowance
from integrations.sandbox.refusals import Refused
from integrations.sandbox.wire import Request, Response, find_route

_PREFIXES = (
    "/hubspot/",
    "/crm/",
    "/crm-object-schemas/",
    "/account-info/",
    "/appinstalls/",
    "/settings/",
    "/automation/",
    "/app-webhooks/",
    "/webhooks/",
)
LONGEST_QUERY = 8000  # characters
_TOKEN_PREFIXES = ("/oauth/20", "/oauth/v")  # dated ones, which Gusto's have not


class HubSpotApi:
    """The endpoints of HubSpot, its consent page included."""

    def __init__(self, hubspot: HubSpot) -> None:
        self._hubspot = hubspot
        self._pages = Consent(hubspot).routes()
        self._open_routes = [
            *Tokens(hubspot).routes(),
            *DefinitionCalls(hubspot.app, hubspot.outbound.workflows).routes(),
        ]
        self._routes = [
            *AccountCalls(hubspot).routes(),
            *ContactCalls().routes(),
            *BatchCalls().routes(),
            *Search(hubspot).routes(),
            *ObjectCalls().routes(),
            *PropertyCalls().routes(),
            *PeopleCalls().routes(),
            *AssociationCalls().routes(),
            *SchemaCalls().routes(),
            *AutomationCalls(hubspot.outbound.workflows).routes(),
        ]

    @staticmethod
    def is_for(request: Request) -> bool:
        """Tell whether a request is for HubSpot."""
        return request.path.startswith(_PREFIXES) or request.path.startswith(_TOKEN_PREFIXES)

    def pattern(self, request: Request) -> str | None:
        """Return the pattern of the endpoint that a request is for, or None if there is none."""
        found = find_route(
            [*self._routes, *self._open_routes, *self._pages], request.method, present_path(request.path)
        )
        return found[0].pattern if found else None

    def replacement(self, fault: Fault) -> Response | None:
        """Return what a fault puts in an answer's place."""
        return faults.replacement(fault)

    def answer(self, request: Request) -> Response:
        """Answer one request; the account that it is about is noted on it."""
        path = present_path(request.path)
        with self._hubspot.lock:
            if found := find_route([*self._pages, *self._open_routes], request.method, path):
                route, values = found
                return _answered(lambda: route.handler(request, *values))
            headers: dict[str, str] = {}
            response = _answered(lambda: self._route(request, path, headers))
        response.headers |= headers
        return response

    def _route(self, request: Request, path: str, headers: dict[str, str]) -> Response:
        if len(request.query_text) > LONGEST_QUERY:
            raise Refused(faults.too_long())
        found = find_route(self._routes, request.method, path)
        if found is None:
            raise errors.not_found()
        route, values = found
        call = self._authenticated(request)
        self._count(call, route.pattern, headers)
        return route.handler(call, *values)

    def _authenticated(self, request: Request) -> Call:
        hubspot, now = self._hubspot, self._hubspot.clock.now()
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        token = hubspot.grants.token(text.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            raise errors.no_token()
        request.grant_id = token.account_id
        at = Moment.of(now)
        if at.seconds >= token.expires_at:
            ended = stamp(now.fromtimestamp(token.expires_at, tz=now.tzinfo))
            raise errors.expired_token(ago=int(at.seconds - token.expires_at), at=ended)
        return Call(request, hubspot.accounts[token.account_id], hubspot.grants.by_account[token.account_id], at)

    def _count(self, call: Call, pattern: str, headers: dict[str, str]) -> None:
        """Raise Refused (429) when a window is full; only ordinary answers tell how much is left."""
        hubspot, account = self._hubspot, call.account
        if pattern.endswith("/search"):
            self._demand(hubspot.search_limiter.take(account.id, call.at.seconds), "SECONDLY")
        elif pattern.startswith("/crm/associations/"):
            limiter = hubspot.association_limiters[account.tier]
            self._demand(limiter.take(account.id, call.at.seconds), "TEN_SECONDLY_ROLLING")
        else:
            allowance = hubspot.limiter.take(account.id, call.at.seconds)
            if allowance:
                headers |= {
                    "X-HubSpot-RateLimit-Max": str(allowance.limit),
                    "X-HubSpot-RateLimit-Remaining": str(allowance.remaining),
                    "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
                }
            self._demand(allowance, "TEN_SECONDLY_ROLLING")

    @staticmethod
    def _demand(allowance: Allowance | None, policy: str) -> None:
        if allowance and not allowance.is_allowed:
            raise errors.too_many(policy)


def _answered(handle: Callable[[], Response]) -> Response:
    try:
        return handle()
    except Refused as refused:
        return refused.response
    except (AttributeError, LookupError, TypeError, ValueError) as problem:
        # Bodies are not checked key by key: one of another shape shows here.
        return errors.invalid(f"Invalid input JSON: {problem}").response
