"""Let Gusto report changes by itself."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils import timezone

from integrations.gusto import webhooks
from integrations.http import ProviderError


class Command(BaseCommand):
    help = "Subscribe to Gusto's events at the platform's address; they are on once Gusto's token was verified."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the options."""
        parser.add_argument("step", choices=["subscribe", "verify"])
        parser.add_argument("--url", default="", help="another address under which Gusto reaches this installation")

    def handle(self, *args: Any, **options: Any) -> None:
        """Take one of the two steps."""
        now = timezone.now()
        try:
            if options["step"] == "subscribe":
                path = reverse("gusto:webhooks")
                url = options["url"] or f"{settings.PLATFORM_SCHEME}://{settings.PLATFORM_DOMAIN}{path}"
                external_id = webhooks.subscribe(url=url, now=now)
                self.stdout.write(f"Subscription {external_id}: Gusto sends its token to {url} now.")
            elif webhooks.verify(now=now):
                self.stdout.write("Verified: Gusto's events are taken up from now on.")
            else:
                raise CommandError("No token that Gusto accepts has arrived, or the subscription is verified already.")
        except ProviderError as problem:
            raise CommandError(str(problem)) from None
