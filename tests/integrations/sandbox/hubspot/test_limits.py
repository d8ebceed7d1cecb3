"""Limits of calls, and what goes wrong on command."""

import pytest
import requests

from tests.integrations.sandbox.hubspot.conftest import OBJECTS

CONTACTS = f"{OBJECTS}/contacts"


class TestLimit:
    def test_is_told_in_headers(self, app):
        headers = app.get(CONTACTS).headers

        assert headers["X-HubSpot-RateLimit-Max"] == "110"
        assert headers["X-HubSpot-RateLimit-Remaining"] == "109"
        assert headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"

    def test_refuses_the_call_after_the_last_free_one(self, app, hubspot, world):
        hubspot.set_rate_limit(2)

        answers = [app.get(CONTACTS) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [200, 200, 429]
        refused = answers[-1]
        assert refused.json()["policyName"] == "TEN_SECONDLY_ROLLING"
        assert refused.json()["errorType"] == "RATE_LIMIT"
        assert refused.json()["message"] == "You have reached your ten_secondly_rolling limit."
        assert refused.headers["X-HubSpot-RateLimit-Remaining"] == "0"
        assert "Retry-After" not in refused.headers
        world.advance_clock(seconds=10)
        assert app.get(CONTACTS).status_code == 200

    def test_counts_each_account_alone(self, app, hubspot):
        hubspot.set_rate_limit(1)
        app.get(CONTACTS)
        app.install()
        again = app.get(CONTACTS).status_code

        app.install(account="Small Boat Studio")

        assert (again, app.get(CONTACTS).status_code) == (429, 200)

    def test_can_be_switched_off(self, app, hubspot):
        hubspot.set_rate_limit(0)

        assert "X-HubSpot-RateLimit-Max" not in app.get(CONTACTS).headers

    def test_does_not_count_tokens(self, app, hubspot):
        hubspot.set_rate_limit(1)
        app.get(CONTACTS)

        assert app.refresh().status_code == 200


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "category"),
        [
            ("401", "INVALID_AUTHENTICATION"),
            ("403", "MISSING_SCOPES"),
            ("404", "OBJECT_NOT_FOUND"),
            ("409", "CONFLICT"),
            ("423", "LOCKED"),
            ("477", "MIGRATION_IN_PROGRESS"),
            ("500", "INTERNAL_ERROR"),
        ],
    )
    def test_have_the_shape_of_errors(self, app, hubspot, kind, category):
        hubspot.set_fault(kind)

        answer = app.get(CONTACTS)

        assert answer.status_code == int(kind)
        assert answer.json()["category"] == category
        assert answer.json()["correlationId"]
        assert app.get(CONTACTS).status_code == 200

    @pytest.mark.parametrize(("kind", "status"), [("414", 414), ("502", 502), ("503", 503), ("not_json", 200)])
    def test_can_be_pages_of_the_edge(self, app, hubspot, kind, status):
        hubspot.set_fault(kind)

        answer = app.get(CONTACTS)

        assert answer.status_code == status
        assert answer.headers["Content-Type"].startswith("text/html")

    @pytest.mark.parametrize(("kind", "header"), [("423", "2"), ("477", "86400")])
    def test_say_when_to_come_back(self, app, hubspot, kind, header):
        hubspot.set_fault(kind, seconds=float(header))

        assert app.get(CONTACTS).headers["Retry-After"] == header

    def test_429_does_not_say_when_unless_told_to(self, app, hubspot):
        hubspot.set_fault("429")
        hubspot.set_fault("429", retry_after="7")

        assert "Retry-After" not in app.get(CONTACTS).headers
        assert app.get(CONTACTS).headers["Retry-After"] == "7"

    def test_hit_the_paths_that_are_named(self, app, hubspot):
        hubspot.set_fault("500", path=f"{CONTACTS}/batch", probability=1.0)

        assert app.get(CONTACTS).status_code == 200
        assert [app.batch("read", {"id": "901"}).status_code for _ in range(2)] == [500, 500]

    def test_can_cut_an_answer(self, app, hubspot):
        hubspot.set_fault("truncate")

        with pytest.raises(requests.RequestException):
            app.get(CONTACTS).json()

    @pytest.mark.parametrize(("kind", "count"), [("drop", 60), ("lose_reply", 61)])
    def test_can_lose_a_call_or_only_its_answer(self, app, hubspot, account, kind, count):
        hubspot.set_fault(kind)

        with pytest.raises(requests.ConnectionError):
            app.post(CONTACTS, {"properties": {"email": "new@example.org"}})

        assert len(account.contacts) == count


class TestUnknownPath:
    @pytest.mark.parametrize("path", ["/crm/objects/latest/contacts", "/crm/deals", "/settings/elsewhere"])
    def test_is_not_found(self, app, path):
        assert app.get(path).status_code == 404
