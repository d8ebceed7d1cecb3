"""What waits to be sent to the application: several at a time, and again after a pause when it was not taken."""

import heapq
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from integrations.sandbox.clock import Clock
from integrations.sandbox.hubspot.signing import Flaw
from integrations.sandbox.hubspot.transport import Answer, Message, Post, Signer, post_to, send

CONCURRENCY = 10  # HubSpot's default of requests in flight
# Instead of minutes and hours, when repeats come at once.
_SHORT_PAUSE, _LONGEST_SHORT_PAUSE = 0.05, 1.0
_LOOK_SECONDS = 0.05  # how soon a moved clock is noticed
_AT_ONCE = 0.0  # due, however the clock is moved
_KEPT = 5000


@dataclass(slots=True)
class Delivery:
    """One message and its repeats.

    `body` makes the bytes of an attempt, `pauses` are in seconds of the sandbox's clock, and `told` hears every
    answer and whether it was the last one.
    """

    kind: str
    account: int
    url: str
    body: Callable[[int], bytes]
    companion: str
    seconds: float
    pauses: Sequence[float]
    is_done: Callable[[Answer], bool]
    told: Callable[[Answer, bool], None] = lambda _answer, _is_last: None
    flaw: Flaw = Flaw.NONE
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """One attempt, for the record."""

    number: int
    kind: str
    account: int
    url: str
    attempt: int
    body: str
    status: int
    answer: str

    def as_dict(self) -> dict[str, Any]:
        """Return the attempt for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(order=True, slots=True)
class _Waiting:
    due: float
    number: int
    delivery: Delivery = field(compare=False)


class Deliveries:
    """The queue and the threads that serve it; each begins when it is needed.

    While `is_held` nothing leaves.
    """

    def __init__(self, clock: Clock, signer: Signer, stopping: threading.Event) -> None:
        self.post: Post = post_to()
        self.concurrency = CONCURRENCY
        self._repeats_at_once = False
        self.is_held = False
        self.sent: deque[Sent] = deque(maxlen=_KEPT)
        self._clock = clock
        self._signer = signer
        self._stopping = stopping
        self._changed = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._count = self._busy = self._threads = self._attempts = 0

    def add(self, *deliveries: Delivery) -> None:
        """Send these as soon as may be, in this order as far as several at a time allow."""
        with self._changed:
            for one in deliveries:
                self._push(one, _AT_ONCE)
            wanted = min(self.concurrency, len(self._waiting) + self._busy)
            while self._threads < wanted:
                self._threads += 1
                threading.Thread(target=self._work, daemon=True).start()
            self._changed.notify_all()

    def hold(self, *, on: bool) -> None:
        """Keep everything back, or let it go."""
        with self._changed:
            self.is_held = on
            self._changed.notify_all()

    def repeat_at_once(self, *, on: bool) -> None:
        """Shorten the pauses to fractions of a second, those of waiting messages too."""
        with self._changed:
            self._repeats_at_once = on
            if on:
                self._waiting = [_Waiting(_AT_ONCE, one.number, one.delivery) for one in self._waiting]
                heapq.heapify(self._waiting)
            self._changed.notify_all()

    def waiting(self) -> int:
        """Return how many messages were not taken yet and will be sent."""
        with self._changed:
            return len(self._waiting) + self._busy

    def wait_until_quiet(self, seconds: float = 60.0) -> bool:
        """Wait until everything was taken or given up, and return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, seconds)

    def deliver_here(self) -> int:
        """Send what is due in the caller's thread, though it be held back; return how many messages that were."""
        count = 0
        while delivery := self._take():
            self._deliver(delivery)
            count += 1
        return count

    def _push(self, delivery: Delivery, due: float) -> None:
        self._count += 1
        heapq.heappush(self._waiting, _Waiting(due, self._count, delivery))

    def _work(self) -> None:
        while not self._stopping.is_set():
            delivery = self._next()
            if delivery is not None:
                self._deliver(delivery)

    def _next(self) -> Delivery | None:
        """Return the next delivery that is due, or None after a short wait without one."""
        with self._changed:
            delivery = None if self.is_held else self._take()
            if delivery is None:
                self._changed.wait(_LOOK_SECONDS if self._waiting else _LONGEST_SHORT_PAUSE)
            return delivery

    def _take(self) -> Delivery | None:
        """Return the next delivery that is due, if there is one."""
        with self._changed:
            if not self._waiting or self._waiting[0].due > self._clock.seconds():
                return None
            self._busy += 1
            return heapq.heappop(self._waiting).delivery

    def _deliver(self, delivery: Delivery) -> None:
        try:
            body = delivery.body(delivery.attempt)
            message = Message("POST", delivery.url, body, delivery.companion, delivery.seconds, delivery.flaw)
            answer = send(message, self._signer, self.post)
            is_last = delivery.is_done(answer) or delivery.attempt >= len(delivery.pauses)
            delivery.told(answer, is_last)
            with self._changed:
                self._note(delivery, body, answer)
                if not is_last:
                    due = self._clock.seconds() + self._pause(delivery)
                    delivery.attempt += 1
                    self._push(delivery, due)
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _pause(self, delivery: Delivery) -> float:
        if self._repeats_at_once:
            return min(_SHORT_PAUSE * 2.0**delivery.attempt, _LONGEST_SHORT_PAUSE)
        return delivery.pauses[delivery.attempt]

    def _note(self, delivery: Delivery, body: bytes, answer: Answer) -> None:
        self._attempts += 1
        self.sent.append(
            Sent(
                self._attempts,
                delivery.kind,
                delivery.account,
                delivery.url,
                delivery.attempt,
                body.decode(errors="replace"),
                answer.status,
                answer.body.decode(errors="replace"),
            )
        )
