"""Approve or reject the removals that a run holds."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from integrations.models import SyncRun
from integrations.sync import approval, leases
from integrations.sync import run as sync_run


class Command(BaseCommand):
    help = "End access for the people whom a run holds, or reject that."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--run", type=int, required=True, metavar="ID")
        parser.add_argument("--reject", action="store_true")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        run = SyncRun.objects.select_related("connection__portal").filter(pk=options["run"]).first()
        if run is None:
            raise CommandError("There is no such run.")
        now = timezone.now()
        try:
            if options["reject"]:
                report = {"rejected": approval.reject(run=run, user=None, now=now)}
            else:
                approved = approval.approve(run=run, user=None, now=now)
                sync_run.carry_out(run_id=approved.pk)
                approved.refresh_from_db()
                report = {"run": approved.pk, "ended": approved.totals.get("end_access", 0)}
        except approval.NothingHeld:
            raise CommandError("Nothing of this run waits for an answer any more.") from None
        except leases.Refused:
            raise CommandError("Another sync of this connection is running.") from None
        text = json.dumps(report) if options["json"] else " ".join(f"{name} {value}" for name, value in report.items())
        self.stdout.write(text)
