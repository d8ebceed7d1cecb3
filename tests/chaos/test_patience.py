"""The rig waits while things move, on the slowest machine, and not for ever."""

from tests.chaos.figures import Result
from tests.chaos.patience import Patience


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def patience(clock):
    return Patience(seconds=10, clock=clock)


class TestPatience:
    def test_lasts_as_long_as_things_come_closer(self):
        clock = Clock()
        waiting = patience(clock)

        for distance in range(100, 0, -1):
            clock.now += 9
            assert not waiting.is_over
            waiting.note(distance)

    def test_is_over_when_nothing_moves(self):
        clock = Clock()
        waiting = patience(clock)
        waiting.note(5)
        clock.now += 10
        waiting.note(5)

        assert waiting.is_over

    def test_is_over_when_things_only_go_to_and_fro(self):
        clock = Clock()
        waiting = patience(clock)
        for distance in (5, 9, 6, 5, 9, 7, 6, 5, 8, 5):
            waiting.note(distance)
            clock.now += 1

        assert waiting.is_over

    def test_begins_again_after_a_kill(self):
        clock = Clock()
        waiting = patience(clock)
        clock.now += 9
        waiting.begin_again()
        clock.now += 9

        assert not waiting.is_over


class TestResult:
    def test_is_bad_when_a_round_never_became_right(self):
        assert Result(people=1, seed=1).is_good
        assert not Result(people=1, seed=1, is_stuck=True).is_good

    def test_fits_into_the_documentation(self):
        table = Result(people=1, seed=1, kills={"beat": 2, "broker": 1}, seconds=[1.0, 3.0]).table()

        assert "| Kills | 3: 2 beat, 1 broker | 200 |" in table
        assert "| Lost | 0 | 0 |" in table
        assert "| longest | 3 s | 180 s |" in table
