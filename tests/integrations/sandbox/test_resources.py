"""The employee list and the records around it."""

import pytest

from integrations.sandbox.server import start
from tests.integrations.sandbox.conftest import Application


def names(answer):
    return [f"{one['first_name']} {one['last_name']}" for one in answer.json()]


class TestPaging:
    def test_gives_every_person_once(self, application):
        pages = [application.employees(page=page, per=20) for page in (1, 2, 3)]

        uuids = [one["uuid"] for page in pages for one in page.json()]
        assert len(uuids) == len(set(uuids)) == 50
        assert [len(page.json()) for page in pages] == [20, 20, 10]
        assert pages[2].headers["X-Page"] == "3"
        assert pages[2].headers["X-Per-Page"] == "20"
        assert pages[2].headers["X-Total-Count"] == "50"
        assert pages[2].headers["X-Total-Pages"] == "3"
        assert "Link" not in pages[0].headers

    def test_gives_everyone_without_headers_when_not_asked_for(self, application):
        answer = application.employees()

        assert len(answer.json()) == 50
        assert "X-Total-Count" not in answer.headers

    def test_gives_25_when_only_the_page_is_named(self, application):
        assert len(application.employees(page=1).json()) == 25

    def test_ignores_keys_that_it_does_not_know(self, application):
        assert len(application.employees(page=1, per_page=10).json()) == 25

    def test_gives_nobody_behind_the_last_page(self, application):
        assert application.employees(page=9, per=100).json() == []

    @pytest.mark.parametrize("query", [{"page": "0"}, {"page": "x"}, {"page": 1, "per": "-5"}])
    def test_refuses(self, application, query):
        answer = application.employees(**query)

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["category"] == "invalid_parameter"

    def test_is_the_same_for_custom_fields(self, application):
        answer = application.get(f"/v1/companies/{application.company_uuid}/custom_fields", page=2, per=5)

        assert len(answer.json()["custom_fields"]) == 2
        assert answer.headers["X-Total-Count"] == "7"


class TestFilter:
    def test_terminated_has_the_leaving_too(self, application):
        found = names(application.employees(terminated="true"))

        assert {"Tomas Lindqvist", "Priya Raman"} <= set(found)
        assert "Maya Okafor" not in found

    def test_terminated_today_has_only_those_who_left(self, application):
        found = names(application.employees(terminated_today="true"))

        assert "Tomas Lindqvist" in found
        assert "Priya Raman" not in found

    def test_onboarded_active_leaves_out_leavers_and_newcomers(self, application):
        found = names(application.employees(onboarded_active="true"))

        assert "Priya Raman" in found
        assert not {"Tomas Lindqvist", "Lena Fischer"} & set(found)

    def test_onboarded(self, application):
        assert "Lena Fischer" in names(application.employees(onboarded="false"))
        assert "Lena Fischer" not in names(application.employees(onboarded="true"))

    def test_by_location_goes_by_the_work_address_of_today(self, application, world):
        austin = world.company.locations[1].uuid
        assert "Maya Okafor" not in names(application.employees(location_uuid=austin))

        world.change("Maya Okafor", location="Austin")

        assert "Maya Okafor" in names(application.employees(location_uuid=austin))

    def test_by_uuids_and_by_name(self, application, world):
        uuids = ",".join(world.find(name).uuid for name in ("Ruth Abara", "Aiko Tanaka"))

        assert names(application.employees(uuids=uuids)) == ["Aiko Tanaka", "Ruth Abara"]
        assert names(application.employees(search_term="OKAF")) == ["Maya Okafor"]

    def test_follows_a_change(self, application, world):
        assert names(application.employees(search_term="Okonkwo")) == []

        world.rename("Maya Okafor", "Maya", "Okonkwo")

        assert names(application.employees(search_term="Okonkwo")) == ["Maya Okonkwo"]

    @pytest.mark.parametrize(
        "query",
        [
            {"terminated": "maybe"},
            {"sort_by": "salary"},
            {"sort_by": "name:up"},
            {"sort_by": "name", "search_term": "Maya"},
            {"include": "salary"},
        ],
    )
    def test_refuses(self, application, query):
        assert application.employees(**query).status_code == 422


class TestOrder:
    def test_is_the_order_of_creation(self, application, world):
        world.hire("Noor", "Haddad")

        assert names(application.employees(sort_by="created_at:asc"))[-1] == "Noor Haddad"
        assert names(application.employees(sort_by="created_at:desc"))[0] == "Noor Haddad"

    def test_can_be_by_name(self, application):
        found = [one["last_name"] for one in application.employees(sort_by="name").json()]

        assert found == sorted(found)


