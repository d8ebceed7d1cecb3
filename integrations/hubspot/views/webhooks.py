"""Where HubSpot sends its events: checked, put into the inbox, answered; the work is a worker's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations import tasks as shared_tasks
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
            _wake_workers(events)
        return {}


def _wake_workers(events: Sequence[webhooks.Event]) -> None:
    """Call for the work; the inbox is swept every minute, so an event counts as received without a broker, too."""
    kinds = {event.kind for event in events}
    if webhooks.Kind.PERSON in kinds:
        transaction.on_commit(shared_tasks.take_up_events.delay, robust=True)
    if kinds != {webhooks.Kind.PERSON}:
        transaction.on_commit(tasks.take_up_records.delay, robust=True)
