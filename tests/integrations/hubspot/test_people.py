"""HubSpot as a source of people: those who are linked, read in batches, against the sandbox."""

import pytest

from integrations.http import ProviderUnavailable
from integrations.hubspot import people
from integrations.hubspot.client import BatchAnswer, BatchError
from integrations.hubspot.payloads import Record
from integrations.models import ExternalIdentity
from integrations.sandbox.hubspot.records import Moment
from tests.factories.portals import PortalFactory
from tests.factories.users import MembershipFactory
from tests.provider_contract import PeopleSourceContract

pytestmark = pytest.mark.django_db

ANA = "901"


@pytest.fixture
def link():
    """Link records of HubSpot to learners of the connection's portal, in this order."""

    def make(connection, keys):
        for key in keys:
            membership = MembershipFactory(portal=connection.portal)
            ExternalIdentity.objects.create(
                connection=connection, external_id=key, membership=membership, state="linked", digest=b""
            )

    return make


@pytest.fixture
def connection(connect_hubspot, hub, link):
    """A connection with 35 linked contacts of HubSpot."""
    found = connect_hubspot()
    link(found, [record.id for record in hub.contacts][:35])
    return found


@pytest.fixture
def of_two_per_page(monkeypatch):
    monkeypatch.setattr(people, "BATCH", 2)


def read(source, connection, *wanted):
    pages = source.pages(connection, wanted=wanted)
    return {person.key: person for page in pages for person in page.people()}


def marks(source, connection, *wanted):
    return [page.fingerprint for page in source.pages(connection, wanted=wanted)]


def change(sandbox, kind, key, **properties):
    kind.change(kind.get(key), properties, Moment.of(sandbox.world.clock.now()))


class TestContract(PeopleSourceContract):
    @pytest.fixture
    def a_call_fails(self, sandbox, connection):
        sandbox.world.set_fault("500", path="/crm/", times=5)

    @pytest.fixture
    def consent_is_gone(self, hubspot, hub, connection):
        hubspot.grants.uninstall(hub.id)


class TestPages:
    def test_hold_only_those_who_are_linked(self, source, connection, hub):
        assert read(source, connection).keys() == {record.id for record in list(hub.contacts)[:35]}

    def test_leave_out_who_is_known_but_not_linked(self, source, connection):
        ExternalIdentity.objects.filter(external_id=ANA).update(state="skipped", membership=None)

        assert ANA not in read(source, connection)

    def test_leave_out_another_portals_people(self, source, connection, connect_hubspot, link):
        neighbour = connect_hubspot(PortalFactory(realm=connection.portal.realm, enabled_integrations=["hubspot"]))
        link(neighbour, ["902"])

        assert read(source, neighbour).keys() == {"902"}

    def test_are_one_without_anybody_when_nobody_is_linked(self, source, connect_hubspot):
        (page,) = source.pages(connect_hubspot(), wanted=[])

        assert (page.number, page.total_pages, page.people()) == (1, 1, [])

    def test_follow_the_order_of_the_links(self, source, connect_hubspot, link, of_two_per_page):
        connection = connect_hubspot()
        link(connection, ["905", "901", "903"])

        pages = [[person.key for person in page.people()] for page in source.pages(connection, wanted=[])]

        assert pages == [["905", "901"], ["903"]]

    def test_go_on_where_a_worker_stopped(self, source, connect_hubspot, link, of_two_per_page):
        connection = connect_hubspot()
        link(connection, ["905", "901", "903", "904", "902"])

        pages = source.pages(connection, wanted=[], first_page=3)

        assert [[person.key for person in page.people()] for page in pages] == [["902"]]

    def test_lack_who_is_deleted_at_hubspot(self, source, connection, hub, sandbox):
        hub.contacts.archive(hub.contacts.get(ANA), Moment.of(sandbox.world.clock.now()))

        found = read(source, connection)

        assert ANA not in found
        assert len(found) == 34

    def test_read_more_properties_than_an_address_holds(self, source, connection, hub):
        wanted = [one.key for one in source.attributes(connection)]

        assert read(source, connection, *wanted)[ANA].attributes["department"] == "sales"

    def test_make_one_call_for_a_hundred_people(self, source, connection, sandbox):
        read(source, connection, "department")

        calls = [call.path for call in sandbox.world.calls.newest(2)]
        assert sorted(calls) == [
            "/crm/objects/2026-09/contacts/batch/read",
            "/crm/properties/2026-09/contacts",
        ]

    def test_keep_the_run_alive_while_they_wait(self, source, connection, sandbox):
        sandbox.world.set_fault("429", path="/crm/objects", times=1, retry_after="20")
        beats = []

        list(source.pages(connection, wanted=[], keep_alive=lambda: beats.append(1)))

        assert len(beats) >= 4


