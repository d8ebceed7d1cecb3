"""Searching: what it finds, how late, and where it ends."""

import pytest

from integrations.sandbox.hubspot.app import REQUIRED_SCOPES
from integrations.sandbox.server import start
from tests.integrations.sandbox.hubspot.conftest import OBJECTS, HubSpotApp

CONTACTS = f"{OBJECTS}/contacts"
ANA = "901"


def search(app, *filters, **more):
    return app.post(f"{CONTACTS}/search", {"filterGroups": [{"filters": list(filters)}], "limit": 200} | more)


def found(app, *filters, **more):
    return [row["id"] for row in search(app, *filters, **more).json()["results"]]


def where(name, operator, value=None, **more):
    return {"propertyName": name, "operator": operator} | more | ({} if value is None else {"value": value})


class TestSearch:
    @pytest.mark.parametrize(
        "criterion",
        [
            where("email", "EQ", "ANA.silva@example.org"),
            where("firstname", "IN", values=["ana"]),
            where("badge_number", "BETWEEN", "4711", highValue="4711.5"),
            where("start_date", "GTE", "2024-02-01"),
            where("last_interview_at", "GT", "1767225600000"),
            where("languages", "CONTAINS_TOKEN", "*portuguese*"),
            where("region", "HAS_PROPERTY"),
            where("hs_object_id", "LTE", "901"),
        ],
    )
    def test_finds(self, app, criterion):
        assert found(app, criterion) == [ANA]

    def test_finds_by_any_group_and_all_of_its_filters(self, app):
        groups = [
            {"filters": [where("firstname", "EQ", "Ana"), where("lastname", "EQ", "Silva")]},
            {"filters": [where("firstname", "EQ", "Dana"), where("lastname", "EQ", "Silva")]},
        ]

        body = app.post(f"{CONTACTS}/search", {"filterGroups": groups}).json()

        assert (body["total"], [row["id"] for row in body["results"]]) == (1, [ANA])

    def test_is_particular_about_case_in_options(self, app):
        assert found(app, where("department", "EQ", "Sales")) == []
        assert ANA in found(app, where("department", "EQ", "sales"))

    def test_goes_on_where_the_page_before_ended(self, app, account):
        first = search(app, limit=40).json()
        second = search(app, limit=40, after=first["paging"]["next"]["after"]).json()

        assert first["total"] == len(account.contacts)
        assert len(first["results"]) + len(second["results"]) == 60
        assert "paging" not in second

    def test_sorts_by_one_property(self, app):
        ids = found(app, sorts=[{"propertyName": "hs_object_id", "direction": "DESCENDING"}])

        assert ids == sorted(ids, key=int, reverse=True)

    @pytest.mark.parametrize(
        "body",
        [
            {"limit": 201},
            {"after": "x"},
            {"after": "9999", "limit": 2},
            {"sorts": [{"propertyName": "email"}, {"propertyName": "city"}]},
            {"sorts": [{"propertyName": "nonsense"}]},
            {"filterGroups": [{"filters": [where("nonsense", "EQ", "x")]}]},
            {"filterGroups": [{"filters": [where("email", "LIKE", "x")]}]},
            {"filterGroups": [{"filters": [where("email", "EQ")]}]},
            {"filterGroups": [{"filters": []}] * 6},
            {"filterGroups": [{"filters": [where("email", "HAS_PROPERTY")] * 7}]},
            {"filterGroups": [{"filters": [where("email", "HAS_PROPERTY")] * 5}] * 4},
            {"query": "x" * 3000},
        ],
    )
    def test_refuses(self, app, body):
        assert app.post(f"{CONTACTS}/search", body).status_code == 400

    def test_never_finds_deleted_ones(self, app):
        app.delete(f"{CONTACTS}/{ANA}")

        assert found(app, where("firstname", "EQ", "Ana")) == []


class TestIndex:
    def test_knows_new_records_some_seconds_later(self, app, world):
        app.post(CONTACTS, {"properties": {"firstname": "Newcomer"}})

        at_once = found(app, where("firstname", "EQ", "Newcomer"))
        world.advance_clock(seconds=3)

        assert at_once == []
        assert len(found(app, where("firstname", "EQ", "Newcomer"))) == 1

    def test_goes_by_the_old_values_until_then(self, app, world):
        app.patch(f"{CONTACTS}/{ANA}", {"properties": {"firstname": "Anna"}})

        assert found(app, where("firstname", "EQ", "Ana")) == [ANA]
        world.advance_clock(seconds=3)
        assert found(app, where("firstname", "EQ", "Ana")) == []


class TestSearchLimit:
    def test_is_five_a_second_and_shows_in_no_header(self, app, world):
        answers = [search(app) for _ in range(6)]

        while answers[-1].status_code == 200:  # the second was over in between
            answers.append(search(app))
        refused = answers[-1]
        assert refused.status_code == 429
        assert refused.json()["policyName"] == "SECONDLY"
        assert not any(name.startswith("X-HubSpot-RateLimit") for name in answers[0].headers)
        world.advance_clock(seconds=1)
        assert search(app).status_code == 200

    def test_does_not_count_as_an_ordinary_call(self, app, hubspot):
        hubspot.set_rate_limit(1)

        search(app)

        assert app.get(CONTACTS).status_code == 200


class TestLastPage:
    def test_ends_silently_at_ten_thousand(self):
        with start(hub_contacts=10_200) as sandbox:
            app = HubSpotApp(sandbox)
            app.install(scopes=REQUIRED_SCOPES)
            last = search(app, after="9800")
            beyond = search(app, after="10000")

        assert last.json()["total"] == 10_200
        assert len(last.json()["results"]) == 200
        assert beyond.status_code == 400
