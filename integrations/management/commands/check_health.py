"""Say whether the installation is well."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from integrations import health


class Command(BaseCommand):
    help = "Check database, broker, workers, mail and every connection. Exit code 1: something is wrong."
    # The database may be what is wrong.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        facts = health.collect(timezone.now())
        checks = health.judge(facts)
        if options["json"]:
            self.stdout.write(json.dumps(health.as_json(facts, checks)))
        else:
            self._print(facts, checks)
        if not health.is_well(checks):
            sys.exit(1)

    def _print(self, facts: health.Facts, checks: list[health.Check]) -> None:
        for check in checks:
            mark = "ok   " if check.is_ok else "WRONG"
            self.stdout.write(f"{mark} {check.label}: {check.words} {check.advice}".rstrip())
        for one in facts.broken:
            self.stdout.write(f"      {one.portal}, {one.system}: {health.trouble_in_words(one)}")
