"""The client against the sandbox, which answers as documented and misbehaves on command."""

import pytest

from integrations import oauth
from integrations.http import (
    Api,
    AuthorizationLost,
    OneToken,
    ProviderUnavailable,
    RecordMissing,
    RequestRejected,
)
from integrations.hubspot import client as client_module
from integrations.hubspot import refusals
from integrations.hubspot.client import BATCH, Client, read_refusal
from integrations.sandbox.hubspot import app

ANA = "901"


@pytest.fixture
def client(source, connect_hubspot, db):
    return source.client(connect_hubspot())


@pytest.fixture
def last_call(sandbox):
    return lambda: sandbox.world.calls.newest(1)[0]


class TestRecord:
    def test_is_found_by_its_id(self, client):
        record = client.record("contacts", ANA, ["email", "department"])

        assert (record.id, record.properties["email"]) == (ANA, "ana.silva@example.org")
        assert record.properties["department"] == "sales"

    def test_is_found_by_its_address(self, client):
        assert client.record("contacts", "ana.silva@example.org", ["email"], id_property="email").id == ANA

    def test_may_be_missing(self, client):
        with pytest.raises(RecordMissing):
            client.record("contacts", "99999", ["email"])


class TestListRecords:
    def test_comes_page_by_page(self, client, hub):
        found, after = [], ""
        while True:
            page = client.list_records("contacts", ["email"], after)
            found += [record.id for record in page.results]
            after = page.after
            if not after:
                break

        assert found == [record.id for record in hub.contacts]


class TestBatchRead:
    def test_tells_who_is_there_and_who_is_not(self, client):
        answer = client.batch_read("contacts", [ANA, "99999"], ["email"])

        assert [record.id for record in answer.results] == [ANA]
        (error,) = answer.errors
        assert (error.is_missing, error.ids) == (True, ("99999",))

    def test_names_each_record_once(self, client):
        assert len(client.batch_read("contacts", [ANA, ANA], ["email"]).results) == 1

    def test_goes_by_addresses(self, client):
        answer = client.batch_read("contacts", ["ana.silva@example.org"], ["email"], "email")

        assert [record.id for record in answer.results] == [ANA]

    def test_takes_more_properties_than_an_address_holds(self, client):
        names = [f"property_with_a_long_name_{number}" for number in range(300)]

        assert client.batch_read("contacts", [ANA], ["email", *names]).results[0].properties["email"]

    def test_calls_nobody_for_nothing(self, client, sandbox):
        before = len(sandbox.world.calls.newest())

        assert client.batch_read("contacts", [], ["email"]).results == ()
        assert len(sandbox.world.calls.newest()) == before

    def test_refuses_more_than_a_batch(self, client):
        with pytest.raises(ValueError, match="100"):
            client.batch_read("contacts", [str(number) for number in range(BATCH + 1)], [])


class TestBatchWrites:
    def test_say_which_rows_were_refused(self, client, hub):
        answer = client.batch_update(
            "contacts",
            [
                {"id": ANA, "objectWriteTraceId": "a", "properties": {"department": "support"}},
                {"id": "902", "objectWriteTraceId": "b", "properties": {"department": "no such option"}},
            ],
        )

        assert [record.object_write_trace_id for record in answer.results] == ["a"]
        (error,) = answer.errors
        assert (error.category, error.trace_ids) == ("VALIDATION_ERROR", ("b",))
        assert error.detail == "INVALID_OPTION department"
        assert hub.contacts.get(ANA).properties["department"] == "support"

    def test_name_the_record_that_is_in_the_way(self, client):
        answer = client.batch_create(
            "contacts",
            [
                {"objectWriteTraceId": "a", "properties": {"email": "ana.silva@example.org"}},
                {"objectWriteTraceId": "b", "properties": {"email": "brand.new@example.org"}},
            ],
        )

        assert [record.object_write_trace_id for record in answer.results] == ["b"]
        (error,) = answer.errors
        assert (error.trace_ids, error.existing_id) == (("a",), ANA)

    def test_are_refused_as_a_whole_without_trace_ids(self, client):
        with pytest.raises(RequestRejected) as refusal:
            client.batch_create("contacts", [{"properties": {"email": "ana.silva@example.org"}}])

        assert refusal.value.category == "CONFLICT"
        assert client_module.existing_id(refusal.value) == ANA

    def test_archive(self, client, hub):
        assert client.batch_archive("contacts", [{"id": "902"}]).errors == ()

        assert hub.contacts.get("902") is None

    def test_are_not_sent_again_when_records_may_have_been_created(self, client, sandbox, hub):
        sandbox.world.set_fault("lose_reply", path="/crm/objects")
        people = len(hub.contacts)

        with pytest.raises(ProviderUnavailable):
            client.batch_create("contacts", [{"objectWriteTraceId": "a", "properties": {"email": "once@example.org"}}])

        assert len(hub.contacts) == people + 1

    def test_are_sent_again_when_that_changes_nothing(self, client, sandbox, hub):
        sandbox.world.set_fault("lose_reply", path="/crm/objects")

        client.batch_update("contacts", [{"id": ANA, "properties": {"city": "Porto"}}])

        assert hub.contacts.get(ANA).properties["city"] == "Porto"


