"""Count tries in the shared cache, so that guessing and mail flooding stop at a limit."""

from dataclasses import dataclass
from datetime import timedelta

from django.core.cache import cache
from django.utils.crypto import salted_hmac


@dataclass(frozen=True, slots=True)
class Throttle:
    """So many tries within a period that begins with the first; who tries is given as texts, kept as a digest only."""

    name: str
    limit: int
    period: timedelta

    def is_exhausted(self, *who: object) -> bool:
        """Whether the limit is reached."""
        return bool(cache.get(self._key(who), 0) >= self.limit)

    def count(self, *who: object) -> None:
        """Note one more try."""
        key = self._key(who)
        cache.add(key, 0, timeout=self.period.total_seconds())
        try:
            cache.incr(key)
        except ValueError:
            # The period ended between the two calls: this try is the first of the next.
            cache.set(key, 1, timeout=self.period.total_seconds())

    def take(self, *who: object) -> bool:
        """Note one more try and say whether it was within the limit."""
        if self.is_exhausted(*who):
            return False
        self.count(*who)
        return True

    def forget(self, *who: object) -> None:
        """Begin anew, after a success."""
        cache.delete(self._key(who))

    def _key(self, who: tuple[object, ...]) -> str:
        text = "\n".join(str(part) for part in who)
        return f"throttle:{self.name}:{salted_hmac('users.throttles', text, algorithm='sha256').hexdigest()}"
