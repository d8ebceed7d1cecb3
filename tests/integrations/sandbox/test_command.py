"""`manage.py sandbox`, as the demo starts it."""

import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

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

            assert process.wait(timeout=120) == 0

        assert address.startswith(f"http://{HOST}:")
        assert state["companies"][0]["people"] == 120
        assert state["rate_limit"] == 0
        assert hubspot["accounts"][0]["records"]["contact"] == 80
        assert hubspot["app"]["target_urls"] == {"base": "http://localhost:8000/integrations/hubspot/"}

    def test_knows_where_the_application_is_and_says_why_it_starts_afresh(self, tmp_path):
        file = tmp_path / "sandbox.json"
        file.write_text("{")

        with running("--port", "0", "--app", "http://localhost:8001/hub", "--state", str(file)) as process:
            said = process.stdout.readline()
            address = process.stdout.readline().split()[2]
            with Browser(address) as browser:
                targets = browser.get("/_control/hubspot/state").json()["app"]["target_urls"]

        assert said == f"Starting afresh, {file} does not fit: it is not whole JSON.\n"
        assert targets == {"base": "http://localhost:8001/hub/"}

    def test_says_what_to_do_about_a_taken_port(self, sandbox):
        with pytest.raises(CommandError, match=re.escape("Choose another one with --port.")) as refusal:
            call_command("sandbox", port=sandbox.port)

        assert refusal.value.returncode == 1

    def test_says_what_to_do_about_a_file_that_cannot_be_written(self, tmp_path):
        with pytest.raises(CommandError, match=re.escape("Choose another one with --state.")) as refusal:
            call_command("sandbox", port=0, state=tmp_path / "nowhere" / "sandbox.json")

        assert refusal.value.returncode == 1
