"""HubSpot's side of a running sandbox, the application that it sends to, and a client with a token."""

import pytest
import requests

from integrations.sandbox.hubspot.app import CLIENT_ID, CLIENT_SECRET, DEFAULT_CALLBACK
from tests.integrations.sandbox.hubspot.receiver import Receiver


class Installed(requests.Session):
    """An application that is installed in an account: calls the API with a token and knows the control API."""

    def __init__(self, sandbox, account=None):
        super().__init__()
        self.sandbox = sandbox
        self.install(account)

    def install(self, account=None):
        """Consent for an account, with everything that its plan has."""
        code = self.sandbox.world.hubspot.authorize(account=account)
        fields = {
            "grant_type": "authorization_code",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uri": DEFAULT_CALLBACK,
            "code": code,
        }
        token = requests.post(f"{self.sandbox.url}/oauth/2026-09/token", data=fields, timeout=10).json()
        self.headers["Authorization"] = f"Bearer {token['access_token']}"

    def request(self, method, url, **options):
        """Send one request to a path of the sandbox."""
        return super().request(method, self.sandbox.url + url, **({"timeout": 10} | options))

    def control(self, action, **arguments):
        """Call the control API."""
        return self.post(f"/_control/hubspot/{action}", json=arguments)


@pytest.fixture
def hubspot(world):
    """Everything that the HubSpot side knows."""
    return world.hubspot


@pytest.fixture
def hub(hubspot):
    """The main account."""
    return hubspot.account


@pytest.fixture
def installed(sandbox):
    """The application, installed in the main account."""
    with Installed(sandbox) as session:
        yield session


@pytest.fixture
def receiver(hubspot):
    """The application as HubSpot sees it."""
    running = Receiver()
    hubspot.set_target(running.url)
    hubspot.repeat_at_once()
    yield running
    running.stop()
