"""Owners and the users of the provisioning API: the same people under two further kinds of ids ("Owners", "Users")."""

import base64
import binascii

from integrations.sandbox.hubspot.accounts import Login, Owner
from integrations.sandbox.hubspot.calls import Call, dated
from integrations.sandbox.hubspot.errors import Json, invalid, not_found
from integrations.sandbox.wire import Response, Route, json_response

_OWNERS_SCOPE = "crm.objects.owners.read"
_LOGINS_SCOPES = "settings.users.read crm.objects.users.read"
_MOST_OWNERS = 500
_DEFAULT_LIMIT = 100


class PeopleCalls:
    """The endpoints under /crm/owners/{version} and /settings/users/{version}."""

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        return [
            dated("GET", "/crm/owners/{version}", self.owners),
            dated("GET", "/crm/owners/{version}/{id}", self.owner),
            dated("GET", "/settings/users/{version}", self.logins),
            dated("GET", "/settings/users/{version}/teams", self.teams),
            dated("GET", "/settings/users/{version}/{id}", self.login),
        ]

    def owners(self, call: Call) -> Response:
        """Return one page of owners, living or archived, of one address if that is asked."""
        call.require(_OWNERS_SCOPE)
        email = call.request.query.get("email", "").lower()
        chosen = [
            owner
            for owner in call.account.owners.values()
            if owner.is_archived == call.wants_archived() and email in ("", owner.email.lower())
        ]
        limit = call.number("limit", default=_DEFAULT_LIMIT, most=_MOST_OWNERS)
        return _page(call, [owner.shown() for owner in chosen], limit)

    def owner(self, call: Call, number: str) -> Response:
        """Return one owner by id, or by the id of the user."""
        call.require(_OWNERS_SCOPE)
        id_property = call.request.query.get("idProperty", "id")
        if id_property not in ("id", "userId"):
            raise invalid("idProperty has to be id or userId.")
        found = _owner(call, number, id_property)
        if found is None or found.is_archived != call.wants_archived():
            raise not_found(f"The owner {number} does not exist.")
        return json_response(found.shown())

    def logins(self, call: Call) -> Response:
        """Return one page of the users who can sign in."""
        call.require(_LOGINS_SCOPES)
        limit = call.number("limit", default=_DEFAULT_LIMIT, most=_DEFAULT_LIMIT)
        return _page(call, [login.shown() for login in call.account.logins.values()], limit)

    def login(self, call: Call, number: str) -> Response:
        """Return one user by id or by address."""
        call.require(_LOGINS_SCOPES)
        found = _login(call, number)
        if found is None:
            raise not_found(f"The user {number} does not exist.")
        return json_response(found.shown())

    def teams(self, call: Call) -> Response:
        """Return the teams and who is in them."""
        call.require(_LOGINS_SCOPES)
        teams: dict[str, Json] = {}
        for owner in call.account.owners.values():
            for team in owner.teams:
                entry = {"id": team["id"], "name": team["name"], "userIds": [], "secondaryUserIds": []}
                if owner.user_id is not None:
                    teams.setdefault(team["id"], entry)["userIds"].append(str(owner.user_id))
        return json_response({"results": list(teams.values())})


def _owner(call: Call, number: str, id_property: str) -> Owner | None:
    if id_property == "id":
        return call.account.owners.get(number)
    return next((one for one in call.account.owners.values() if str(one.user_id) == number), None)


def _login(call: Call, number: str) -> Login | None:
    if call.request.query.get("idProperty") == "EMAIL":
        return next((one for one in call.account.logins.values() if one.email == number.lower()), None)
    return call.account.logins.get(number)


def _page(call: Call, entries: list[Json], limit: int) -> Response:
    """Return one page; the cursor says in base64 how many came before."""
    begin = _cursor(call.request.query.get("after"))
    body: Json = {"results": entries[begin : begin + limit]}
    if begin + limit < len(entries):
        after = base64.b64encode(str(begin + limit).encode()).decode()
        body["paging"] = {"next": {"after": after, "link": f"https://api.hubapi.com{call.request.path}?after={after}"}}
    return json_response(body)


def _cursor(after: str | None) -> int:
    if not after:
        return 0
    try:
        return int(base64.b64decode(after, validate=True))
    except (ValueError, binascii.Error):
        raise invalid("The cursor `after` is not one that a list gave.") from None
