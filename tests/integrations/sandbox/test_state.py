"""The state file: what a second start of the sandbox finds again."""

import json
import stat
import threading
from datetime import timedelta

import pytest

from integrations.sandbox import broken
from integrations.sandbox.server import start
from integrations.sandbox.state_file import StateFile
from integrations.sandbox.world import DEFAULT_CALLBACK, World
from tests.integrations.sandbox.conftest import Application

PATIENCE_SECONDS = 60


@pytest.fixture
def file(tmp_path):
    return tmp_path / "sandbox.json"


@pytest.fixture
def run(file):
    """Start a sandbox on the file, again and again; each stops before the next one starts."""
    running_now = []

    def run_again(**options):
        while running_now:
            running_now.pop().stop()
        running_now.append(start(**{"state": file} | options))
        return running_now[0]

    yield run_again
    while running_now:
        running_now.pop().stop()


def names(world):
    return [person.name for person in world.company.roster]


def answers(world):
    """Return everybody of every company as the sandbox knows them."""
    return [list(company.roster) for company in world.companies.values()]


class TestConsents:
    def test_survive(self, run):
        connected = Application(run())
        tokens = connected.connect()

        after = Application(run(), token=tokens["access_token"], company_uuid=connected.company_uuid)

        assert after.employees().status_code == 200
        assert after.refresh(tokens["refresh_token"]).status_code == 200

    def test_survive_a_kill_soon_after_they_were_given(self, run, file):
        sandbox = run()
        tokens = Application(sandbox).connect()
        patience = threading.Event()

        for _ in range(PATIENCE_SECONDS * 20):
            if tokens["access_token"] in file.read_text():
                break
            patience.wait(0.05)

        with start(state=file) as second:  # the first one has not been told to stop
            assert Application(second, token=tokens["access_token"]).get("/v1/token_info").status_code == 200

    def test_keep_their_place_in_the_rotation(self, run):
        application = Application(run())
        first = application.connect()
        second = application.refresh(first["refresh_token"]).json()

        application = Application(run())
        before_use = application.get("/v1/token_info", token=first["access_token"])
        application.get("/v1/token_info", token=second["access_token"])

        assert before_use.status_code == 200
        assert application.get("/v1/token_info", token=first["access_token"]).status_code == 401
        application = Application(run())
        assert application.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
        assert application.refresh(second["refresh_token"]).status_code == 200

    def test_stay_revoked(self, run):
        sandbox = run()
        tokens = Application(sandbox).connect()
        sandbox.world.revoke_grants()

        again = run()

        assert Application(again).refresh(tokens["refresh_token"]).status_code == 400
        assert again.world.grants.living() == 0

    def test_still_expire(self, run):
        sandbox = run()
        token = Application(sandbox).connect()["access_token"]
        sandbox.world.advance_clock(seconds=7200)

        assert Application(run()).get("/v1/token_info", token=token).status_code == 401

    def test_let_a_code_be_exchanged_once(self, run):
        code = run().world.authorize()
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": DEFAULT_CALLBACK}

        statuses = [Application(run()).token_request(**fields).status_code for _ in range(2)]

        assert statuses == [200, 400]


class TestPeople:
    def test_who_were_hired_changed_or_removed_stay_so(self, run):
        world = run().world
        newcomer = world.hire("Noor", "Haddad", department="Research", location="Austin")
        world.terminate("Maya Okafor", runs_payroll=True)
        world.rehire("Tomas Lindqvist")
        world.rename("Aiko Tanaka", "Aiko", "Mori")
        world.change("Ruth Abara", custom={"T-shirt size": "XL"}, wire={"phone": 42}, manager="Noor Haddad")
        world.remove("Sam Boyd")
        generated = world.company.roster.by_number(20)
        world.change(generated.uuid, title="Night Guard")
        world.remove(world.company.roster.by_number(21).uuid)
        before = answers(world)

        again = run().world

        assert answers(again) == before
        assert again.find("Noor Haddad").department_uuid == newcomer.department_uuid
        assert again.company.departments[newcomer.department_uuid] == "Research"
        assert again.hire("Lea", "Winter").number == newcomer.number + 1

    @pytest.mark.parametrize("kind", broken.KINDS)
    def test_stay_broken(self, run, kind):
        sandbox = run()
        uuid = sandbox.world.add_broken(kind).uuid
        before = Application(sandbox).browser.get(f"/_control/people/{uuid}").json()

        assert Application(run()).browser.get(f"/_control/people/{uuid}").json() == before

    def test_grow_no_younger(self, run, file):
        with start(state=file) as sandbox:
            before = answers(sandbox.world)
        content = json.loads(file.read_text())
        file.write_text(json.dumps(content | {"began_on": "2020-05-06"}))

        again = run()

        assert again.fresh_because == ""
        assert again.world.began_on.isoformat() == "2020-05-06"
        assert again.world.find("Maya Okafor").periods[0].hired_on.isoformat() == "2017-06-27"
        assert [[one.uuid for one in people] for people in before] == [
            [one.uuid for one in people] for people in answers(again.world)
        ]

    def test_of_another_company_stay_too(self, run):
        world = run().world
        added = world.add_company("Maple Yard Inc", people=3)
        added.roster.remove(added.roster.by_number(2))

        again = run().world

        assert again.companies[added.uuid].name == "Maple Yard Inc"
        assert [one.number for one in again.companies[added.uuid].roster] == [1, 3]


