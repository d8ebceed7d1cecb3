"""The people whom a provider's events are about, read one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Max

from integrations.engine.records import digest
from integrations.models import WebhookEvent
from integrations.providers import PeopleSource
from integrations.sync import snapshot
from integrations.sync.batches import Batch, Context

# Each costs a call or more.
BATCH = 25


@dataclass(frozen=True, slots=True)
class Reported:
    """Those of a batch who changed, how many were read, and the last event that is done with them."""

    batch: Batch
    people: int
    last: int


def next_batch(
    context: Context, source: PeopleSource, *, after: int, keep_alive: Callable[[], None]
) -> Reported | None:
    """Read the next people of the run's events, or return None at the end; raises the provider's errors.

    Somebody who is not there is left alone: absence is no evidence.
    """
    rows = (
        # Whoever asked to be forgotten leaves an event without a name behind.
        WebhookEvent.objects.filter(run=context.run_id, person_id__gt="")
        .values("person_id")
        .annotate(last=Max("pk"))
        .filter(last__gt=after)
        .order_by("last")[:BATCH]
    )
    found = {row["person_id"]: row["last"] for row in rows}
    if not found:
        return None
    people = source.people(
        context.connection, list(found), wanted=context.policy.wanted_attributes, keep_alive=keep_alive
    )
    identities = snapshot.known(context.connection, [person.key for person in people])
    digests = {person.key: digest(person, context.policy.version) for person in people}
    changed = [
        person
        for person in people
        if person.key not in identities or identities[person.key].digest != digests[person.key]
    ]
    return Reported(Batch(changed, identities, digests), len(people), max(found.values()))
