"""Real Celery workers for tests: processes of their own, on the test's database, broker, sandbox and mail server."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

from config.servers import signal_when_orphaned
from integrations.rate_limits import shared_store

PROJECT = Path(__file__).resolve().parents[1]
QUEUES = ("sync", "mail", "hubspot", "default")
# Longer than a worker takes to start, and to sync, on a machine that does much else.
PATIENCE_SECONDS = 180


class Worker:
    """One running worker and its children."""

    def __init__(self, log):
        self._log = log
        options = [
            "--concurrency",
            "1",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "--loglevel",
            "INFO",
        ]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", ",".join(QUEUES), *options],
                cwd=PROJECT,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A group of its own, which can be killed as a whole.
                start_new_session=True,
                preexec_fn=signal_when_orphaned(signal.SIGTERM),  # noqa: PLW1509 - one system call, safe after a fork
            )

    def wait_until_ready(self):
        """Return when the worker takes tasks."""
        wait_until(lambda: b" ready." in self._log.read_bytes(), explain=self.said)

    def said(self):
        """Return the end of the worker's log."""
        return self._log.read_text(errors="replace")[-3000:]

    def kill(self):
        """End the worker and its children by SIGKILL, as a power cut would."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self):
        """End the worker if it still runs."""
        if self._process.poll() is None:
            self.kill()


def wait_until(is_so, *, explain=lambda: ""):
    """Return when the condition holds; fail when it does not in time."""
    tick, deadline = threading.Event(), time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"It did not come about within {PATIENCE_SECONDS} seconds. {explain()}"
        tick.wait(0.05)


def forget_tasks():
    """Drop what other tests have left in the queues."""
    shared_store().delete(*QUEUES, "unacked", "unacked_index")


def _environment():
    """Return the environment in which a process has the settings of the test that runs now."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    return {
        **os.environ,
        "DATABASE_URL": urlunsplit(database),
        "EMAIL_URL": f"smtp://{settings.EMAIL_HOST}:{settings.EMAIL_PORT}",
        "PLATFORM_DOMAIN": settings.PLATFORM_DOMAIN,
        "GUSTO_API_URL": settings.GUSTO_API_URL,
        "GUSTO_CLIENT_ID": settings.GUSTO_CLIENT_ID,
        "GUSTO_CLIENT_SECRET": settings.GUSTO_CLIENT_SECRET,
        "GUSTO_RATE_LIMIT": str(settings.GUSTO_RATE_LIMIT),
        "HUBSPOT_API_URL": settings.HUBSPOT_API_URL,
        "HUBSPOT_APP_ID": settings.HUBSPOT_APP_ID,
        "HUBSPOT_CLIENT_ID": settings.HUBSPOT_CLIENT_ID,
        "HUBSPOT_CLIENT_SECRET": settings.HUBSPOT_CLIENT_SECRET,
        "HUBSPOT_APP_OBJECT_SCOPES": ",".join(settings.HUBSPOT_APP_OBJECT_SCOPES),
    }
