"""Object schemas: custom objects of an account and the app object of the application."""

import pytest

from integrations.sandbox.hubspot.app import APP_OBJECT

SCHEMAS = "/crm-object-schemas/2026-09/schemas"
PREFIX = APP_OBJECT.partition("course")[0]


def course_enrollment(**changes):
    return {
        "name": "course_enrollment",
        "labels": {"singular": "Course enrollment", "plural": "Course enrollments"},
        "primaryDisplayProperty": "course_name",
        "secondaryDisplayProperties": ["status"],
        "searchableProperties": ["course_name"],
        "requiredProperties": ["course_name"],
        "properties": [
            {"name": "course_name", "label": "Course", "type": "string", "fieldType": "text"},
            {"name": "enrollment_key", "label": "Key", "type": "string", "fieldType": "text", "hasUniqueValue": True},
            {
                "name": "status",
                "label": "Status",
                "type": "enumeration",
                "fieldType": "select",
                "options": [{"label": "Completed", "value": "completed"}],
            },
        ],
        "associatedObjects": ["CONTACT"],
    } | changes


class TestCreate:
    def test_answers_with_names_and_properties(self, app, account):
        answer = app.post(SCHEMAS, course_enrollment())

        schema = answer.json()
        assert answer.status_code == 201
        assert schema["fullyQualifiedName"] == f"p{account.id}_course_enrollment"
        assert schema["objectTypeId"].startswith("2-")
        names = {one["name"] for one in schema["properties"]}
        assert {"course_name", "status", "hs_object_id", "hubspot_owner_id"} <= names
        assert {one["toObjectTypeId"] for one in schema["associations"]} == {"0-1", schema["objectTypeId"]}

    def test_makes_a_type_that_takes_records(self, app, account):
        app.post(SCHEMAS, course_enrollment())
        kind = f"p{account.id}_course_enrollment"
        enrollment = {
            "idProperty": "enrollment_key",
            "id": "prt_1:1",
            "properties": {"enrollment_key": "prt_1:1", "course_name": "Safety basics"},
        }

        first = app.batch("upsert", enrollment, kind=kind)
        again = app.batch("upsert", enrollment | {"properties": {"status": "completed"}}, kind=kind)

        assert [first.json()["results"][0]["new"], again.json()["results"][0]["new"]] == [True, False]
        assert again.json()["results"][0]["properties"]["status"] == "completed"

    def test_refuses_a_name_twice(self, app):
        app.post(SCHEMAS, course_enrollment())

        assert app.post(SCHEMAS, course_enrollment()).status_code == 409

    @pytest.mark.parametrize(
        "wrong",
        [
            {"name": "Course Enrollment"},
            {"labels": None},
            {"properties": [{"name": "x"}]},
            {"requiredProperties": ["unheard_of"]},
            {"associatedObjects": ["USER"]},
            {"associatedObjects": "CONTACT!"},
        ],
    )
    def test_refuses_what_makes_no_sense(self, app, wrong):
        answer = app.post(SCHEMAS, course_enrollment(**wrong))

        assert answer.status_code == 400
        assert answer.json()["category"] == "VALIDATION_ERROR"

    def test_needs_the_enterprise_plan(self, app, hubspot):
        hubspot.set_tier("professional")

        assert app.post(SCHEMAS, course_enrollment()).status_code == 403

    def test_needs_the_scope(self, app, hubspot):
        hubspot.withdraw_scope("crm.schemas.custom.write")

        answer = app.post(SCHEMAS, course_enrollment())

        assert answer.status_code == 403
        assert answer.json()["category"] == "MISSING_SCOPES"

    def test_allows_ten_of_them(self, app):
        statuses = [app.post(SCHEMAS, course_enrollment(name=f"thing_{n}")).status_code for n in range(11)]

        assert statuses == [201] * 10 + [400]


class TestShow:
    def test_is_by_id_and_by_name(self, app):
        made = app.post(SCHEMAS, course_enrollment()).json()

        for name in (made["objectTypeId"], made["fullyQualifiedName"]):
            assert app.get(f"{SCHEMAS}/{name}").json() == made

    def test_lists_every_one(self, app):
        app.post(SCHEMAS, course_enrollment())

        listed = app.get(SCHEMAS).json()["results"]

        assert [one["name"] for one in listed] == ["course_enrollment", "course_enrollment"]

    def test_is_not_for_standard_objects(self, app):
        assert app.get(f"{SCHEMAS}/contacts").status_code == 404


