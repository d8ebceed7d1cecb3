"""Associations between records of an account."""

import pytest

from integrations.sandbox.hubspot.app import APP_OBJECT

BATCH = "/crm/associations/2026-09"
OBJECTS = "/crm/objects/2026-09"
TO_CONTACT, TO_ENROLLMENT = f"{BATCH}/{APP_OBJECT}/contacts", f"{BATCH}/contacts/{APP_OBJECT}"


@pytest.fixture
def enrollment(app):
    """The id of an enrollment that belongs to nobody yet."""
    return app.batch("create", {"properties": {}}, kind=APP_OBJECT).json()["results"][0]["id"]


@pytest.fixture
def pair(enrollment):
    """An enrollment and Ana."""
    return {"from": {"id": enrollment}, "to": {"id": "901"}}


def default_type(app, path=TO_CONTACT):
    return app.get(f"{path}/labels").json()["results"][0]


def spec(kind):
    return {"associationCategory": kind["category"], "associationTypeId": kind["typeId"]}


class TestAssociate:
    def test_links_by_the_default_kind_both_ways(self, app, pair, enrollment):
        answer = app.post(f"{TO_CONTACT}/batch/associate/default", {"inputs": [pair]})

        there = app.post(f"{TO_CONTACT}/batch/read", {"inputs": [{"id": enrollment}]}).json()
        back = app.post(f"{TO_ENROLLMENT}/batch/read", {"inputs": [{"id": "901"}]}).json()
        assert answer.json()["results"][0]["associationSpec"] == spec(default_type(app))
        assert [one["toObjectId"] for one in there["results"][0]["to"]] == [901]
        assert [one["toObjectId"] for one in back["results"][0]["to"]] == [int(enrollment)]

    def test_names_records_that_are_not_there(self, app, pair, enrollment):
        nobody = {"from": {"id": enrollment}, "to": {"id": "999999"}}

        answer = app.post(f"{TO_CONTACT}/batch/associate/default", {"inputs": [pair, nobody]})

        assert answer.status_code == 207
        assert len(answer.json()["results"]) == 1
        assert answer.json()["errors"][0]["context"]["toObjectId"] == ["999999"]

    def test_links_one_pair(self, app, enrollment):
        path = f"{OBJECTS}/{APP_OBJECT}/{enrollment}/associations"

        assert app.put(f"{path}/default/contacts/901", None).status_code == 200

        assert [one["toObjectId"] for one in app.get(f"{path}/contacts").json()["results"]] == [901]

    def test_refuses_users(self, app, enrollment, account):
        user = next(iter(account.users)).id
        pair = {"from": {"id": enrollment}, "to": {"id": user}}

        answer = app.post(f"{BATCH}/{APP_OBJECT}/users/batch/associate/default", {"inputs": [pair]})

        assert answer.status_code == 400

    @pytest.mark.parametrize("inputs", [None, [], ["x"], [{"from": {"id": "1"}}]])
    def test_refuses_what_makes_no_sense(self, app, inputs):
        assert app.post(f"{TO_CONTACT}/batch/associate/default", {"inputs": inputs}).status_code == 400

    def test_needs_both_scopes(self, app, hubspot, pair):
        hubspot.withdraw_scope("crm.objects.contacts.write")

        answer = app.post(f"{TO_CONTACT}/batch/associate/default", {"inputs": [pair]})

        assert answer.status_code == 403


class TestCreate:
    def test_links_by_a_label(self, app, pair):
        label = {"label": "Trainer", "inverseLabel": "Trains", "name": "trainer"}
        made = app.post(f"{TO_CONTACT}/labels", label).json()["results"][0]

        answer = app.post(f"{TO_CONTACT}/batch/create", {"inputs": [pair | {"types": [spec(made)]}]})

        back = app.post(f"{TO_ENROLLMENT}/batch/read", {"inputs": [{"id": "901"}]}).json()
        assert answer.status_code == 201
        assert answer.json()["results"][0]["labels"] == ["Trainer"]
        assert back["results"][0]["to"][0]["associationTypes"][0]["label"] == "Trains"

    def test_refuses_the_kind_of_the_other_direction(self, app, pair):
        wrong = spec(default_type(app, TO_ENROLLMENT))

        answer = app.post(f"{TO_CONTACT}/batch/create", {"inputs": [pair | {"types": [wrong]}]})

        assert answer.status_code == 400

    def test_links_one_pair(self, app, enrollment):
        path = f"{OBJECTS}/{APP_OBJECT}/{enrollment}/associations/contacts/901"

        assert app.put(path, [spec(default_type(app))]).status_code == 201


class TestLabels:
    def test_differ_between_accounts_and_directions(self, app, hubspot):
        hubspot.set_app_objects(enabled=True, account="Bright Meadow Partners")
        here = {default_type(app)["typeId"], default_type(app, TO_ENROLLMENT)["typeId"]}
        app.install("Bright Meadow Partners")
        there = {default_type(app)["typeId"], default_type(app, TO_ENROLLMENT)["typeId"]}

        assert len(here) == len(there) == 2
        assert not here & there


