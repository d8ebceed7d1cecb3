"""The control API, its pages, and the record of calls."""

import pytest


class TestControlApi:
    def test_hires(self, application, world):
        answer = application.control(
            "hire",
            first_name="Noor",
            last_name="Haddad",
            work_email="noor@harborpine.example",
            department="Support",
            hired_on="2026-01-05",
            custom={"T-shirt size": "L"},
        )

        newcomer = application.employee("noor@harborpine.example", include="custom_fields")
        assert answer.json()["uuid"] == newcomer["uuid"]
        assert newcomer["department"] == "Support"
        assert newcomer["jobs"][0]["hire_date"] == "2026-01-05"
        assert newcomer["custom_fields"][0]["value"] == "L"

    def test_changes(self, application):
        application.control("change", person="Maya Okafor", title="Trainer", manager="Ruth Abara", work_email=None)
        application.control("rename_department", title="Sales", new_title="Revenue")

        mover = application.employee("Maya Okafor")
        assert mover["jobs"][0]["title"] == "Trainer"
        assert mover["manager_uuid"] == application.employee("Ruth Abara")["uuid"]
        assert mover["work_email"] is None
        assert mover["department"] == "Revenue"

    def test_clears_a_custom_value_and_leaves_an_unfilled_one_out(self, application):
        application.control("change", person="Maya Okafor", custom={"T-shirt size": "", "Badge color": ""})

        values = application.employee("Maya Okafor", include="custom_fields")["custom_fields"]
        assert {one["name"]: one["value"] for one in values} == {
            "T-shirt size": "",
            "Training track": "Sales",
        }

    def test_changes_every_so_many(self, application):
        assert application.control("change_every", step=10, phone="5550100").json() == {"count": 5}

        phones = [one["phone"] for one in application.employees().json()]
        assert phones.count("5550100") == 5

    def test_lets_a_team_leave_as_of_yesterday(self, application, world):
        before = sum(one["terminated"] for one in application.employees().json())

        assert application.control("let_team_leave", people=4).json() == {"count": 4}

        assert sum(one["terminated"] for one in application.employees().json()) == before + 4
        assert not application.employee("Maya Okafor")["terminated"]

    def test_removes(self, application, world):
        uuid = world.find("Lena Fischer").uuid

        application.control("remove", person="Lena Fischer")

        assert application.get(f"/v1/employees/{uuid}").status_code == 404
        assert application.employees(page=1).headers["X-Total-Count"] == "49"

    def test_removes_somebody_who_was_never_touched(self, application, world):
        gone = application.employees(page=2, per=30).json()[5]["uuid"]

        application.control("remove", person=gone)

        assert application.get(f"/v1/employees/{gone}").status_code == 404
        assert gone not in application.employees().text

    def test_opens_further_companies(self, stranger):
        opened = [stranger.control("add_company", name=f"Shop {n}", people=120).json() for n in "ab"]
        totals = []
        for company in opened:
            stranger.connect(company["name"])
            totals.append(stranger.employees(page=1).headers["X-Total-Count"])

        assert opened[0]["uuid"] != opened[1]["uuid"]
        assert totals == ["120", "120"]

    def test_gives_a_code(self, stranger):
        assert stranger.control("authorize").json()["code"]
        assert stranger.control("authorize", company="nobody").status_code == 422

    @pytest.mark.parametrize(
        ("action", "arguments"),
        [
            ("terminate", {"person": "nobody"}),
            ("terminate", {"person": "Maya Okafor", "last_day": "tomorrow"}),
            ("change", {"person": "Maya Okafor", "salary": "1"}),
            ("change", {"person": "Maya Okafor", "custom": {"Shoe size": "9"}}),
            ("change", {"person": "Maya Okafor", "location": "Atlantis"}),
            ("change", {"person": "Maya Okafor", "first_name": ""}),
            ("hire", {"first_name": "Noor"}),
            ("set_scopes", {"scopes": "every thing!"}),
            ("set_rate_limit", {"limit": -1}),
        ],
    )
    def test_refuses_with_a_sentence(self, stranger, action, arguments):
        answer = stranger.control(action, **arguments)

        assert answer.status_code == 422
        assert answer.json()["error"]

    def test_offers_only_what_is_listed(self, stranger):
        assert stranger.control("find", person="Maya Okafor").status_code == 404

    def test_listens_to_no_other_site(self, browser):
        answer = browser.post("/_control/revoke_grants", json={}, headers={"Origin": "http://evil.example"})

        assert answer.status_code == 403

    def test_tells_its_state(self, application, world, browser):
        world.set_fault("500", times=3)

        state = browser.get("/_control/state").json()

        assert state["companies"][0]["people"] == 50
        assert state["connected"] == 1
        assert state["faults"] == [{"kind": "500", "times": 3, "hits": 0}]

    def test_searches_people(self, browser):
        found = browser.get("/_control/people", params={"search": "okafor"}).json()

        assert found["total"] == 1
        uuid = found["people"][0]["uuid"]
        assert browser.get(f"/_control/people/{uuid}").json() == found["people"][0]


