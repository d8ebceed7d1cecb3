"""Workflow actions as HubSpot runs them: calls, repeats, outputs, and completion."""

import pytest

from integrations.sandbox.hubspot import signing
from integrations.sandbox.hubspot.app import CLIENT_SECRET

INVITE = "actions/user-invite/"
DONE = {"outputFields": {"outcome": "invited", "learner_id": "lrn_1", "hs_execution_state": "SUCCESS"}}
BLOCKED = {"outputFields": {"hs_execution_state": "BLOCK", "hs_expiration_duration": "P1DT12H"}}


@pytest.fixture
def run(hubspot, receiver):
    """Run an action and wait until HubSpot goes on; return its executions."""

    def run_and_wait(records="901", **options):
        began = hubspot.run_workflow(records, **({"inputs": {"portal": "prt_1"}} | options))
        assert hubspot.wait_until_quiet()
        return began

    return run_and_wait


class TestRunWorkflow:
    def test_posts_the_record_and_the_inputs(self, run, receiver, account):
        receiver.answers[INVITE] = (200, DONE)

        (execution,) = run(inputs={"portal": "prt_1", "group": "grp_2", "last_day": ""})

        (request,) = receiver.at(INVITE)
        body = request.json()
        assert body["callbackId"] == execution.callback_id
        assert body["origin"]["portalId"] == account.id
        assert body["origin"]["actionDefinitionVersion"] == 1
        assert body["object"]["objectId"] == 901
        assert body["object"]["objectType"] == "CONTACT"
        assert body["object"]["properties"]["email"] == "ana.silva@example.org"
        assert body["inputFields"] == {"portal": "prt_1", "group": "grp_2"}

    def test_leaves_empty_properties_out(self, run, receiver):
        run("903")

        (request,) = receiver.at(INVITE)
        assert "email" not in request.json()["object"]["properties"]

    def test_shows_what_the_action_put_out(self, run, receiver):
        receiver.answers[INVITE] = (200, DONE)

        (execution,) = run()

        assert execution.state == "SUCCESS"
        assert execution.outputs["learner_id"] == "lrn_1"

    def test_goes_on_after_a_failure_that_the_action_reports(self, run, receiver):
        receiver.answers[INVITE] = (200, {"outputFields": {"hs_execution_state": "FAIL_CONTINUE"}})

        (execution,) = run()

        assert execution.state == "FAIL_CONTINUE"
        assert execution.statuses == [200]

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_repeats_the_same_call_after_trouble(self, run, receiver, status):
        receiver.answers[INVITE] = [(status, None), (200, DONE)]

        (execution,) = run()

        first, second = receiver.at(INVITE)
        assert first.body == second.body
        assert execution.statuses == [status, 200]
        assert execution.state == "SUCCESS"

    @pytest.mark.parametrize("status", [400, 401, 404])
    def test_does_not_repeat_after_a_refusal(self, run, receiver, status):
        receiver.answers[INVITE] = (status, None)

        (execution,) = run()

        assert execution.state == "FAILED"
        assert len(receiver.at(INVITE)) == 1

    def test_repeats_when_nobody_is_there(self, hubspot, receiver):
        receiver.stop()

        (execution,) = hubspot.run_workflow("901")
        hubspot.outbound.workflows.wait_for([execution], 5)

        assert execution.state == "REPEATING"
        assert execution.statuses[0] == 0

    def test_sends_copies_at_the_same_time(self, run, receiver):
        receiver.answers[INVITE] = (200, DONE)

        (execution,) = run(copies=10)

        bodies = {one.body for one in receiver.at(INVITE)}
        assert len(receiver.at(INVITE)) == 10
        assert len(bodies) == 1
        assert execution.statuses == [200] * 10

    def test_runs_on_many_records_out_of_order(self, run, receiver, account):
        ids = [one.id for one in account.contacts][:40]

        executions = run(ids, shuffle=True, copies=2)

        arrived = [str(one.json()["object"]["objectId"]) for one in receiver.at(INVITE)]
        assert len({one.callback_id for one in executions}) == 40
        assert sorted(arrived) == sorted(ids * 2)
        assert arrived != sorted(arrived)

    def test_takes_records_by_address_and_users_too(self, run, receiver, account):
        user = next(iter(account.users))

        run("ana.silva@example.org")
        run(user.id, object_type="users")

        kinds = [one.json()["object"]["objectType"] for one in receiver.at(INVITE)]
        assert kinds == ["CONTACT", "USER"]

    def test_names_the_revision(self, run, hubspot, receiver):
        assert hubspot.revise_action("user-invite", properties=["email"]) == 2

        run()

        body = receiver.at(INVITE)[0].json()
        assert body["origin"]["actionDefinitionVersion"] == 2
        assert body["object"]["properties"] == {"email": "ana.silva@example.org"}

    def test_refuses_what_is_not_there(self, hubspot, receiver):
        for records, options in (("nobody", {}), ("901", {"action": "user-dance"}), ("901", {"object_type": "deals"})):
            with pytest.raises(ValueError, match="There "):
                hubspot.run_workflow(records, **options)

    def test_needs_to_know_where_the_application_is(self, hubspot):
        with pytest.raises(ValueError, match="where the application is"):
            hubspot.run_workflow("901")


