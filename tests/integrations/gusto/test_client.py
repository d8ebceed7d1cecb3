"""The client against the sandbox, which answers as documented and misbehaves on command."""

import json

import pytest

from integrations.gusto.client import Client
from integrations.http import Answer, Api, OneToken, ProviderUnavailable, RecordMissing, RequestRejected

VERSION = {"X-Gusto-API-Version": "2026-06-15"}


@pytest.fixture
def token(world, gusto, new_code, db):
    return gusto.exchange(code=new_code(), redirect_uri="http://localhost:8000/integrations/gusto/callback/")[
        "access_token"
    ]


@pytest.fixture
def client(sandbox, world, token, pauses):
    api = Api(sandbox.url, label="Gusto", bearer=OneToken(token), headers=VERSION, pause=pauses.append)
    return Client(api, world.company.uuid)


def last_call(world):
    return world.calls.newest(1)[0]


class TestTokenInfo:
    def test_names_the_company(self, client, world):
        resource = client.token_info().resource

        assert (resource.type, resource.uuid) == ("Company", world.company.uuid)


class TestCompany:
    def test_has_a_name(self, client, world):
        company = client.company(world.company.uuid)

        assert (company.name, company.trade_name) == ("Harbor & Pine Outfitters LLC", "Harbor & Pine")

    def test_is_missing_when_it_is_another_ones(self, client, world):
        with pytest.raises(RecordMissing):
            client.company(world.find_company("Juniper Works Inc").uuid)


class TestEmployees:
    def test_come_in_pages_with_their_totals(self, client):
        page = client.employees(1)

        assert (page.number, page.total_pages, page.total_count) == (1, 1, 50)
        assert len(json.loads(page.body)) == 50

    def test_are_asked_for_as_documented(self, client, world):
        client.employees(1, include="custom_fields")

        assert last_call(world).query == {
            "page": "1",
            "per": "100",
            "sort_by": "created_at:asc",
            "include": "custom_fields",
        }

    def test_come_without_extras_unless_asked_for(self, client):
        assert "custom_fields" not in json.loads(client.employees(1).body)[0]
        assert "custom_fields" in json.loads(client.employees(1, include="custom_fields").body)[0]

    def test_end_at_a_page_that_is_not_full_when_nothing_is_announced(self, client, monkeypatch):
        get = client._api.get

        def without_headers(*args):
            answer = get(*args)
            return type(answer)(answer.status, {}, answer.body)

        monkeypatch.setattr(client._api, "get", without_headers)

        page = client.employees(1)

        assert (page.total_pages, page.total_count) == (1, None)

    def test_are_not_taken_from_another_page(self, client, monkeypatch):
        get = client._api.get
        monkeypatch.setattr(client._api, "get", lambda path, params: get(path, {**params, "page": 2}))

        with pytest.raises(ProviderUnavailable, match="page 2 came instead of page 1"):
            client.employees(1)

    def test_need_their_scope(self, client, world):
        world.set_scopes(["companies:read"])

        with pytest.raises(RequestRejected) as refusal:
            client.employees(1)

        assert refusal.value.category == "missing_oauth_scopes"

    @pytest.mark.parametrize("fault", ["500", "502", "503", "429", "drop", "truncate", "not_json"])
    def test_are_asked_for_again_after_a_passing_trouble(self, client, world, fault):
        world.set_fault(fault, times=2)

        assert client.employees(1).total_count == 50

    @pytest.mark.parametrize("fault", ["500", "502", "503", "drop", "truncate", "not_json"])
    def test_are_unavailable_after_five_tries(self, client, world, fault):
        world.clear_calls()
        world.set_fault(fault, times=None)

        with pytest.raises(ProviderUnavailable):
            client.employees(1)

        assert len(world.calls.newest()) == 5

    def test_wait_as_long_as_gusto_says(self, client, world, pauses):
        world.set_fault("429", seconds=7)

        client.employees(1)

        assert sum(pauses) == 7

    @pytest.mark.parametrize("fault", ["oversize", "redirect"])
    def test_are_refused_when_the_answer_makes_no_sense(self, client, world, fault):
        world.set_fault(fault, path="/v1/", size=21_000_000)

        with pytest.raises(RequestRejected):
            client.employees(1)


class TestEmployeesAt:
    def test_are_those_who_work_there(self, client, world):
        everyone = {employee["uuid"] for employee in json.loads(client.employees(1).body)}

        by_place = [set(client.employees_at(place.uuid)) for place in client.locations()]

        assert set.union(*by_place) <= everyone
        assert sum(map(len, by_place)) == len(set.union(*by_place)) > 0


class TestCustomFields:
    def test_have_names_types_and_options(self, client):
        fields = {field.name: field for field in client.custom_fields()}

        assert fields["T-shirt size"].type == "radio"
        assert fields["T-shirt size"].selection_options == ["S", "M", "L", "XL"]
        assert fields["Forklift level"].selection_options is None


class TestLocations:
    def test_have_addresses(self, client):
        assert [place.city for place in client.locations()][:2] == ["Denver", "Austin"]


class TestHistory:
    def test_tells_of_a_rehire(self, client, world):
        rehired = world.find("Daniel Achebe").uuid

        first, again = client.employment_history(rehired)
        assert first.hire_date < again.hire_date
        assert client.rehire(rehired).effective_date == again.hire_date

    def test_is_no_rehire_for_those_who_stayed(self, client, world):
        assert client.rehire(world.find("Maya Okafor").uuid) is None

    def test_is_missing_for_those_who_are_gone(self, client):
        with pytest.raises(RecordMissing):
            client.rehire("0b6d1f7a-2f3e-4f0a-9a51-1d8c7e5f3999")


class TestVersion:
    @pytest.mark.parametrize("version", ["2023", "2020-01-01", "2999-01-01"])
    def test_is_refused_plainly_when_gusto_does_not_serve_it(self, sandbox, world, token, version):
        api = Api(sandbox.url, label="Gusto", bearer=OneToken(token), headers={"X-Gusto-API-Version": version})

        with pytest.raises(RequestRejected) as refusal:
            Client(api, world.company.uuid).token_info()

        assert refusal.value.status == 406


class TestRevoke:
    def test_ends_this_grant(self, client, world, token, settings):
        client.revoke(client_id=settings.GUSTO_CLIENT_ID, client_secret=settings.GUSTO_CLIENT_SECRET, token=token)

        assert world.grants.living() == 0


class TestBrokenTexts:
    @pytest.mark.parametrize("sent", [rb"Den\ud800ver", b"Den\xffver"])
    def test_hold_up_nobody_else(self, sent):
        body = b'[{"uuid": "a", "first_name": "%s"}, {"uuid": "b"}]' % sent

        assert list(Client(Always(body), "c").employees_at("d")) == ["a", "b"]

    def test_lose_what_cannot_be_stored(self):
        (place,) = Client(Always(rb'[{"uuid": "d", "city": "Den\ud83dver"}]'), "c").locations()

        assert place.city == "Denver"

    @pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"[" * 100_000])
    def test_are_not_what_makes_an_answer_unreadable(self, body):
        with pytest.raises(ProviderUnavailable):
            list(Client(Always(body), "c").locations())


class Always:
    """An API that gives one answer to everything."""

    def __init__(self, body):
        self._answer = Answer(200, {}, body)

    def get(self, path, params=None):
        return self._answer
