"""HubSpot's part of the control API and of the control pages."""

import pytest

from integrations.sandbox.hubspot.app import APP_OBJECT

HOME = "/accounts/4455667"
ANA = f"{HOME}/contacts/901"
PREFIX = APP_OBJECT.partition("course")[0]
PORTALS = {"options": [{"label": "Partner academy", "description": "learn.example", "value": "prt_1"}]}
DONE = {"outputFields": {"outcome": "invited", "learner_id": "lrn_1", "hs_execution_state": "SUCCESS"}}


@pytest.fixture
def control(browser):
    """Call the control API."""

    def call(name, /, **arguments):
        return browser.post(f"/_control/hubspot/{name}", json=arguments)

    return call


@pytest.fixture
def enrolled(app):
    """Ana, with an enrollment in a course."""
    properties = {f"{PREFIX}course_name": "Fire <drill>", f"{PREFIX}status": "in_progress"}
    made = app.batch("create", {"properties": properties}, kind=APP_OBJECT).json()["results"][0]["id"]
    app.put(f"/crm/objects/2026-09/{APP_OBJECT}/{made}/associations/default/contacts/901", None)


class TestControlApi:
    def test_changes_people(self, control, browser):
        added = control("add_contact", email="noor@newcomers.example", firstname="Noor").json()
        control("change_contact", contact=added["id"], department="support")

        found = browser.get(f"/_control/hubspot/contacts/{added['id']}").json()
        assert found["properties"]["department"] == "support"

    def test_runs_an_action_and_tells_of_it(self, control, browser, receiver):
        receiver.answers["actions/user-add/"] = (200, DONE)

        began = control("run_workflow", records=["901", "902"], action="user-add", inputs={"portal": "prt_1"})
        assert control("wait_until_quiet", seconds=5).json() == {"done": True}

        executions = began.json()["executions"]
        listed = browser.get("/_control/hubspot/executions").json()
        one = browser.get(f"/_control/hubspot/executions/{executions[0]['callback_id']}").json()
        assert [row["object_id"] for row in listed] == ["901", "902"]
        assert one["outputs"]["outcome"] == "invited"
        assert browser.get("/_control/hubspot/executions/ap-0").status_code == 404

    def test_gathers_and_releases_webhooks(self, app, control, receiver):
        control("gather_webhooks")
        control("delete_for_privacy", contact="902", order="privacy_first")

        assert control("release_webhooks").json() == {"count": 2}

    def test_passes_on_the_choices_and_the_card(self, browser, receiver):
        receiver.answers["actions/options/group/"] = (200, {"options": []})
        receiver.answers["card/enrollments/"] = (200, {"linked": False})

        options = browser.get("/_control/hubspot/options?field=group&input:portal=prt_1").json()
        card = browser.get("/_control/hubspot/card?record=901").json()

        assert options == {"status": 200, "answer": {"options": []}}
        assert card == {"status": 200, "answer": {"linked": False}}
        assert receiver.at("actions/options/group/")[0].json()["inputFields"]["portal"]["value"] == "prt_1"

    def test_shows_what_is_associated(self, browser, enrolled):
        found = browser.get("/_control/hubspot/contacts/901").json()

        assert found["associated"][APP_OBJECT][0][f"{PREFIX}status"] == "in_progress"

    def test_tells_its_state(self, app, browser, control):
        control("hold_requests")

        state = browser.get("/_control/hubspot/state").json()

        assert state["accounts"][0]["is_installed"]
        assert state["is_held"]

    @pytest.mark.parametrize(
        ("action", "arguments"),
        [
            ("change_contact", {"contact": "nobody"}),
            ("change_contact", {"contact": "901", "department": "nowhere"}),
            ("delete_for_privacy", {"contact": "901", "order": "sideways"}),
            ("merge_contacts", {"primary": "901", "other": "901"}),
            ("restore_contact", {"contact": "901"}),
            ("run_workflow", {"records": ["901"], "action": "user-dance"}),
            ("set_app_objects", {}),
            ("set_concurrency", {"limit": 0}),
            ("set_target", {"base_url": "ftp://files.example"}),
            ("set_tier", {"tier": "golden"}),
            ("set_webhooks", {"copies": 0}),
            ("sign_badly", {"flaw": "crooked"}),
        ],
    )
    def test_refuses_with_a_sentence(self, control, action, arguments):
        answer = control(action, **arguments)

        assert answer.status_code == 422
        assert answer.json()["error"]

    def test_offers_only_what_is_listed(self, control, browser):
        assert control("find_account", account="4455667").status_code == 404
        assert browser.get("/_control/hubspot/outbound").status_code == 404

    def test_listens_to_no_other_site(self, browser):
        answer = browser.post("/_control/hubspot/uninstall", json={}, headers={"Origin": "http://evil.example"})

        assert answer.status_code == 403


