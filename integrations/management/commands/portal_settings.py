"""Export the settings of a portal to a file, or import them from one."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from integrations.portal_settings import document, importing, reading
from integrations.portal_settings.importing import Outlook
from portals.models import Portal

WRONG_USAGE = 2


class Command(BaseCommand):
    help = (
        "Write a portal's custom fields, courses, groups, rules, mappings and invite configuration to a JSON file, or "
        "bring a portal in line with one. Importing shows the difference first, deletes nothing and is repeatable."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the options."""
        parser.add_argument("direction", choices=["export", "import"])
        parser.add_argument("--portal", required=True, metavar="SLUG")
        parser.add_argument("file", metavar="FILE", help="- for standard output or input")
        parser.add_argument("--plan", action="store_true", help="only show what importing would do")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one of the two."""
        portal = Portal.objects.filter(slug=options["portal"]).first()
        if portal is None:
            raise CommandError("There is no such portal.", returncode=WRONG_USAGE)
        try:
            if options["direction"] == "export":
                self._export(portal, options)
            else:
                self._import(portal, options)
        except OSError as problem:
            raise CommandError(f"{options['file']}: {problem.strerror}", returncode=WRONG_USAGE) from None
        except document.Unfit as problem:
            raise CommandError(str(problem)) from None

    def _export(self, portal: Portal, options: dict[str, Any]) -> None:
        wanted = reading.settings_of(portal)
        text = document.write(wanted)
        if options["file"] == "-":
            self.stdout.write(text, ending="")
            return
        Path(options["file"]).write_text(text, encoding="utf-8")
        counts = {
            "custom_fields": len(wanted.custom_fields),
            "courses": len(wanted.courses),
            "groups": len(wanted.groups),
            "mappings": sum(len(one.mappings) for one in wanted.connections.values()),
        }
        if options["json"]:
            self.stdout.write(json.dumps({"portal": portal.slug, **counts}))
        else:
            words = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
            self.stdout.write(f"{portal.name}: {words}")

    def _import(self, portal: Portal, options: dict[str, Any]) -> None:
        content = sys.stdin.buffer.read() if options["file"] == "-" else Path(options["file"]).read_bytes()
        wanted = document.parse(content)
        use = importing.preview if options["plan"] else importing.apply
        outlook = use(portal=portal, wanted=wanted, now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(_report(outlook, is_done=not options["plan"])))
        else:
            self._print(outlook, is_done=not options["plan"])

    def _print(self, outlook: Outlook, *, is_done: bool) -> None:
        for line in outlook.difference.lines:
            self.stdout.write(f"{line.kind:8} {line.section}: {line.name}".rstrip(": "))
            for detail in line.details:
                self.stdout.write(f"           {detail.name}: {detail.before or '–'} → {detail.after or '–'}")
        for rule in outlook.rules:
            effect = rule.effect
            self.stdout.write(f"{rule.group}: {effect.joins} join, {effect.leaves} leave, {effect.begins} enrollments")
        for sync in outlook.syncs:
            counts = ", ".join(f"{count} {kind}" for kind, count in sorted(sync.effect.counts.items()))
            self.stdout.write(f"{sync.provider}, next sync: {counts or 'nobody changes'}, {sync.effect.mails} mails")
        for title in outlook.broken_rules:
            self.stdout.write(f"The rule of {title} is broken by this.")
        for note in outlook.notes:
            self.stdout.write(note)
        changes = len(outlook.difference.changes)
        self.stdout.write(f"{changes} changes made." if is_done else f"{changes} changes would be made.")


def _report(outlook: Outlook, *, is_done: bool) -> dict[str, Any]:
    return {
        "done": is_done,
        "lines": [
            {
                "section": line.section,
                "name": line.name,
                "kind": line.kind,
                "details": {one.name: [one.before, one.after] for one in line.details},
            }
            for line in outlook.difference.lines
        ],
        "rules": [
            {
                "group": rule.group,
                "joins": rule.effect.joins,
                "leaves": rule.effect.leaves,
                "enrollments_begin": rule.effect.begins,
                "enrollments_end": rule.effect.ends,
            }
            for rule in outlook.rules
        ],
        "syncs": [
            {"provider": sync.provider, "people": dict(sync.effect.counts), "mails": sync.effect.mails}
            for sync in outlook.syncs
        ],
        "enrollments_begin": outlook.enrollments,
        "broken_rules": outlook.broken_rules,
        "notes": outlook.notes,
    }
