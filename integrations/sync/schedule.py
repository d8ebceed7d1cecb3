"""When a connection's daily sync is due."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from hashlib import blake2b

from integrations.models import Connection

# Daily syncs are spread over these hours of the portal's night.
FIRST_HOUR, LAST_HOUR = 1, 5


def next_due(connection: Connection, now: datetime) -> datetime:
    """Return the next instant, after now, at which the connection's daily sync is due."""
    zone = connection.portal.zone
    moment = _moment_of_day(connection)
    day = now.astimezone(zone).date()
    while (due := datetime.combine(day, moment, tzinfo=zone)) <= now:
        day += timedelta(days=1)
    return due


def _moment_of_day(connection: Connection) -> time:
    """Return a time between 01:00 and 05:00 that stays the same for a connection."""
    digest = blake2b(f"{connection.provider}:{connection.pk}".encode(), digest_size=8).digest()
    minutes = int.from_bytes(digest) % ((LAST_HOUR - FIRST_HOUR) * 60)
    return time(FIRST_HOUR + minutes // 60, minutes % 60)
