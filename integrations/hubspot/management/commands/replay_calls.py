"""Carry refused calls of HubSpot's workflows out again."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from integrations.http import ProviderError
from integrations.hubspot import tasks, workflow_actions
from integrations.hubspot.models import WorkflowCall
from portals.models import Portal

# Some calls are still refused: somebody has to look.
NEEDS_A_PERSON = 3


class Command(BaseCommand):
    help = "Carry refused workflow actions out again, for the records as HubSpot has them now; HubSpot is not told."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--portal", metavar="SLUG", help="only calls for this portal")
        parser.add_argument("--since", metavar="TIME", help="only calls received since, as 2026-11-22 or with a time")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        calls = WorkflowCall.objects.refused().exclude(record_id="").filter(connection__isnull=False)
        if slug := options["portal"]:
            if not Portal.objects.filter(slug=slug).exists():
                raise CommandError(f"There is no portal {slug}.")
            calls = calls.filter(connection__portal__slug=slug)
        if options["since"]:
            calls = calls.filter(received_at__gte=_moment(options["since"]))
        counts: Counter[str] = Counter()
        for call in calls.select_related("connection__portal").order_by("pk").iterator(chunk_size=100):
            counts[self._replay(call)] += 1
        tasks.follow_actions_soon()
        report = {"calls": counts.total(), **dict(sorted(counts.items()))}
        text = json.dumps(report) if options["json"] else " ".join(f"{name} {value}" for name, value in report.items())
        self.stdout.write(text)
        if counts["skipped"] or counts["failed"] or counts["impossible"]:
            sys.exit(NEEDS_A_PERSON)

    def _replay(self, call: WorkflowCall) -> str:
        """Return the new outcome, or that the call cannot be carried out now."""
        try:
            return workflow_actions.replay(call=call, actor=None, now=timezone.now()).outcome
        except (workflow_actions.CannotReplay, ProviderError) as refusal:
            self.stderr.write(f"call {call.pk}: {refusal}")
            return "impossible"


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text) or parse_datetime(f"{text} 00:00")
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"{text} is no time.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
