"""Run everything in one terminal: databases, sandbox, web, worker, beat and a mailbox, with a company to try it on."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from base64 import urlsafe_b64encode
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils import timezone

from config.children import PROJECT, Children
from config.servers import (
    CannotStartError,
    data_folder,
    free_port,
    is_free,
    is_listening,
    start_postgres,
    start_valkey,
)

if TYPE_CHECKING:
    from config.demo_data import SignIn

READY_SECONDS = 180
KEYS = "keys.json"
SANDBOX = "sandbox.json"
SEARCHED_PORTS = 50
# The app as the sandbox's HubSpot knows it.
HUBSPOT_APP_ID = "1122334"
HUBSPOT_APP_OBJECT = f"a{HUBSPOT_APP_ID}_course_enrollment"
HUBSPOT_APP_OBJECT_SCOPES = (
    *(f"crm.app.objects.{HUBSPOT_APP_OBJECT}.{right}" for right in ("view", "create", "edit", "delete")),
    f"crm.app.schemas.{HUBSPOT_APP_OBJECT}.read",
)


@dataclass(frozen=True)
class Ports:
    """Where the demo's own pages are."""

    web: int
    sandbox: int
    mailbox: int
    smtp: int


class Command(BaseCommand):
    """Start, seed, show and stop the demo.

    manage.py runs this before Django has settings, because their environment (servers, keys) is made here.
    """

    help = "Runs Rollcall with invented people in this terminal; Ctrl-C stops all of it, the data stays."
    requires_system_checks: list[str] = []
    _is_stopping = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--port", type=int, help="port of the portals, 8000 or the next free one if not given")
        parser.add_argument("--sandbox-port", type=int, help="port of the sandbox, 8100 or the next free one")
        parser.add_argument("--people", type=int, default=50, help="people in the sandbox's company")
        parser.add_argument("--data", type=Path, default=PROJECT / ".demo", help="folder that keeps the data")
        parser.add_argument("--fresh", action="store_true", help="delete the demo's data and start over")
        parser.add_argument("--reset", action="store_true", help="delete the demo's data and end")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until Ctrl-C; raise CommandError when something cannot start or ends by itself."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupt)
        folder = data_folder(options["data"])
        if folder != options["data"].absolute():
            self._say(f"PostgreSQL's account cannot reach {options['data']}, so the data is kept in {folder}.")
        with ExitStack() as stack:
            self._lock(folder, stack)
            if options["fresh"] or options["reset"]:
                self._delete_data(folder)
            if options["reset"]:
                return
            ports = self._ports(options)
            try:
                self._run(folder, ports, options["people"], stack)
            except KeyboardInterrupt:
                self._say("\nStopping.")
            except CannotStartError as problem:
                raise CommandError(str(problem)) from problem
            finally:
                # A second Ctrl-C would cut the orderly stop short and leave programs behind.
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_IGN)

    def _interrupt(self, *_: object) -> None:
        """Stop as soon as possible: here, or in the next loop where the exception was swallowed, as around a fork."""
        self._is_stopping = True
        raise KeyboardInterrupt

    def _run(self, folder: Path, ports: Ports, people: int, stack: ExitStack) -> None:
        self._start_servers(folder, stack)
        os.environ.update(_environment(folder, ports))
        self._say("Preparing the database.")
        had_data, sign_ins = _prepare_database()
        if had_data:
            self._say("Going on with the portals and people of the last time (--fresh starts over).")
        children = Children(sys.stdout)
        stack.callback(children.stop)
        for name, arguments in _programs(folder, ports, people).items():
            children.start(name, arguments, environment=os.environ)
        self._wait_until_ready(children, ports)
        self._say(_welcome(ports, sign_ins, _connect_juniper(ports)))
        while True:
            children.show_output(seconds=0.5)
            self._check(children)

    def _check(self, children: Children) -> None:
        """Raise KeyboardInterrupt when it was asked for, CommandError when a program has ended by itself."""
        if self._is_stopping:
            raise KeyboardInterrupt
        _raise_if_one_ended(children)

    def _start_servers(self, folder: Path, stack: ExitStack) -> None:
        if "DATABASE_URL" not in os.environ:
            postgres = start_postgres(folder / "postgres", throwaway=False)
            stack.callback(postgres.stop)
            os.environ["DATABASE_URL"] = postgres.url
        if "REDIS_URL" not in os.environ:
            valkey = start_valkey()
            stack.callback(valkey.stop)
            os.environ["REDIS_URL"] = valkey.url

    def _wait_until_ready(self, children: Children, ports: Ports) -> None:
        deadline = time.monotonic() + READY_SECONDS
        others = (ports.sandbox, ports.mailbox, ports.smtp)
        while not (_answers(f"http://127.0.0.1:{ports.web}/health/live/") and all(map(is_listening, others))):
            children.show_output(seconds=0.2)
            self._check(children)
            if time.monotonic() > deadline:
                raise CommandError(f"The pages did not answer within {READY_SECONDS} seconds.")

    def _ports(self, options: dict[str, Any]) -> Ports:
        web = self._port(options["port"], 8000, "--port")
        sandbox = self._port(options["sandbox_port"], 8100, "--sandbox-port")
        return Ports(web=web, sandbox=sandbox, mailbox=self._port(None, 8200, "mailbox"), smtp=free_port())

    def _port(self, wanted: int | None, preferred: int, option: str) -> int:
        """Return the wanted port, or the first free one from the preferred port on."""
        if wanted:
            if not is_free(wanted):
                advice = f"Choose another one with {option}, leave the option out, or stop what listens there."
                raise CommandError(f"Port {wanted} is taken. {advice}", returncode=2)
            return wanted
        found = next((port for port in range(preferred, preferred + SEARCHED_PORTS) if is_free(port)), None)
        if found is None:
            raise CommandError(f"All ports from {preferred} on are taken. Choose one with {option}.", returncode=2)
        if found != preferred:
            self._say(f"Port {preferred} is taken, using {found}.")
        return found

    def _lock(self, folder: Path, stack: ExitStack) -> None:
        lock = stack.enter_context((folder / "lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise CommandError("The demo runs already. Stop that one first (Ctrl-C in its terminal).") from problem

    def _delete_data(self, folder: Path) -> None:
        if "DATABASE_URL" in os.environ:
            raise CommandError("The data is in the database of DATABASE_URL: empty that yourself.", returncode=2)
        # Only what the demo made: --data may name a folder with other things in it.
        for name in ("postgres", "postgres.unfinished", "mail"):
            shutil.rmtree(folder / name, ignore_errors=True)
        for name in (KEYS, SANDBOX, f"{SANDBOX}.unfinished"):
            (folder / name).unlink(missing_ok=True)
        self._say("Deleted the demo's data.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _environment(folder: Path, ports: Ports) -> dict[str, str]:
    """Return what the settings need; the keys are made once, because the stored data depends on them."""
    return {
        **_keys(folder / KEYS),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "ROLLCALL_ENV": "demo",
        "PLATFORM_DOMAIN": f"localhost:{ports.web}",
        "EMAIL_URL": f"smtp://127.0.0.1:{ports.smtp}",
        "GUSTO_API_URL": f"http://127.0.0.1:{ports.sandbox}",
        "GUSTO_CLIENT_ID": "rollcall-sandbox",
        "GUSTO_CLIENT_SECRET": "rollcall-sandbox-secret",
        "HUBSPOT_API_URL": f"http://127.0.0.1:{ports.sandbox}",
        "HUBSPOT_AUTHORIZE_URL": f"http://127.0.0.1:{ports.sandbox}/hubspot/oauth/authorize",
        "HUBSPOT_APP_ID": HUBSPOT_APP_ID,
        "HUBSPOT_CLIENT_ID": "3f0c2b7e-1d55-4c1b-9a80-5a4de0c7b911",
        "HUBSPOT_CLIENT_SECRET": "rollcall-hubspot-sandbox-secret",
        "HUBSPOT_APP_OBJECT_SCOPES": ",".join(HUBSPOT_APP_OBJECT_SCOPES),
        "SANDBOX_URL": f"http://127.0.0.1:{ports.sandbox}",
        # The sandbox speaks plain http on the loopback address.
        "OAUTHLIB_INSECURE_TRANSPORT": "1",
        # Static files come straight from the apps here, so the folder that WhiteNoise misses is never made. In a
        # container the demo may run as root: what Celery says to that would bury the addresses.
        "PYTHONWARNINGS": "ignore:No directory at,ignore:You're running the worker with superuser privileges",
        # Routine messages would push the addresses off the screen.
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
    }


def _keys(file: Path) -> dict[str, str]:
    if not file.exists():
        keys = {
            "SECRET_KEY": secrets.token_urlsafe(50),
            "ROLLCALL_ENCRYPTION_KEYS": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as target:
            json.dump(keys, target)
    content: dict[str, str] = json.loads(file.read_text())
    return content


def _prepare_database() -> tuple[bool, list[SignIn]]:
    """Return whether there was a demo in the database already, and who can sign in where."""
    django.setup()
    from config import demo_data, demo_people, demo_portals  # noqa: PLC0415 - models can be imported only now
    from portals.models import Portal  # noqa: PLC0415

    call_command("migrate", interactive=False, verbosity=0)
    now, had_data = timezone.now(), Portal.objects.filter(slug="harbor").exists()
    companies = demo_data.seed()
    harbor = Portal.objects.get(slug="harbor")
    staff = demo_people.populate(harbor, now=now)
    others = demo_portals.populate(harbor, now=now)
    connections.close_all()
    return had_data, [*companies[:1], *staff, *others, *companies[1:]]


def _connect_juniper(ports: Ports) -> list[str]:
    """Set up what needs the sandbox, and return the ways in without a password."""
    from config import demo_portals  # noqa: PLC0415
    from portals.models import Portal  # noqa: PLC0415

    juniper = Portal.objects.get(slug="juniper")
    url = f"http://127.0.0.1:{ports.sandbox}"
    demo_portals.connect_juniper(juniper, sandbox_url=url, now=timezone.now())
    ways = demo_portals.other_ways()
    connections.close_all()
    return ways


def _programs(folder: Path, ports: Ports, people: int) -> dict[str, list[str]]:
    worker = ["--queues", "sync,mail,hubspot,default", "--concurrency", "2", "--loglevel", "WARNING"]
    bind = ["--bind", f"127.0.0.1:{ports.web}", "--threads", "8", "--no-control-socket", "--log-level", "warning"]
    # HubSpot's workflows and events come in at the installation's own address.
    address = f"http://localhost:{ports.web}/integrations/hubspot/"
    world = ["--people", str(people), "--app", address, "--state", str(folder / SANDBOX)]
    return {
        "mail": ["config.mailbox", str(folder / "mail"), str(ports.smtp), str(ports.mailbox)],
        "sandbox": ["django", "sandbox", "--port", str(ports.sandbox), *world],
        "web": ["gunicorn", "config.wsgi", *bind],
        "worker": ["celery", "--quiet", "-A", "config", "worker", "--without-gossip", "--without-mingle", *worker],
        "beat": ["celery", "--quiet", "-A", "config", "beat", "--loglevel", "WARNING"],
    }


def _raise_if_one_ended(children: Children) -> None:
    """Raise CommandError when a program has ended by itself."""
    ended = children.ended()
    if ended:
        children.show_output(seconds=0.2)
        told = "\n".join(f"    {line}" for line in ended.last_lines)
        code = ended.process.returncode
        raise CommandError(f"{ended.name} ended with code {code}, so all stops. Its last lines were:\n{told}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - always the loopback address
            return True
    except (urllib.error.URLError, OSError):
        return False


def _welcome(ports: Ports, sign_ins: list[SignIn], other_ways: list[str]) -> str:
    ways = "\n".join(f"    {way}" for way in other_ways)
    rows = "\n".join(f"    {entry.who:<32} {entry.url:<44} {entry.email:<32} {entry.password}" for entry in sign_ins)
    return f"""
Rollcall is running. Ctrl-C stops it; the data stays (--fresh starts over).

  Sign-ins
{rows}
{ways}

  Other pages
    Sandbox (stands in for Gusto, HubSpot and an identity provider): http://127.0.0.1:{ports.sandbox}/
    Mailbox (every mail that was sent):                              http://127.0.0.1:{ports.mailbox}/

  Next
    1. Sign in as the admin of Harbor & Pine Academy, open Integrations and connect Gusto.
       Map your data, press Preview, read who would come, and apply it.
    2. The first mails wait: release them on the page of the run, and open an invitation in the mailbox.
    3. In the sandbox press "Let a team leave", then Sync: the run holds what is too much. Then you decide.
    4. In the admin of the customers' portal connect HubSpot. In the sandbox open a contact of the HubSpot account and
       run the User Invite Action on it; accept the invitation, finish a course, and look at the contact again.
"""
