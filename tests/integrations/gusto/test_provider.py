"""Gusto as a source of people, against the sandbox."""

import pytest

from integrations import oauth
from integrations.gusto import payloads
from integrations.gusto.provider import Gusto
from integrations.http import AuthorizationLost, ProviderUnavailable, RequestRejected
from integrations.models import Connection, Grant, InviteSettings
from integrations.sandbox import fields
from tests.provider_contract import PeopleSourceContract

pytestmark = pytest.mark.django_db

SHIRT = f"custom:{fields.T_SHIRT_SIZE}"


@pytest.fixture
def connection(connect):
    return connect()


@pytest.fixture
def read(gusto, connection):
    """Read everyone with these attributes; return the people by first name."""

    def everyone(*wanted):
        pages = gusto.pages(connection, wanted=wanted)
        return {person.first_name: person for page in pages for person in page.people()}

    return everyone


def marks(source, connection, *wanted):
    return [page.fingerprint for page in source.pages(connection, wanted=wanted)]


def employee_calls(world):
    return [call for call in world.calls.newest() if call.path.endswith("/employees")]


class TestContract(PeopleSourceContract):
    @pytest.fixture
    def source(self, gusto):
        return gusto

    @pytest.fixture
    def a_call_fails(self, world, connection):
        world.set_fault("500", times=5)

    @pytest.fixture
    def consent_is_gone(self, world, connection):
        world.revoke_grants()


class TestAccount:
    def test_is_the_company_of_the_token(self, gusto, world, connection):
        access, _refresh = oauth.tokens(connection.grant)

        account = gusto.account(access_token=access)

        assert (account.id, account.name) == (world.company.uuid, "Harbor & Pine Outfitters LLC")


class TestAttributes:
    def test_include_the_companys_own_fields(self, gusto, connection):
        offered = {attribute.key: attribute for attribute in gusto.attributes(connection)}

        assert offered[SHIRT].label == "T-shirt size"
        assert offered[SHIRT].options == ("S", "M", "L", "XL")

    def test_follow_the_scopes_of_the_grant(self, gusto, connection):
        connection.grant.scopes = "companies:read employees:read compensations:read"

        offered = {attribute.key for attribute in gusto.attributes(connection)}

        assert "flsa_status" in offered
        assert "rehire_date" not in offered


class TestPages:
    def test_cost_one_call_each(self, world, gusto, connection):
        world.clear_calls()

        list(gusto.pages(connection, wanted=["department", "job_title", SHIRT]))

        assert len(world.calls.newest()) == 1

    def test_ask_only_for_what_is_wanted(self, world, read):
        read("department")
        read(SHIRT, "home_city")

        plain, rich = employee_calls(world)
        assert "include" not in plain.query
        assert rich.query["include"] == "custom_fields,current_home_address"

    def test_name_the_version_of_the_api(self, world, gusto, connection, settings):
        settings.GUSTO_API_VERSION = "2025-11-15"

        (page,) = gusto.pages(connection, wanted=[])

        assert page.total_people == 50

    def test_bring_the_samples_as_people(self, read, world):
        people = read("department", "hire_date", SHIRT, "home_city")

        assert people["Maya"].attributes["department"] == "Sales"
        assert people["Aiko"].attributes[SHIRT] == "M"
        assert people["Aiko"].attributes["home_city"] == "Boulder"
        assert people["Tomas"].status == "inactive"
        assert people["Tomas"].last_day < world.clock.today()
        assert people["Priya"].status == "active"
        assert people["Priya"].last_day > world.clock.today()
        assert people["Daniel"].last_day is None
        assert people["Jorge"].work_email == ""
        assert people["Lena"].status == "pending"
        assert people["Sam"].hired_on > world.clock.today()

    def test_take_a_rehire_for_one_even_if_the_old_termination_stays_listed(self, read, world):
        world.keep_old_terminations(keep=True)

        assert read()["Daniel"].last_day is None

    @pytest.mark.parametrize(
        "kind",
        ["no_email", "duplicate_email", "impossible_date", "unknown_choice", "long_name", "nul_name"],
    )
    def test_bring_people_with_wrong_data(self, world, gusto, connection, kind):
        broken = world.add_broken(kind)

        (page,) = gusto.pages(connection, wanted=[SHIRT])

        person = {person.key: person for person in page.people()}[broken.uuid]
        assert person.is_readable
        assert "\0" not in person.first_name
        assert bool(person.flaws) == (kind in {"impossible_date", "nul_name"})

    @pytest.mark.parametrize("kind", ["wrong_type", "missing_field"])
    def test_bring_records_that_cannot_be_read_by_their_key(self, world, gusto, connection, kind):
        broken = world.add_broken(kind)

        (page,) = gusto.pages(connection, wanted=[])

        people = {person.key: person for person in page.people()}
        assert len(people) == 51
        assert [key for key, person in people.items() if not person.is_readable] == [broken.uuid]

    def test_cost_one_query_for_the_whole_list(self, gusto, connection, django_assert_num_queries):
        connection = Connection.objects.select_related("grant", "portal").get(pk=connection.pk)

        with django_assert_num_queries(1):
            for page in gusto.pages(connection, wanted=["department", SHIRT]):
                page.people()


