"""The app of a running sandbox, installed in a HubSpot account."""

from dataclasses import dataclass, field

import pytest

from integrations.sandbox.hubspot.app import CLIENT_ID, CLIENT_SECRET, DEFAULT_CALLBACK
from integrations.sandbox.server import Sandbox
from tests.integrations.sandbox.conftest import Browser
from tests.integrations.sandbox.hubspot.receiver import Receiver

OBJECTS = "/crm/objects/2026-09"
PROPERTIES = "/crm/properties/2026-09"
OWNERS = "/crm/owners/2026-09"
CREDENTIALS = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


@dataclass
class HubSpotApp:
    """What a well-behaved app sends."""

    sandbox: Sandbox
    token: str = ""
    refresh_token: str = ""
    browser: Browser = field(init=False)

    def __post_init__(self):
        self.browser = Browser(self.sandbox.url)

    def install(self, account=None, scopes=None):
        """Install the app in an account and keep its tokens; return the answer's body."""
        code = self.sandbox.world.hubspot.authorize(account=account, scopes=scopes)
        body = self.exchange(code).json()
        self.token, self.refresh_token = body["access_token"], body["refresh_token"]
        return body

    def exchange(self, code, /, **changes):
        """Exchange a code."""
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": DEFAULT_CALLBACK}
        return self.oauth("token", **(fields | changes))

    def refresh(self, **changes):
        """Ask for a further access token."""
        return self.oauth("token", **({"grant_type": "refresh_token", "refresh_token": self.refresh_token} | changes))

    def oauth(self, endpoint, **fields):
        """Post a form to /oauth."""
        return self.browser.post(f"/oauth/2026-09/{endpoint}", data=CREDENTIALS | fields)

    def get(self, path, **query):
        """Read one path."""
        return self._send("GET", path, params=query)

    def post(self, path, body):
        """Post JSON."""
        return self._send("POST", path, json=body)

    def patch(self, path, body):
        """Patch with JSON."""
        return self._send("PATCH", path, json=body)

    def put(self, path, body):
        """Put JSON."""
        return self._send("PUT", path, json=body)

    def delete(self, path):
        """Delete what is at a path."""
        return self._send("DELETE", path)

    def contact(self, contact_id, **query):
        """Return the properties of a contact."""
        return self.get(f"{OBJECTS}/contacts/{contact_id}", **query).json()["properties"]

    def batch(self, deed, *inputs, kind="contacts", **more):
        """Send a batch."""
        return self.post(f"{OBJECTS}/{kind}/batch/{deed}", {"inputs": inputs} | more)

    def _send(self, method, path, **options):
        return self.browser.request(method, path, headers={"Authorization": f"Bearer {self.token}"}, **options)


@pytest.fixture
def hubspot(world):
    """The HubSpot side's state."""
    return world.hubspot


@pytest.fixture
def account(hubspot):
    """The main HubSpot account."""
    return hubspot.account


@pytest.fixture
def receiver(hubspot):
    """The application as HubSpot sees it; what it does not take is repeated at once."""
    running = Receiver()
    hubspot.set_target(running.url)
    hubspot.repeat_at_once()
    yield running
    running.stop()


@pytest.fixture
def app_without_account(sandbox):
    """The app before anybody installed it."""
    app = HubSpotApp(sandbox)
    with app.browser:
        yield app


@pytest.fixture
def app(app_without_account):
    """The app, installed in the main account with every scope."""
    app_without_account.install()
    return app_without_account
