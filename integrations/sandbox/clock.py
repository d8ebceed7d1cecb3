"""The sandbox's own clock: it runs like the real one and can be moved."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

# Terminations and rehires take effect at midnight Pacific time (Gusto changelog).
PACIFIC = ZoneInfo("America/Los_Angeles")


class Clock:
    """Real time plus an offset."""

    def __init__(self, today: date | None = None) -> None:
        self.offset = timedelta()
        if today is not None:
            self.set_today(today)

    def now(self) -> datetime:
        """Return the sandbox's time as an aware UTC datetime."""
        return datetime.now(UTC) + self.offset

    def seconds(self) -> float:
        """Return the sandbox's time in seconds since the epoch."""
        return self.now().timestamp()

    def today(self) -> date:
        """Return the calendar day in Los Angeles."""
        return self.now().astimezone(PACIFIC).date()

    def advance(self, *, seconds: float = 0, days: float = 0) -> None:
        """Move the clock forward; negative amounts move it back."""
        self.offset += timedelta(seconds=seconds, days=days)

    def set_today(self, day: date) -> None:
        """Jump to a calendar day and keep the time of day in Los Angeles, on either side of a change of clocks."""
        now = self.now().astimezone(PACIFIC)
        then = now.replace(year=day.year, month=day.month, day=day.day)
        self.offset += then.astimezone(UTC) - now.astimezone(UTC)
