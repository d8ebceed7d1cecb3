"""A portal of a company that keeps its records in Gusto, its admin's browser, and the ways to let time pass."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import TestCase
from django.utils import timezone

from integrations import connecting, providers, tasks
from integrations.gusto.provider import Gusto
from integrations.hubspot.provider import HubSpot
from integrations.models import Connection, SafetySettings, SyncRun
from integrations.sandbox.hubspot import app as hubspot_app
from integrations.sandbox.server import start
from integrations.sandbox.world import CLIENT_ID, CLIENT_SECRET
from integrations.sync import leases, mails
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from tests.flows.browser import Browser
from users import invitations
from users import tasks as user_tasks
from users.models import Membership

GUSTO = "/admin/settings/integrations/gusto/"
HUBSPOT = "/admin/settings/integrations/hubspot/"
PASSWORD = "harbour lights at dawn"


@pytest.fixture
def sandbox(settings):
    """A stand-in for Gusto whose company has 20 people, which the settings name."""
    with start(people=20, seed=1) as running:
        settings.GUSTO_API_URL = running.url
        settings.GUSTO_CLIENT_ID, settings.GUSTO_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
        yield running


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch):
    """Let what is tried again be tried at once."""
    monkeypatch.setitem(providers._registry, "gusto", Gusto(pause=lambda seconds: None))
    monkeypatch.setitem(providers._registry, "hubspot", HubSpot(pause=lambda seconds: None))


@pytest.fixture
def world(sandbox):
    """The company's HR department, and the switches of the sandbox."""
    return sandbox.world


@pytest.fixture
def hubspot(sandbox, settings):
    """What HubSpot knows, and its switches; the settings name it."""
    settings.HUBSPOT_API_URL = sandbox.url
    settings.HUBSPOT_AUTHORIZE_URL = f"{sandbox.url}/hubspot/oauth/authorize"
    settings.HUBSPOT_APP_ID = str(hubspot_app.APP_ID)
    settings.HUBSPOT_CLIENT_ID = hubspot_app.CLIENT_ID
    settings.HUBSPOT_CLIENT_SECRET = hubspot_app.CLIENT_SECRET
    settings.HUBSPOT_APP_OBJECT_SCOPES = list(hubspot_app.APP_OBJECT_SCOPES)
    return sandbox.world.hubspot


@pytest.fixture
def academy(db):
    """A portal for customers, who are contacts in HubSpot."""
    return PortalFactory(name="Larkfield for Customers", slug="larkfield", enabled_integrations=["hubspot"])


@pytest.fixture
def academy_admin(academy):
    """The account of the admin who looks after customer education there."""
    return AdminFactory(portal=academy, user__email="iris.vale@larkfield.example").user


@pytest.fixture
def enabler(academy, academy_admin, visit):
    """Her browser, signed in."""
    return visit(academy).let_in(academy_admin)


@pytest.fixture
def contacts(academy, academy_admin, hubspot):
    """The academy's working connection with HubSpot's contacts; how it is made is told in test_connect_hubspot."""
    code = hubspot.authorize(redirect_uri=connecting.redirect_uri("hubspot"))
    return connected(academy, "hubspot", code, academy_admin, record_type="contacts")


@pytest.fixture
def connect_hubspot(hubspot):
    """Connect HubSpot as an admin does, through the consent page; return the connection."""

    def through_the_pages(browser, record_type="Contact records", account="Larkfield Academy"):
        browser.open(HUBSPOT).press("+ Connect", record_type=record_type)
        browser.press("Connect app", account=account)
        browser.press("Finish")
        return Connection.objects.select_related("portal").latest("connected_at")

    return through_the_pages


@pytest.fixture
def portal(db):
    """A portal on the sandbox's calendar."""
    return PortalFactory(name="Harbor & Pine Academy", slug="harbor", time_zone="America/Los_Angeles")


@pytest.fixture
def visit():
    """Make the browser of a visitor to a portal."""
    return lambda portal: Browser(portal.platform_host)


@pytest.fixture
def portal_admin(portal):
    """The account of the portal's admin."""
    return AdminFactory(portal=portal, user__email="nora.bell@harborpine.example").user


