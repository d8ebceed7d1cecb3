"""A running sandbox and an application that is connected to it."""

from dataclasses import dataclass, field

import pytest
import requests

from integrations.sandbox.server import Sandbox, start
from integrations.sandbox.world import CLIENT_ID, CLIENT_SECRET, DEFAULT_CALLBACK

CREDENTIALS = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


class Browser(requests.Session):
    """Opens paths of one server and never waits long."""

    def __init__(self, address):
        super().__init__()
        self.address = address

    def request(self, method, url, *args, **options):
        return super().request(method, self.address + url, *args, **({"timeout": 60} | options))


@dataclass
class Application:
    """What a well-behaved client of the provider sends."""

    sandbox: Sandbox
    token: str = ""
    company_uuid: str = ""
    browser: Browser = field(init=False)

    def __post_init__(self):
        self.browser = Browser(self.sandbox.url)

    def connect(self, company=None):
        """Consent for a company and exchange the code; return the answer's body."""
        code = self.sandbox.world.authorize(company=company)
        body = self.token_request(grant_type="authorization_code", code=code, redirect_uri=DEFAULT_CALLBACK).json()
        self.token = body["access_token"]
        self.company_uuid = self.get("/v1/token_info").json()["resource"]["uuid"]
        return body

    def token_request(self, **fields):
        """Post to the token endpoint as this application."""
        return self.browser.post("/oauth/token", json=CREDENTIALS | fields, allow_redirects=False)

    def refresh(self, refresh_token):
        """Exchange a refresh token."""
        return self.token_request(grant_type="refresh_token", refresh_token=refresh_token)

    def get(self, path, *, token=None, version=None, **query):
        """Read one path with the newest token."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        if version:
            headers["X-Gusto-API-Version"] = version
        return self.browser.get(path, params=query, headers=headers)

    def employees(self, **query):
        """Read the employee list of the connected company."""
        return self.get(f"/v1/companies/{self.company_uuid}/employees", **query)

    def employee(self, person, **query):
        """Read the one employee that the sandbox knows by this name."""
        uuid = self.sandbox.world.find(person).uuid
        return self.get(f"/v1/employees/{uuid}", **query).json()

    def control(self, action, **arguments):
        """Call the control API."""
        return self.browser.post(f"/_control/{action}", json=arguments)


@pytest.fixture
def sandbox():
    with start(people=50, seed=1) as running:
        yield running


@pytest.fixture
def world(sandbox):
    return sandbox.world


@pytest.fixture
def browser(sandbox):
    """Somebody who looks at the sandbox's own pages and API."""
    with Browser(sandbox.url) as session:
        yield session


@pytest.fixture
def stranger(sandbox):
    """An application without a token."""
    application = Application(sandbox)
    with application.browser:
        yield application


@pytest.fixture
def application(stranger):
    """An application that is connected to the main company."""
    stranger.connect()
    return stranger
