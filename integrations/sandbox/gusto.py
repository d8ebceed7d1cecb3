"""Gusto's App Integrations API: what every call goes through before its own part begins."""

from datetime import UTC, datetime, timedelta

from integrations.sandbox.faults import Fault
from integrations.sandbox.grants import Grant
from integrations.sandbox.limiter import Allowance
from integrations.sandbox.oauth import OAuth
from integrations.sandbox.refusals import Refused, invalid_token, missing_scope, not_found, refusal
from integrations.sandbox.resources import Context, Resources
from integrations.sandbox.subscriptions import Subscriptions
from integrations.sandbox.versions import HEADER, applied_version
from integrations.sandbox.wire import Request, Response, Route, find_route
from integrations.sandbox.world import World


class Gusto:
    """The endpoints under /v1 and /oauth."""

    def __init__(self, world: World) -> None:
        self._world = world
        oauth = OAuth(world)
        self._pages = [
            Route.of("GET", "/oauth/authorize", oauth.show_consent),
            Route.of("POST", "/oauth/authorize", oauth.decide),
        ]
        self._open_routes = [
            Route.of("POST", "/oauth/token", oauth.token),
            Route.of("POST", "/oauth/revoke", oauth.revoke),
        ]
        self._routes = [*Resources(world).routes(), *Subscriptions(world).routes()]

    def pattern(self, request: Request) -> str | None:
        """Return the pattern of the endpoint that a request is for, or None if there is none."""
        routes = [*self._routes, *self._open_routes, *self._pages]
        found = find_route(routes, request.method, request.path)
        return found[0].pattern if found else None

    def replacement(self, fault: Fault) -> Response | None:
        """Return what a fault puts in an answer's place, or None."""
        return fault.replacement()

    def answer(self, request: Request) -> Response:
        """Answer one request; its grant is noted on it."""
        page = find_route(self._pages, request.method, request.path)
        if page:
            return page[0].handler(request)
        headers: dict[str, str] = {}
        try:
            headers[HEADER] = applied_version(
                request.headers.get(HEADER.lower()),
                minimum=self._world.minimum_version,
                today=self._world.clock.today(),
            )
            response = self._route(request, headers)
        except Refused as refused:
            response = refused.response
        response.headers |= headers
        return response

    def _route(self, request: Request, headers: dict[str, str]) -> Response:
        open_route = find_route(self._open_routes, request.method, request.path)
        if open_route:
            return open_route[0].handler(request)
        found = find_route(self._routes, request.method, request.path)
        grant = self._authenticate(request)
        self._count(grant, headers)
        if found is None:
            raise not_found()
        route, values = found
        if route.scope is not None:
            self._require(grant, route.scope)
        today = self._world.follow_the_calendar()
        return route.handler(Context(request, grant, today), *values)

    def _authenticate(self, request: Request) -> Grant:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise invalid_token()
        with self._world.lock:
            grant = self._world.grants.use(token.strip(), self._world.clock.seconds())
        if grant is None:
            raise invalid_token()
        request.grant_id = grant.id
        return grant

    def _count(self, grant: Grant, headers: dict[str, str]) -> None:
        """Raise Refused (429) when the grant's minute is full; add the headers that tell."""
        with self._world.lock:
            allowance = self._world.limiter.take(grant.id, self._world.clock.seconds())
        if allowance is None:
            return
        headers |= _limit_headers(allowance)
        if not allowance.is_allowed:
            headers["Retry-After"] = str(int(allowance.free_in) + 1)
            raise refusal(429, "rate_limit_exceeded", "Too many requests.")

    def _require(self, grant: Grant, scope: str) -> None:
        if grant.company_uuid is None or scope not in self._world.scopes:
            raise missing_scope(scope)


def _limit_headers(allowance: Allowance) -> dict[str, str]:
    # Real time, not the sandbox's: a client compares it with its own clock.
    resets_at = datetime.now(UTC) + timedelta(seconds=allowance.free_in)
    return {
        "X-RateLimit-Limit": str(allowance.limit),
        "X-RateLimit-Remaining": str(allowance.remaining),
        "X-RateLimit-Reset": resets_at.isoformat(timespec="seconds"),
    }
