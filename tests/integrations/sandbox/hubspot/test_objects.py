"""Contacts and users one by one: lists, reading, writing, scopes and an account's own rules."""

import pytest

from integrations.sandbox.hubspot.app import REQUIRED_SCOPES
from tests.integrations.sandbox.hubspot.conftest import OBJECTS

CONTACTS, USERS = f"{OBJECTS}/contacts", f"{OBJECTS}/users"
ANA, DANA, ELI = "901", "905", "906"


class TestList:
    def test_goes_through_everybody_once(self, app, account):
        ids, after = [], None
        while True:
            body = app.get(CONTACTS, limit=25, **({"after": after} if after else {})).json()
            ids += [row["id"] for row in body["results"]]
            if "paging" not in body:
                break
            after = body["paging"]["next"]["after"]

        assert ids == [record.id for record in account.contacts]
        assert len(ids) == 60

    def test_has_ten_a_page_unless_asked(self, app):
        body = app.get(CONTACTS).json()

        assert len(body["results"]) == 10
        assert body["paging"]["next"]["after"] == "911"

    @pytest.mark.parametrize(
        "query",
        [
            {"limit": 101},
            {"limit": 0},
            {"limit": "x"},
            {"after": "x"},
            {"limit": 51, "propertiesWithHistory": "email"},
        ],
    )
    def test_refuses(self, app, query):
        answer = app.get(CONTACTS, **query)

        assert answer.status_code == 400
        assert answer.json()["category"] == "VALIDATION_ERROR"

    def test_shows_the_default_properties_and_those_asked_for(self, app):
        row = app.get(CONTACTS, limit=1, properties="department,start_date,nonsense,city").json()["results"][0]

        assert row["properties"] == {
            "createdate": row["createdAt"],
            "email": "ana.silva@example.org",
            "firstname": "Ana",
            "lastname": "Silva",
            "hs_object_id": ANA,
            "lastmodifieddate": row["updatedAt"],
            "department": "sales",
            "start_date": "2024-02-01",
            "city": None,
        }
        assert row["url"] == "https://app-eu1.hubspot.com/contacts/4455667/record/0-1/901"

    def test_takes_repeated_names_of_properties(self, app):
        url = f"{USERS}?limit=1&properties=hs_email&properties=office"

        assert {"hs_email", "office"} <= app.get(url).json()["results"][0]["properties"].keys()

    def test_of_users_shows_ids_and_dates_unless_asked(self, app):
        row = app.get(USERS, limit=1).json()["results"][0]

        assert row["properties"].keys() == {"hs_createdate", "hs_lastmodifieddate", "hs_object_id"}

    def test_of_archived_ones_shows_only_those(self, app):
        app.delete(f"{CONTACTS}/{ANA}")

        rows = app.get(CONTACTS, archived="true").json()["results"]

        assert [(row["id"], row["archived"]) for row in rows] == [(ANA, True)]
        assert rows[0]["archivedAt"]
        assert app.get(CONTACTS, limit=1).json()["results"][0]["id"] != ANA

    def test_refuses_an_unknown_type(self, app):
        assert app.get(f"{OBJECTS}/0-999").status_code == 400

    @pytest.mark.parametrize("name", ["contacts", "contact", "0-1", "CONTACT"])
    def test_knows_a_type_by_its_names(self, app, name):
        assert app.get(f"{OBJECTS}/{name}").status_code == 200

    @pytest.mark.parametrize("path", ["/crm/v3/objects/contacts", "/crm/objects/2026-03/contacts"])
    def test_is_the_same_in_other_versions(self, app, path):
        assert app.get(path).json()["results"] == app.get(CONTACTS).json()["results"]

    def test_has_too_long_an_address_with_very_many_properties(self, app):
        assert app.get(CONTACTS, properties=",".join(f"a_rather_long_name_{n}" for n in range(500))).status_code == 414


class TestRead:
    def test_finds_by_any_address_in_any_case(self, app):
        found = [
            app.get(f"{CONTACTS}/{address}", idProperty="email").json()["id"]
            for address in ("dana.kirsch@example.org", "DANA@private.example", "Carla.Mendes@example.org")
        ]

        assert found == [DANA, DANA, "904"]

    def test_finds_users_by_the_id_of_their_login(self, app, account):
        login = account.admin

        body = app.get(f"{USERS}/{login.id}", idProperty="hs_internal_user_id", properties="hs_email").json()

        assert body["properties"]["hs_email"] == login.email
        assert body["id"] != login.id

    def test_does_not_find_nobody(self, app):
        answer = app.get(f"{CONTACTS}/1")

        assert answer.status_code == 404
        assert answer.json()["category"] == "OBJECT_NOT_FOUND"
        assert answer.json()["correlationId"]

    def test_refuses_a_property_that_is_not_unique(self, app):
        assert app.get(f"{CONTACTS}/sales", idProperty="department").status_code == 400

    def test_finds_deleted_ones_only_when_asked(self, app):
        app.delete(f"{CONTACTS}/{ANA}")

        assert app.get(f"{CONTACTS}/{ANA}").status_code == 404
        assert app.get(f"{CONTACTS}/{ANA}", archived="true").status_code == 200


