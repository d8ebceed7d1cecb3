"""The servers behind the tests: a pytest plugin, and `python -m tests.servers COMMAND` for anything else.

A variable that is set already is kept: with DATABASE_URL and REDIS_URL the tests run on those servers.
"""

import base64
import os
import secrets
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest

from config.servers import start_postgres, start_valkey

LINES_AT_ONCE = 12


@contextmanager
def test_environment() -> Iterator[None]:
    """Set what the settings need, with throw-away servers for those that have no address."""
    with ExitStack() as stack:
        os.environ.setdefault("ROLLCALL_ENV", "test")
        os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe())
        os.environ.setdefault("ROLLCALL_ENCRYPTION_KEYS", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        # The sandbox speaks plain http on the loopback address.
        os.environ.setdefault("OAUTHLIB_INSECURE_TRANSPORT", "1")
        if "DATABASE_URL" not in os.environ:
            postgres = start_postgres(None, throwaway=True)
            stack.callback(postgres.stop)
            os.environ["DATABASE_URL"] = postgres.url
        if "REDIS_URL" not in os.environ:
            valkey = start_valkey()
            stack.callback(valkey.stop)
            os.environ["REDIS_URL"] = valkey.url
        _keep_apart()
        yield


def _keep_apart() -> None:
    """Give each process of `pytest -n` a store of its own on the server, as pytest-django does with databases."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker:
        address = urlsplit(os.environ["REDIS_URL"])
        os.environ["REDIS_URL"] = address._replace(path=f"/{1 + int(worker.removeprefix('gw'))}").geturl()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Start the servers before pytest-django loads the settings; pytest stops them last, whatever happens."""
    stack = ExitStack()
    early_config.add_cleanup(stack.close)
    stack.enter_context(test_environment())
    return (yield)


class Failures:
    """Tells of a failure when it happens: a run that is stopped later has said it."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._terminal.ensure_newline()
            self._terminal.write_line(f"{report.when} of {report.nodeid} failed:")
            self._terminal.write_line("\n".join(report.longreprtext.splitlines()[-LINES_AT_ONCE:]))


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let the process that collects the results tell of failures at once."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Failures(terminal))


def main() -> int:
    """Run the command of the arguments on throw-away servers and return its exit code."""
    with test_environment():
        return subprocess.run(sys.argv[1:], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