class TestValues:
    def test_are_read_by_the_type_of_the_property(self, source, connection):
        ana = read(source, connection, "department", "languages", "badge_number", "works_remotely", "start_date")[ANA]

        assert ana.attributes == {
            "department": "sales",
            "languages": "english;portuguese",
            "badge_number": "4711",
            "works_remotely": "true",
            "start_date": "2024-02-01",
        }

    def test_of_a_moment_are_the_day_at_the_portal(self, source, connection):
        connection.portal.time_zone = "Pacific/Auckland"

        assert read(source, connection, "last_interview_at")[ANA].attributes == {"last_interview_at": "2026-01-15"}

    def test_of_an_owner_are_the_name_and_the_address(self, source, connection, hub):
        owen = next(record for record in hub.contacts if record.properties.get("firstname") == "Owen")
        owner = hub.owners[owen.properties["hubspot_owner_id"]]

        found = read(source, connection, "hubspot_owner_id", "hubspot_owner_id:email")[owen.id]

        assert owner.is_archived
        assert found.attributes == {
            "hubspot_owner_id": f"{owner.first_name} {owner.last_name}",
            "hubspot_owner_id:email": owner.email,
        }

    def test_of_users_come_from_user_records(self, source, connect_hubspot, hub, link):
        connection = connect_hubspot(record_type="users")
        link(connection, [user.id for user in hub.users])
        first = next(iter(hub.users))

        person = read(source, connection, "office")[first.id]

        assert person.work_email == first.properties["hs_email"]
        assert (person.first_name, person.attributes) == (first.properties["hs_given_name"], {"office": "dublin"})

    def test_of_a_deactivated_user_go_on(self, source, connect_hubspot, hub, link):
        connection = connect_hubspot(record_type="users")
        gone = next(user for user in hub.users if user.properties["hs_deactivated"] == "true")
        link(connection, [gone.id])

        assert read(source, connection, "hs_deactivated")[gone.id].attributes == {"hs_deactivated": "true"}

    def test_of_a_property_that_is_gone_are_left_alone(self, source, connection, hub):
        hub.contacts.definitions["department"].archived_at = "2026-11-20T00:00:00.000Z"

        (page,) = source.pages(connection, wanted=["department", "start_date"])

        ana = next(person for person in page.people() if person.key == ANA)
        assert page.gone == ("department",)
        assert ana.attributes == {"start_date": "2024-02-01"}


