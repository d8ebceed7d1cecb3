"""A set of ids kept as ranges."""

from hypothesis import given
from hypothesis import strategies as st

from integrations.engine.seen import SeenIds

numbers = st.lists(st.integers(0, 60), max_size=20)


class TestSeenIds:
    @given(st.lists(numbers, max_size=6))
    def test_behaves_as_a_set(self, batches):
        seen, truth = SeenIds(), set()
        for batch in batches:
            seen.add(batch)
            truth.update(batch)

        assert len(seen) == len(truth)
        assert {number for number in range(-1, 62) if number in seen} == truth

    @given(numbers, numbers)
    def test_survives_a_checkpoint_and_merges(self, before, after):
        other = SeenIds()
        other.add(after)
        seen = SeenIds()
        seen.add(before)

        restored = SeenIds(seen.flat())
        restored.add_ranges(other.flat())

        assert len(restored) == len({*before, *after})

    def test_is_written_as_a_multirange(self):
        seen = SeenIds()
        seen.add([1, 2, 3, 9])

        assert seen.as_multirange() == "{[1,3],[9,9]}"