class TestInclude:
    def test_adds_nothing_unasked(self, application):
        assert not {"custom_fields", "current_home_address"} & application.employee("Aiko Tanaka").keys()

    def test_gives_filled_custom_fields_as_text_and_cleared_ones_empty(self, application):
        person = application.employee("Aiko Tanaka", include="custom_fields,current_home_address")

        values = {one["name"]: one["value"] for one in person["custom_fields"]}
        assert values["Uniform budget"] == "1,150.00"
        assert values["Cost center"] == ""
        assert person["current_home_address"]["city"] == "Boulder"

    def test_leaves_out_custom_fields_that_nobody_filled(self, application):
        person = application.employee("Ruth Abara", include="custom_fields")

        assert person["custom_fields"] == []

    def test_is_the_same_in_the_list_and_alone(self, application):
        include = "custom_fields,current_home_address"
        listed = {one["uuid"]: one for one in application.employees(include=include).json()}

        for uuid in list(listed)[:15]:
            assert application.get(f"/v1/employees/{uuid}", include=include).json() == listed[uuid]


class TestSamples:
    def test_person_without_any_email(self, application):
        unfinished = application.employee("Sam Boyd")

        assert unfinished["email"] is None
        assert unfinished["work_email"] is None

    def test_person_without_a_job(self, application):
        assert application.employee("Lena Fischer")["jobs"] == []

    def test_everyone_has_a_manager_who_exists(self, application):
        everyone = application.employees().json()
        uuids = {one["uuid"] for one in everyone}

        without = [one["first_name"] for one in everyone if one["manager_uuid"] not in uuids]
        assert sorted(without) == ["Ines", "Lena"]


class TestCompany:
    def test_has_locations_departments_and_fields(self, application):
        path = f"/v1/companies/{application.company_uuid}"

        assert application.get(path).json()["trade_name"] == "Harbor & Pine"
        assert len(application.get(f"{path}/locations").json()) == 3
        departments = application.get(f"{path}/departments").json()
        assert [one["title"] for one in departments][:2] == ["Sales", "Operations"]
        fields = application.get(f"{path}/custom_fields").json()["custom_fields"]
        assert {one["type"] for one in fields} == {"text", "currency", "number", "date", "radio"}

    def test_lists_the_people_of_a_department(self, application, world):
        maya = world.find("Maya Okafor")
        path = f"/v1/departments/{maya.department_uuid}"
        assert {"uuid": maya.uuid} in application.get(path).json()["employees"]

        world.change("Maya Okafor", department="Support")

        assert {"uuid": maya.uuid} not in application.get(path).json()["employees"]

    @pytest.mark.parametrize("path", ["/v1/departments/x", "/v1/locations/x", "/v1/employees/x"])
    def test_has_nothing_else(self, application, path):
        assert application.get(path).status_code == 404


class TestAddresses:
    def test_of_work_mark_the_one_of_today(self, application, world):
        found = application.get(f"/v1/employees/{world.find('Maya Okafor').uuid}/work_addresses").json()

        assert [one["active"] for one in found] == [False, True]
        single = application.get(f"/v1/work_addresses/{found[1]['uuid']}")
        assert single.json() == found[1]
        assert single.json()["city"] == "Denver"

    def test_of_home_can_be_read_one_by_one(self, application, world):
        found = application.get(f"/v1/employees/{world.find('Maya Okafor').uuid}/home_addresses").json()

        assert application.get(f"/v1/home_addresses/{found[0]['uuid']}").json() == found[0]
        assert application.get(f"/v1/work_addresses/{found[0]['uuid']}").status_code == 404


class TestManyPeople:
    def test_are_all_different(self):
        with start(people=30_000, rate_limit=0) as sandbox:
            everyone = list(sandbox.world.company.roster)

        assert len({one.uuid for one in everyone}) == 30_000
        assert len({one.email for one in everyone if one.email}) == 29_999

    def test_are_the_same_for_the_same_seed(self):
        bodies = []
        for _ in "ab":
            with start(people=500, seed=7) as sandbox:
                application = Application(sandbox)
                application.connect()
                bodies.append(application.employees(page=5, per=100).content)

        assert bodies[0] == bodies[1]

    def test_show_a_change_on_the_page_that_was_read_before(self):
        with start(people=300) as sandbox:
            application = Application(sandbox)
            application.connect()
            mover = application.employees(page=3, per=100).json()[41]
            sandbox.world.change(mover["uuid"], title="Trainer")

            again = application.employees(page=3, per=100).json()[41]

        assert again["jobs"][0]["title"] == "Trainer"
        assert again["version"] != mover["version"]
