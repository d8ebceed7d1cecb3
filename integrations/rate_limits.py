"""When the next call to a provider may go out: a log of calls shared by all workers, and Retry-After."""

from __future__ import annotations

import functools
import logging
import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

# After a failure Redis is left alone this long, so that calls do not queue up behind its time-out.
RECOVERY_SECONDS = 15.0

# One round trip per call. An entry's score is the moment of its call by the store's own clock; once it is
# answered, its duration is added: the provider counted the call somewhere in between, never later.
_TAKE = """
local log, limit, window = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
if ARGV[4] ~= '' and redis.call('ZSCORE', log, ARGV[4]) then
  redis.call('ZINCRBY', log, ARGV[5], ARGV[4])
end
redis.call('ZREMRANGEBYSCORE', log, '-inf', now - window)
local calls = redis.call('ZCARD', log)
if calls < limit then
  redis.call('ZADD', log, now, ARGV[3])
  redis.call('EXPIRE', log, math.ceil(window) + 60)
  return '0'
end
local blocking = redis.call('ZRANGE', log, calls - limit, calls - limit, 'WITHSCORES')
return tostring(math.max(blocking[2] + window - now, 0.001))
"""


class Limit(Protocol):
    """Says when the next call may go out."""

    def take(self) -> float:
        """Return 0 and count a call, or the seconds after which asking again makes sense."""

    def done(self) -> None:
        """Take note that the last call has been answered."""


class NoLimit:
    """For calls that nobody counts."""

    def take(self) -> float:
        """Let every call out."""
        return 0.0

    def done(self) -> None:
        """Note nothing."""


class SlidingWindow:
    """At most `limit` calls in any `window` seconds under one key. One instance belongs to one caller."""

    def __init__(self, key: str, *, limit: int, window: float = 60.0, store: redis.Redis | None = None) -> None:
        self._key = f"rollcall:calls:{key}"
        self._limit = max(1, limit)
        self._window = window
        self._store = store or shared_store()
        self._fallback = local_window(self._key)
        self._resume_at = 0.0
        self._started_at = 0.0
        # The last call, and how long it took, until the store has been told.
        self._call = ""
        self._took = 0.0

    def take(self) -> float:
        """Return 0 and count a call, or the seconds after which asking again makes sense."""
        if time.monotonic() < self._resume_at:
            return self._fallback.take(self._limit, self._window)
        try:
            return self._ask()
        except redis.RedisError as error:
            logger.warning("calls are limited by this process alone: %s", type(error).__name__)
            self._resume_at = time.monotonic() + RECOVERY_SECONDS
            return self._fallback.take(self._limit, self._window)

    def done(self) -> None:
        """Take note that the last call has been answered."""
        self._took = time.monotonic() - self._started_at

    def _ask(self) -> float:
        call = uuid.uuid4().hex
        script = take_script(self._store)
        # From before the question: the store's moment lies after this one, so the call ends no later than it is told.
        self._started_at = time.monotonic()
        wait = float(script(keys=[self._key], args=[self._limit, self._window, call, self._call, f"{self._took:.6f}"]))
        self._call, self._took = ("", 0.0) if wait else (call, 0.0)
        return wait


class LocalWindow:
    """The same for the threads of one process, while Redis is away."""

    def __init__(self) -> None:
        self._calls: deque[float] = deque()
        self._lock = threading.Lock()

    def take(self, limit: int, window: float) -> float:
        """Return 0 and count a call, or the seconds after which asking again makes sense."""
        with self._lock:
            now = time.monotonic()
            while self._calls and self._calls[0] <= now - window:
                self._calls.popleft()
            if len(self._calls) >= limit:
                return self._calls[-limit] + window - now
            self._calls.append(now)
            return 0.0


@functools.cache
def shared_store() -> redis.Redis:
    """Return this process's client."""
    return open_store(settings.REDIS_URL)


def open_store(url: str) -> redis.Redis:
    """Return a client that gives up soon: without Redis calls go on, only less well spread."""
    # One more try without a pause, for a connection that has died of age.
    return redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 1))


@functools.cache
def local_window(key: str) -> LocalWindow:
    """Return this process's own log for a key."""
    return LocalWindow()


@functools.cache
def take_script(store: redis.Redis) -> redis.commands.core.Script:
    """Return the script, known to the store by its digest after the first call."""
    return store.register_script(_TAKE)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer asks to wait, or None.

    Understands seconds and dates (RFC 9110, 10.2.3), and X-RateLimit-Reset where there is no Retry-After
    (docs.gusto.com, rate limits).
    """
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", text):
        return float(text)
    moment = _moment(text) or _moment(headers.get("X-RateLimit-Reset", ""))
    if moment is None:
        return None
    # Both times are the server's, so that a wrong clock of ours does not matter.
    now = _moment(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (moment - now).total_seconds())


def _moment(text: str) -> datetime | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text.strip())
        except ValueError:
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None
