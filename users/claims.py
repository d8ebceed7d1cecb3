"""Waiting mails in the hands of one worker: taken in batches, and each claimed anew as its turn comes.

When a claim lapses stands in `next_try_at`, by which a worker also knows what is still its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from users.models import Invitation, Notice

BATCH = 50
# So long the mails of a worker that died wait; handing one over takes seconds.
LIFETIME = timedelta(minutes=1)

Clock = Callable[[], datetime]
Mails = QuerySet[Invitation] | QuerySet[Notice]


@dataclass(slots=True)
class Claim:
    """The mails of a batch whose turn has not come yet."""

    waiting: Mails
    ids: list[int]
    lapses_at: datetime

    def one_by_one(self, *, clock: Clock, until: datetime) -> Iterator[int]:
        """Yield the id of each mail that is still ours, as its turn comes, while there is time."""
        while self.ids and (now := clock()) < until:
            pk = self.ids.pop(0)
            if self._renew(pk, now):
                yield pk

    def give_back(self, now: datetime) -> None:
        """Let another worker have what is left at once."""
        self.waiting.filter(pk__in=self.ids, next_try_at=self.lapses_at).update(next_try_at=now)

    def _renew(self, pk: int, now: datetime) -> bool:
        """Claim a mail for another while; False when another worker has it or may take it any moment."""
        if now >= self.lapses_at:
            return False
        ours = self.waiting.filter(pk=pk, next_try_at=self.lapses_at)
        return bool(ours.update(next_try_at=now + LIFETIME))


@transaction.atomic
def take(waiting: Mails, now: datetime) -> Claim:
    """Claim a batch of those that are due, the longest due first, so that no other worker has them."""
    due = waiting.filter(next_try_at__lte=now).order_by("next_try_at")
    ids = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
    lapses_at = now + LIFETIME
    waiting.filter(pk__in=ids).update(next_try_at=lapses_at)
    return Claim(waiting, ids, lapses_at)