class TestChange:
    def test_changes_labels(self, app):
        made = app.post(SCHEMAS, course_enrollment()).json()

        changed = app.patch(f"{SCHEMAS}/{made['objectTypeId']}", {"labels": {"singular": "Training"}}).json()

        assert changed["labels"] == {"singular": "Training"}

    def test_refuses_unknown_properties(self, app):
        made = app.post(SCHEMAS, course_enrollment()).json()

        answer = app.patch(f"{SCHEMAS}/{made['objectTypeId']}", {"requiredProperties": ["unheard_of"]})

        assert answer.status_code == 400


class TestDelete:
    def test_takes_the_type_away(self, app):
        made = app.post(SCHEMAS, course_enrollment()).json()

        assert app.delete(f"{SCHEMAS}/{made['objectTypeId']}").status_code == 204

        assert app.get(f"{SCHEMAS}/{made['objectTypeId']}").status_code == 404
        assert app.batch("read", {"id": "1"}, kind=made["objectTypeId"]).status_code == 400

    def test_refuses_while_there_are_records(self, app):
        made = app.post(SCHEMAS, course_enrollment()).json()
        app.batch("create", {"properties": {"course_name": "Safety"}}, kind=made["objectTypeId"])

        assert app.delete(f"{SCHEMAS}/{made['objectTypeId']}").status_code == 400


class TestAppObject:
    def test_has_the_applications_prefix_everywhere(self, app):
        schema = app.get(f"{SCHEMAS}/{APP_OBJECT}").json()

        own = [one["name"] for one in schema["properties"] if not one["hubspotDefined"]]
        assert schema["fullyQualifiedName"] == APP_OBJECT
        assert own
        assert all(name.startswith(PREFIX) for name in own)
        assert schema["primaryDisplayProperty"] == f"{PREFIX}course_name"

    def test_takes_records(self, app):
        key = f"{PREFIX}enrollment_key"
        enrollment = {"idProperty": key, "id": "prt_1:1", "properties": {key: "prt_1:1"}}

        answer = app.batch("upsert", enrollment, kind=APP_OBJECT)

        assert answer.status_code == 200
        assert app.batch("upsert", enrollment, kind=APP_OBJECT).json()["results"][0]["new"] is False

    def test_needs_its_own_scopes(self, app, hubspot):
        hubspot.withdraw_scope(f"crm.app.objects.{APP_OBJECT}.create")

        answer = app.batch("create", {"properties": {f"{PREFIX}course_name": "Safety"}}, kind=APP_OBJECT)

        assert answer.status_code == 403

    def test_is_changed_in_the_project_only(self, app):
        assert app.patch(f"{SCHEMAS}/{APP_OBJECT}", {"labels": {}}).status_code == 403
        assert app.delete(f"{SCHEMAS}/{APP_OBJECT}").status_code == 403

    def test_can_be_switched_off_and_on_again(self, app, hubspot):
        hubspot.set_app_objects(enabled=False)
        assert app.get(f"{SCHEMAS}/{APP_OBJECT}").status_code == 404

        hubspot.set_app_objects(enabled=True)
        assert app.get(f"{SCHEMAS}/{APP_OBJECT}").status_code == 200

    def test_is_not_in_accounts_without_it(self, app):
        app.install("Bright Meadow Partners")

        assert app.get(f"{SCHEMAS}/{APP_OBJECT}").status_code == 404

    def test_can_come_from_another_project(self, app, hubspot):
        config = {
            "name": "COURSE_ENROLLMENT",
            "singularForm": "Enrollment",
            "pluralForm": "Enrollments",
            "properties": [{"name": "title", "label": "Title", "type": "string", "fieldType": "text"}],
        }
        hubspot.upload_app_object({"uid": "x", "type": "app-object", "config": config})
        hubspot.set_app_objects(enabled=False)
        hubspot.set_app_objects(enabled=True)

        schema = app.get(f"{SCHEMAS}/{APP_OBJECT}").json()
        assert f"{PREFIX}title" in [one["name"] for one in schema["properties"]]

    def test_of_another_project_has_to_make_sense(self, hubspot):
        with pytest.raises(ValueError, match="pluralForm"):
            hubspot.upload_app_object({"name": "X", "singularForm": "X", "properties": []})
