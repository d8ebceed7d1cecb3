"""Limits on tries."""

from datetime import timedelta

from users.throttles import Throttle

THROTTLE = Throttle("test", limit=2, period=timedelta(minutes=5))


class TestThrottle:
    def test_is_exhausted_at_its_limit(self):
        assert [THROTTLE.take("robin") for _ in range(3)] == [True, True, False]
        assert THROTTLE.is_exhausted("robin")

    def test_counts_everyone_apart(self):
        THROTTLE.take("robin")
        THROTTLE.take("robin")

        assert THROTTLE.take("ada")
        assert THROTTLE.take("robin", "elsewhere")
        assert Throttle("other", limit=1, period=timedelta(minutes=5)).take("robin")

    def test_begins_anew_when_told_to(self):
        THROTTLE.take("robin")
        THROTTLE.take("robin")

        THROTTLE.forget("robin")

        assert THROTTLE.take("robin")

    def test_begins_anew_after_its_period(self):
        brief = Throttle("brief", limit=1, period=timedelta(milliseconds=1))
        brief.take("robin")

        while brief.is_exhausted("robin"):
            pass

        assert brief.take("robin")
