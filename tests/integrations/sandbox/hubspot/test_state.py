"""What the HubSpot side keeps in a state file, and growing it."""

import pytest

from integrations.sandbox.hubspot.app import REQUIRED_SCOPES
from integrations.sandbox.server import start
from tests.integrations.sandbox.hubspot.conftest import OBJECTS, PROPERTIES, HubSpotApp

ANA, BJORN, DANA = "901", "902", "905"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "sandbox.json"


def everything(app, account):
    contacts = [app.contact(record.id, properties="department,rollcall_count") for record in account.contacts]
    return contacts, app.get(f"{PROPERTIES}/contacts").json(), app.get(f"{OBJECTS}/contacts", archived="true").json()


class TestState:
    def test_of_consents_and_people_goes_on(self, file):
        with start(state=file) as sandbox:
            hubspot = sandbox.world.hubspot
            app = HubSpotApp(sandbox)
            app.install()
            app.post(f"{PROPERTIES}/contacts/groups", {"name": "rollcall", "label": "Rollcall"})
            count = {"name": "rollcall_count", "label": "Count", "type": "number", "fieldType": "number"}
            app.post(f"{PROPERTIES}/contacts", count | {"groupName": "rollcall"})
            newcomer = hubspot.add_contact(email="newcomer@example.org", rollcall_count=2)
            hubspot.merge_contacts(ANA, DANA)
            hubspot.delete_contact(BJORN)
            hubspot.delete_for_privacy("903")
            hubspot.require_on_create("region")
            hubspot.set_tier("free")
            hubspot.set_app_objects(enabled=False)
            hubspot.set_rate_limit(0)
            before = everything(app, hubspot.account)

        with start(state=file) as sandbox:
            hubspot = sandbox.world.hubspot
            hubspot.set_rate_limit(0)
            again = HubSpotApp(sandbox, app.token, app.refresh_token)

            assert sandbox.fresh_because == ""
            assert everything(again, hubspot.account) == before
            assert again.get(f"{OBJECTS}/contacts/{DANA}").json()["id"] == hubspot.account.contacts.find(ANA).id
            assert again.refresh().status_code == 200
            assert hubspot.account.tier == "free"
            assert hubspot.account.types.keys() == {"0-1", "0-115"}
            assert hubspot.account.rules.required_on_create == {"0-1": ["region"]}
            assert int(hubspot.add_contact(email="next@example.org").id) > int(newcomer.id)

    def test_lets_a_code_be_exchanged(self, file):
        with start(state=file) as sandbox:
            code = sandbox.world.hubspot.authorize(scopes=REQUIRED_SCOPES)

        with start(state=file) as sandbox:
            assert HubSpotApp(sandbox).exchange(code).status_code == 200

    def test_is_not_for_other_numbers_of_contacts(self, file):
        with start(state=file):
            pass

        with start(state=file, hub_contacts=70) as sandbox:
            assert sandbox.fresh_because == "it was made with --hub-contacts 60, not 70"

    def test_is_small_however_many_contacts_there_are(self, file):
        sizes = []
        for count in (60, 20_000):
            with start(state=file, hub_contacts=count):
                pass
            sizes.append(file.stat().st_size)

        assert sizes[1] - sizes[0] < 100


class TestSeed:
    def test_makes_the_same_people_again(self):
        with (
            start(hub_contacts=200) as first,
            start(hub_contacts=200) as second,
            start(hub_contacts=200, seed=2) as other,
        ):
            names = [
                [record.properties.get("email") for record in sandbox.world.hubspot.account.contacts]
                for sandbox in (first, second, other)
            ]

        assert names[0] == names[1] != names[2]
        assert len(set(names[0])) == 200  # nobody twice, one without an address
