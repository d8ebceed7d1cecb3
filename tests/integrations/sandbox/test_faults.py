"""What goes wrong on command, and people whose data are wrong."""

import pytest
import requests

from integrations.sandbox.broken import IMPOSSIBLE_DATE
from integrations.sandbox.world import DEFAULT_CALLBACK


class TestFault:
    @pytest.mark.parametrize("kind", ["429", "500", "502", "503", "401"])
    def test_answers_with_a_status_so_many_times(self, application, world, kind):
        world.set_fault(kind, times=2)

        statuses = [application.get("/v1/token_info").status_code for _ in range(3)]

        assert statuses == [int(kind), int(kind), 200]

    @pytest.mark.parametrize(
        ("fault", "sent"),
        [
            ({"seconds": 7}, "7"),
            ({"retry_after": "Wed, 15 Jul 2026 10:00:00 GMT"}, "Wed, 15 Jul 2026 10:00:00 GMT"),
            ({"retry_after": ""}, None),
        ],
    )
    def test_429_says_when_to_come_back(self, application, world, fault, sent):
        world.set_fault("429", **fault)

        assert application.get("/v1/token_info").headers.get("Retry-After") == sent

    def test_401_has_no_body(self, application, world):
        world.set_fault("401")

        answer = application.get("/v1/token_info")

        assert answer.content == b""
        assert "invalid_token" in answer.headers["WWW-Authenticate"]

    @pytest.mark.parametrize("kind", ["502", "not_json"])
    def test_sends_a_page_instead_of_json(self, application, world, kind):
        world.set_fault(kind)

        answer = application.get("/v1/token_info")

        assert answer.headers["Content-Type"].startswith("text/html")
        assert answer.content.startswith(b"<html>")

    def test_drops_the_connection(self, application, world):
        world.set_fault("drop")

        with pytest.raises(requests.ConnectionError):
            application.get("/v1/token_info")

        assert application.get("/v1/token_info").status_code == 200

    def test_cuts_the_body(self, application, world):
        world.set_fault("truncate")

        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            application.employees(page=1)

    def test_sends_too_large_a_body(self, application, world):
        world.set_fault("oversize", size=3_000_000)

        answer = application.employees(page=1)

        assert len(answer.content) > 3_000_000
        assert len(answer.json()) == 25

    def test_answers_late(self, application, world):
        world.set_fault("slow", seconds=30)

        with pytest.raises(requests.ReadTimeout):
            application.browser.get("/v1/token_info", timeout=0.1)

    def test_hits_only_the_path_and_page_that_it_is_for(self, application, world):
        world.set_fault("500", path=f"/v1/companies/{application.company_uuid}/employees", page=2)

        assert application.get("/v1/token_info").status_code == 200
        assert application.employees(page=1).status_code == 200
        assert application.employees(page=2).status_code == 500
        assert application.employees(page=2).status_code == 200

    def test_can_be_a_matter_of_chance(self, application, world):
        world.set_rate_limit(0)
        world.set_fault("500", probability=0.3)

        statuses = [application.get("/v1/token_info").status_code for _ in range(60)]

        assert 5 < statuses.count(500) < 30
        world.clear_faults()
        assert application.get("/v1/token_info").status_code == 200

    def test_removes_somebody_between_two_pages(self, application, world):
        everyone = {one["uuid"] for one in application.employees().json()}
        world.set_fault("page_shift", page=1)

        first = application.employees(page=1, per=20)
        others = [application.employees(page=page, per=20) for page in (2, 3)]

        seen = {one["uuid"] for page in (first, *others) for one in page.json()}
        assert len(everyone - seen) == 1
        assert first.headers["X-Total-Count"] == "50"
        assert others[0].headers["X-Total-Count"] == "49"

    def test_counts_wrongly(self, application, world):
        world.set_fault("wrong_total")

        assert application.employees(page=1).headers["X-Total-Count"] == "57"

    def test_shows_nobody(self, application, world):
        world.set_fault("empty_list")

        answer = application.employees(page=1)

        assert answer.json() == []
        assert answer.headers["X-Total-Count"] == "0"

    def test_redirects_the_token_endpoint(self, stranger, world):
        world.set_fault("redirect")

        answer = stranger.token_request(
            grant_type="authorization_code", code=world.authorize(), redirect_uri=DEFAULT_CALLBACK
        )

        assert answer.status_code == 307
        assert answer.headers["Location"] == "/oauth/elsewhere"

    @pytest.mark.parametrize("wrong", [{"kind": "flood"}, {"kind": "500", "probability": 0}])
    def test_refuses_what_it_does_not_know(self, world, wrong):
        with pytest.raises(ValueError, match=r"Unknown fault|probability"):
            world.set_fault(**wrong)


class TestBrokenPerson:
    def test_without_email(self, application, world):
        person = application.employee(world.add_broken("no_email").uuid)

        assert person["email"] is person["work_email"] is None

    def test_with_somebody_elses_email(self, application, world):
        broken = world.add_broken("duplicate_email")

        addresses = [one["work_email"] for one in application.employees().json()]
        assert addresses.count(broken.work_email) == 2

    def test_with_an_impossible_date(self, application, world):
        person = application.employee(world.add_broken("impossible_date").uuid, include="custom_fields")

        assert person["jobs"][0]["hire_date"] == IMPOSSIBLE_DATE
        assert IMPOSSIBLE_DATE in [one["value"] for one in person["custom_fields"]]

    def test_with_an_unknown_choice(self, application, world):
        person = application.employee(world.add_broken("unknown_choice").uuid, include="custom_fields")

        (size,) = person["custom_fields"]
        assert size["value"] not in size["selection_options"]

    def test_with_a_name_that_is_too_long_or_has_a_nul(self, application, world):
        long_name = application.employee(world.add_broken("long_name").uuid)
        nul_name = application.employee(world.add_broken("nul_name").uuid)

        assert len(long_name["first_name"]) == 10_000
        assert "\0" in nul_name["first_name"]
        assert rb"\u0000" in application.employees().content

    def test_with_a_wrong_type_or_a_missing_field(self, application, world):
        wrong_type = application.employee(world.add_broken("wrong_type", field="title").uuid)
        missing = application.employee(world.add_broken("missing_field").uuid)

        assert wrong_type["title"] == 42
        assert "last_name" not in missing

    def test_of_an_unknown_kind_is_refused(self, world):
        with pytest.raises(ValueError, match="Unknown kind"):
            world.add_broken("cursed")

        assert len(world.company.roster) == 50
