"""Run the stand-ins for the providers in the foreground."""

import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.sandbox.hubspot.app import CLIENT_ID as HUBSPOT_CLIENT_ID
from integrations.sandbox.hubspot.app import CLIENT_SECRET as HUBSPOT_CLIENT_SECRET
from integrations.sandbox.hubspot.state import DEFAULT_CONTACTS, HubSpot
from integrations.sandbox.server import start
from integrations.sandbox.world import CLIENT_ID, CLIENT_SECRET

DEFAULT_APP = "http://localhost:8000/integrations/hubspot/"


class Command(BaseCommand):
    """Serve until SIGINT or SIGTERM."""

    help = "Runs stand-ins for the providers on the loopback address, with invented people."
    requires_system_checks: list[str] = []  # it needs no database

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--port", type=int, default=8100, help="0 takes a free one")
        parser.add_argument("--people", type=int, default=50, help="people in the main company")
        parser.add_argument(
            "--hub-contacts", type=int, default=DEFAULT_CONTACTS, help="contacts in the main HubSpot account"
        )
        parser.add_argument(
            "--app",
            metavar="URL",
            help=f"where HubSpot finds the application, {DEFAULT_APP} unless the state says more",
        )
        parser.add_argument("--seed", type=int, default=1, help="another seed, other people")
        parser.add_argument("--rate-limit", type=int, default=200, help="calls per minute and grant, 0 for none")
        parser.add_argument(
            "--state", type=Path, metavar="FILE", help="go on from this file and keep consents and people in it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, say where, wait for a signal, stop."""
        try:
            sandbox = start(
                port=options["port"],
                people=options["people"],
                seed=options["seed"],
                rate_limit=options["rate_limit"],
                state=options["state"],
                hub_contacts=options["hub_contacts"],
            )
        except OSError as problem:
            # Only a problem with a file has a file name.
            what, option = (problem.filename, "--state") if problem.filename else (f"Port {options['port']}", "--port")
            raise CommandError(
                f"{what} cannot be used ({problem.strerror}). Choose another one with {option}."
            ) from problem
        done = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: done.set())
        with sandbox:
            _aim(sandbox.world.hubspot, options["app"])
            if sandbox.fresh_because:
                self.stdout.write(f"Starting afresh, {options['state']} does not fit: {sandbox.fresh_because}.")
            self.stdout.write(f"Gusto sandbox: {sandbox.url} ({options['people']} people)")
            self.stdout.write(f"Client id {CLIENT_ID}, secret {CLIENT_SECRET}")
            self.stdout.write(f"HubSpot sandbox: {sandbox.url}/hubspot ({options['hub_contacts']} contacts)")
            self.stdout.write(f"Client id {HUBSPOT_CLIENT_ID}, secret {HUBSPOT_CLIENT_SECRET}")
            self.stdout.write("Stop with Ctrl-C.")
            self.stdout.flush()
            done.wait()


def _aim(hubspot: HubSpot, address: str | None) -> None:
    """Tell HubSpot where its webhooks and workflow actions go: where the state file says, if nothing else is said."""
    if address or not hubspot.app.target_urls:
        hubspot.set_target(address or DEFAULT_APP)
