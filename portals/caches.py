"""The shared cache, which stands in for itself while Redis is away: counts and notes are then kept by each process."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# After a failure Redis is left alone this long, so that pages do not queue up behind its time-out.
RECOVERY_SECONDS = 15.0
# When to ask each server again, by its address; of this process.
_resume_at: dict[str, float] = {}


class OutlastingCache(BaseCache):
    """Redis, and this process's memory while Redis does not answer."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._server = server
        self._shared = RedisCache(server, params)
        self._own = LocMemCache("outage", {**params, "OPTIONS": {}})

    def add(self, *args: Any, **kwargs: Any) -> Any:
        """As Django's."""
        return self._ask("add", *args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """As Django's."""
        return self._ask("get", *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> Any:
        """As Django's."""
        return self._ask("set", *args, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> Any:
        """As Django's."""
        return self._ask("touch", *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """As Django's."""
        return self._ask("delete", *args, **kwargs)

    def incr(self, *args: Any, **kwargs: Any) -> Any:
        """As Django's."""
        return self._ask("incr", *args, **kwargs)

    def has_key(self, *args: Any, **kwargs: Any) -> Any:
        """As Django's."""
        return self._ask("has_key", *args, **kwargs)

    def clear(self) -> Any:
        """As Django's."""
        return self._ask("clear")

    def _ask(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() >= _resume_at.get(self._server, 0.0):
            try:
                return getattr(self._shared, method)(*args, **kwargs)
            except RedisError as error:
                logger.warning("The cache is this process's own for a while: %s", type(error).__name__)
                _resume_at[self._server] = time.monotonic() + RECOVERY_SECONDS
        return getattr(self._own, method)(*args, **kwargs)
