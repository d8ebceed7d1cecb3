"""HubSpot's consent page, for which the real one is app.hubspot.com/oauth/authorize ("Working with OAuth").

GET /hubspot/oauth/authorize, or /hubspot/oauth/{account}/authorize with the account chosen. The page is one HTML form,
posted to /hubspot/oauth/authorize with the link's own fields, `account` (id) and `decision`: `approve`,
`approve_required` (without the optional scopes) or `deny`. The answer is a redirect to `redirect_uri`.
"""

from collections.abc import Mapping
from urllib.parse import urlencode

from integrations.sandbox import pages
from integrations.sandbox.hubspot.accounts import Account
from integrations.sandbox.hubspot.app import APP_OBJECT_SCOPES
from integrations.sandbox.hubspot.state import HubSpot
from integrations.sandbox.wire import Request, Response, Route, escape, redirect

PROVIDER = "HubSpot"
_LINK_FIELDS = ("client_id", "redirect_uri", "scope", "optional_scope", "state")
_WORDS = {
    "oauth": "Know which account this is",
    "crm.objects.contacts.read": "Read contacts",
    "crm.objects.contacts.write": "Change contacts",
    "crm.objects.owners.read": "Read the names of owners",
    "crm.objects.users.read": "Read users",
    "crm.objects.users.write": "Change properties of users",
    "crm.schemas.contacts.write": "Add properties to contacts",
    "crm.schemas.contacts.read": "See which properties contacts have",
    "settings.users.read": "See who can sign in",
    "crm.schemas.custom.read": "See which custom objects there are",
    "crm.schemas.custom.write": "Define custom objects",
    "crm.objects.custom.read": "Read records of custom objects",
    "crm.objects.custom.write": "Change records of custom objects",
    "automation": "Take part in workflows",
    **dict.fromkeys(APP_OBJECT_SCOPES, "Keep course enrollments"),
}


class Consent:
    """The pages under /hubspot/oauth."""

    def __init__(self, hubspot: HubSpot) -> None:
        self._hubspot = hubspot

    def routes(self) -> list[Route]:
        """Return what a browser can open."""
        return [
            Route.of("GET", "/hubspot/oauth/authorize", self.show),
            Route.of("GET", "/hubspot/oauth/{account}/authorize", self.show),
            Route.of("POST", "/hubspot/oauth/authorize", self.decide),
        ]

    def show(self, request: Request, account: str = "") -> Response:
        """Show who asks for what, or an error page when the link itself is wrong."""
        problem = self._problem_with_link(request.query)
        if problem:
            return _error_page(problem)
        return self._page(request.query, chosen=account)

    def decide(self, request: Request) -> Response:
        """Send the browser back with a code or the refusal, or say what is in the way."""
        fields = request.fields()
        problem = self._problem_with_link(fields)
        if problem:
            return _error_page(problem)
        if fields.get("decision") == "deny":
            return _back(fields, error="access_denied", error_description="The user did not authorize the app.")
        return self._approve(fields, with_optional=fields.get("decision") == "approve")

    def _approve(self, fields: dict[str, str], *, with_optional: bool) -> Response:
        try:
            account = self._hubspot.find_account(fields.get("account", ""))
        except ValueError:
            return self._page(fields, problem="Choose an account.")
        asked = fields.get("scope", "").split()
        lacking = [scope for scope in asked if not account.can_grant(scope)]
        if lacking:
            problem = f"{account.name} does not have what these need: {', '.join(lacking)}. Choose another account."
            return self._page(fields, problem=problem, chosen=str(account.id))
        # Optional scopes that the account's plan lacks are left out without a word.
        optional = fields.get("optional_scope", "").split() if with_optional else []
        code = self._hubspot.authorize(
            account=account.id, scopes=[*asked, *optional], redirect_uri=fields["redirect_uri"]
        )
        return _back(fields, code=code)

    def _problem_with_link(self, fields: Mapping[str, str]) -> str:
        app = self._hubspot.app
        asked, optional = fields.get("scope", "").split(), fields.get("optional_scope", "").split()
        if fields.get("client_id") != app.client_id:
            return "The app that sent you here is not known: its client id is wrong."
        if not app.accepts_redirect(fields.get("redirect_uri", "")):
            return "The redirect address does not match any that the app has registered."
        missing = [scope for scope in app.required_scopes if scope not in asked]
        if missing:
            return f"The link lacks scopes that the app requires: {', '.join(missing)}."
        unlisted = app.unlisted([*asked, *optional])
        if unlisted:
            return f"The link asks for scopes that the app does not list: {', '.join(unlisted)}."
        return ""

    def _page(self, link: Mapping[str, str], *, chosen: str = "", problem: str = "") -> Response:
        accounts = {str(account.id): _label(account) for account in self._hubspot.accounts.values()}
        carried = pages.hidden(**{key: link[key] for key in _LINK_FIELDS if key in link})
        warning = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
        body = f"""{warning}
<form method="post" action="/hubspot/oauth/authorize">{carried}
<section><h2>Choose an account</h2>{pages.select("account", "HubSpot account", accounts, chosen)}</section>
<section><h2>{escape(self._hubspot.app.name)} wants to</h2>{_scope_list(link.get("scope", ""))}
{_optional(link.get("optional_scope", ""))}
<button name="decision" value="approve">Connect app</button>
<button name="decision" value="approve_required" class="plain">Connect without the optional permissions</button>
<button name="decision" value="deny" class="plain">Cancel</button>
</section></form>"""
        title = f"Connect {self._hubspot.app.name} to HubSpot"
        return pages.page(title, body, status=422 if problem else 200, is_narrow=True, provider=PROVIDER)


def _label(account: Account) -> str:
    return f"{account.name} ({account.domain}, {account.id})"


def _scope_list(scopes: str) -> str:
    told = dict.fromkeys(_WORDS.get(scope, scope) for scope in scopes.split())
    return f"<ul>{''.join(f'<li>{escape(words)}</li>' for words in told)}</ul>"


def _optional(scopes: str) -> str:
    return f"<p>And, if the account has it:</p>{_scope_list(scopes)}" if scopes.strip() else ""


def _error_page(problem: str) -> Response:
    return pages.message_page("This app cannot be connected", problem, status=400, provider=PROVIDER)


def _back(fields: Mapping[str, str], **result: str) -> Response:
    if "state" in fields:
        result["state"] = fields["state"]
    return redirect(f"{fields['redirect_uri']}?{urlencode(result)}", 302)
