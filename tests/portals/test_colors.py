"""Colours stay readable whatever an admin picks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portals import colors

any_color = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)


class TestContrast:
    def test_knows_black_and_white(self):
        assert colors.contrast("#000000", "#ffffff") == pytest.approx(21)

    @given(any_color)
    def test_is_nothing_between_equals(self, color):
        assert colors.contrast(color, color) == pytest.approx(1)


class TestTextOn:
    @given(any_color)
    def test_can_always_be_read(self, background):
        assert colors.contrast(colors.text_on(background), background) >= colors.READABLE


class TestReadable:
    def test_leaves_a_readable_colour_alone(self):
        assert colors.readable("#256188", "#ffffff") == "#256188"

    @given(any_color, any_color)
    def test_can_always_be_read(self, color, background):
        assert colors.contrast(colors.readable(color, background), background) >= colors.READABLE
