"""Gusto's webhooks: subscriptions of the application, and a sender that signs, repeats and keeps trying."""

import hashlib
import heapq
import hmac
import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

MOST_TRIES = 16
ANSWER_SECONDS = 10
# The real sender waits minutes and hours between its tries.
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.05, 2.0
_LOOPBACK = ("localhost", "127.0.0.1")


@dataclass(slots=True)
class Subscription:
    """Where events are sent, and the token that is proof and key."""

    uuid: str
    url: str
    subscription_types: list[str]
    status: str = "pending"
    verification_token: str = field(default_factory=lambda: str(uuid.uuid4()))

    def shown(self) -> dict[str, Any]:
        """Return what the API shows of it: everything but the token."""
        return {name: value for name, value in asdict(self).items() if name != "verification_token"}


@dataclass(order=True, slots=True)
class _Delivery:
    due: float
    number: int
    url: str = field(compare=False)
    body: bytes = field(compare=False)
    key: str = field(compare=False)
    tries: int = field(compare=False, default=0)


class Webhooks:
    """Subscriptions and the thread that serves them; it begins with the first delivery."""

    def __init__(self, stopping: threading.Event) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        # How many times each event is sent, because the real sender repeats itself too.
        self.copies = 1
        self._stopping = stopping
        self._waiting: list[_Delivery] = []
        self._changed = threading.Condition()
        self._count = 0
        self._is_busy = False
        self._thread: threading.Thread | None = None

    def subscribe(self, *, url: str, types: list[str]) -> Subscription:
        """Add a subscription and send its token. Raises ValueError for an address outside this machine."""
        if urlsplit(url).hostname not in _LOOPBACK:
            raise ValueError("The sandbox sends to this machine only.")
        made = Subscription(str(uuid.uuid4()), url, types)
        self.subscriptions[made.uuid] = made
        self.send_token(made)
        return made

    def send_token(self, subscription: Subscription) -> None:
        """Send the verification token; nothing signs it."""
        body = json.dumps({"verification_token": subscription.verification_token}).encode()
        self._deliver(subscription.url, body, "")

    def tell(self, event_type: str, *, company: str, entity_type: str, entity: str) -> None:
        """Send an event to every verified subscription that wants its kind."""
        for one in self.subscriptions.values():
            if one.status == "verified" and entity_type in one.subscription_types:
                event = {
                    "uuid": str(uuid.uuid4()),
                    "event_type": event_type,
                    "resource_type": "Company",
                    "resource_uuid": company,
                    "entity_type": entity_type,
                    "entity_uuid": entity,
                    # Real time: receivers compare it with their own clock.
                    "timestamp": int(time.time()),
                }
                body = json.dumps(event).encode()
                for _ in range(self.copies):
                    self._deliver(one.url, body, one.verification_token)

    def wait_until_quiet(self, seconds: float = 60.0) -> bool:
        """Wait until everything was delivered or given up, and return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._is_busy, seconds)

    def record(self) -> list[dict[str, Any]]:
        """Return the subscriptions as JSON can hold them."""
        return [asdict(one) for one in self.subscriptions.values()]

    def restore(self, record: list[dict[str, Any]]) -> None:
        """Take the subscriptions of a record. Raises TypeError."""
        made = [Subscription(**one) for one in record]
        self.subscriptions = {one.uuid: one for one in made}

    def _deliver(self, url: str, body: bytes, key: str) -> None:
        with self._changed:
            self._count += 1
            heapq.heappush(self._waiting, _Delivery(time.monotonic(), self._count, url, body, key))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _work(self) -> None:
        while not self._stopping.is_set():
            delivery = self._next()
            if delivery is None:
                continue
            is_done = _post(delivery)
            with self._changed:
                self._is_busy = False
                delivery.tries += 1
                if not is_done and delivery.tries < MOST_TRIES:
                    wait = min(_FIRST_WAIT_SECONDS * 2**delivery.tries, _LONGEST_WAIT_SECONDS)
                    delivery.due = time.monotonic() + wait
                    heapq.heappush(self._waiting, delivery)
                self._changed.notify_all()

    def _next(self) -> _Delivery | None:
        """Return the next delivery that is due, or None after a short wait without one."""
        with self._changed:
            if not self._waiting or self._waiting[0].due > time.monotonic():
                self._changed.wait(_FIRST_WAIT_SECONDS)
                return None
            self._is_busy = True
            return heapq.heappop(self._waiting)


def _post(delivery: _Delivery) -> bool:
    """Send one message, and return whether it was taken."""
    headers = {"Content-Type": "application/json"}
    if delivery.key:
        headers["X-Gusto-Signature"] = hmac.new(delivery.key.encode(), delivery.body, hashlib.sha256).hexdigest()
    request = urllib.request.Request(delivery.url, data=delivery.body, headers=headers)  # noqa: S310 - loopback only
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            return bool(200 <= answer.status < 300)
    except (urllib.error.URLError, OSError):
        return False
