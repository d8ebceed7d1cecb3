"""When a connection is left alone, when it is tried again, and when its silence is an alarm."""

from datetime import UTC, datetime, timedelta

import pytest

from integrations.engine.care import Outcome, Trouble, is_silent, next_try, reason_to_quarantine

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class TestReasonToQuarantine:
    @pytest.mark.parametrize(
        ("outcome", "expected"),
        [
            (Outcome(people=100, known=100), None),
            (Outcome(people=0, known=0), None),
            (Outcome(people=0, known=1), Trouble.EMPTIED),
            (Outcome(people=0, known=100, is_incomplete=True), None),
            (Outcome(people=0, known=100, is_of_another_company=True), Trouble.WRONG_COMPANY),
            (Outcome(people=100, known=100, is_of_another_company=True, is_refused=True), Trouble.WRONG_COMPANY),
            (Outcome(people=0, known=100, is_refused=True, is_incomplete=True), Trouble.REFUSED),
            # Nine of ten are too few to blame the source; ten of 25 are just 40 %.
            (Outcome(people=10, failed=9), None),
            (Outcome(people=25, failed=10), None),
            (Outcome(people=24, failed=10), Trouble.MANY_FAILED),
            (Outcome(people=1000, failed=400), None),
            (Outcome(people=1000, failed=401), Trouble.MANY_FAILED),
            (Outcome(people=1000, failed=401, is_incomplete=True), Trouble.MANY_FAILED),
        ],
    )
    def test_decides(self, outcome, expected):
        assert reason_to_quarantine(outcome) == expected


class TestNextTry:
    @pytest.mark.parametrize(("failures", "hours"), [(0, 1), (1, 1), (2, 6), (3, 12), (4, 24), (5, 24), (40, 24)])
    def test_waits_longer_each_time_and_then_a_day(self, failures, hours):
        assert next_try(failures=failures, quarantined_at=None, now=NOW) == NOW + timedelta(hours=hours)

    @pytest.mark.parametrize(("days", "is_tried"), [(0, True), (27.9, True), (28, False), (100, False)])
    def test_stops_after_four_weeks_in_quarantine(self, days, is_tried):
        since = NOW - timedelta(days=days)

        assert (next_try(failures=9, quarantined_at=since, now=NOW) is not None) == is_tried

    def test_never_stops_without_quarantine(self):
        assert next_try(failures=400, quarantined_at=None, now=NOW) == NOW + timedelta(hours=24)


class TestIsSilent:
    @pytest.mark.parametrize(
        ("connected", "complete", "expected"),
        [
            (None, None, False),
            (35, None, False),
            (37, None, True),
            (1000, 35, False),
            (1000, 37, True),
            # Reconnected after a long time: the first sync has its time.
            (1, 500, False),
        ],
    )
    def test_counts_hours_from_the_last_complete_sync_or_the_consent(self, connected, complete, expected):
        connected_at, last_complete_at = (
            None if hours is None else NOW - timedelta(hours=hours) for hours in (connected, complete)
        )

        assert is_silent(connected_at=connected_at, last_complete_at=last_complete_at, now=NOW) is expected