class TestCalls:
    def test_are_recorded_and_counted(self, application, world, browser):
        world.set_fault("500")
        application.employees(page=1)
        application.employees(page=1)

        calls = browser.get("/_control/calls", params={"count": 2}).json()
        counters = browser.get("/_control/counters").json()

        assert [(call["status"], call["fault"]) for call in calls] == [(500, "500"), (200, None)]
        assert calls[1]["query"] == {"page": "1"}
        assert calls[1]["grant"] == 1
        row = counters["GET /v1/companies/{company_id}/employees"]
        assert row == {"total": 2, "200": 1, "500": 1}

    def test_hold_no_token(self, stranger, world):
        pair = stranger.connect()
        stranger.get("/v1/token_info", access_token=pair["access_token"])

        recorded = str([call.as_dict() for call in world.calls.newest()])
        assert pair["access_token"] not in recorded
        assert pair["refresh_token"] not in recorded

    def test_are_forgotten_on_demand(self, application, world):
        world.clear_calls()

        assert world.calls.newest() == []
        assert world.calls.counters() == {}


class TestPages:
    def test_show_people_calls_and_faults(self, application, world, browser):
        world.set_fault("slow", times=2)

        page = browser.get("/").text

        assert "Maya Okafor" in page
        assert "/v1/token_info" in page
        assert "Late answer, 2 more" in page

    def test_escape_what_people_are_called(self, world, browser):
        person = world.hire("<b>Bobby</b>", '"Tables"')

        for path in ("/?search=bobby", f"/people/{person.uuid}"):
            page = browser.get(path).text
            assert "&lt;b&gt;Bobby" in page
            assert "<b>Bobby" not in page

    def test_change_somebody_and_come_back(self, sandbox, world, browser):
        uuid = world.find("Maya Okafor").uuid
        form = {"person": uuid, "back": f"/people/{uuid}", "last_name": "Okonkwo", "custom:Badge color": "Moss"}

        answer = browser.post("/_control/change", data=form)

        assert answer.url.startswith(f"{sandbox.url}/people/{uuid}?note=")
        assert "Change: Maya Okonkwo." in answer.text
        assert 'value="Moss"' in answer.text

    @pytest.mark.parametrize("back", ["http://evil.example/", "//evil.example/"])
    def test_lead_to_no_other_site(self, back, browser):
        answer = browser.post(
            "/_control/clear_faults",
            data={
                "back": back,
            },
            allow_redirects=False,
        )

        assert answer.headers["Location"].startswith("/?note=")

    def test_take_the_whole_fault_form_with_empty_fields(self, world, browser):
        form = {"kind": "500", "times": "2", "path": "", "page": "", "seconds": "1", "probability": ""}

        browser.post("/_control/set_fault", data=form)

        (fault,) = world.faults.active
        assert (fault.times, fault.path, fault.page, fault.probability) == (2, None, None, 1.0)

    def test_say_what_was_not_possible(self, browser):
        answer = browser.post("/_control/cancel_termination", data={"person": "Maya Okafor"})

        assert answer.status_code == 422
        assert "Maya Okafor has no termination." in answer.text

    def test_of_somebody_unknown_is_a_plain_404(self, browser):
        assert browser.get("/people/x").status_code == 404
