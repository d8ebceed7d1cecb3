"""Terminations and rehires as the calendar of Los Angeles goes on."""

from datetime import date, timedelta

import pytest

from integrations.sandbox.clock import PACIFIC, Clock


@pytest.fixture
def today(world):
    return world.clock.today()


def path_of(world, person, part):
    return f"/v1/employees/{world.find(person).uuid}/{part}"


class TestTermination:
    def test_is_in_effect_from_the_day_after_the_last_day(self, application, world, today):
        last_day = today + timedelta(days=2)
        world.terminate("Maya Okafor", last_day)
        seen = []

        for day in range(4):
            world.set_today(today + timedelta(days=day))
            application.connect()  # the token of the day before has expired
            leaver = application.employee("Maya Okafor")
            (termination,) = leaver["terminations"]
            seen.append((leaver["terminated"], termination["active"], termination["cancelable"]))

        assert termination["effective_date"] == last_day.isoformat()
        assert seen == [
            (False, False, True),
            (False, False, True),
            (False, False, False),
            (True, True, False),
        ]

    def test_with_a_past_date_is_in_effect_at_once(self, application, world, today):
        world.terminate("Maya Okafor", today - timedelta(days=1))

        assert application.employee("Maya Okafor")["terminated"] is True

    def test_with_a_dismissal_payroll_cannot_be_cancelled(self, application, world, today):
        world.terminate("Maya Okafor", today + timedelta(days=9), runs_payroll=True)

        assert application.employee("Maya Okafor")["terminations"][0]["cancelable"] is False

    def test_disappears_when_cancelled(self, application, world):
        world.cancel_termination("Priya Raman")

        assert application.employee("Priya Raman")["terminations"] == []

    def test_cannot_be_cancelled_once_in_effect(self, world):
        with pytest.raises(ValueError, match="already left"):
            world.cancel_termination("Tomas Lindqvist")

    def test_can_be_read_in_three_ways(self, application, world):
        listed = application.employee("Tomas Lindqvist")["terminations"]

        assert application.get(path_of(world, "Tomas Lindqvist", "terminations")).json() == listed
        single = application.get(f"/v1/terminations/{world.find('Tomas Lindqvist').uuid}")
        assert [single.json()] == listed

    def test_is_not_found_for_somebody_who_stays(self, application, world):
        uuid = world.find("Maya Okafor").uuid

        assert application.get(f"/v1/employees/{uuid}/terminations").json() == []
        assert application.get(f"/v1/terminations/{uuid}").status_code == 404


class TestRehire:
    def test_takes_effect_on_its_day(self, application, world, today):
        first_day = today + timedelta(days=3)
        world.rehire("Tomas Lindqvist", first_day)
        path = path_of(world, "Tomas Lindqvist", "rehire")

        before = application.employee("Tomas Lindqvist")
        assert before["terminated"] is True
        assert application.get(path).json()["active"] is False

        world.set_today(first_day)
        application.connect()  # the token of three days ago has expired

        after = application.employee("Tomas Lindqvist")
        assert after["uuid"] == before["uuid"]
        assert after["terminated"] is False
        assert after["terminations"] == []
        assert after["jobs"][0]["hire_date"] == first_day.isoformat()
        assert application.get(path).json()["active"] is True

    def test_is_204_for_somebody_who_never_came_back(self, application, world):
        answer = application.get(path_of(world, "Maya Okafor", "rehire"))

        assert answer.status_code == 204
        assert answer.content == b""

    def test_shows_in_the_employment_history(self, application, world):
        periods = application.get(path_of(world, "Daniel Achebe", "employment_history")).json()

        assert len(periods) == 2
        assert periods[0]["termination_date"] < periods[1]["hire_date"]
        assert periods[1]["termination_date"] is None

    def test_may_leave_the_old_termination_in_the_list(self, application, world):
        assert application.employee("Daniel Achebe")["terminations"] == []

        world.keep_old_terminations(keep=True)

        (old,) = application.employee("Daniel Achebe")["terminations"]
        assert old["active"] is True
        assert application.employee("Daniel Achebe")["terminated"] is False

    def test_can_be_cancelled_before_its_day(self, application, world, today):
        world.rehire("Tomas Lindqvist", today + timedelta(days=3))

        world.cancel_rehire("Tomas Lindqvist")

        assert application.get(path_of(world, "Tomas Lindqvist", "rehire")).status_code == 204

    def test_needs_a_termination_before_it(self, world, today):
        with pytest.raises(ValueError, match="no termination"):
            world.rehire("Maya Okafor")
        with pytest.raises(ValueError, match="still works until"):
            world.rehire("Priya Raman", today)


class TestClock:
    def test_begins_on_the_day_that_it_is_given(self):
        assert Clock(date(2026, 7, 15)).today() == date(2026, 7, 15)

    def test_changes_the_day_at_midnight_in_los_angeles(self):
        clock = Clock(date(2026, 7, 15))
        now = clock.now().astimezone(PACIFIC)
        until_midnight = 86_400 - (now.hour * 3600 + now.minute * 60 + now.second)

        clock.advance(seconds=until_midnight + 1)

        assert clock.today() == date(2026, 7, 16)
