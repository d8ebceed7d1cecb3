"""Evaluate every rule of a portal."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portals.models import Portal
from users import grouping

WRONG_USAGE = 2


class Command(BaseCommand):
    help = "Evaluate the active rules of a portal for everyone in it, and print what changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the options."""
        parser.add_argument("--portal", required=True, metavar="SLUG", help="first part of the portal's address")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Evaluate, and count what began and ended."""
        portal = Portal.objects.filter(slug=options["portal"]).first()
        if portal is None:
            raise CommandError(f"There is no portal “{options['portal']}”.", returncode=WRONG_USAGE)
        done = grouping.regroup_portal(portal_id=portal.pk, now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(asdict(done)))
        else:
            self.stdout.write(
                f"Joined groups: {done.joined}\nLeft groups: {done.left}\n"
                f"Enrolled: {done.enrolled}\nUnenrolled: {done.unenrolled}"
            )
