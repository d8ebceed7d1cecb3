"""Batches: full and partial success, and what fails them whole."""

import pytest

from tests.integrations.sandbox.hubspot.conftest import OBJECTS

ANA, BJORN = "901", "902"


def row(trace_id=None, **row):
    return row | ({"objectWriteTraceId": trace_id} if trace_id else {})


class TestRead:
    def test_finds_by_id_and_by_any_address(self, app):
        by_id = app.batch("read", {"id": BJORN}, {"id": ANA}, properties=["email", "department"])
        by_email = app.batch("read", {"id": "dana@private.example"}, idProperty="email", properties=["email"])

        assert by_id.status_code == by_email.status_code == 200
        assert [row["id"] for row in by_id.json()["results"]] == [ANA, BJORN]
        assert by_id.json()["results"][0]["properties"].keys() == {
            "email",
            "department",
            "hs_object_id",
            "createdate",
            "lastmodifieddate",
        }
        assert by_email.json()["results"][0]["properties"]["email"] == "dana.kirsch@example.org"
        assert by_id.json()["status"] == "COMPLETE"
        assert "numErrors" not in by_id.json()

    def test_names_those_who_are_missing(self, app):
        answer = app.batch("read", {"id": ANA}, {"id": "1"}, {"id": "2"}, properties=["email"])

        assert answer.status_code == 207
        body = answer.json()
        assert [one["id"] for one in body["results"]] == [ANA]
        assert body["numErrors"] == 1
        assert body["errors"][0]["category"] == "OBJECT_NOT_FOUND"
        assert body["errors"][0]["context"]["ids"] == ["1", "2"]

    def test_of_a_merged_id_finds_nobody(self, app):
        app.post(f"{OBJECTS}/contacts/merge", {"primaryObjectId": ANA, "objectIdToMerge": BJORN})

        assert app.batch("read", {"id": BJORN}, properties=[]).json()["errors"][0]["context"]["ids"] == [BJORN]

    def test_finds_users_by_the_id_of_their_login(self, app, account):
        answer = app.batch("read", {"id": account.admin.id}, kind="users", idProperty="hs_internal_user_id")

        assert answer.status_code == 200


class TestAnyBatch:
    @pytest.mark.parametrize("deed", ["read", "create", "update", "upsert", "archive"])
    @pytest.mark.parametrize("inputs", [[], ["901"], [{"id": "1", "properties": {}}] * 101, None])
    def test_refuses(self, app, deed, inputs):
        answer = app.post(f"{OBJECTS}/contacts/batch/{deed}", {"inputs": inputs})

        assert answer.status_code == 400

    @pytest.mark.parametrize(
        "row", [{"id": {}}, {"id": ANA, "properties": None}, {"id": ANA, "properties": ["city"]}, {"id": None}]
    )
    def test_refuses_rows_of_another_shape(self, app, row):
        assert app.batch("update", row).status_code == 400

    @pytest.mark.parametrize("associations", [7, ["901"], [{"to": "901", "types": [1]}]])
    def test_refuses_associations_of_another_shape(self, app, associations):
        assert app.batch("create", {"properties": {}, "associations": associations}).status_code == 400

    @pytest.mark.parametrize("deed", ["update", "upsert", "archive"])
    def test_refuses_the_same_record_twice(self, app, deed):
        same = row(id="ana.silva@example.org", idProperty="email", properties={}) if deed == "upsert" else row(id=ANA)

        answer = app.batch(deed, same, same)

        assert answer.status_code == 400
        assert "Duplicate IDs" in answer.json()["message"]


class TestCreate:
    def test_enters_everybody(self, app):
        answer = app.batch("create", *(row(f"t{n}", properties={"email": f"new{n}@example.org"}) for n in range(100)))

        assert answer.status_code == 201
        results = answer.json()["results"]
        assert {one["objectWriteTraceId"] for one in results} == {f"t{n}" for n in range(100)}
        assert [one["objectWriteTraceId"] for one in results] != [f"t{n}" for n in range(100)]

    def test_fails_rows_alone_that_carry_a_trace_id(self, app, account):
        answer = app.batch(
            "create",
            row("good", properties={"email": "new@example.org"}),
            row("taken", properties={"email": "ana.silva@example.org"}),
            row("twice", properties={"email": "New@example.org"}),
            row("wrong", properties={"department": "nowhere"}),
        )

        assert answer.status_code == 207
        body = answer.json()
        assert [one["objectWriteTraceId"] for one in body["results"]] == ["good"]
        assert body["numErrors"] == 3
        assert {one["context"]["objectWriteTraceId"][0]: one["category"] for one in body["errors"]} == {
            "taken": "CONFLICT",
            "twice": "CONFLICT",
            "wrong": "VALIDATION_ERROR",
        }
        assert len(account.contacts) == 61

    @pytest.mark.parametrize(
        ("bad", "status"), [({"email": "ana.silva@example.org"}, 409), ({"department": "nowhere"}, 400)]
    )
    def test_writes_nothing_when_a_row_without_one_fails(self, app, account, bad, status):
        answer = app.batch("create", row("a", properties={"email": "new@example.org"}), row(properties=bad))

        assert answer.status_code == status
        assert len(account.contacts) == 60


