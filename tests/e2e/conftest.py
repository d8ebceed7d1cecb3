"""The product in a real browser: a live server at portal hosts, a sandbox, and the portal of the demo.

Every look at a page waits for what it should find, by `expect` or by what `pages` offers: Playwright's methods that
answer at once see whatever a busy machine has got to. tests/repository/test_browser_tests.py refuses them.
"""

import importlib.util
import shutil
from pathlib import Path

import pytest
from django.utils import timezone

from config import demo_data
from integrations import connecting
from integrations.models import Connection, FieldMapping, SyncRun
from integrations.sandbox.server import start
from integrations.sandbox.world import CLIENT_ID, CLIENT_SECRET
from integrations.sync import leases
from integrations.sync import run as sync_run
from portals.models import CustomField, Portal
from users.models import User

ADMIN = "nora.bell@harborpine.example"
# How long a page may take to show what it should, in milliseconds: a machine may do much else.
PATIENCE = 60_000
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

if importlib.util.find_spec("pytest_playwright") is None:
    collect_ignore_glob = ["test_*.py"]


def pytest_collection_modifyitems(items):
    """Mark what is in this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.django_db(transaction=True))


# The plugin's own fixtures live for the whole session, and with them Playwright's event loop in this thread, which
# Django would notice in every test that follows. These end with the folder.


@pytest.fixture(scope="package")
def playwright():
    """Playwright, as long as tests of this folder run."""
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415 - may be absent

    expect.set_options(timeout=PATIENCE)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as running:
        # Playwright's loop stands still while a test's own code runs.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield running


@pytest.fixture(scope="package")
def browser(playwright):
    """The system's Chromium; none is ever downloaded."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("There is no Chromium: install it (on Debian: apt install chromium) to run the browser tests.")
    running = playwright.chromium.launch(executable_path=program, args=OPTIONS)
    yield running
    running.close()


@pytest.fixture(scope="package")
def browser_context_args():
    """Nothing that pages show depends on the machine."""
    return {"locale": "en-US", "timezone_id": "America/Denver"}


@pytest.fixture
def page(context):
    """A page that fails the test when a script fails on it."""
    opened = context.new_page()
    problems = []
    opened.on("pageerror", lambda problem: problems.append(problem))  # noqa: PLW0108 - Playwright marks what it is given
    opened.set_default_timeout(PATIENCE)
    yield opened
    assert not problems


@pytest.fixture
def other_page(browser):
    """Open a page in a browser of somebody else, or of another device."""
    contexts = []

    def opened(**options):
        contexts.append(browser.new_context(locale="en-US", timezone_id="America/Denver", **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def sandbox(settings):
    """A stand-in for Gusto whose company has 30 people, which the settings name."""
    with start(people=30, seed=1) as running:
        settings.GUSTO_API_URL = running.url
        settings.GUSTO_CLIENT_ID, settings.GUSTO_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
        yield running


@pytest.fixture
def portal(live_server, settings):
    """The demo's portal, at the live server's port."""
    settings.PLATFORM_DOMAIN = f"localhost:{live_server.thread.port}"
    demo_data.seed()
    return Portal.objects.get(slug="harbor")


@pytest.fixture
def sign_in(portal):
    """Sign in at the portal as people do."""

    def at(page, email=ADMIN, password=demo_data.ADMIN_PASSWORD):
        page.goto(portal.url("/sign-in/"))
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(portal.url("/"))

    return at


@pytest.fixture
def synced(portal, sandbox):
    """The portal's connection after a first sync with two mappings, one of which has values that do not match."""
    code = sandbox.world.authorize(redirect_uri=connecting.redirect_uri("gusto"))
    connection = connecting.connect_by_code(portal=portal, provider="gusto", code=code, now=timezone.now())
    CustomField.objects.get(portal=portal, label="Department").choices.filter(value="Support").delete()
    for attribute, label in (("department", "Department"), ("job_title", "Job title")):
        field = CustomField.objects.get(portal=portal, label=label)
        FieldMapping.objects.create(connection=connection, attribute=attribute, custom_field=field)
    connection.connected_by = User.objects.get(email=ADMIN)
    connection.save()
    run = leases.claim(connection=connection, trigger=SyncRun.Trigger.COMMAND, now=timezone.now())
    sync_run.carry_out(run_id=run.pk)
    return Connection.objects.get()
