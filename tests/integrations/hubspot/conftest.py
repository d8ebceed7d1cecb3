"""HubSpot's side of the sandbox, which the settings point to, and portals connected with an account of it."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.utils import timezone

from integrations import connecting, providers
from integrations.hubspot.provider import HubSpot
from integrations.sandbox.hubspot import app
from tests.factories.portals import PortalFactory


@pytest.fixture
def hubspot(sandbox, settings, pauses, monkeypatch):
    """What the sandbox's HubSpot knows, and its switches; the product's provider waits for nobody."""
    settings.HUBSPOT_API_URL = sandbox.url
    settings.HUBSPOT_AUTHORIZE_URL = f"{sandbox.url}/hubspot/oauth/authorize"
    settings.HUBSPOT_APP_ID = str(app.APP_ID)
    settings.HUBSPOT_CLIENT_ID, settings.HUBSPOT_CLIENT_SECRET = app.CLIENT_ID, app.CLIENT_SECRET
    settings.HUBSPOT_APP_OBJECT_SCOPES = list(app.APP_OBJECT_SCOPES)
    monkeypatch.setitem(providers._registry, "hubspot", HubSpot(pause=pauses.append))
    return sandbox.world.hubspot


@pytest.fixture
def hub(hubspot):
    """The main HubSpot account."""
    return hubspot.account


@pytest.fixture
def source(hubspot):
    """The product's provider."""
    return providers.get("hubspot")


@pytest.fixture
def consent(source):
    """Fill in HubSpot's consent page for an account; return what the browser is sent back with."""

    def fill_in(address, account, decision="approve"):
        fields = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        fields |= {"account": str(account.id), "decision": decision}
        answer = requests.post(address.partition("?")[0], data=fields, allow_redirects=False, timeout=60)
        assert answer.status_code == 302, answer.text
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}

    return fill_in


@pytest.fixture
def connect_hubspot(hub, source, consent):
    """Connect a portal with a HubSpot account, the main one unless another is given; return the connection."""

    def make(portal=None, record_type="contacts", *, account=None, decision="approve", user=None):
        address = source.authorize_url(
            state="s", redirect_uri=connecting.redirect_uri("hubspot"), record_type=record_type
        )
        query = consent(address, account or hub, decision)
        return connecting.connect(
            portal=portal or PortalFactory(enabled_integrations=["hubspot"]),
            provider="hubspot",
            consent=connecting.exchange(provider="hubspot", code=query["code"]),
            record_type=record_type,
            user=user,
            now=timezone.now(),
        )

    return make
