"""Calendars as other programs read them."""

from datetime import UTC, date, datetime

from portals.icalendar import Event, calendar, escaped, folded

NOW = datetime(2026, 1, 30, 9, 5, tzinfo=UTC)


class TestCalendar:
    def test_holds_all_day_events_with_the_day_after_as_their_end(self):
        lines = calendar([Event("starts-7@rollcall", date(2026, 1, 31), "Maya starts")], name="Harbor", now=NOW)

        assert lines.split("\r\n")[-10:] == [
            "BEGIN:VEVENT",
            "UID:starts-7@rollcall",
            "DTSTAMP:20260130T090500Z",
            "DTSTART;VALUE=DATE:20260131",
            "DTEND;VALUE=DATE:20260201",
            "SUMMARY:Maya starts",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
        assert lines.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:")

    def test_is_whole_without_events(self):
        lines = calendar([], name="Harbor", now=NOW)

        assert lines.endswith("END:VCALENDAR\r\n")
        assert "VEVENT" not in lines


class TestEscaped:
    def test_marks_what_has_a_meaning(self):
        assert escaped("a\\b;c,d\ne\r\nf") == "a\\\\b\\;c\\,d\\ne\\nf"

    def test_lets_nobody_add_lines(self):
        assert escaped("Maya\rATTENDEE:x\x00\x0b\x85") == "Maya\\nATTENDEE:x   "


class TestFolded:
    def test_leaves_short_lines_alone(self):
        assert folded("x" * 75) == "x" * 75

    def test_cuts_after_75_octets_and_never_within_a_letter(self):
        line = "SUMMARY:" + "é" * 200

        pieces = folded(line).split("\r\n ")

        assert all(len(piece.encode()) <= (75 if number == 0 else 74) for number, piece in enumerate(pieces))
        assert "".join(pieces) == line
