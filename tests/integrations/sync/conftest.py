"""A small company to sync from, and short ways to run a sync and look at its outcome."""

import pytest
from django.utils import timezone

from integrations import providers
from integrations.gusto.provider import Gusto
from integrations.models import SyncRun
from integrations.sandbox.server import start
from integrations.sandbox.world import CLIENT_ID, CLIENT_SECRET
from integrations.sync import leases
from integrations.sync import run as sync_run


@pytest.fixture
def sandbox(settings):
    """A running sandbox whose company has 30 people, which Gusto's settings name."""
    with start(people=30, seed=1) as running:
        settings.GUSTO_API_URL = running.url
        settings.GUSTO_CLIENT_ID, settings.GUSTO_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
        yield running


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch):
    """Let what is tried again be tried at once."""
    monkeypatch.setitem(providers._registry, "gusto", Gusto(pause=lambda seconds: None))


@pytest.fixture
def sync():
    """Carry out one sync of a connection and return its run."""

    def carry_out(connection, *, now=None, trigger=SyncRun.Trigger.COMMAND):
        connection.refresh_from_db()
        run = leases.claim(connection=connection, trigger=trigger, now=timezone.now())
        clock = (lambda: now) if now else timezone.now
        return sync_run.carry_out(run_id=run.pk, clock=clock)

    return carry_out
