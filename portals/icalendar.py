"""Calendars that other programs subscribe to (RFC 5545): all-day events, escaped and folded as they expect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

# Octets of a line, without its end (RFC 5545, 3.1).
LINE = 75
_ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})


@dataclass(frozen=True, slots=True)
class Event:
    """Something on one day; `uid` stays the same however often the calendar is read."""

    uid: str
    day: date
    summary: str


def calendar(events: Iterable[Event], *, name: str, now: datetime, refresh: timedelta = timedelta(hours=6)) -> str:
    """Return a calendar of all-day events; `refresh` tells readers how often to ask."""
    return "".join(f"{folded(line)}\r\n" for line in _lines(events, name, now, refresh))


def escaped(text: str) -> str:
    """Return a text as a value (RFC 5545, 3.3.11); control characters, which no value may have, become blanks."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text).translate(_ESCAPES)


def folded(line: str) -> str:
    """Return a line cut into pieces of at most 75 octets, never within a letter (RFC 5545, 3.1)."""
    pieces, piece, room = [], "", LINE
    for letter in line:
        size = len(letter.encode())
        if size > room:
            pieces.append(piece)
            # The blank that continues a line counts, too.
            piece, room = "", LINE - 1
        piece += letter
        room -= size
    return "\r\n ".join([*pieces, piece])


def _lines(events: Iterable[Event], name: str, now: datetime, refresh: timedelta) -> Iterator[str]:
    hours = max(int(refresh.total_seconds() // 3600), 1)
    yield from ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Rollcall//Upcoming//EN", "CALSCALE:GREGORIAN")
    yield from ("METHOD:PUBLISH", f"NAME:{escaped(name)}", f"X-WR-CALNAME:{escaped(name)}")
    yield from (f"REFRESH-INTERVAL;VALUE=DURATION:PT{hours}H", f"X-PUBLISHED-TTL:PT{hours}H")
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    for event in events:
        yield from ("BEGIN:VEVENT", f"UID:{escaped(event.uid)}", f"DTSTAMP:{stamp}")
        yield f"DTSTART;VALUE=DATE:{event.day:%Y%m%d}"
        yield f"DTEND;VALUE=DATE:{event.day + timedelta(days=1):%Y%m%d}"
        yield from (f"SUMMARY:{escaped(event.summary)}", "TRANSP:TRANSPARENT", "END:VEVENT")
    yield "END:VCALENDAR"