class TestRead:
    def test_names_records_without_associations_as_errors(self, app, pair, enrollment):
        app.post(f"{TO_CONTACT}/batch/associate/default", {"inputs": [pair]})

        answer = app.post(f"{TO_ENROLLMENT}/batch/read", {"inputs": [{"id": "901"}, {"id": "902"}]})

        body = answer.json()
        assert answer.status_code == 207
        assert len(body["results"]) == 1
        assert body["errors"][0]["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
        assert body["errors"][0]["context"]["fromObjectId"] == ["902"]

    def test_forgets_records_that_were_deleted(self, app, pair, enrollment):
        app.post(f"{TO_CONTACT}/batch/associate/default", {"inputs": [pair]})
        app.batch("archive", {"id": enrollment}, kind=APP_OBJECT)

        assert app.post(f"{TO_ENROLLMENT}/batch/read", {"inputs": [{"id": "901"}]}).json()["results"] == []

    def test_takes_a_thousand_at_most(self, app):
        inputs = [{"id": str(number)} for number in range(1001)]

        assert app.post(f"{TO_ENROLLMENT}/batch/read", {"inputs": inputs}).status_code == 400


class TestArchive:
    def test_ends_every_association_of_pairs(self, app, pair, enrollment):
        app.post(f"{TO_CONTACT}/batch/associate/default", {"inputs": [pair]})

        answer = app.post(
            f"{TO_CONTACT}/batch/archive", {"inputs": [{"from": {"id": enrollment}, "to": [{"id": "901"}]}]}
        )

        assert answer.status_code == 204
        assert app.post(f"{TO_ENROLLMENT}/batch/read", {"inputs": [{"id": "901"}]}).json()["results"] == []

    def test_needs_a_list(self, app, pair):
        assert app.post(f"{TO_CONTACT}/batch/archive", {"inputs": [pair]}).status_code == 400

    def test_takes_one_label_away(self, app, pair, enrollment):
        app.post(f"{TO_CONTACT}/batch/associate/default", {"inputs": [pair]})
        label = {"label": "Trainer", "inverseLabel": "Trains", "name": "trainer"}
        made = app.post(f"{TO_CONTACT}/labels", label).json()["results"][0]
        labelled = pair | {"types": [spec(made)]}
        app.post(f"{TO_CONTACT}/batch/create", {"inputs": [labelled]})

        assert app.post(f"{TO_CONTACT}/batch/labels/archive", {"inputs": [labelled]}).status_code == 204

        left = app.post(f"{TO_CONTACT}/batch/read", {"inputs": [{"id": enrollment}]}).json()["results"][0]["to"]
        assert [one["label"] for one in left[0]["associationTypes"]] == [None]

    def test_ends_one_pair(self, app, pair, enrollment):
        app.post(f"{TO_CONTACT}/batch/associate/default", {"inputs": [pair]})

        assert app.delete(f"{OBJECTS}/contacts/901/associations/{APP_OBJECT}/{enrollment}").status_code == 204

        assert app.get(f"{OBJECTS}/contacts/901/associations/{APP_OBJECT}").json() == {"results": []}


class TestMerge:
    @pytest.mark.parametrize("makes_new_id", [True, False])
    def test_takes_the_associations_along(self, app, hubspot, pair, enrollment, makes_new_id):
        app.post(f"{TO_CONTACT}/batch/associate/default", {"inputs": [pair]})

        survivor = hubspot.merge_contacts("902", "901", makes_new_id=makes_new_id)

        linked = app.post(f"{TO_CONTACT}/batch/read", {"inputs": [{"id": enrollment}]}).json()["results"][0]["to"]
        assert [one["toObjectId"] for one in linked] == [int(survivor.id)]


class TestPrivacyDeletion:
    def test_leaves_the_enrollment_without_the_contact(self, app, hubspot, pair, enrollment):
        app.post(f"{TO_CONTACT}/batch/associate/default", {"inputs": [pair]})

        hubspot.delete_for_privacy("901")

        assert app.post(f"{TO_CONTACT}/batch/read", {"inputs": [{"id": enrollment}]}).json()["results"] == []
        assert app.batch("read", {"id": enrollment}, kind=APP_OBJECT).json()["results"]


class TestState:
    def test_survives_a_restart(self, app, pair, hubspot, sandbox, enrollment):
        app.post(f"{TO_CONTACT}/batch/associate/default", {"inputs": [pair]})
        record = hubspot.record()

        hubspot.resume(record)

        linked = app.post(f"{TO_CONTACT}/batch/read", {"inputs": [{"id": enrollment}]}).json()["results"][0]["to"]
        assert [one["toObjectId"] for one in linked] == [901]
