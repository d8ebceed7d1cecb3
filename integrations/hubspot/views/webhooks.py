"""Where HubSpot sends its events: checked, put into the inbox, answered; the work is a worker's."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations import webhooks
from integrations.hubspot import tasks
from integrations.hubspot.action_requests import Unreadable
from integrations.hubspot.views.signed import SignedView
from integrations.hubspot.webhooks import PROVIDER, events_of


class WebhookView(SignedView):
    """Takes events of all accounts; HubSpot wants an answer within five seconds, or it repeats the delivery."""

    # A hundred events, some with a long text that somebody wrote into a property.
    most_bytes = 2 * 1024 * 1024

    def answer(self, body: bytes) -> dict[str, Any]:
        """Store each event once; those of accounts that nobody uses are accepted and dropped. Raises Unreadable."""
        try:
            events = events_of(body)
        except ValueError as error:
            raise Unreadable from error
        if events and webhooks.receive_all(provider=PROVIDER, events=events, now=timezone.now()):
            # The inbox is swept every minute: an event counts as received even while the broker is away.
            transaction.on_commit(tasks.take_up_soon, robust=True)
        return {}
