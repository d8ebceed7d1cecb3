"""CSV files that are safe to open in a spreadsheet."""

import csv
import io

import pytest

from integrations.views import downloads


class TestHarmless:
    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\0=1"])
    def test_quotes_what_may_be_a_formula(self, text):
        assert downloads.harmless(text) == f"'{text}"

    @pytest.mark.parametrize("cell", ["Maya", "", "a=b", "'=1"])
    def test_leaves_other_text_alone(self, cell):
        assert downloads.harmless(cell) == cell

    def test_leaves_numbers_alone(self):
        assert downloads.harmless(-3) == -3


class TestLines:
    def test_can_be_read_back(self):
        rows = [["a", 'say "hi"'], ["two\nlines", "semi;colon, comma"]]

        body = "".join(downloads.lines(rows))

        assert body.startswith("\ufeff")
        assert list(csv.reader(io.StringIO(body.removeprefix("\ufeff"), newline=""))) == rows