class TestAccountPage:
    def test_is_linked_from_the_control_page(self, browser):
        page = browser.get("/").text

        assert f'href="{HOME}"' in page
        assert "Larkfield Academy" in page

    def test_lists_and_finds_people(self, browser, account):
        assert "Ana Silva" in browser.get(HOME).text
        assert "Ana Silva" not in browser.get(HOME, params={"search": "astrom"}).text
        user = next(iter(account.users))
        assert user.properties["hs_email"] in browser.get(HOME, params={"kind": "users"}).text

    def test_pages_through_people(self, browser):
        second = browser.get(HOME, params={"page": "2"}).text

        assert "60 found, page 2 of 3" in second
        assert "Ana Silva" not in second

    def test_switches_what_the_plan_has(self, browser, account, app):
        browser.post("/_control/hubspot/set_app_objects", data={"account": account.id, "enabled": "off", "back": HOME})
        answer = browser.post("/_control/hubspot/set_tier", data={"account": account.id, "tier": "free", "back": HOME})

        assert answer.url.endswith(f"{HOME}?note=Set+tier%3A+done.")
        assert (account.tier, account.app_objects_enabled) == ("free", False)

    def test_says_how_requests_are_sent(self, browser):
        browser.post("/_control/hubspot/sign_badly", data={"flaw": "old_timestamp", "back": HOME})
        form = {"copies": "3", "shuffle": "on", "back": HOME}

        page = browser.post("/_control/hubspot/set_webhooks", data=form).text

        assert '<option value="old_timestamp" selected>' in page
        assert '<option value="on" selected>Shuffled' in page
        assert 'name="copies" type="number" value="3"' in page

    def test_lets_something_go_wrong(self, browser, app):
        browser.post("/_control/hubspot/set_fault", data={"kind": "500", "times": "1", "path": "/crm/", "back": HOME})

        assert [app.get("/crm/owners/2026-09").status_code for _ in range(2)] == [500, 200]

    def test_shows_the_last_requests(self, browser, app, hubspot, receiver):
        hubspot.delete_contact("902")
        hubspot.run_workflow("901")
        assert hubspot.wait_until_quiet()

        page = browser.get(HOME).text
        assert "1 × contact.deletion" in page
        assert "CONTACT 901" in page

    def test_adds_a_contact_and_goes_there(self, browser):
        form = {"account": "4455667", "property:email": "noor@newcomers.example", "property:firstname": "Noor"}

        answer = browser.post("/_control/hubspot/add_contact", data=form | {"back": HOME})

        assert "/contacts/" in answer.url
        assert "<h1>Noor</h1>" in answer.text

    def test_of_a_stranger_is_a_plain_404(self, browser):
        assert browser.get("/accounts/1").status_code == 404
        assert browser.get(f"{HOME}/contacts/1").status_code == 404
        assert browser.get(f"{HOME}/deals/1").status_code == 404
        assert browser.get(f"{HOME}/contacts/901/elsewhere").status_code == 404


