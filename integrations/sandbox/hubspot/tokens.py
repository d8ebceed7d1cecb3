"""HubSpot's token endpoint, introspection and revocation ("Manage OAuth tokens")."""

from integrations.sandbox.hubspot.calls import dated
from integrations.sandbox.hubspot.errors import Json, grant_refused
from integrations.sandbox.hubspot.grants import ACCESS_TOKEN_SECONDS, AccessToken, Grant, GrantRefused
from integrations.sandbox.hubspot.state import HubSpot
from integrations.sandbox.wire import Malformed, Request, Response, Route, json_response

_MESSAGES = {
    "BAD_AUTH_CODE": "missing or unknown auth code",
    "MISMATCH_REDIRECT_URI_AUTH_CODE": "redirect uri does not match the one of the authorization code",
    "BAD_REFRESH_TOKEN": "refresh token is invalid, expired or revoked",
}


class Tokens:
    """The endpoints under /oauth/{version}."""

    def __init__(self, hubspot: HubSpot) -> None:
        self._hubspot = hubspot

    def routes(self) -> list[Route]:
        """Return the endpoints, which need no token to call them."""
        return [
            dated("POST", "/oauth/{version}/token", self.token),
            dated("POST", "/oauth/{version}/token/introspect", self.introspect),
            dated("POST", "/oauth/{version}/token/revoke", self.revoke),
        ]

    def token(self, request: Request) -> Response:
        """Exchange a code or a refresh token; parameters count in a form body only."""
        fields = self._fields(request)
        grants, now = self._hubspot.grants, self._hubspot.clock.seconds()
        try:
            match fields.get("grant_type"):
                case "authorization_code":
                    self._check_client(fields)
                    code, uri = fields.get("code", ""), fields.get("redirect_uri", "")
                    token = grants.exchange(code=code, redirect_uri=uri, region=code.partition("-")[0], now=now)
                case "refresh_token":
                    self._check_client(fields, status="BAD_REFRESH_TOKEN")
                    token = grants.refresh(fields.get("refresh_token", ""), now)
                case _:
                    raise grant_refused(
                        "BAD_GRANT_TYPE", "missing or unknown grant type", kind="unsupported_grant_type"
                    )
        except GrantRefused as refused:
            status = str(refused)
            raise grant_refused(status, _MESSAGES[status]) from refused
        return self._answer(token)

    def introspect(self, request: Request) -> Response:
        """Tell whose a token is; the guide calls the field access_token or refresh_token, the definition token."""
        fields = self._fields(request)
        self._check_client(fields)
        text = next((fields[name] for name in ("token", "access_token", "refresh_token") if fields.get(name)), "")
        return json_response(self._described(text) or {"active": False})

    def revoke(self, request: Request) -> Response:
        """End a token, which does not uninstall the app."""
        fields = self._fields(request)
        self._check_client(fields)
        self._hubspot.grants.revoke(fields.get("token") or fields.get("refresh_token") or "")
        return json_response({})

    def _fields(self, request: Request) -> dict[str, str]:
        if not request.is_form:
            raise grant_refused("BAD_REQUEST", "the body has to be a form", kind="invalid_request")
        try:
            return request.fields()
        except Malformed:
            raise grant_refused("BAD_REQUEST", "the body cannot be read", kind="invalid_request") from None

    def _check_client(self, fields: dict[str, str], *, status: str = "") -> None:
        app = self._hubspot.app
        if fields.get("client_id") != app.client_id:
            raise _client_refused(status or "BAD_CLIENT_ID", "missing or unknown client id")
        if fields.get("client_secret") != app.client_secret:
            raise _client_refused(status or "BAD_CLIENT_SECRET", "missing or invalid client secret")

    def _answer(self, token: AccessToken) -> Response:
        grant = self._hubspot.grants.by_account[token.account_id]
        body = {
            "token_type": "bearer",
            "access_token": token.text,
            "refresh_token": grant.refresh_token,
            "expires_in": ACCESS_TOKEN_SECONDS,
            "hub_id": grant.account_id,
            "user_id": int(grant.user_id),
            "scopes": sorted(grant.scopes),
            "token_use": "access_token",
        }
        response = json_response(body)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _described(self, text: str) -> Json | None:
        """Return what introspection tells about a living token, or None."""
        grants, now = self._hubspot.grants, self._hubspot.clock.seconds()
        token = grants.token(text)
        if token and now < token.expires_at:
            described = self._owner_of(grants.by_account[token.account_id], text) | {"token_use": "access_token"}
            return described | {"expires_in": int(token.expires_at - now), "is_private_distribution": False}
        grant = grants.of_refresh_token(text)
        return self._owner_of(grant, text) | {"token_use": "refresh_token"} if grant else None

    def _owner_of(self, grant: Grant, text: str) -> Json:
        account, app = self._hubspot.accounts[grant.account_id], self._hubspot.app
        return {
            "active": True,
            "token": text,
            "token_type": "Bearer",
            "hub_id": account.id,
            "hub_domain": account.domain,
            "user_id": int(grant.user_id),
            "user": account.admin.email,
            "app_id": app.id,
            "client_id": app.client_id,
            "scopes": sorted(grant.scopes),
        }


def _client_refused(status: str, message: str) -> Exception:
    if status == "BAD_REFRESH_TOKEN":
        return grant_refused(status, _MESSAGES[status])
    return grant_refused(status, message, kind="invalid_client")
