"""Definitions of workflow actions, from a project's file and through the API for older apps."""

import pytest

from integrations.sandbox.hubspot.app import APP_ID
from integrations.sandbox.hubspot.definition_calls import DEVELOPER_KEY

PATH = f"/automation/actions/2026-09/{APP_ID}"
KEY = {"hapikey": DEVELOPER_KEY}


def definition(**changes):
    portal = {
        "name": "academy",
        "type": "enumeration",
        "fieldType": "select",
        "optionsUrl": "https://rollcall.example.com/hubspot/actions/options/academy/",
    }
    return {
        "actionUrl": "https://rollcall.example.com/hubspot/actions/user-greet/",
        "published": True,
        "objectTypes": ["CONTACT"],
        "objectRequestOptions": {"properties": ["email"]},
        "inputFields": [{"typeDefinition": portal, "isRequired": True}],
        "functions": [],
        "labels": {"en": {"actionName": "User Greet Action", "inputFieldLabels": {"academy": "Academy"}}},
    } | changes


class TestUpload:
    def test_makes_an_action_that_runs(self, hubspot, receiver):
        assert hubspot.upload_action({"uid": "greet", "type": "workflow-action", "config": definition()}) == 1

        hubspot.run_workflow("901", action="user-greet", inputs={"academy": "a1"})
        hubspot.fetch_options("academy", action="user-greet")

        assert hubspot.wait_until_quiet()
        (request,) = receiver.at("actions/user-greet/")
        assert request.json()["object"]["properties"] == {"email": "ana.silva@example.org"}
        assert receiver.at("actions/options/academy/")

    def test_makes_a_new_revision_of_a_known_action(self, hubspot):
        changed = definition(actionUrl="https://rollcall.example.com/hubspot/actions/user-add/")

        assert hubspot.upload_action(changed) == 2

    @pytest.mark.parametrize(
        "wrong",
        [
            {"labels": {}},
            {"labels": {"en": {"actionName": "Greet", "inputFieldLabels": {}}}},
            {"inputFields": [{}]},
            {"inputFields": 7},
            {"actionUrl": "http://rollcall.example.com/hubspot/actions/user-greet/"},
            {"actionUrl": "https://rollcall.example.com/elsewhere/"},
        ],
    )
    def test_refuses_what_makes_no_sense(self, hubspot, wrong):
        with pytest.raises(ValueError, match=r"definition|address|Labels"):
            hubspot.upload_action(definition(**wrong))


class TestApi:
    @pytest.fixture
    def made(self, browser):
        answer = browser.post(PATH, params=KEY, json=definition())
        assert answer.status_code == 201
        return answer.json()

    def test_creates_and_shows(self, browser, made):
        assert made["revisionId"] == "1"
        assert browser.get(f"{PATH}/{made['id']}", params=KEY).json() == made
        assert made in browser.get(PATH, params=KEY).json()["results"]

    def test_makes_a_revision_with_each_change(self, browser, made):
        changed = browser.patch(f"{PATH}/{made['id']}", params=KEY, json={"published": False}).json()

        assert (changed["revisionId"], changed["published"]) == ("2", False)

    def test_deletes(self, browser, made):
        assert browser.delete(f"{PATH}/{made['id']}", params=KEY).status_code == 204
        assert browser.get(f"{PATH}/{made['id']}", params=KEY).status_code == 404

    def test_opens_with_the_developer_key_only(self, browser):
        assert browser.get(PATH).status_code == 401
        assert browser.get(PATH, params={"hapikey": "guessed"}).status_code == 401
        assert browser.get("/automation/actions/2026-09/1", params=KEY).status_code == 404

    def test_refuses_what_makes_no_sense(self, browser):
        unfinished = definition()
        del unfinished["functions"]

        for body in (unfinished, definition(labels={})):
            assert browser.post(PATH, params=KEY, json=body).status_code == 400
