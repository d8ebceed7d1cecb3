"""Put every stored secret under the newest encryption key, so that older keys can be retired."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction

from integrations.models import ConsentRequest, Grant, WebhookSubscription
from portals import sealing
from portals.models import SignedLinkSettings

SEALED: tuple[tuple[type[models.Model], tuple[str, ...]], ...] = (
    (Grant, ("access_token", "refresh_token")),
    (SignedLinkSettings, ("secret", "previous_secret")),
    (ConsentRequest, ("sealed_token",)),
    (WebhookSubscription, ("token",)),
)


class Command(BaseCommand):
    help = "Encrypt stored secrets again with the first key of ROLLCALL_ENCRYPTION_KEYS. Can run while workers work."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the options."""
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Go through all rows, each in a transaction of its own."""
        counts: Counter[str] = Counter()
        for model, columns in SEALED:
            for pk in list(model._default_manager.values_list("pk", flat=True)):
                counts[self.reseal(model, pk, columns)] += 1
        report = {"rotated": counts["rotated"], "broken": counts["broken"]}
        self.stdout.write(json.dumps(report) if options["json"] else f"Rows encrypted again: {report['rotated']}")
        if report["broken"]:
            raise CommandError(f"{report['broken']} rows are sealed with a key that is not in the ring.")

    def reseal(self, model: type[models.Model], pk: int, columns: tuple[str, ...]) -> str:
        """Return what became of one row: "rotated", "broken", or "gone"."""
        with transaction.atomic():
            # The lock keeps a renewal of the tokens from being overwritten.
            row = model._default_manager.select_for_update().filter(pk=pk).first()
            if row is None:
                return "gone"
            try:
                for column in filter(lambda name: getattr(row, name), columns):
                    setattr(row, column, sealing.reseal(getattr(row, column)))
            except sealing.SealBroken:
                self.stderr.write(f"{model._meta.label_lower} {pk}: no key opens it")
                return "broken"
            row.save(update_fields=columns)
            return "rotated"
