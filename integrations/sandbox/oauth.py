"""Gusto's OAuth 2: the consent page, the token endpoint and revocation.

The consent page is one HTML form, posted to /oauth/authorize with the fields `client_id`,
`redirect_uri`, `response_type`, `state`, `user_id`, `password` (any that are not empty),
`company` (UUID) and `decision` (`allow` or `deny`). The answer is a redirect to `redirect_uri`.
"""

from typing import Any
from urllib.parse import urlencode

from integrations.sandbox import pages
from integrations.sandbox.grants import ACCESS_TOKEN_SECONDS, GrantRefused, Pair
from integrations.sandbox.refusals import Refused
from integrations.sandbox.wire import Malformed, Request, Response, json_response, redirect
from integrations.sandbox.world import World


class OAuth:
    """The endpoints under /oauth."""

    def __init__(self, world: World) -> None:
        self._world = world

    def show_consent(self, request: Request) -> Response:
        """Show who asks for what, or an error page when the link itself is wrong."""
        problem = self._problem_with_link(request.query)
        if problem:
            return pages.message_page("This link cannot be used", problem, status=400)
        if request.query.get("response_type") != "code":
            return _back(request.query, error="unsupported_response_type")
        return pages.consent_page(request.query, self._world.companies.values())

    def decide(self, request: Request) -> Response:
        """Send the browser back with a code, or with the refusal."""
        fields = request.fields()
        problem = self._problem_with_link(fields)
        if problem:
            return pages.message_page("This link cannot be used", problem, status=400)
        if fields.get("decision") != "allow":
            return _back(fields, error="access_denied")
        if not fields.get("user_id") or not fields.get("password"):
            problem = "Enter a user ID and a password. Any will do here."
            return pages.consent_page(fields, self._world.companies.values(), problem=problem)
        try:
            code = self._world.authorize(
                company=fields.get("company"),
                redirect_uri=fields["redirect_uri"],
                client_id=fields["client_id"],
            )
        except ValueError as refused:
            return pages.message_page("This cannot be done", str(refused), status=422)
        return _back(fields, code=code)

    def token(self, request: Request) -> Response:
        """Exchange a code or a refresh token, or hand out a token of the application."""
        fields = self._client_fields(request)
        try:
            with self._world.lock:
                return self._token_response(self._pair(fields))
        except KeyError as missing:
            problem = f"Missing parameter: {missing.args[0]}."
            raise _refused(400, "invalid_request", problem) from missing
        except GrantRefused as refused:
            problem = "The grant is invalid, expired or revoked, or was issued to another client."
            raise _refused(400, "invalid_grant", problem) from refused

    def revoke(self, request: Request) -> Response:
        """End the grant of an access token; the answer is the same for an unknown one."""
        fields = self._client_fields(request)
        with self._world.lock:
            self._world.grants.revoke_token(str(fields.get("token", "")), fields["client_id"])
        return json_response({})

    def _client_fields(self, request: Request) -> dict[str, Any]:
        """Return the body of a client that gave its secret in it. Raises Refused."""
        if "client_secret" in request.query:
            raise _refused(400, "invalid_request", "The client secret may not be in the URL.")
        try:
            fields = request.fields()
        except Malformed as problem:
            raise _refused(400, "invalid_request", str(problem)) from problem
        secret = self._world.clients.get(str(fields.get("client_id")))
        if secret is None or fields.get("client_secret") != secret:
            raise _refused(401, "invalid_client", "Client authentication failed.")
        return fields

    def _pair(self, fields: dict[str, Any]) -> Pair:
        """Return the tokens. Raises GrantRefused, and KeyError for a missing field."""
        grants, now = self._world.grants, self._world.clock.seconds()
        client_id = fields["client_id"]
        match fields["grant_type"]:
            case "authorization_code":
                return grants.exchange(
                    code=str(fields["code"]),
                    client_id=client_id,
                    redirect_uri=fields["redirect_uri"],
                    now=now,
                )
            case "refresh_token":
                token = str(fields["refresh_token"])
                return grants.refresh(refresh_token=token, client_id=client_id, now=now)
            case "system_access":
                return grants.system_pair(client_id=client_id, now=now)
        raise _refused(400, "unsupported_grant_type", "This grant type is not supported.")

    def _token_response(self, pair: Pair) -> Response:
        body: dict[str, object] = {
            "access_token": pair.access_token,
            "token_type": "Bearer",
            "expires_in": ACCESS_TOKEN_SECONDS,
            "refresh_token": pair.refresh_token,
            "created_at": int(self._world.clock.seconds()),
        }
        if pair.grant.company_uuid:
            body["scope"] = " ".join(sorted(self._world.scopes))
        response = json_response(body)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _problem_with_link(self, fields: dict[str, str]) -> str | None:
        if fields.get("client_id") not in self._world.clients:
            return "The application that sent you here is not known."
        if not self._world.accepts_redirect(fields.get("redirect_uri", "")):
            return "The application that sent you here named an address that is not registered."
        return None


def _back(fields: dict[str, str], **result: str) -> Response:
    if "state" in fields:
        result["state"] = fields["state"]
    return redirect(f"{fields['redirect_uri']}?{urlencode(result)}", 302)


def _refused(status: int, error: str, description: str) -> Refused:
    return Refused(json_response({"error": error, "error_description": description}, status))