class TestSignature:
    def test_is_of_version_2_and_3(self, run, receiver):
        run()

        (request,) = receiver.at(INVITE)
        uri = f"{receiver.url}{INVITE}"
        timestamp = request.headers["x-hubspot-request-timestamp"]
        assert request.headers["x-hubspot-signature-version"] == "v2"
        assert request.headers["x-hubspot-signature"] == signing.v2(CLIENT_SECRET, "POST", uri, request.body)
        assert request.headers["x-hubspot-signature-v3"] == signing.v3(
            CLIENT_SECRET, "POST", uri, request.body, timestamp
        )

    def test_is_missing_on_demand(self, run, hubspot, receiver):
        hubspot.sign_badly("unsigned")

        run()

        (request,) = receiver.at(INVITE)
        assert not any(name.startswith("x-hubspot") for name in request.headers)

    def test_has_no_unknown_flaws(self, hubspot):
        with pytest.raises(ValueError, match="crooked"):
            hubspot.sign_badly("crooked")


class TestFetchOptions:
    def test_asks_with_what_was_chosen_before(self, hubspot, account, receiver):
        receiver.answers["actions/options/group/"] = (200, {"options": [{"label": "Sales", "value": "grp_1"}]})

        answer = hubspot.fetch_options("group", inputs={"portal": "prt_1"}, q="sal", after="20")

        (request,) = receiver.at("actions/options/group/")
        body = request.json()
        assert answer.json()["options"][0]["value"] == "grp_1"
        assert body["origin"]["portalId"] == account.id
        assert body["inputFieldName"] == "group"
        assert body["inputFields"] == {"portal": {"type": "STATIC_VALUE", "value": "prt_1"}}
        assert body["fetchOptions"] == {"q": "sal", "after": "20"}
        assert request.headers["x-hubspot-signature-version"] == "v2"

    def test_is_not_for_inputs_without_choices(self, hubspot, receiver):
        with pytest.raises(ValueError, match="last_day"):
            hubspot.fetch_options("last_day")


class TestCompletion:
    @pytest.fixture
    def blocked(self, run, receiver, app):
        receiver.answers[INVITE] = (200, BLOCKED)
        (execution,) = run()
        return execution

    def complete(self, app, callback_id):
        path = f"/automation/actions/callbacks/2026-09/{callback_id}/complete"
        return app.post(path, DONE | {"typedOutputs": {}})

    def test_ends_an_action_that_waits(self, blocked, app):
        assert blocked.state == "BLOCK"

        assert self.complete(app, blocked.callback_id).status_code == 204

        assert blocked.state == "SUCCESS"
        assert blocked.outputs["learner_id"] == "lrn_1"

    def test_ends_several(self, blocked, app):
        body = {"inputs": [DONE | {"callbackId": blocked.callback_id}]}

        answer = app.post("/automation/actions/callbacks/2026-09/complete", body)

        assert answer.status_code == 204
        assert blocked.state == "SUCCESS"

    def test_is_for_actions_that_wait(self, blocked, app):
        assert self.complete(app, "ap-1-2-3-0").status_code == 404
        assert self.complete(app, blocked.callback_id).status_code == 204
        assert self.complete(app, blocked.callback_id).status_code == 404

    def test_comes_too_late_after_the_expiry(self, blocked, app, world):
        world.advance_clock(days=1.6)
        app.install()

        assert self.complete(app, blocked.callback_id).status_code == 404
        assert blocked.state == "EXPIRED"

    def test_needs_the_scope(self, blocked, app, hubspot):
        hubspot.withdraw_scope("automation")

        answer = self.complete(app, blocked.callback_id)

        assert answer.status_code == 403
        assert "automation" in answer.text


class TestFetchCard:
    def test_signs_the_whole_address(self, hubspot, account, receiver):
        receiver.answers["card/enrollments/"] = (200, {"linked": True})

        answer = hubspot.fetch_card("901")

        (request,) = receiver.at("card/enrollments/")
        assert answer.json() == {"linked": True}
        assert request.query.startswith("objectTypeId=0-1&objectId=901&userId=")
        assert (
            f"portalId={account.id}&userEmail={account.admin.email.replace('@', '%40')}&appId=1122334" in request.query
        )
        uri = f"{receiver.url}card/enrollments/?{request.query}"
        timestamp = request.headers["x-hubspot-request-timestamp"]
        assert request.headers["x-hubspot-signature"] == signing.v2(CLIENT_SECRET, "GET", uri, b"")
        assert request.headers["x-hubspot-signature-v3"] == signing.v3(
            CLIENT_SECRET, "GET", uri.replace("%40", "@"), b"", timestamp
        )

    def test_is_tried_twice(self, hubspot, receiver):
        receiver.answers["card/enrollments/"] = [(503, None), (200, {})]

        assert hubspot.fetch_card("901").status == 200
        assert len(receiver.at("card/enrollments/")) == 2
