"""Waiting mails in the hands of one worker: taken in batches, and claimed anew as their turn comes, if that is late.

When a claim lapses stands in `next_try_at`, by which a worker also knows what is still its own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from django.db import transaction
from django.db.models import QuerySet

from users.models import Invitation, Notice

BATCH = 50
# So long the mails of a worker that died wait; handing one over takes seconds.
LIFETIME = timedelta(minutes=1)
# A claim of this age need not be made anew: it outlasts a hand-over as well as a new one.
YOUNG = timedelta(seconds=5)

Clock = Callable[[], datetime]
Mail = TypeVar("Mail", Invitation, Notice)


@dataclass(slots=True)
class Claim(Generic[Mail]):
    """The mails of a batch whose turn has not come yet."""

    waiting: QuerySet[Mail]
    ids: list[int]
    lapses_at: datetime
    # The latest moment at which a mail that was claimed anew lapses.
    renewed_to: datetime | None = None

    def one_by_one(self, *, clock: Clock, until: datetime) -> Iterator[int]:
        """Yield the id of each mail that is still ours, as its turn comes, while there is time."""
        while self.ids and (now := clock()) < until:
            pk = self.ids.pop(0)
            if now < self.lapses_at - LIFETIME + YOUNG or self._renew(pk, now):
                yield pk

    def ours(self, ids: Sequence[int]) -> QuerySet[Mail]:
        """Return those of these mails that still wait, and that nobody has taken or put back meanwhile."""
        return self.waiting.filter(pk__in=ids, next_try_at__in={self.lapses_at, self.renewed_to or self.lapses_at})

    def give_back(self, now: datetime) -> None:
        """Let another worker have what is left at once."""
        self.waiting.filter(pk__in=self.ids, next_try_at=self.lapses_at).update(next_try_at=now)

    def _renew(self, pk: int, now: datetime) -> bool:
        """Claim a mail for another while; False when another worker has it or may take it any moment."""
        if now >= self.lapses_at:
            return False
        ours = self.waiting.filter(pk=pk, next_try_at=self.lapses_at)
        self.renewed_to = now + LIFETIME
        return bool(ours.update(next_try_at=self.renewed_to))


@transaction.atomic
def take(waiting: QuerySet[Mail], now: datetime) -> Claim[Mail]:
    """Claim a batch of those that are due, the longest due first, so that no other worker has them."""
    due = waiting.filter(next_try_at__lte=now).order_by("next_try_at")
    ids = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
    lapses_at = now + LIFETIME
    waiting.filter(pk__in=ids).update(next_try_at=lapses_at)
    return Claim(waiting, ids, lapses_at)
