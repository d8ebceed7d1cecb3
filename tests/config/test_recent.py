"""How the syncs of the last two weeks went."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config import recent
from tests.factories.integrations import SyncRunFactory
from tests.factories.users import OperatorFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return timezone.now()


class TestDays:
    def test_count_what_completed_and_what_failed(self, now):
        SyncRunFactory(created_at=now)
        SyncRunFactory(created_at=now, state="failed")
        SyncRunFactory(created_at=now - timedelta(days=13))
        SyncRunFactory(created_at=now - timedelta(days=15))

        days = recent.days(now)

        assert len(days) == 14
        assert (days[-1].on, days[-1].completed, days[-1].failed) == (timezone.localdate(now), 1, 1)
        assert (days[0].completed, days[0].failed) == (1, 0)

    def test_are_none_when_nothing_was_synced(self, now):
        SyncRunFactory(created_at=now, state="queued")

        assert recent.days(now) == []


class TestFirstPageOfTheOperator:
    def test_shows_them_as_a_chart_and_in_words(self, portal_client, now):
        SyncRunFactory(created_at=now)

        text = portal_client(None, OperatorFactory()).get("/admin/").content.decode()

        assert "Syncs of the last 14 days" in text
        assert "data-value" in text or "<canvas" in text

    def test_asks_as_little_whatever_the_number_of_syncs(self, portal_client, now):
        client, counts = portal_client(None, OperatorFactory()), []
        client.get("/admin/")
        for _ in range(2):
            for _ in range(3):
                SyncRunFactory(created_at=now)
            with CaptureQueriesContext(connection) as queries:
                client.get("/admin/")
            counts.append(len(queries))

        assert counts[0] == counts[1]