class TestFingerprints:
    def test_change_with_a_wanted_property(self, source, connection, sandbox, hub):
        before = marks(source, connection, "department")
        change(sandbox, hub.contacts, ANA, department="support")

        assert marks(source, connection, "department") != before

    def test_change_with_an_address(self, source, connection, sandbox, hub):
        before = marks(source, connection)
        change(sandbox, hub.contacts, ANA, email="ana@new.example")

        assert marks(source, connection) != before

    def test_stay_when_something_else_changes(self, source, connection, sandbox, hub):
        before = marks(source, connection, "department")
        change(sandbox, hub.contacts, ANA, city="Porto")

        assert marks(source, connection, "department") == before

    def test_change_when_a_property_is_read_otherwise(self, source, connection):
        before = marks(source, connection, "last_interview_at")
        connection.portal.time_zone = "Pacific/Auckland"

        assert marks(source, connection, "last_interview_at") != before

    def test_change_when_somebody_was_linked_anew(self, source, connect_hubspot, link):
        connection = connect_hubspot()
        link(connection, [ANA])
        before = marks(source, connection)
        connection.identities.all().delete()
        link(connection, [ANA])

        assert marks(source, connection) != before

    def test_change_when_somebody_is_gone(self, source, connection, hub, sandbox):
        before = marks(source, connection)
        hub.contacts.archive(hub.contacts.get(ANA), Moment.of(sandbox.world.clock.now()))

        assert marks(source, connection) != before


class TestPeople:
    def test_are_only_those_who_are_linked(self, source, connection, hub):
        stranger = list(hub.contacts)[40].id

        found = source.people(connection, [ANA, stranger], wanted=["department"])

        assert [(person.key, person.attributes) for person in found] == [(ANA, {"department": "sales"})]

    def test_cost_no_call_when_nobody_is_linked(self, source, connection, sandbox):
        before = len(sandbox.world.calls.newest())

        assert source.people(connection, ["1"], wanted=["department"]) == []
        assert len(sandbox.world.calls.newest()) == before

    def test_cost_one_call_while_the_definitions_are_fresh(self, source, connection, sandbox):
        source.people(connection, [ANA], wanted=["department", "hubspot_owner_id"])
        before = len(sandbox.world.calls.newest())

        source.people(connection, ["902"], wanted=["department", "hubspot_owner_id"])

        assert len(sandbox.world.calls.newest()) == before + 1


class TestFind:
    @pytest.mark.parametrize("searched", [ANA, "ana.silva@example.org"])
    def test_finds_anyone_by_id_or_address(self, source, connect_hubspot, searched):
        person = source.find(connect_hubspot(), searched, wanted=["department"])

        assert (person.key, person.attributes) == (ANA, {"department": "sales"})

    def test_takes_addresses_in_any_script(self, source, connect_hubspot):
        assert source.find(connect_hubspot(), "李.娜@example.org", wanted=[]).first_name == "娜"

    def test_reads_any_number_of_properties(self, source, connect_hubspot):
        connection = connect_hubspot()
        wanted = [one.key for one in source.attributes(connection)]

        assert len(source.find(connection, ANA, wanted=wanted).attributes) > 15

    @pytest.mark.parametrize("searched", ["99999", "nobody@example.org", "Ana", "", "../owners"])
    def test_finds_nobody_else(self, source, connect_hubspot, searched):
        assert source.find(connect_hubspot(), searched, wanted=[]) is None

    def test_does_not_go_by_the_address_of_users(self, source, connect_hubspot):
        assert source.find(connect_hubspot(record_type="users"), "ben@northwind.example", wanted=[]) is None


class TestAnswers:
    class Fake:
        def __init__(self, answer):
            self.answer = answer

        def batch_read(self, *args):
            return self.answer

    def test_that_leave_somebody_out_are_none(self, connection):
        client = self.Fake(BatchAnswer(results=(Record("901"),)))

        with pytest.raises(ProviderUnavailable):
            people._read(client, connection, ["901", "902"], [])

    def test_that_report_trouble_of_a_row_are_none(self, connection):
        client = self.Fake(BatchAnswer(errors=(BatchError("INTERNAL_ERROR", ids=("901",)),)))

        with pytest.raises(ProviderUnavailable, match="INTERNAL_ERROR"):
            people._read(client, connection, ["901"], [])

    def test_may_hold_a_row_that_cannot_be_read(self, connection):
        client = self.Fake(BatchAnswer(results=(Record("901"),), unreadable=("902",)))

        batch = people._read(client, connection, ["901", "902"], [])

        assert (list(batch.records), batch.unreadable) == (["901"], frozenset({"902"}))