class TestRecordPage:
    def test_shows_enrollments_and_escapes_them(self, browser, enrolled):
        page = browser.get(ANA).text

        assert "Fire &lt;drill&gt;" in page
        assert "In Progress" in page

    def test_shows_what_is_kept_on_the_contact_itself(self, browser, app):
        app.post("/crm/properties/2026-09/contacts/groups", {"name": "rollcall", "label": "Rollcall"})
        definition = {"name": "rollcall_courses_completed", "label": "Courses completed", "groupName": "rollcall"}
        app.post("/crm/properties/2026-09/contacts", definition | {"type": "number", "fieldType": "number"})
        app.patch("/crm/objects/2026-09/contacts/901", {"properties": {"rollcall_courses_completed": "3"}})

        page = browser.get(ANA).text

        assert '<th scope="row">Courses completed</th><td>3</td>' in page

    def test_shows_the_enrollments_of_a_user(self, browser, app, account):
        user = next(iter(account.users))
        properties = {f"{PREFIX}course_name": "Safety basics", f"{PREFIX}hubspot_user_id": user.id}
        app.batch("create", {"properties": properties}, kind=APP_OBJECT)

        assert "Safety basics" in browser.get(f"{HOME}/users/{user.id}").text

    def test_shows_the_card(self, browser, receiver):
        learner = {"id": "lrn_1", "state": "active"}
        enrollments = [{"course": "Safety basics", "status": "completed", "completed_on": "2026-01-02"}]
        portal = {"name": "Partner academy", "learner": learner, "enrollments": enrollments}
        receiver.answers["card/enrollments/"] = (200, {"portals": [portal]})

        page = browser.get(ANA).text

        assert "Partner academy: active" in page
        assert "Safety basics" in page

    def test_says_when_the_application_does_not_answer(self, browser, receiver):
        receiver.answers["card/enrollments/"] = (403, None)
        assert "answered 403" in browser.get(ANA).text

        receiver.stop()
        assert "did not answer" in browser.get(ANA).text

    def test_changes_properties(self, browser, account):
        form = {"account": account.id, "contact": "901", "property:department": "support", "property:jobtitle": ""}

        answer = browser.post("/_control/hubspot/change_contact", data=form | {"back": ANA})

        assert answer.status_code == 200
        assert account.contacts.get("901").properties["department"] == "support"
        assert "jobtitle" not in account.contacts.get("901").properties

    def test_of_a_deleted_contact_offers_to_restore_it(self, browser, account):
        browser.post("/_control/hubspot/delete_contact", data={"contact": "901", "back": ANA})

        page = browser.get(ANA).text
        assert "In the bin" in page
        assert "Restore" in page

    def test_goes_on_with_the_merged_contact(self, browser):
        form = {"account": "4455667", "primary": "901", "other": "902", "back": ANA}

        answer = browser.post("/_control/hubspot/merge_contacts", data=form)

        assert "<h1>Ana Silva</h1>" in answer.text
        assert not answer.url.startswith(ANA)

    def test_says_what_was_not_possible(self, browser):
        answer = browser.post("/_control/hubspot/merge_contacts", data={"primary": "901", "other": "x"})

        assert answer.status_code == 422
        assert "There is no contact x." in answer.text


class TestWorkflowPage:
    def test_offers_the_portals_that_the_application_names(self, browser, receiver):
        receiver.answers["actions/options/portal/"] = (200, PORTALS | {"searchable": True, "after": "20"})

        page = browser.get(f"{ANA}/workflow?action=user-invite").text

        assert '<option value="prt_1">Partner academy – learn.example</option>' in page
        assert "Search portals" in page
        assert "after=20" in page

    def test_says_when_there_are_none(self, browser, receiver):
        receiver.answers["actions/options/portal/"] = (200, {"options": []})
        assert "offers none" in browser.get(f"{ANA}/workflow").text

        receiver.answers["actions/options/portal/"] = (503, None)
        assert "answered 503" in browser.get(f"{ANA}/workflow").text

    def test_offers_the_groups_of_the_portal_then(self, browser, receiver):
        receiver.answers["actions/options/group/"] = (200, {"options": [{"label": "Sales", "value": "grp_1"}]})

        page = browser.get(f"{ANA}/workflow?action=user-add&portal=prt_1").text

        assert '<option value="grp_1">Sales</option>' in page

    def test_runs_the_action_and_shows_how_it_ended(self, browser, receiver):
        receiver.answers["actions/user-add/"] = (200, DONE)
        form = {
            "account": "4455667",
            "records": "901",
            "object_type": "contacts",
            "action": "user-add",
            "input:portal": "prt_1",
            "input:group": "",
            "input:last_day": "2026-12-31",
            "back": ANA,
        }

        answer = browser.post("/_control/hubspot/run_workflow", data=form)

        (request,) = receiver.at("actions/user-add/")
        assert request.json()["inputFields"] == {"portal": "prt_1", "last_day": "2026-12-31"}
        assert "User add: SUCCESS (outcome invited, learner_id lrn_1)." in answer.text

    def test_of_an_unknown_action_is_a_plain_404(self, browser):
        assert browser.get(f"{ANA}/workflow?action=user-dance").status_code == 404
