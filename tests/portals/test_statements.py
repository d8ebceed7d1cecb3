"""Lists reach PostgreSQL as they are."""

import pytest

from portals import statements


@pytest.mark.django_db
class TestArrays:
    @pytest.mark.parametrize(
        "values", [[], [""], ["one", "NULL"], ['say "hi"', "back\\slash", "{a,b}", "línea\nnext", "'; --"]]
    )
    def test_of_texts_arrive_unchanged(self, values):
        assert statements.rows("SELECT %s::text[]", [statements.texts(values)]) == [(values,)]

    @pytest.mark.parametrize("values", [[], [1, -2, 2**62]])
    def test_of_numbers_arrive_unchanged(self, values):
        assert statements.rows("SELECT %s::bigint[]", [statements.integers(values)]) == [(values,)]
