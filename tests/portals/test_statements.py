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


@pytest.mark.django_db
class TestKeepingPlans:
    STATEMENT = "SELECT %s::bigint + 41"

    def kept(self):
        return statements.rows("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", ["%+ 41"])[0][0]

    def test_keeps_the_plans_of_what_is_run_inside(self):
        with statements.keeping_plans():
            assert statements.rows(self.STATEMENT, [1]) == [(42,)]

        assert self.kept() == 1

    def test_keeps_no_others(self):
        with statements.keeping_plans():
            pass
        statements.rows(self.STATEMENT.replace("41", "041"), [1])

        assert statements.rows("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", ["%+ 041"]) == [
            (0,)
        ]
