"""What every call goes through: versions, tokens, scopes, limits."""

from datetime import date

import pytest

from integrations.sandbox.server import start
from tests.integrations.sandbox.conftest import Application


class TestVersion:
    def test_is_the_minimum_when_none_is_asked(self, application):
        answer = application.get("/v1/token_info")

        assert answer.headers["X-Gusto-API-Version"] == "2025-06-15"

    @pytest.mark.parametrize(("asked", "applied"), [("2026-06-15", "2026-06-15"), ("2026-01-31", "2025-11-15")])
    def test_is_repeated_in_the_answer(self, asked, applied):
        with start(today=date(2026, 7, 15)) as sandbox:
            application = Application(sandbox)
            application.connect()

            answer = application.get("/v1/token_info", version=asked)

        assert answer.headers["X-Gusto-API-Version"] == applied

    @pytest.mark.parametrize("asked", ["2023", "latest", "2026-02-31", "2024-04-01", "2099-01-01"])
    def test_is_refused(self, application, asked):
        answer = application.get("/v1/token_info", version=asked)

        assert answer.status_code == 406
        assert f"`{asked}`" in answer.text

    def test_below_the_minimum_is_refused(self, application, world):
        world.set_minimum_version("2026-02-01")

        assert application.get("/v1/token_info", version="2025-11-15").status_code == 406


class TestAuthentication:
    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer nobody", "Basic eDp5"])
    def test_refuses(self, application, header):
        answer = application.browser.get("/v1/token_info", headers={"Authorization": header})

        assert answer.status_code == 401

    def test_tells_whose_token_it_is(self, application, world):
        info = application.get("/v1/token_info").json()

        assert info["resource"] == {"type": "Company", "uuid": world.company.uuid}
        assert info["resource_owner"]["type"] == "CompanyAdmin"


class TestScope:
    def test_is_needed(self, application, world):
        world.set_scopes("public employees:read")

        answer = application.get(f"/v1/companies/{application.company_uuid}")

        assert answer.status_code == 403
        error = answer.json()["errors"][0]
        assert error["category"] == "missing_oauth_scopes"
        assert error["metadata"] == {"missing_scope_name": "companies:read"}

    def test_for_pay_shows_and_hides_pay(self, application, world):
        pay = {"rate", "payment_unit", "current_compensation_uuid", "compensations"}

        without = application.employee("Ruth Abara")["jobs"]
        world.set_scopes([*world.scopes, "compensations:read"])
        including = application.employee("Ruth Abara")["jobs"]

        assert len(without) == len(including) == 2
        assert not any(pay & job.keys() for job in without)
        assert all(pay <= job.keys() for job in including)


class TestLimit:
    def test_refuses_the_call_after_the_last_free_one(self, application, world):
        world.set_rate_limit(2)

        left = [application.get("/v1/token_info").headers["X-RateLimit-Remaining"] for _ in "ab"]
        refused = application.get("/v1/token_info")

        assert left == ["1", "0"]
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.json()["errors"][0]["category"] == "rate_limit_exceeded"

    def test_rolls_with_the_clock(self, application, world):
        world.set_rate_limit(1)
        application.get("/v1/token_info")

        world.advance_clock(seconds=60)

        assert application.get("/v1/token_info").status_code == 200

    def test_counts_each_grant_alone(self, application, world):
        world.set_rate_limit(1)
        first = application.token
        application.connect()

        assert application.get("/v1/token_info").status_code == 429
        assert application.get("/v1/token_info", token=first).status_code == 200

    def test_can_be_switched_off(self, application, world):
        world.set_rate_limit(0)

        assert "X-RateLimit-Limit" not in application.get("/v1/token_info").headers


class TestUnknownPath:
    def test_is_not_found(self, application):
        answer = application.get("/v1/me")

        assert answer.status_code == 404
        assert answer.json()["errors"][0]["category"] == "not_found"
        assert answer.headers["X-Request-Id"]
