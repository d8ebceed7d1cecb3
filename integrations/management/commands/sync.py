"""Carry out one sync in the foreground."""

from __future__ import annotations

import json
import resource
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from integrations.models import Connection, SyncRun
from integrations.sync import leases
from integrations.sync import run as sync_run

HELD = 3


class Command(BaseCommand):
    help = "Sync one portal's connection now and print what was done. Exit code 3: removals are held for approval."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--portal", required=True, metavar="SLUG")
        parser.add_argument("--provider", required=True)
        parser.add_argument("--ignore-throttle", action="store_true", help="do not count as the hourly manual sync")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        started, cpu = time.monotonic(), _cpu_seconds()
        run = self._carry_out(options)
        if options["json"]:
            report = {"run": run.pk, "state": run.state, "totals": run.totals, "trouble": run.trouble}
            self.stdout.write(json.dumps(report))
        else:
            self._print(run)
        seconds = time.monotonic() - started
        self.stdout.write(f"JOB_SECONDS {seconds:.2f} CPU {_cpu_seconds() - cpu:.2f}")
        if run.state == SyncRun.State.FAILED:
            sys.exit(1)
        if run.totals.get("held"):
            sys.exit(HELD)

    def _carry_out(self, options: dict[str, Any]) -> SyncRun:
        connection = (
            Connection.objects.select_related("portal")
            .filter(portal__slug=options["portal"], provider=options["provider"])
            .first()
        )
        if connection is None:
            raise CommandError("This portal has no such connection.")
        try:
            run = self._claim(connection, ignores_throttle=options["ignore_throttle"])
        except leases.TooSoon as refusal:
            raise CommandError(f"The next manual sync is possible at {refusal.free_at:%H:%M} UTC.") from None
        except leases.AlreadyRunning:
            raise CommandError("Another sync of this connection is running.") from None
        except leases.NotConnected:
            raise CommandError("The connection is not active: connect it first.") from None
        done = sync_run.carry_out(run_id=run.pk)
        if done is None:
            raise CommandError("Another worker carries this sync out.")
        return done

    def _claim(self, connection: Connection, *, ignores_throttle: bool) -> SyncRun:
        now = timezone.now()
        if ignores_throttle:
            return leases.claim(connection=connection, trigger=SyncRun.Trigger.COMMAND, now=now)
        return leases.claim_manual(connection=connection, user=None, now=now)

    def _print(self, run: SyncRun) -> None:
        self.stdout.write(f"Run {run.pk}: {run.get_state_display()}")
        if run.trouble:
            self.stdout.write(run.trouble)
        for name, count in sorted(run.totals.items()):
            self.stdout.write(f"{name:>14} {count}")


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
