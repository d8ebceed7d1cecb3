"""Numbers that browsers send, or say that they do."""

import pytest

from portals.numbers import number_from


class TestNumberFrom:
    @pytest.mark.parametrize(("text", "number"), [("7", 7), ("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)])
    def test_returns_what_a_text_says(self, text, number):
        assert number_from(text) == number

    @pytest.mark.parametrize(
        "text", [None, "", " 7", "-7", "+7", "7.0", "1e3", "seven", "\u0667", "\u00b2", "7\0", "9" * 19, "9" * 5000]
    )
    def test_returns_nothing_for_anything_else(self, text):
        assert number_from(text) is None
