"""Merging and deleting contacts, through the API and in HubSpot's own pages."""

import pytest

from tests.integrations.sandbox.hubspot.conftest import OBJECTS

CONTACTS = f"{OBJECTS}/contacts"
ANA, BJORN, DANA = "901", "902", "905"


@pytest.fixture
def heard(hubspot):
    """What happens to records, as it is told."""
    changes = []
    hubspot.listeners.append(lambda account, change: changes.append((account.id, change)))
    return changes


class TestMerge:
    def test_makes_one_contact_with_a_new_id(self, app, account):
        body = app.post(f"{CONTACTS}/merge", {"primaryObjectId": ANA, "objectIdToMerge": DANA}).json()

        assert body["id"] not in (ANA, DANA)
        assert body["properties"]["hs_merged_object_ids"] == f"{ANA};{DANA}"
        assert body["properties"]["email"] == "ana.silva@example.org"
        for old_id in (ANA, DANA):
            assert app.get(f"{CONTACTS}/{old_id}").json()["id"] == body["id"]
            assert app.patch(f"{CONTACTS}/{old_id}", {"properties": {"city": "Faro"}}).status_code == 200
        for address in ("dana.kirsch@example.org", "dana@private.example"):
            assert app.get(f"{CONTACTS}/{address}", idProperty="email").json()["id"] == body["id"]
        assert len(account.contacts) == 59

    def test_can_keep_the_id_of_the_primary_one(self, app, hubspot):
        hubspot.set_merges(make_new_ids=False)

        body = app.post(f"{CONTACTS}/merge", {"primaryObjectId": ANA, "objectIdToMerge": DANA}).json()

        assert body["id"] == ANA
        assert app.get(f"{CONTACTS}/{DANA}").json()["id"] == ANA

    def test_of_merged_ones_remembers_all_ids(self, app):
        first = app.post(f"{CONTACTS}/merge", {"primaryObjectId": ANA, "objectIdToMerge": DANA}).json()["id"]

        second = app.post(f"{CONTACTS}/merge", {"primaryObjectId": BJORN, "objectIdToMerge": ANA}).json()

        assert set(second["properties"]["hs_merged_object_ids"].split(";")) == {ANA, DANA, BJORN, first}
        assert app.get(f"{CONTACTS}/{DANA}").json()["id"] == second["id"]

    @pytest.mark.parametrize(("primary", "other", "status"), [(ANA, "1", 404), ("", ANA, 404), (ANA, ANA, 400)])
    def test_refuses(self, app, primary, other, status):
        answer = app.post(f"{CONTACTS}/merge", {"primaryObjectId": primary, "objectIdToMerge": other})

        assert answer.status_code == status

    def test_ends_at_250_identities(self, app, hubspot):
        contact = hubspot.account.contacts.get(ANA)
        contact.properties = contact.properties | {"hs_merged_object_ids": ";".join(str(n) for n in range(250))}

        answer = app.post(f"{CONTACTS}/merge", {"primaryObjectId": ANA, "objectIdToMerge": BJORN})

        assert answer.status_code == 414

    def test_is_told_with_all_ids(self, app, account, heard):
        new_id = app.post(f"{CONTACTS}/merge", {"primaryObjectId": ANA, "objectIdToMerge": DANA}).json()["id"]

        [(account_id, change)] = heard
        assert account_id == account.id
        assert (change.kind, change.primary_id, change.merged_ids, change.new_id) == ("merge", ANA, (DANA,), new_id)


class TestPrivacyDeletion:
    @pytest.mark.parametrize("body", [{"objectId": ANA}, {"objectId": "ana.silva@example.org", "idProperty": "email"}])
    def test_leaves_nothing(self, app, body):
        assert app.post(f"{CONTACTS}/gdpr-delete", body).status_code == 204

        assert app.get(f"{CONTACTS}/{ANA}").status_code == 404
        assert app.get(f"{CONTACTS}/{ANA}", archived="true").status_code == 404

    def test_reaches_the_bin_and_can_be_repeated(self, app):
        app.delete(f"{CONTACTS}/{ANA}")

        answers = [app.post(f"{CONTACTS}/gdpr-delete", {"objectId": ANA}).status_code for _ in range(2)]

        assert answers == [204, 204]
        assert app.get(f"{CONTACTS}/{ANA}", archived="true").status_code == 404

    def test_is_told_beside_the_deletion(self, app, heard):
        app.post(f"{CONTACTS}/gdpr-delete", {"objectId": ANA})

        assert [change.kind for _, change in heard] == ["deletion", "privacyDeletion"]


class TestHubSpotsOwnPages:
    def test_enter_and_change_contacts(self, app, hubspot, heard):
        newcomer = hubspot.add_contact(email="newcomer@example.org", department="sales")
        hubspot.change_contact("newcomer@example.org", department="support")

        assert app.contact(newcomer.id, properties="department")["department"] == "support"
        assert [(change.kind, change.property_name) for _, change in heard] == [
            ("creation", ""),
            ("propertyChange", "email"),
            ("propertyChange", "department"),
            ("propertyChange", "department"),
        ]
        assert {change.source for _, change in heard} == {"CRM_UI"}

    @pytest.mark.parametrize("properties", [{"email": "ana.silva@example.org"}, {"department": "nowhere"}])
    def test_refuse_what_cannot_be(self, hubspot, properties):
        with pytest.raises(ValueError, match=r"already exists|not valid"):
            hubspot.add_contact(**properties)

    def test_delete_and_restore(self, app, hubspot, heard):
        hubspot.delete_contact(ANA)
        gone = app.get(f"{CONTACTS}/{ANA}").status_code
        hubspot.restore_contact(ANA)

        assert gone == 404
        assert app.contact(ANA)["email"] == "ana.silva@example.org"
        assert [change.kind for _, change in heard] == ["deletion", "restore"]

    def test_do_not_restore_somebody_whose_address_was_taken(self, hubspot):
        hubspot.delete_contact(ANA)
        hubspot.add_contact(email="ana.silva@example.org")

        with pytest.raises(ValueError, match="already exists"):
            hubspot.restore_contact(ANA)

    def test_rename_users(self, app, hubspot, account):
        hubspot.change_user(account.admin.email, hs_family_name="Newname")

        user = app.get(
            f"{OBJECTS}/users/{account.admin.id}", idProperty="hs_internal_user_id", properties="hs_family_name"
        )

        assert user.json()["properties"]["hs_family_name"] == "Newname"

    def test_say_nothing_when_nothing_changes(self, hubspot, heard):
        hubspot.change_contact(ANA, department="sales")

        assert heard == []
