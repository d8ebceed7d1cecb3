"""Definitions of properties and their groups."""

import pytest

from integrations.sandbox.hubspot.app import REQUIRED_SCOPES
from tests.integrations.sandbox.hubspot.conftest import OBJECTS, PROPERTIES

CONTACTS = f"{PROPERTIES}/contacts"
COUNT = {"name": "courses_completed", "label": "Courses completed", "type": "number", "fieldType": "number"}
IN_TRAINING = COUNT | {"groupName": "training"}
ANA = "901"


@pytest.fixture
def own(app):
    """An app that made a group and a property in it."""
    assert app.post(f"{CONTACTS}/groups", {"name": "rollcall", "label": "Rollcall"}).status_code == 201
    assert app.post(CONTACTS, COUNT | {"groupName": "rollcall"}).status_code == 201
    return app


class TestList:
    @pytest.mark.parametrize("name", ["users", "user", "0-115"])
    def test_knows_users_by_their_names(self, app, name):
        names = {one["name"] for one in app.get(f"{PROPERTIES}/{name}").json()["results"]}

        assert {"hs_email", "hs_internal_user_id", "office"} <= names

    def test_has_every_type_with_its_options(self, app):
        definitions = {one["name"]: one for one in app.get(CONTACTS).json()["results"]}

        assert {one["type"] for one in definitions.values()} >= {
            *("string", "number", "bool", "enumeration", "date", "datetime", "object_coordinates")
        }
        assert definitions["languages"]["fieldType"] == "checkbox"
        assert [one["value"] for one in definitions["department"]["options"] if one["hidden"]] == ["left"]
        assert definitions["hubspot_owner_id"]["referencedObjectType"] == "OWNER"
        assert definitions["createdate"]["modificationMetadata"]["readOnlyValue"] is True

    def test_keeps_sensitive_ones_apart(self, app):
        plain = {one["name"] for one in app.get(CONTACTS).json()["results"]}
        sensitive = {one["name"] for one in app.get(CONTACTS, dataSensitivity="sensitive").json()["results"]}

        assert sensitive == {"dietary_needs"}
        assert not plain & sensitive

    def test_needs_a_scope(self, app):
        app.install(scopes=REQUIRED_SCOPES)

        assert app.get(f"{PROPERTIES}/users").status_code == 403
        assert app.get(CONTACTS).status_code == 200


class TestCreate:
    def test_adds_a_property_that_can_be_written(self, own):
        answer = own.patch(f"{OBJECTS}/contacts/{ANA}", {"properties": {"courses_completed": 3}})

        assert answer.json()["properties"]["courses_completed"] == "3"
        assert own.get(f"{CONTACTS}/courses_completed").json()["groupName"] == "rollcall"

    def test_refuses_a_name_that_exists(self, own):
        answer = own.post(CONTACTS, IN_TRAINING)

        assert answer.status_code == 409

    @pytest.mark.parametrize(
        "changes",
        [
            {"groupName": "nowhere"},
            {"name": "Upper"},
            {"name": ""},
            {"label": ""},
            {"type": "money"},
            {"fieldType": "select"},
            {"type": "enumeration", "fieldType": "select"},
            {"type": "enumeration", "fieldType": "select", "options": [{"label": "One"}]},
            {"type": "enumeration", "fieldType": "select", "options": [{"label": "A", "value": "a"}] * 2},
        ],
    )
    def test_refuses(self, app, changes):
        assert app.post(CONTACTS, IN_TRAINING | changes).status_code == 400

    def test_allows_ten_unique_ones(self, app):
        statuses = [
            app.post(CONTACTS, IN_TRAINING | {"name": f"key_{n}", "hasUniqueValue": True}).status_code
            for n in range(11)
        ]

        assert statuses == [201] * 10 + [400]

    def test_in_a_batch_tells_which_could_not_be_added(self, own):
        answer = own.post(
            f"{CONTACTS}/batch/create", {"inputs": [IN_TRAINING, IN_TRAINING | {"name": "courses_open"}]}
        )

        assert answer.status_code == 207
        assert [one["name"] for one in answer.json()["results"]] == ["courses_open"]
        assert answer.json()["errors"][0]["context"] == {"name": ["courses_completed"]}


class TestChange:
    def test_reaches_labels_and_options(self, app):
        answer = app.patch(f"{CONTACTS}/department", {"label": "Team", "options": [{"label": "New", "value": "new"}]})

        assert answer.json()["label"] == "Team"
        assert app.patch(f"{OBJECTS}/contacts/{ANA}", {"properties": {"department": "sales"}}).status_code == 400

    @pytest.mark.parametrize(
        ("name", "body", "status"),
        [
            ("email", {"label": "Mail"}, 400),
            ("department", {"hasUniqueValue": True}, 400),
            ("department", {"groupName": "nowhere"}, 400),
            ("nonsense", {"label": "x"}, 404),
        ],
    )
    def test_refuses(self, app, name, body, status):
        assert app.patch(f"{CONTACTS}/{name}", body).status_code == status


class TestArchive:
    def test_hides_the_property_everywhere(self, own):
        assert own.delete(f"{CONTACTS}/courses_completed").status_code == 204

        assert own.get(f"{CONTACTS}/courses_completed").status_code == 404
        assert own.get(f"{CONTACTS}/courses_completed", archived="true").status_code == 200
        assert "courses_completed" not in own.contact(ANA, properties="courses_completed")
        assert own.patch(f"{OBJECTS}/contacts/{ANA}", {"properties": {"courses_completed": 3}}).status_code == 400

    def test_is_not_for_what_hubspot_defined(self, app):
        assert app.delete(f"{CONTACTS}/email").status_code == 400


class TestGroups:
    def test_can_be_made_changed_and_deleted(self, own):
        listed = [one["name"] for one in own.get(f"{CONTACTS}/groups").json()["results"]]
        changed = own.patch(f"{CONTACTS}/groups/rollcall", {"label": "Courses"}).json()
        refused = own.delete(f"{CONTACTS}/groups/rollcall").status_code
        own.delete(f"{CONTACTS}/courses_completed")

        assert "rollcall" in listed
        assert changed["label"] == "Courses"
        assert refused == 400
        assert own.delete(f"{CONTACTS}/groups/rollcall").status_code == 204
        assert own.get(f"{CONTACTS}/groups/rollcall").status_code == 404

    def test_exist_once(self, own):
        answer = own.post(f"{CONTACTS}/groups", {"name": "rollcall", "label": "Rollcall"})

        assert answer.status_code == 409

    def test_need_the_scope_of_definitions(self, app, hubspot):
        hubspot.withdraw_scope("crm.schemas.contacts.write")

        assert app.post(f"{CONTACTS}/groups", {"name": "rollcall", "label": "Rollcall"}).status_code == 403


class TestUserProperties:
    def test_are_made_with_the_scope_of_users(self, app, hubspot):
        body = COUNT | {"groupName": "userinformation"}

        made = app.post(f"{PROPERTIES}/users", body)
        hubspot.withdraw_scope("crm.objects.users.write")
        refused = app.post(f"{PROPERTIES}/users", body | {"name": "other"})

        assert (made.status_code, refused.status_code) == (201, 403)