@pytest.fixture
def admin(portal, portal_admin, visit):
    """Her browser, signed in."""
    return visit(portal).let_in(portal_admin)


@pytest.fixture
def connect():
    """Connect Gusto as an admin does, through the consent page; return the connection."""

    def through_the_pages(browser, company=""):
        browser.open(GUSTO).press("+ Connect")
        browser.press("Allow", **({"company": company} if company else {}))
        browser.press("Finish")
        return Connection.objects.select_related("portal").latest("connected_at")

    return through_the_pages


@pytest.fixture
def connection(portal, portal_admin, world):
    """The portal's working connection before its first sync; how it is made is told in test_connect_gusto."""
    code = world.authorize(company=None, redirect_uri=connecting.redirect_uri("gusto"))
    return connected(portal, "gusto", code, portal_admin)


@pytest.fixture
def mails_at_once():
    """Let the mails of a connection's syncs go without a release."""

    def decided(connection):
        SafetySettings.objects.update_or_create(
            connection=connection, defaults={"holds_first_mails": False, "most_mails": 10_000}
        )

    return decided


@pytest.fixture
def people(portal):
    """Find a portal's learner by name."""

    def called(name):
        first, _, last = name.partition(" ")
        return Membership.objects.select_related("user").get(
            portal=portal, user__first_name=first, user__last_name=last
        )

    return called


@pytest.fixture
def learner(portal):
    """A learner who was in the portal before Gusto."""
    return MembershipFactory(portal=portal)


@pytest.fixture
def call(django_capture_on_commit_callbacks):
    """Call a task as a worker does."""

    def task(function, **arguments):
        with django_capture_on_commit_callbacks(execute=True):
            function(**arguments)

    return task


@pytest.fixture
def at():
    """Move every clock but the database's: `with at(day, hour=3)`, in the portal's time zone."""

    def moment(day, *, hour=12, minute=0, zone="America/Los_Angeles"):
        return time_machine.travel(datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone)))

    return moment


@pytest.fixture
def today(portal):
    """The portal's calendar day."""
    return portal.today(timezone.now())


@pytest.fixture
def after_an_hour():
    """Let the hour pass that the database counts between two manual syncs."""

    def pass_for(connection):
        Connection.objects.filter(pk=connection.pk).update(
            last_manual_sync_at=timezone.now() - timedelta(hours=1, seconds=1)
        )

    return pass_for


@pytest.fixture
def latest_run():
    """Return a connection's newest run."""
    return lambda connection: SyncRun.objects.filter(connection=connection).latest("pk")


def connected(portal, provider, code, account, **more):
    """Connect as the callback of a consent does, and return the connection."""
    consent = connecting.exchange(provider=provider, code=code)
    return connecting.connect(
        portal=portal, provider=provider, consent=consent, user=account, now=timezone.now(), **more
    )


def link_in(mail):
    """Return the first link of a mail's text."""
    return re.search(r"https?://\S+", mail.get_body(("plain",)).get_content()).group()


def sync(browser):
    """Select Sync on the page of Gusto, and return the browser at the page of the run."""
    return browser.open(GUSTO).press("Sync")


def sync_and_release(browser):
    """Sync, and let the mails of the first sync go, which wait for that; return the browser at the page of the run."""
    page = sync(browser)
    return page.follow("See the mails").press("Release all") if "See the mails" in page.words else page


def sync_now(connection):
    """Sync as the button does, for what is not about its pages; return the run."""
    run = leases.claim_manual(connection=connection, user=None, now=timezone.now())
    with TestCase.captureOnCommitCallbacks(execute=True):
        tasks.sync_connection(run_id=run.pk)
    run.refresh_from_db()
    return run


def sync_and_release_now(connection):
    """Sync, and let the mails of the first sync go, without the pages; return the run."""
    run = sync_now(connection)
    with TestCase.captureOnCommitCallbacks(execute=True):
        if invitations.release(mails.held(run), now=timezone.now()):
            user_tasks.send_invitations()
    return run
