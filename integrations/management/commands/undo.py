"""Take back what a run did."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from integrations.models import SyncRun
from integrations.sync import leases, undo
from integrations.sync import run as sync_run

WRONG_USAGE = 2
NEEDS_A_PERSON = 3


class Command(BaseCommand):
    help = (
        "Take back what a run did, as far as nobody has changed it since. Doing it twice changes nothing more. "
        "Exit code 3: something was left as it is and is listed on the page of the new run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--run", type=int, required=True, metavar="ID")
        parser.add_argument("--access-only", action="store_true", help="only give back the access that the run ended")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        trigger = SyncRun.Trigger.RESTORE if options["access_only"] else SyncRun.Trigger.UNDO
        run = SyncRun.objects.select_related("connection__portal").filter(pk=options["run"]).first()
        if run is None:
            raise CommandError("There is no such run.", returncode=WRONG_USAGE)
        done = undo.follower(run, trigger) or self._carry_out(run, trigger)
        report = {
            "run": done.pk,
            "state": done.state,
            "taken_back": done.totals.get("undo", 0),
            "left": done.totals.get("skipped", 0),
        }
        text = json.dumps(report) if options["json"] else " ".join(f"{name} {value}" for name, value in report.items())
        self.stdout.write(text)
        if done.state != SyncRun.State.COMPLETED:
            sys.exit(1)
        if report["left"]:
            sys.exit(NEEDS_A_PERSON)

    def _carry_out(self, run: SyncRun, trigger: SyncRun.Trigger) -> SyncRun:
        try:
            started = undo.start(run=run, user=None, now=timezone.now(), trigger=trigger)
        except undo.CannotUndo as refusal:
            raise CommandError(str(refusal)) from None
        except leases.AlreadyRunning:
            raise CommandError("Another sync of this connection is running.") from None
        done = sync_run.carry_out(run_id=started.pk)
        if done is None:
            raise CommandError("Another worker carries this run out.")
        return done