class TestProperties:
    def test_are_listed_without_the_sensitive_ones(self, client):
        names = {one.name for one in client.properties("contacts")}

        assert {"email", "department", "hubspot_owner_id"} <= names
        assert "dietary_needs" not in names

    def test_can_be_created_once(self, client):
        client.create_property_group("contacts", {"name": "rollcall", "label": "Rollcall"})
        body = {
            "groupName": "rollcall",
            "name": "rollcall_done",
            "label": "Courses completed",
            "type": "number",
            "fieldType": "number",
        }

        assert client.create_property("contacts", body).name == "rollcall_done"
        with pytest.raises(RequestRejected) as refusal:
            client.create_property("contacts", body)
        assert refusal.value.status == 409


class TestOwners:
    def test_are_all_listed(self, client, hub):
        assert {one.id for one in client.owners()} == {one.id for one in hub.owners.values() if not one.is_archived}

    def test_are_listed_apart_when_they_were_deactivated(self, client, hub):
        gone = list(client.owners(archived=True))

        assert {one.id for one in gone} == {one.id for one in hub.owners.values() if one.is_archived}
        assert all(one.user_id is None for one in gone)


class TestAccount:
    def test_says_where_its_pages_are(self, client, hub):
        account = client.account()

        assert (str(account.portal_id), account.ui_domain) == (str(hub.id), hub.ui_domain)


class TestRefusals:
    def test_say_that_the_consent_is_gone(self, sandbox, hub):
        api = Api(sandbox.url, label="HubSpot", bearer=OneToken("no-such-token"), read_refusal=read_refusal)

        with pytest.raises(AuthorizationLost):
            Client(api, str(hub.id)).account()

    def test_name_the_scope_that_is_missing(self, source, connect_hubspot, db):
        client = source.client(connect_hubspot(decision="approve_required"))

        with pytest.raises(RequestRejected) as refusal:
            client.properties("users")

        assert client_module.scopes_missing(refusal.value) == ["crm.objects.users.read"]

    def test_repeat_no_value_of_a_person(self, client):
        with pytest.raises(RequestRejected) as refusal:
            client.batch_update("contacts", [{"id": ANA, "properties": {"department": "ana.silva@example.org"}}])

        assert refusal.value.detail == "INVALID_OPTION department"
        assert "ana" not in str(refusal.value)

    def test_wait_a_day_when_the_account_is_being_moved(self, client, sandbox):
        sandbox.world.set_fault("477", path="/crm/", retry_after="86400")

        with pytest.raises(ProviderUnavailable) as trouble:
            client.record("contacts", ANA, ["email"])

        assert trouble.value.retry_after == 86_400

    def test_wait_two_seconds_when_records_are_locked(self, client, sandbox, pauses):
        sandbox.world.set_fault("423", path="/crm/", times=1)

        client.record("contacts", ANA, ["email"])

        assert sum(pauses) == 2

    def test_wait_for_the_next_window_of_ten_seconds(self, client, sandbox, pauses):
        sandbox.world.set_fault("429", path="/crm/", times=1, retry_after="")

        client.record("contacts", ANA, ["email"])

        assert sum(pauses) == 10

    def test_may_come_in_html(self, client, sandbox):
        sandbox.world.set_fault("502", path="/crm/", times=5)

        with pytest.raises(ProviderUnavailable):
            client.record("contacts", ANA, ["email"])

    @pytest.mark.parametrize("body", ['{"context":%s}', '{"message":"%s"}'])
    def test_may_be_nested_without_end(self, body):
        error = refusals.read((body % ("[" * 5000 + "]" * 5000)).encode())

        assert refusals.detail_of(error) == ""

    def test_may_be_cut_short(self, client, sandbox):
        sandbox.world.set_fault("truncate", path="/crm/", times=5)

        with pytest.raises(ProviderUnavailable):
            client.record("contacts", ANA, ["email"])


class TestUninstall:
    def test_ends_the_consent(self, client):
        client.uninstall()

        with pytest.raises(AuthorizationLost):
            client.account()


def test_the_token_says_whose_it_is(source, connect_hubspot, hub, db):
    connection = connect_hubspot()
    access, _refresh = oauth.tokens(connection.grant)

    found = source.client(connection).introspect(access, client_id=app.CLIENT_ID, client_secret=app.CLIENT_SECRET)

    assert (str(found.hub_id), found.active) == (str(hub.id), True)