class TestCreate:
    def test_enters_a_contact(self, app):
        answer = app.post(
            CONTACTS, {"properties": {"email": "New@Example.org", "badge_number": 7, "works_remotely": True}}
        )

        assert answer.status_code == 201
        shown = app.contact(answer.json()["id"], properties="badge_number,works_remotely")
        assert (shown["email"], shown["badge_number"], shown["works_remotely"]) == ("new@example.org", "7", "true")

    @pytest.mark.parametrize("address", ["ANA.silva@example.org", "dana@private.example"])
    def test_refuses_an_address_that_somebody_has(self, app, account, address):
        holder = account.contacts.by_value("email", address).id

        answer = app.post(CONTACTS, {"properties": {"email": address}})

        assert answer.status_code == 409
        assert answer.json()["category"] == "CONFLICT"
        assert answer.json()["message"] == f"Contact already exists. Existing ID: {holder}"

    def test_names_every_bad_value(self, app, account):
        answer = app.post(CONTACTS, {"properties": {"nonsense": "x", "createdate": "x", "department": "Sales"}})

        assert answer.status_code == 400
        assert [(one["code"], one["context"]["propertyName"]) for one in answer.json()["errors"]] == [
            ("PROPERTY_DOESNT_EXIST", ["nonsense"]),
            ("READ_ONLY_VALUE", ["createdate"]),
            ("INVALID_OPTION", ["department"]),
        ]
        assert f'"portalId":{account.id}' in answer.json()["message"]

    def test_demands_what_the_accounts_admin_demands(self, app, hubspot):
        hubspot.require_on_create("region")

        refused = app.post(CONTACTS, {"properties": {"email": "new@example.org"}})
        accepted = app.post(CONTACTS, {"properties": {"email": "new@example.org", "region": "north"}})
        changed = app.patch(f"{CONTACTS}/{ANA}", {"properties": {"city": "Faro"}})

        assert (refused.status_code, accepted.status_code, changed.status_code) == (400, 201, 200)
        assert refused.json()["errors"][0]["code"] == "REQUIRED_FIELD"

    def test_of_a_user_needs_login_and_address(self, app):
        refused = app.post(USERS, {"properties": {"hs_job_title": "Trainer"}})
        accepted = app.post(USERS, {"properties": {"hs_internal_user_id": "77", "hs_email": "new@larkfield.example"}})

        assert (refused.status_code, accepted.status_code) == (400, 201)

    @pytest.mark.parametrize("body", ["", "{", "[]", '{"properties": []}'])
    def test_refuses_a_body_that_makes_no_sense(self, app, body):
        headers = {"Authorization": f"Bearer {app.token}"}

        answer = app.browser.post(CONTACTS, data=body or "null", headers=headers)

        assert answer.status_code == 400


