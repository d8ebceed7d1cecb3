"""HubSpot's webhooks as the application gets them."""

import json

import pytest

from integrations.sandbox.hubspot import signing
from integrations.sandbox.hubspot.app import CLIENT_SECRET
from tests.workers import wait_until


@pytest.fixture
def events(app, receiver, hubspot):
    """Wait for what was sent, of every kind, and return the events of every batch that came."""
    hubspot.subscribe()

    def arrived():
        assert hubspot.wait_until_quiet()
        return [event for one in receiver.at("webhooks/") for event in one.json()]

    return arrived


def kinds(events):
    return [event["subscriptionType"] for event in events]


class TestEvents:
    def test_tell_of_a_changed_property(self, hubspot, account, events):
        hubspot.change_contact("901", department="support")

        (event,) = events()
        assert event["subscriptionType"] == "contact.propertyChange"
        assert (event["portalId"], event["objectId"]) == (account.id, 901)
        assert (event["propertyName"], event["propertyValue"]) == ("department", "support")
        assert event["attemptNumber"] == 0

    def test_tell_of_a_new_contact_a_deleted_and_a_restored_one(self, hubspot, events):
        newcomer = hubspot.add_contact(email="noor@newcomers.example")
        hubspot.delete_contact(newcomer.id)
        hubspot.restore_contact(newcomer.id)

        found = events()
        assert {"contact.creation", "contact.deletion", "contact.restore"} <= set(kinds(found))
        assert {event["objectId"] for event in found} == {int(newcomer.id)}

    def test_of_a_merge_name_every_id(self, hubspot, events):
        survivor = hubspot.merge_contacts("901", "902", makes_new_id=True)

        (merge,) = events()
        assert merge["subscriptionType"] == "contact.merge"
        assert (merge["primaryObjectId"], merge["mergedObjectIds"]) == (901, [902])
        assert merge["newObjectId"] == int(survivor.id)

    def test_of_a_merge_without_a_new_id_name_none(self, hubspot, events):
        hubspot.merge_contacts("901", "902", makes_new_id=False)

        (merge,) = events()
        assert "newObjectId" not in merge

    def test_of_users_come_in_the_generic_form(self, hubspot, account, events):
        user = next(iter(account.users))
        hubspot.change_user(user.id, hs_job_title="Head of Training")

        (event,) = events()
        assert event["subscriptionType"] == "object.propertyChange"
        assert (event["objectTypeId"], event["objectId"]) == ("0-115", int(user.id))

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            ("deletion_first", ["contact.deletion", "contact.privacyDeletion"]),
            ("privacy_first", ["contact.privacyDeletion", "contact.deletion"]),
        ],
    )
    def test_of_a_privacy_deletion_come_in_either_order(self, hubspot, events, receiver, order, expected):
        hubspot.delete_for_privacy("902", order=order)

        assert kinds(events()) == expected
        assert len(receiver.at("webhooks/")) == 1

    def test_of_a_privacy_deletion_come_in_two_batches_on_demand(self, hubspot, events, receiver):
        hubspot.delete_for_privacy("902", apart=True)

        assert sorted(kinds(events())) == ["contact.deletion", "contact.privacyDeletion"]
        assert len(receiver.at("webhooks/")) == 2

    def test_of_a_contact_in_the_bin_are_only_about_privacy(self, hubspot, events):
        hubspot.delete_contact("902")
        hubspot.delete_for_privacy("902")

        assert sorted(kinds(events())) == ["contact.deletion", "contact.privacyDeletion"]

    def test_go_to_nobody_who_is_not_installed(self, hubspot, events):
        hubspot.change_contact("901", department="support", account="Bright Meadow Partners")

        assert events() == []

    def test_go_to_nobody_without_the_scope(self, hubspot, events):
        hubspot.withdraw_scope("crm.objects.contacts.read")
        hubspot.change_contact("901", department="support")

        assert events() == []

    def test_follow_the_subscriptions(self, hubspot, events):
        hubspot.subscribe(kinds=["contact.deletion"])
        hubspot.change_contact("901", department="support")
        hubspot.delete_contact("902")

        assert kinds(events()) == ["contact.deletion"]

    def test_leave_out_properties_without_a_subscription(self, hubspot, events):
        hubspot.subscribe(properties=["department"])
        hubspot.change_contact("901", jobtitle="Trainer", department="support")

        assert [event["propertyName"] for event in events()] == ["department"]


class TestSubscriptions:
    @pytest.fixture(autouse=True)
    def started(self, app, receiver):
        """A project that was just uploaded."""

    def test_are_few_at_first(self, hubspot, receiver):
        hubspot.add_contact(email="noor@newcomers.example")
        hubspot.change_contact("901", department="support")
        hubspot.change_contact("901", firstname="Anabela")

        assert hubspot.wait_until_quiet()
        assert {event["propertyName"] for one in receiver.at("webhooks/") for event in one.json()} == {
            "email",
            "firstname",
        }

    def test_come_from_the_projects_file(self, hubspot, receiver):
        subscriptions = {
            "crmObjects": [{"subscriptionType": "object.deletion", "objectType": "user", "active": True}],
            "legacyCrmObjects": [
                {"subscriptionType": "contact.merge", "active": False},
                {"subscriptionType": "contact.propertyChange", "propertyName": "jobtitle", "active": True},
            ],
        }
        hubspot.upload_webhooks({"type": "webhooks", "config": {"subscriptions": subscriptions}})
        hubspot.merge_contacts("903", "904")
        hubspot.change_contact("901", firstname="Anabela", jobtitle="Trainer")

        assert hubspot.wait_until_quiet()
        assert [event["propertyName"] for one in receiver.at("webhooks/") for event in one.json()] == ["jobtitle"]

    def test_have_to_make_sense(self, hubspot):
        for listed in ([], [{"subscriptionType": "contact.birthday", "active": True}]):
            with pytest.raises(ValueError, match="no such subscriptions"):
                hubspot.upload_webhooks({"subscriptions": {"hubEvents": listed}})


