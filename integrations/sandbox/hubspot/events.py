"""HubSpot's webhooks (page "Webhooks"): events of an account, gathered in batches of up to 100 and repeated.

No order is kept and events may come twice, as with the real sender; the switches of `Habits` say how badly.
"""

import json
import random
import threading
import time
from dataclasses import dataclass
from typing import Any

from integrations.sandbox.hubspot import project
from integrations.sandbox.hubspot.deliveries import Deliveries, Delivery
from integrations.sandbox.hubspot.signing import Flaw
from integrations.sandbox.hubspot.standard import CONTACTS
from integrations.sandbox.hubspot.transport import Answer

Event = dict[str, Any]

MOST_EVENTS = 100
ANSWER_SECONDS = 5.0
# Ten repeats spread over a day.
PAUSES = (60, 300, 900, 1800, 3600, 7200, 10800, 14400, 18000, 28800)
_FIRST_SUBSCRIPTION = 770_001


@dataclass(slots=True)
class Habits:
    """How the sender behaves: `copies` of each event, `shuffles` their order, signs with a `flaw`."""

    copies: int = 1
    shuffles: bool = False
    flaw: Flaw = Flaw.NONE


class Webhooks:
    """Makes events known to the application's one address for webhooks, whatever account they are of."""

    def __init__(self, deliveries: Deliveries, *, app_id: int, seed: int) -> None:
        self.url = ""
        self.habits = Habits()
        # None: every kind, and changes of every property.
        self.kinds: frozenset[str] | None = project.KINDS
        self.properties: frozenset[str] | None = project.PROPERTIES
        self._app_id = app_id
        self._deliveries = deliveries
        self._chance = random.Random(seed)
        self._numbers: dict[str, int] = {}
        self._lock = threading.Lock()
        self._last_event = 2_000
        self._last_instant = 0
        self._gathering: list[Event] | None = None

    def event(self, account: int, what: str, *, object_type: str, object_id: str, more: Event) -> Event:
        """Return a new event, such as `what` "deletion" of a contact; `more` are the keys of its kind."""
        is_contact = object_type == CONTACTS
        kind = f"{'contact' if is_contact else 'object'}.{what}"
        with self._lock:
            self._last_event += 1
            # Real time, and no two events at the same instant: receivers order them by it.
            self._last_instant = max(self._last_instant + 1, int(time.time() * 1000))
            subscription = self._numbers.setdefault(kind, _FIRST_SUBSCRIPTION + len(self._numbers))
            number, instant = self._last_event, self._last_instant
        made: Event = {
            "eventId": number,
            "subscriptionId": subscription,
            "portalId": account,
            "appId": self._app_id,
            "occurredAt": instant,
            "subscriptionType": kind,
            "attemptNumber": 0,
            "objectId": int(object_id),
            "sourceId": "userId:31415",
        }
        if not is_contact:
            made["objectTypeId"] = object_type
        return made | more

    def tell(self, *events: Event) -> None:
        """Send what is subscribed to, or put it beside what is gathered."""
        wanted = [one for one in events if self._is_wanted(one)]
        if self._gathering is not None:
            self._gathering.extend(wanted)
        else:
            self._send(wanted)

    def gather(self) -> None:
        """Send nothing until `release`."""
        if self._gathering is None:
            self._gathering = []

    def release(self) -> int:
        """Send what was gathered since and return how many events that were."""
        gathered, self._gathering = self._gathering or [], None
        self._send(gathered)
        return len(gathered)

    def _is_wanted(self, event: Event) -> bool:
        if not self.url or (self.kinds is not None and event["subscriptionType"] not in self.kinds):
            return False
        name = event.get("propertyName")
        return name is None or self.properties is None or name in self.properties

    def _send(self, events: list[Event]) -> None:
        copies = [one for _ in range(self.habits.copies) for one in events]
        if self.habits.shuffles:
            self._chance.shuffle(copies)
        batches = [copies[first : first + MOST_EVENTS] for first in range(0, len(copies), MOST_EVENTS)]
        self._deliveries.add(*(self._delivery(batch) for batch in batches))

    def _delivery(self, batch: list[Event]) -> Delivery:
        return Delivery(
            kind="webhook",
            account=batch[0]["portalId"],
            url=self.url,
            body=lambda attempt: _body(batch, attempt),
            companion="v1",
            seconds=ANSWER_SECONDS,
            pauses=PAUSES,
            is_done=_is_taken,
            flaw=self.habits.flaw,
        )


def _body(batch: list[Event], attempt: int) -> bytes:
    events = [one | {"attemptNumber": attempt} for one in batch]
    return json.dumps(events, ensure_ascii=False, separators=(",", ":")).encode()


def _is_taken(answer: Answer) -> bool:
    return answer.is_good
