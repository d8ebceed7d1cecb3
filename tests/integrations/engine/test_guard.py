"""When the brake holds removals, and which addresses always wait."""

from dataclasses import replace

import pytest

from integrations.engine.guard import must_confirm_address, too_many

from .records import learner, policy


class TestTooManyRemovals:
    @pytest.mark.parametrize(
        ("planned", "lately", "linked", "held"),
        [
            (0, 50, 50, False),
            (1, 0, 1, False),
            (1, 0, 50, False),
            (2, 0, 4, True),
            (2, 0, 5, False),
            (3, 0, 20, False),
            (4, 0, 39, True),
            (4, 0, 40, False),
            (4, 0, 100, False),
            (11, 0, 100, True),
            (1, 10, 100, True),
            (1, 3, 39, True),
            (1, 1, 4, True),
        ],
    )
    def test_weighs_number_and_share_over_a_day(self, planned, lately, linked, held):
        assert too_many(planned=planned, lately=lately, linked=linked) is held


class TestMustConfirmAddress:
    @pytest.mark.parametrize(
        ("has_signed_in", "trusts_addresses", "waits"),
        [(True, False, True), (True, True, False), (False, False, False), (False, True, False)],
    )
    def test_is_so_for_accounts_in_use_where_anyone_may_write_addresses(self, has_signed_in, trusts_addresses, waits):
        somebody = learner(has_signed_in=has_signed_in)

        assert must_confirm_address(somebody, replace(policy(), trusts_addresses=trusts_addresses)) is waits
