"""Whether this process lives, and whether it can work: for load balancers."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from redis import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def live(request: HttpRequest) -> JsonResponse:
    """Answer as long as the process does."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database and Redis answer, else 503 and which does not."""
    found = {"database": _answers(_ask_database), "redis": _answers(_ask_redis)}
    is_ready = all(found.values())
    words = {name: "ok" if answers else "down" for name, answers in found.items()}
    return JsonResponse({"status": "ok" if is_ready else "down", **words}, status=200 if is_ready else 503)


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except (DatabaseError, RedisError):
        logger.warning("Not ready.", exc_info=True)
        return False
    return True


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_redis() -> None:
    # The cache would stand in for it.
    with Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2) as store:
        store.ping()
