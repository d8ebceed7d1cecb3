import threading
import time

import pytest

from integrations.rate_limits import SlidingWindow, open_store, shared_store


@pytest.fixture
def key(unique):
    return f"test:{unique}"


class TestSlidingWindow:
    def test_lets_a_burst_out_up_to_the_limit(self, key):
        window = SlidingWindow(key, limit=5)

        assert [window.take() for _ in range(5)] == [0, 0, 0, 0, 0]

    def test_then_says_when_the_next_call_may_go(self, key):
        window = SlidingWindow(key, limit=5)
        began = time.monotonic()
        for _ in range(5):
            window.take()

        wait = window.take()

        assert lapses_after(60, began, wait)

    def test_lets_calls_out_again_as_the_old_ones_lapse(self, key):
        window, waits = SlidingWindow(key, limit=2, window=0.05), []
        window.take()
        window.take()

        while wait := window.take():
            waits.append(wait)
            threading.Event().wait(wait)

        # None at all where the calls themselves took that long.
        assert len(waits) <= 1

    def test_is_shared_by_all_who_use_the_key(self, key):
        for _ in range(3):
            assert SlidingWindow(key, limit=3).take() == 0

        assert SlidingWindow(key, limit=3).take() > 0

    def test_is_not_shared_with_other_keys(self, key):
        SlidingWindow(key, limit=1).take()

        assert SlidingWindow(f"{key}:other", limit=1).take() == 0

    def test_never_lets_more_than_the_limit_out_at_once(self, key):
        taken = []

        def take_many():
            window = SlidingWindow(key, limit=20)
            taken.extend(window.take() for _ in range(10))

        threads = [threading.Thread(target=take_many, daemon=True) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert taken.count(0) == 20

    def test_counts_a_slow_call_from_its_answer(self, key):
        window = SlidingWindow(key, limit=2)
        began = time.monotonic()
        window.take()
        window._started_at -= 30
        window.done()
        window.take()

        assert lapses_after(60, began, window.take())
        (_second, earlier), (_first, later) = entries(window)
        assert abs(later - earlier - 30) < time.monotonic() - began

    def test_costs_one_round_trip(self, key, monkeypatch):
        store = shared_store()
        commands = []
        execute = store.execute_command
        window = SlidingWindow(key, limit=5)
        window.take()

        def counted(*args):
            commands.append(args[0])
            return execute(*args)

        monkeypatch.setattr(store, "execute_command", counted)

        window.take()

        assert commands == ["EVALSHA"]

    def test_forgets_its_key_when_nobody_calls(self, key):
        window = SlidingWindow(key, limit=5)
        window.take()

        assert 60 <= shared_store().ttl(window._key) <= 120


class TestWithoutRedis:
    @pytest.fixture
    def window(self, key):
        return SlidingWindow(key, limit=3, store=open_store("redis://127.0.0.1:1"))

    def test_limits_by_itself(self, window, caplog):
        began = time.monotonic()
        assert [window.take() for _ in range(3)] == [0, 0, 0]

        assert lapses_after(60, began, window.take())

    def test_does_not_ask_again_for_every_call(self, window, caplog):
        window.take()
        window.take()

        assert len(caplog.records) == 1


def lapses_after(seconds, began, wait):
    """Whether a wait ends so long after a call that went out since a moment of the monotonic clock."""
    return seconds - (time.monotonic() - began) <= wait <= seconds


def entries(window):
    """Return the calls and their moments, oldest first."""
    return shared_store().zrange(window._key, 0, -1, withscores=True)