class TestUpdate:
    def test_changes_those_who_are_there(self, app):
        answer = app.batch(
            "update",
            row("t1", id=ANA, properties={"city": "Faro"}),
            row("t2", id="1", properties={"city": "Faro"}),
            row("t3", id=BJORN, properties={"department": "nowhere"}),
        )

        assert answer.status_code == 207
        body = answer.json()
        assert [one["id"] for one in body["results"]] == [ANA]
        assert {one["category"] for one in body["errors"]} == {"OBJECT_NOT_FOUND", "VALIDATION_ERROR"}
        assert app.contact(ANA, properties="city")["city"] == "Faro"

    def test_by_address_is_refused(self, app):
        answer = app.batch("update", row(id="ana.silva@example.org", idProperty="email", properties={"city": "Faro"}))

        assert answer.status_code == 400
        assert answer.json()["message"] == "Unable to perform update/upsert by non-unique 0-1 property"

    def test_refuses_two_kinds_of_ids(self, app):
        answer = app.batch("update", row(id=ANA, properties={}), row(id="x", idProperty="email", properties={}))

        assert answer.status_code == 400


class TestUpsert:
    @pytest.fixture
    def keyed(self, app):
        """An app whose account gives contacts a key of their own."""
        definition = {
            "name": "rollcall_key",
            "label": "Key",
            "type": "string",
            "fieldType": "text",
            "groupName": "training",
            "hasUniqueValue": True,
        }
        assert app.post("/crm/properties/2026-09/contacts", definition).status_code == 201
        return app

    def test_changes_and_enters(self, keyed):
        keyed.batch("update", row(id=ANA, properties={"rollcall_key": "k1"}))

        answer = keyed.batch(
            "upsert",
            row("t1", id="k1", idProperty="rollcall_key", properties={"city": "Faro"}),
            row("t2", id="k2", idProperty="rollcall_key", properties={"city": "Faro"}),
            row("t3", id="k3", idProperty="rollcall_key", properties={"city": "Faro", "badge_number": "x"}),
        )

        assert answer.status_code == 207
        results = {one["objectWriteTraceId"]: one for one in answer.json()["results"]}
        assert (results["t1"]["id"], results["t1"]["new"], results["t2"]["new"]) == (ANA, False, True)
        assert answer.json()["errors"][0]["context"]["objectWriteTraceId"] == ["t3"]
        again = keyed.batch("upsert", row(id="k2", idProperty="rollcall_key", properties={"city": "Porto"})).json()
        assert (again["results"][0]["id"], again["results"][0]["new"]) == (results["t2"]["id"], False)

    def test_by_address_fails_whole(self, app):
        answer = app.batch(
            "upsert",
            row("t1", id="new@example.org", idProperty="email", properties={"city": "Faro"}),
            row("t2", id="ana.silva@example.org", idProperty="email", properties={"department": "nowhere"}),
        )

        assert answer.status_code == 400
        assert app.get(f"{OBJECTS}/contacts/new@example.org", idProperty="email").status_code == 404

    @pytest.mark.parametrize("id_property", ["department", "hs_object_id", "nonsense"])
    def test_needs_a_unique_property(self, app, id_property):
        assert app.batch("upsert", row(id="x", idProperty=id_property, properties={})).status_code == 400


class TestArchive:
    def test_puts_everybody_into_the_bin_who_is_there(self, app, account):
        answer = app.batch("archive", {"id": ANA}, {"id": "1"})

        assert (answer.status_code, answer.text) == (204, "")
        assert set(account.contacts.archived) == {ANA}


class TestFaults:
    def test_partial_fails_every_tenth_row(self, app, hubspot):
        hubspot.set_fault("partial", path="/crm/objects/2026-09/contacts/batch/update")
        rows = [row(f"t{n}", id=str(901 + n), properties={"city": "Faro"}) for n in range(20)]

        spoiled, clean = app.batch("update", *rows), app.batch("update", *rows)

        assert spoiled.status_code == 207
        assert spoiled.json()["numErrors"] == 2
        assert clean.status_code == 200

    def test_partial_waits_for_a_batch(self, app, hubspot):
        hubspot.set_fault("partial")

        assert app.get(f"{OBJECTS}/contacts").status_code == 200
        assert app.batch("update", row("t", id=ANA, properties={"city": "Faro"})).status_code == 207

    def test_partial_fails_a_batch_without_trace_ids_whole(self, app, hubspot):
        hubspot.set_fault("partial")

        answer = app.batch("update", row(id=ANA, properties={"city": "Faro"}))

        assert answer.status_code == 500
        assert app.contact(ANA, properties="city")["city"] is None
