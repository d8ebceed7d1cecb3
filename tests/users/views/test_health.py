"""Answers for load balancers."""

import pytest
from django.db import DatabaseError
from redis.exceptions import ConnectionError as RedisConnectionError

from users.views import health

pytestmark = pytest.mark.django_db


def failing(error):
    def fail():
        raise error

    return fail


class TestLive:
    def test_answers_without_portal_and_database(self, portal_client, django_assert_num_queries):
        with django_assert_num_queries(0):
            page = portal_client(None).get("/health/live/")

        assert page.json() == {"status": "ok"}


class TestReady:
    def test_says_that_database_and_redis_answer(self, portal_client):
        page = portal_client(None).get("/health/ready/")

        assert page.status_code == 200
        assert page.json() == {"status": "ok", "database": "ok", "redis": "ok"}

    @pytest.mark.parametrize(
        ("name", "error"), [("database", DatabaseError("gone")), ("redis", RedisConnectionError("gone"))]
    )
    def test_says_what_is_down(self, portal_client, monkeypatch, name, error):
        monkeypatch.setattr(health, f"_ask_{name}", failing(error))

        page = portal_client(None).get("/health/ready/")

        assert page.status_code == 503
        assert page.json()[name] == "down"
        assert page.json()["status"] == "down"
