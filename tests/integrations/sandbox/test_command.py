"""`manage.py sandbox`, as the demo starts it."""

import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from integrations.sandbox.server import HOST
from tests.integrations.sandbox.conftest import Browser

PROJECT = Path(__file__).parents[3]


@contextmanager
def running(*options):
    """Start the command and never leave it behind."""
    with subprocess.Popen(
        [sys.executable, "manage.py", "sandbox", *options],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


class TestSandboxCommand:
    def test_serves_until_it_is_told_to_stop(self):
        with running("--port", "0", "--people", "120", "--hub-contacts", "80", "--rate-limit", "0") as process:
            address = process.stdout.readline().split()[2]
            with Browser(address) as browser:
                state = browser.get("/_control/state").json()
                hubspot = browser.get("/_control/hubspot/state").json()
            process.send_signal(signal.SIGTERM)

            assert process.wait(timeout=20) == 0

        assert address.startswith(f"http://{HOST}:")
        assert state["companies"][0]["people"] == 120
        assert state["rate_limit"] == 0
        assert hubspot["accounts"][0]["records"]["contact"] == 80

    def test_knows_where_the_application_is(self):
        for options, expected in (
            ([], "http://localhost:8000/integrations/hubspot/"),
            (["--app", "http://localhost:8001/hub"], "http://localhost:8001/hub/"),
        ):
            with running("--port", "0", *options) as process:
                address = process.stdout.readline().split()[2]
                with Browser(address) as browser:
                    targets = browser.get("/_control/hubspot/state").json()["app"]["target_urls"]

            assert targets == {"base": expected}

    def test_says_what_to_do_about_a_taken_port(self, sandbox):
        with running("--port", str(sandbox.port)) as process:
            _, problem = process.communicate(timeout=20)

        assert process.returncode == 1
        assert "Choose another one with --port." in problem