class TestChange:
    @pytest.mark.parametrize(
        ("name", "written", "kept"),
        [
            ("start_date", "2026-09-01", "2026-09-01"),
            ("start_date", 1788220800000, "2026-09-01"),
            ("last_interview_at", "2026-09-01T10:00:00+02:00", "2026-09-01T08:00:00.000Z"),
            ("last_interview_at", "1788220800000", "2026-09-01T00:00:00.000Z"),
            ("languages", "german;english", "german;english"),
            ("languages", ";german", "english;portuguese;german"),
            ("badge_number", 1.5, "1.5"),
            ("works_remotely", "TRUE", "true"),
            ("notes_for_trainer", "", None),
            ("department", "left", "left"),
            ("hubspot_owner_id", "41629772", "41629772"),
        ],
    )
    def test_keeps_values_as_text(self, app, name, written, kept):
        answer = app.patch(f"{CONTACTS}/{ANA}", {"properties": {name: written}})

        assert answer.status_code == 200
        assert answer.json()["properties"][name] == kept
        assert app.contact(ANA, properties=name)[name] == kept

    @pytest.mark.parametrize(
        ("name", "written", "code"),
        [
            ("start_date", "2026-02-31", "INVALID_DATE"),
            ("start_date", 1788220800001, "INVALID_DATE"),
            ("last_interview_at", "yesterday", "INVALID_DATE"),
            ("languages", "german;klingon", "INVALID_OPTION"),
            ("department", "Sales", "INVALID_OPTION"),
            ("works_remotely", "yes", "INVALID_OPTION"),
            ("badge_number", "seven", "INVALID_INTEGER"),
            ("email", "not an address", "INVALID_EMAIL"),
            ("hubspot_owner_id", "9586501", "INVALID_OWNER_ID"),
            ("city", ["Faro"], "INVALID_STRING"),
            ("notes_for_trainer", "x" * 65_537, "STRING_TOO_LONG"),
        ],
    )
    def test_refuses(self, app, name, written, code):
        before = app.contact(ANA, properties=name)

        answer = app.patch(f"{CONTACTS}/{ANA}", {"properties": {name: written}})

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["code"] == code
        assert app.contact(ANA, properties=name) == before

    def test_moves_the_address_in_the_index(self, app):
        app.patch(f"{CONTACTS}/{ANA}", {"properties": {"email": "ana.costa@example.org"}})

        assert app.get(f"{CONTACTS}/ana.silva@example.org", idProperty="email").status_code == 404
        assert app.get(f"{CONTACTS}/ana.costa@example.org", idProperty="email").json()["id"] == ANA

    def test_refuses_an_address_that_somebody_has(self, app):
        answer = app.patch(f"{CONTACTS}/{ANA}", {"properties": {"email": "noname@example.org"}})

        assert answer.status_code == 409

    def test_of_a_user_reaches_what_may_be_written(self, app, account):
        user = next(iter(account.users)).id

        written = app.patch(f"{USERS}/{user}", {"properties": {"hs_job_title": "Trainer", "training_budget": "500"}})
        refused = app.patch(f"{USERS}/{user}", {"properties": {"hs_given_name": "Somebody"}})

        assert (written.status_code, refused.status_code) == (200, 400)


class TestArchive:
    def test_frees_the_address(self, app):
        assert app.delete(f"{CONTACTS}/{ANA}").status_code == 204

        assert app.post(CONTACTS, {"properties": {"email": "ana.silva@example.org"}}).status_code == 201

    def test_of_nobody_is_no_error(self, app):
        assert app.delete(f"{CONTACTS}/1").status_code == 204


class TestScopes:
    @pytest.mark.parametrize(
        ("method", "path", "scope"),
        [
            ("GET", CONTACTS, "crm.objects.contacts.read"),
            ("GET", f"{CONTACTS}/{ANA}", "crm.objects.contacts.read"),
            ("POST", CONTACTS, "crm.objects.contacts.write"),
            ("PATCH", f"{CONTACTS}/{ANA}", "crm.objects.contacts.write"),
            ("POST", f"{CONTACTS}/batch/read", "crm.objects.contacts.read"),
            ("POST", f"{CONTACTS}/batch/upsert", "crm.objects.contacts.write"),
            ("POST", f"{CONTACTS}/search", "crm.objects.contacts.read"),
            ("POST", f"{CONTACTS}/merge", "crm.objects.contacts.write"),
            ("POST", f"{CONTACTS}/gdpr-delete", "crm.objects.contacts.write"),
            ("GET", "/crm/owners/2026-09", "crm.objects.owners.read"),
            ("POST", "/crm/properties/2026-09/contacts", "crm.schemas.contacts.write"),
        ],
    )
    def test_are_needed(self, app, hubspot, method, path, scope):
        hubspot.withdraw_scope(scope)

        answer = app._send(method, path, json={})

        assert answer.status_code == 403
        body = answer.json()
        assert body["category"] == "MISSING_SCOPES"
        assert body["errors"][0]["context"]["requiredGranularScopes"] == [scope]

    def test_of_users_are_not_among_the_required_ones(self, app):
        app.install(scopes=REQUIRED_SCOPES)

        assert app.get(USERS).status_code == 403
        assert app.get(CONTACTS).status_code == 200


class TestSamples:
    def test_have_the_cases_that_are_hard(self, app, account):
        people = {record.id: record.properties for record in account.contacts}
        users = [record.properties for record in account.users]

        assert "email" not in people["903"]
        assert people["904"]["email"] != people["904"]["email"].lower()
        assert people[DANA]["hs_additional_emails"].split(";")[0] == people[ELI]["hs_additional_emails"]
        assert sum("hs_email" not in one for one in users) == 1
        assert sum(one["hs_deactivated"] == "true" for one in users) == 1
        assert sum("hubspot_owner_id" not in one for one in users) == 1

    def test_have_three_kinds_of_ids(self, account):
        user = next(iter(account.users))

        assert len({user.id, user.properties["hs_internal_user_id"], user.properties["hubspot_owner_id"]}) == 3
