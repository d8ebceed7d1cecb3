"""Fixtures for every test: a real mail server, browsers without a browser, a cache of one's own, SQL as it is run."""

import email
import email.policy
import gc
import uuid

import pytest
from aiosmtpd.controller import Controller
from django.conf import settings as project_settings
from django.db import connection
from django.template.base import Template
from django.test import TransactionTestCase
from django.test.signals import template_rendered

from config.servers import free_port
from portals import statements


def pytest_collection_finish():
    """Look for garbage less often, and not among what stays anyway: a sixth of the tests' time."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


class Mailbox(list):
    """The mails that a real SMTP server received, in order.

    `refusals` holds its answer to an address (`{"gone@example.com": "550 No such user"}`), `hang_ups` the addresses at
    which it closes the connection.
    """

    def __init__(self):
        super().__init__()
        self.refusals = {}
        self.hang_ups = set()
        self.connections = 0

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address in self.hang_ups:
            return "421 Closing"
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"


@pytest.fixture
def smtp(settings):
    """A mail server on a free port of the loopback address, and its mailbox."""
    mailbox = Mailbox()
    port = free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    # Starting probes the server with a connection of its own.
    mailbox.connections = 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    yield mailbox
    controller.stop()


@pytest.fixture
def portal_client():
    """Make a client at a portal's host, or at the platform's for None, signed in as the account if there is one."""

    def make(portal, user=None, **options):
        from tests.clients import QuickClient  # noqa: PLC0415 - needs the apps

        host = portal.platform_host if portal else project_settings.PLATFORM_DOMAIN
        client = QuickClient(headers={"host": host}, **options)
        if user is not None:
            client.force_login(user)
        return client

    return make


@pytest.fixture(autouse=True)
def own_cache(settings):
    """Keep what one test counts in the shared cache from the next."""
    settings.CACHES = {"default": {**settings.CACHES["default"], "KEY_PREFIX": uuid.uuid4().hex}}


@pytest.fixture(scope="session", autouse=True)
def quick_emptying():
    """After a test with real transactions empty the tables that it filled; Django empties all and fills some anew."""
    kept = {"django_content_type", "auth_permission"}

    def empty(self):
        with connection.cursor() as cursor:
            tables = set(connection.introspection.django_table_names()) - kept
            is_filled = "SELECT '{0}' WHERE EXISTS (SELECT FROM {0})"
            cursor.execute(" UNION ALL ".join(map(is_filled.format, map(connection.ops.quote_name, tables))))
            filled = [name for (name,) in cursor]
            if filled:
                cursor.execute(f"TRUNCATE {', '.join(filled)} CASCADE")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty)
        yield


@pytest.fixture(scope="session", autouse=True)
def contexts_of_whole_pages(django_test_environment):
    """Keep what a page was given, `response.context`, once; Django's client keeps it for each of its 200 parts."""

    def render(self, context):
        if context.template is self:
            template_rendered.send(sender=self, template=self, context=context)
        return self.nodelist.render(context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "_render", render)
        yield


@pytest.fixture(autouse=True)
def new_process(monkeypatch):
    """Keep what one test found out about the use of HubSpot from the next."""
    from integrations.hubspot.progress import queue  # noqa: PLC0415 - needs the settings

    monkeypatch.setitem(queue._unused, "until", 0.0)


@pytest.fixture
def tasks_at_once():
    """Run tasks where they are called, instead of leaving them to a worker."""
    from config.celery import app  # noqa: PLC0415 - needs the settings

    before = app.conf.task_always_eager, app.conf.task_eager_propagates
    app.conf.task_always_eager = app.conf.task_eager_propagates = True
    yield
    app.conf.task_always_eager, app.conf.task_eager_propagates = before


@pytest.fixture
def statements_run(monkeypatch):
    """The hand-written statements that are run from now on; Django's own way of counting does not see them."""
    run, execute = [], statements.rows
    monkeypatch.setattr(
        statements, "rows", lambda sql, *args, **kwargs: run.append(sql) or execute(sql, *args, **kwargs)
    )
    return run


@pytest.fixture
def start_worker(tmp_path, smtp):
    """Start real Celery workers, which end with the test."""
    from tests.workers import Worker  # noqa: PLC0415 - needs the settings

    workers = []

    def make():
        worker = Worker(tmp_path / f"worker-{len(workers)}.log")
        workers.append(worker)
        worker.wait_until_ready()
        return worker

    yield make
    for worker in workers:
        worker.stop()