class TestSwitches:
    def test_and_the_clock_stay_as_they_were(self, run):
        world = run().world
        world.set_scopes("public employees:read")
        world.register_redirects(uris=["http://localhost/elsewhere"])
        world.set_minimum_version("2026-02-01")
        world.rename_department("Sales", "Shops")
        world.keep_old_terminations(keep=True)
        world.advance_clock(days=40)
        today = world.clock.today()

        again = run().world

        assert again.scopes == {"public", "employees:read"}
        assert again.redirect_uris == ["http://localhost/elsewhere"]
        assert again.minimum_version == "2026-02-01"
        assert "Shops" in again.company.departments.values()
        assert again.company.keeps_old_terminations is True
        assert timedelta(0) <= again.clock.today() - today <= timedelta(days=1)

    def test_for_trouble_begin_anew(self, run):
        sandbox = run()
        Application(sandbox).connect()
        sandbox.world.set_fault("500")
        sandbox.world.set_rate_limit(3)

        again = run().world

        assert again.faults.active == []
        assert again.limiter.limit == 200
        assert again.calls.newest(1) == []


class TestStateFile:
    def test_is_for_its_owner_only(self, run, file):
        run()

        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert [path.name for path in file.parent.iterdir()] == [file.name]

    def test_is_not_written_again_when_nothing_changed(self, file):
        world = World()
        keeper = StateFile(file, world)
        keeper.save()
        file.unlink()

        keeper.save()

        assert not file.exists()
        world.terminate("Maya Okafor")
        keeper.save()
        assert file.exists()

    def test_stays_small_however_many_people_there_are(self, run, file):
        Application(run(people=100_000)).connect()

        run(people=100_000)

        assert file.stat().st_size < 20_000

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda text: text[: len(text) // 2],
            lambda text: "",
            lambda text: "[]",
            lambda text: "[" * 100_000,
            lambda text: text.replace('"format": 1', '"format": 0'),
            lambda text: text.replace('"grants"', '"grunts"'),
            lambda text: text.replace('"rosters": [', '"rosters": [7, '),
            lambda text: text.replace('"began_on": "', '"began_on": "x'),
        ],
        ids=["cut", "empty", "a list", "nested", "other form", "no grants", "rosters", "date"],
    )
    def test_is_replaced_when_it_is_broken(self, run, file, spoil):
        with start(state=file) as sandbox:
            sandbox.world.hire("Noor", "Haddad")
        file.write_text(spoil(file.read_text()))

        afresh = run()

        assert afresh.fresh_because
        assert "Noor Haddad" not in names(afresh.world)
        assert run().fresh_because == ""

    @pytest.mark.parametrize(
        ("options", "reason"),
        [({"seed": 2}, "it was made with --seed 1, not 2"), ({"people": 60}, "it was made with --people 50, not 60")],
    )
    def test_is_replaced_when_it_is_about_others(self, run, options, reason):
        Application(run()).connect()

        afresh = run(**options)

        assert afresh.fresh_because == reason
        assert afresh.world.grants.living() == 0

    def test_that_is_new_is_no_reason_to_explain(self, run):
        assert run().fresh_because == ""

    def test_is_left_alone_when_the_port_is_taken(self, file, sandbox):
        with start(state=file) as first:
            first.world.hire("Noor", "Haddad")
        before = file.read_text()

        with pytest.raises(OSError, match="in use"):
            start(port=sandbox.port, state=file, people=60)

        assert file.read_text() == before