class TestManyPages:
    @pytest.fixture
    def big(self, world, connect):
        return connect(company=world.add_company("Grand Harbor Inc", people=230).uuid)

    def test_are_read_in_order_to_the_end(self, gusto, big):
        pages = list(gusto.pages(big, wanted=[]))

        assert [(page.number, page.total_pages, page.total_people) for page in pages] == [
            (1, 3, 230),
            (2, 3, 230),
            (3, 3, 230),
        ]
        assert len({person.key for page in pages for person in page.people()}) == 230

    def test_are_read_one_at_a_time(self, world, gusto, big):
        world.clear_calls()

        next(gusto.pages(big, wanted=[]))

        assert len(employee_calls(world)) == 1

    def test_can_be_resumed(self, world, gusto, big):
        assert [page.number for page in gusto.pages(big, wanted=[], first_page=2)] == [2, 3]

    def test_show_when_the_list_changed_meanwhile(self, world, gusto, big):
        world.set_fault("page_shift", page=1)

        totals = [page.total_people for page in gusto.pages(big, wanted=[])]

        assert totals == [230, 229, 229]


class TestFingerprint:
    def test_changes_with_anybody_on_the_page(self, gusto, connection, world):
        before = marks(gusto, connection)
        world.rename("Maya Okafor", "Maya", "Marsh")

        assert marks(gusto, connection) != before

    def test_changes_with_what_is_wanted(self, gusto, connection):
        assert marks(gusto, connection, "department") != marks(gusto, connection, "phone")

    def test_changes_when_somebody_works_elsewhere(self, gusto, connection, world):
        before = marks(gusto, connection, "work_city")
        world.change("Jorge Silva", location="Austin")

        assert marks(gusto, connection, "work_city") != before

    def test_is_unknown_when_people_are_asked_about_one_by_one(self, gusto, connection):
        assert marks(gusto, connection, "rehire_date") == [None]


class TestSurroundings:
    def test_tell_where_people_work(self, read):
        people = read("work_city", "work_location")

        assert people["Maya"].attributes == {"work_city": "Denver", "work_location": "1200 Larimer St, Denver, CO"}

    def test_cost_a_walk_for_each_location_and_no_call_per_person(self, world, read):
        world.clear_calls()

        read("work_city")

        assert len(world.calls.newest()) == 1 + 3 + 1

    def test_tell_the_name_of_the_company(self, read):
        assert read("company_trade_name")["Maya"].attributes == {"company_trade_name": "Harbor & Pine"}

    def test_tell_the_history_of_each_person(self, read):
        people = read("original_hire_date", "rehire_date")

        daniel, maya = people["Daniel"], people["Maya"]
        assert daniel.attributes["original_hire_date"] < daniel.attributes["rehire_date"] == str(daniel.hired_on)
        assert maya.attributes == {"original_hire_date": str(maya.hired_on), "rehire_date": ""}

    def test_leave_the_history_out_without_its_scope(self, world, connection, read):
        connection.grant.scopes = "companies:read employees:read"

        assert read("rehire_date")["Daniel"].attributes == {}

    def test_follow_the_address_that_the_portal_chose(self, connection, read):
        InviteSettings.objects.filter(connection=connection).update(address=InviteSettings.Address.PERSONAL_FIRST)

        assert read("email_login")["Maya"].attributes == {"email_login": "maya.okafor@example.net"}


class TestTrouble:
    @pytest.mark.django_db(transaction=True)
    def test_with_an_expired_token_is_healed_on_the_way(self, world, connection, read):
        world.advance_clock(seconds=7300)

        assert len(read()) > 30

    @pytest.mark.django_db(transaction=True)
    def test_with_one_refused_call_costs_one_renewal(self, world, connection, read):
        world.set_fault("401")
        world.clear_calls()

        read()

        counts = world.calls.counters()
        assert counts["POST /oauth/token"] == {"total": 1, "200": 1}

    @pytest.mark.django_db(transaction=True)
    def test_with_every_call_refused_asks_for_a_new_consent(self, world, connection, read):
        world.set_fault("401", times=None)

        with pytest.raises(AuthorizationLost):
            read()

        connection.refresh_from_db()
        assert connection.state == Connection.State.NEEDS_RECONNECTING

    def test_with_a_page_that_is_no_list_may_pass(self, gusto, connection, monkeypatch):
        monkeypatch.setattr(payloads, "employees", no_list)
        (page,) = gusto.pages(connection, wanted=[])

        with pytest.raises(ProviderUnavailable, match="cannot be read"):
            page.people()

    def test_with_a_missing_scope_names_it(self, world, read):
        world.set_scopes(["companies:read"])

        with pytest.raises(RequestRejected, match="missing_oauth_scopes"):
            read()

    def test_at_the_limit_waits_for_its_turn(self, world, gusto, connection, pauses, settings):
        settings.GUSTO_RATE_LIMIT = 1
        (_page,) = gusto.pages(connection, wanted=[])
        beats = []

        waiting = Gusto(pause=stop).pages(connection, wanted=[], keep_alive=lambda: beats.append(1))
        with pytest.raises(Enough):
            next(waiting)

        assert beats == [1]
        assert len(employee_calls(world)) == 1

    def test_leaves_the_grants_of_other_companies_alone(self, connect, connection, world, gusto):
        other = connect(company="Juniper Works Inc")
        world.revoke_grants(company=world.company.uuid)

        assert len(list(gusto.pages(other, wanted=[]))) == 1
        assert Grant.objects.count() == 2


class Enough(Exception):
    """As soon as a wait shows."""


def stop(seconds):
    raise Enough


def no_list(body):
    raise ValueError
