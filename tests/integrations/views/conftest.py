"""A connected portal, its admin's portal_admin, and a provider whose answers the test decides."""

import html
import re
from http import HTTPStatus

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from integrations import providers, tasks
from integrations.gusto.provider import Gusto
from integrations.providers import Attribute
from tests.factories.integrations import ConnectionFactory
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory

ROOT = "/admin/settings/integrations/"


class StandIn(Gusto):
    """A provider without a network."""

    def __init__(self):
        self.offer = [
            Attribute("department", "Department", "text"),
            Attribute("hire_date", "Hire date", "date"),
            Attribute("employment_type", "Employment type", "choice", options=("full_time", "part_time")),
            Attribute("date_of_birth", "Date of birth", "date", is_sensitive=True),
            Attribute("custom:shirt", "Shirt size", "text", is_own=True),
        ]
        self.trouble = None
        self.times_asked = 0
        self.revoked = []

    def attributes(self, connection):
        self.times_asked += 1
        if self.trouble:
            raise self.trouble
        return self.offer

    def standard_attributes(self, connection):
        return self.offer[:1]

    def authorize_url(self, *, state, redirect_uri, record_type=""):
        return f"https://gusto.example/oauth/authorize?state={state}"

    def revoke(self, *, access_token, refresh_token):
        self.revoked.append(access_token)


@pytest.fixture(autouse=True)
def gusto(monkeypatch):
    stand_in = StandIn()
    monkeypatch.setitem(providers._registry, "gusto", stand_in)
    return stand_in


@pytest.fixture
def portal(db):
    return PortalFactory(name="Harbor & Pine Academy", time_zone="America/Denver")


@pytest.fixture
def admin(portal):
    return AdminFactory(portal=portal).user


@pytest.fixture
def connection(portal):
    return ConnectionFactory(portal=portal, external_account_id="c1", external_account_name="Harbor & Pine")


@pytest.fixture
def portal_admin(portal, admin, portal_client):
    """The portal admin's portal_admin."""
    return portal_client(portal, admin)


@pytest.fixture
def started(monkeypatch, django_capture_on_commit_callbacks):
    """Collect the ids of the runs that workers are told of, instead of telling them."""
    ids = []
    monkeypatch.setattr(tasks.sync_connection, "delay", lambda *, run_id: ids.append(run_id))
    with django_capture_on_commit_callbacks(execute=True):
        yield ids


@pytest.fixture
def queries(portal_admin):
    """Count the statements behind a page, once it is warm."""

    def count(address):
        portal_admin.get(address)
        with CaptureQueriesContext(connections["default"]) as captured:
            assert portal_admin.get(address).status_code == HTTPStatus.OK
        return len(captured)

    return count


def text_of(response):
    """Return the words of a page without its tags, blanks folded."""
    body = re.sub(r"<(style|script).*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def markup_of(response):
    """Return a page's source with blanks folded."""
    return " ".join(response.content.decode().split())
