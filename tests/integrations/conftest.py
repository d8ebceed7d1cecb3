"""A sandbox of Gusto that the settings point to, and portals connected with it."""

import uuid

import pytest
from django.utils import timezone

from integrations import connecting
from integrations.gusto.provider import Gusto
from integrations.sandbox.server import start
from integrations.sandbox.world import CLIENT_ID, CLIENT_SECRET
from tests.factories.portals import PortalFactory


@pytest.fixture
def sandbox(settings):
    """A running sandbox with 50 people, which Gusto's settings name."""
    with start(people=50, seed=1) as running:
        settings.GUSTO_API_URL = running.url
        settings.GUSTO_CLIENT_ID, settings.GUSTO_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
        yield running


@pytest.fixture
def world(sandbox):
    """What the sandbox knows, and its switches."""
    return sandbox.world


@pytest.fixture
def pauses():
    """The seconds that were waited for in vain: nobody sleeps in tests."""
    return []


@pytest.fixture
def gusto(sandbox, pauses):
    """The provider, with waits that end at once."""
    return Gusto(pause=pauses.append)


@pytest.fixture
def new_code(world):
    """Make a code as the consent page does, for a company's uuid or name."""

    def make(company=None):
        return world.authorize(company=company, redirect_uri=connecting.redirect_uri("gusto"))

    return make


@pytest.fixture
def connect(new_code):
    """Connect a portal with a company of the sandbox and return the connection."""

    def make(portal=None, company=None):
        consent = connecting.exchange(provider="gusto", code=new_code(company))
        return connecting.connect(
            portal=portal or PortalFactory(), provider="gusto", consent=consent, user=None, now=timezone.now()
        )

    return make


@pytest.fixture
def unique():
    """A text that no other test uses, for keys in shared stores."""
    return uuid.uuid4().hex
