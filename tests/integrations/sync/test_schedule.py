"""When the daily sync is due."""

from datetime import UTC, datetime, timedelta

import pytest

from integrations.sync.schedule import next_due
from tests.factories.integrations import ConnectionFactory


@pytest.mark.django_db
class TestNextDue:
    @pytest.mark.parametrize("zone", ["UTC", "America/Denver", "Pacific/Auckland", "Asia/Kathmandu"])
    def test_lies_in_the_portals_night(self, zone):
        connection = ConnectionFactory(portal__time_zone=zone)

        due = next_due(connection, datetime(2026, 3, 7, 12, tzinfo=UTC))

        assert 1 <= due.astimezone(connection.portal.zone).hour < 5

    def test_comes_once_per_local_day_through_clock_changes(self):
        connection = ConnectionFactory(portal__time_zone="America/Denver")
        due = datetime(2026, 3, 5, 12, tzinfo=UTC)
        days = []
        for _ in range(5):
            due = next_due(connection, due)
            days.append(due.astimezone(connection.portal.zone).date())

        assert days == [days[0] + timedelta(days=number) for number in range(5)]

    def test_is_spread_over_connections(self):
        noon = datetime(2026, 3, 7, 12, tzinfo=UTC)

        assert len({next_due(ConnectionFactory(), noon).time() for _ in range(8)}) > 1