class TestBatches:
    def test_hold_up_to_a_hundred_events(self, hubspot, events, receiver):
        hubspot.gather_webhooks()
        for number in range(130):
            hubspot.change_contact("901", jobtitle=f"Trainer {number}")
        assert hubspot.release_webhooks() == 130

        assert len(events()) == 130
        assert sorted(len(one.json()) for one in receiver.at("webhooks/")) == [30, 100]

    def test_mix_accounts(self, hubspot, app, events, receiver):
        app.install("Bright Meadow Partners")
        hubspot.gather_webhooks()
        hubspot.delete_contact("902")
        hubspot.delete_contact("902", account="Bright Meadow Partners")
        hubspot.release_webhooks()

        assert len({event["portalId"] for event in events()}) == 2
        assert len(receiver.at("webhooks/")) == 1

    def test_repeat_events_and_keep_no_order_on_demand(self, hubspot, events):
        hubspot.set_webhooks(copies=2, shuffle=True)
        hubspot.gather_webhooks()
        for number in range(20):
            hubspot.change_contact("901", jobtitle=f"Trainer {number}")
        hubspot.release_webhooks()

        ids = [event["eventId"] for event in events()]
        assert len(ids) == 40
        assert len(set(ids)) == 20
        assert ids != sorted(ids)

    @pytest.mark.parametrize("refusal", [401, 500])
    def test_come_again_whole_until_they_are_taken(self, hubspot, events, receiver, refusal):
        receiver.answers["webhooks/"] = [(refusal, None), (refusal, None), (204, None)]
        hubspot.delete_for_privacy("902")

        assert [event["attemptNumber"] for event in events()] == [0, 0, 1, 1, 2, 2]
        assert [one.status for one in hubspot.outbound.deliveries.sent] == [refusal, refusal, 204]

    def test_come_again_when_the_answer_takes_too_long(self, hubspot, events, receiver, monkeypatch):
        monkeypatch.setattr("integrations.sandbox.hubspot.events.ANSWER_SECONDS", 0.1)
        receiver.is_awake.clear()
        hubspot.delete_contact("902")
        assert not hubspot.wait_until_quiet(0.3)

        receiver.is_awake.set()

        assert max(event["attemptNumber"] for event in events()) > 0
        first = hubspot.outbound.deliveries.sent[0]
        assert (first.attempt, first.status) == (0, 0)

    def test_wait_for_the_sandboxs_clock(self, hubspot, world, events, receiver):
        hubspot.repeat_at_once(on=False)
        receiver.answers["webhooks/"] = [(503, None), (204, None)]
        hubspot.delete_contact("902")
        wait_until(lambda: hubspot.outbound.deliveries.sent)
        assert not hubspot.wait_until_quiet(0.3)

        world.advance_clock(seconds=61)

        assert [event["attemptNumber"] for event in events()] == [0, 1]

    def test_are_given_up_after_ten_repeats(self, hubspot, events, receiver, world):
        receiver.answers["webhooks/"] = (500, None)
        hubspot.repeat_at_once(on=False)
        hubspot.delete_contact("902")
        while not hubspot.wait_until_quiet(0.1):
            world.advance_clock(days=1)

        assert [event["attemptNumber"] for event in events()] == list(range(11))

    def test_can_be_held_back_and_delivered_by_the_caller(self, hubspot, app, receiver):
        hubspot.hold_requests()
        hubspot.delete_contact("902")
        assert receiver.received == []

        assert hubspot.outbound.deliveries.deliver_here() == 1

        assert len(receiver.at("webhooks/")) == 1


class TestSignature:
    def test_is_of_version_1_and_3(self, hubspot, events, receiver):
        hubspot.delete_contact("902")
        events()

        (request,) = receiver.at("webhooks/")
        timestamp = request.headers["x-hubspot-request-timestamp"]
        assert request.headers["x-hubspot-signature-version"] == "v1"
        assert request.headers["x-hubspot-signature"] == signing.v1(CLIENT_SECRET, request.body)
        expected = signing.v3(CLIENT_SECRET, "POST", f"{receiver.url}webhooks/", request.body, timestamp)
        assert request.headers["x-hubspot-signature-v3"] == expected

    def test_is_wrong_on_demand(self, hubspot, events, receiver):
        hubspot.sign_badly("wrong_signature")
        hubspot.delete_contact("902")
        events()

        (request,) = receiver.at("webhooks/")
        assert request.headers["x-hubspot-signature"] != signing.v1(CLIENT_SECRET, request.body)

    def test_is_of_the_public_address_behind_a_proxy(self, hubspot, events, receiver):
        port = int(receiver.url.split(":")[2].partition("/")[0])
        hubspot.set_target("https://rollcall.example.com/integrations/hubspot/", port=port)
        hubspot.delete_contact("902")
        events()

        (request,) = receiver.at("webhooks/")
        public = "https://rollcall.example.com/integrations/hubspot/webhooks/"
        timestamp = request.headers["x-hubspot-request-timestamp"]
        assert request.headers["host"] == "rollcall.example.com"
        assert request.headers["x-hubspot-signature-v3"] == signing.v3(
            CLIENT_SECRET, "POST", public, request.body, timestamp
        )


class TestSent:
    def test_is_on_record(self, hubspot, browser, events):
        hubspot.delete_contact("902")
        events()

        (one,) = browser.get("/_control/hubspot/sent?kind=webhook").json()
        assert one["status"] == 204
        assert json.loads(one["body"])[0]["objectId"] == 902
