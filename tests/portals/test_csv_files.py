"""CSV files: what people upload is read or refused clearly; what the product writes is safe in a spreadsheet."""

import csv
import io

import pytest

from portals import csv_files
from portals.csv_files import Unreadable


def upload(text, *, encoding="utf-8"):
    return io.BytesIO(text.encode(encoding) if isinstance(text, str) else text)


def refusal(content):
    with pytest.raises(Unreadable) as caught:
        list(csv_files.table(upload(content)).rows)
    return str(caught.value)


class TestTable:
    @pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
    def test_guesses_the_separator_from_the_headings(self, separator):
        found = csv_files.table(upload(f"Email{separator}First name\nmaya@example.com{separator}Maya, or May;\n"))

        assert found.separator == separator
        assert found.headings == {"email": "Email", "first name": "First name"}

    def test_takes_the_separator_it_is_given(self):
        found = csv_files.table(upload("a,b;c\n1,2;3\n"), separator=";")

        assert [row.cells for row in found.rows] == [{"a,b": "1,2", "c": "3"}]

    def test_finds_the_separator_outside_of_quotation_marks(self):
        found = csv_files.table(upload('email;"floor, room, and desk"\na@example.com;1\n'))

        assert [row.cells for row in found.rows] == [{"email": "a@example.com", "floor, room, and desk": "1"}]

    @pytest.mark.parametrize("first", ["sep=;", "SEP=;", "sep="])
    def test_passes_over_the_line_by_which_excel_names_the_separator(self, first):
        found = csv_files.table(upload(f"\ufeff{first}\r\nemail;name\r\na@example.com;Ada\r\n"))

        assert [(row.line, row.cells) for row in found.rows] == [(3, {"email": "a@example.com", "name": "Ada"})]

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
    def test_reads_utf_8_with_or_without_a_mark(self, encoding):
        found = csv_files.table(upload("email,name\nzoe@example.com,Zoë\n", encoding=encoding))

        assert [row.cells for row in found.rows] == [{"email": "zoe@example.com", "name": "Zoë"}]

    def test_tells_the_line_where_a_row_begins(self):
        rows = list(csv_files.table(upload('a,b\r\n1,"two\r\nlines"\r\n\r\n2,x\r\n')).rows)

        assert [(row.line, row.cells["a"]) for row in rows] == [(2, "1"), (5, "2")]

    def test_marks_rows_of_another_length(self):
        rows = list(csv_files.table(upload("a,b\n1\n1,2,3\n1,2\n")).rows)

        assert [row.is_misshapen for row in rows] == [True, True, False]

    def test_reads_back_headings_that_the_product_made_neutral(self):
        text = "".join(csv_files.pieces(["email", "+Extra", "@Work"], []))

        assert csv_files.table(upload(text)).headings == {"email": "email", "+extra": "+Extra", "@work": "@Work"}

    def test_reads_back_what_the_product_made_neutral(self):
        text = "".join(csv_files.pieces(["name"], [["=1+1"], ["'tis"]]))

        assert [row.cells["name"] for row in csv_files.table(upload(text)).rows] == ["=1+1", "'tis"]

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ("", "empty"),
            ("\ufeff", "empty"),
            ("email\nZo\u00eb".encode("latin-1"), "not UTF-8"),
            ("email\n".encode("utf-16"), "not UTF-8"),
            (b"PK\x03\x04rest", "workbook"),
            ("\ufeff \n<!doctype html><html>", "web page"),
            ("email\nmaya\0@example.com", "Line 2 holds a NUL"),
            ("email,Email\n", "Two columns have the heading “Email”"),
            ("email,\n", "no heading"),
            ('email\n"maya\n', "quotation mark"),
            ("email\n" + "x" * (csv_files.MAX_CELL + 1), "Line 2 is too long"),
        ],
    )
    def test_refuses_what_is_no_table(self, content, says):
        assert says in refusal(content)

    def test_refuses_a_file_beyond_the_limit(self, monkeypatch):
        monkeypatch.setattr(csv_files, "MAX_BYTES", 5000)

        assert "larger than" in refusal("email\n" + "maya@example.com\n" * 1000)


class TestRowsOf:
    def test_yields_cells_by_lower_case_heading(self):
        assert list(csv_files.rows_of(upload("EMAIL,Percent\nmaya@example.com, 5 \n"))) == [
            {"email": "maya@example.com", "percent": "5"}
        ]

    def test_refuses_a_row_of_another_length(self):
        with pytest.raises(Unreadable, match="Line 3"):
            list(csv_files.rows_of(upload("a,b\n1,2\n1\n")))


class TestNeutral:
    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1"])
    def test_quotes_what_may_be_a_formula(self, text):
        assert csv_files.neutral(text) == f"'{text}"

    @pytest.mark.parametrize("cell", ["Maya", "", "a=b", "'=1"])
    def test_leaves_other_text_alone(self, cell):
        assert csv_files.neutral(cell) == cell

    @pytest.mark.parametrize(("cell", "text"), [(-3, "-3"), (-1.5, "-1.5"), (None, "")])
    def test_leaves_numbers_alone_and_nothing_empty(self, cell, text):
        assert csv_files.neutral(cell) == text


class TestStreamed:
    def test_can_be_read_back(self):
        rows = [["two\nlines", "semi;colon, comma"], ["", "-"]]

        response = csv_files.streamed(["a", 'say "hi"'], rows, name="people")

        body = b"".join(response).decode()
        assert response["Content-Disposition"] == 'attachment; filename="people.csv"'
        assert list(csv.reader(io.StringIO(body.removeprefix("\ufeff"), newline=""))) == [
            ["a", 'say "hi"'],
            ["two\nlines", "semi;colon, comma"],
            ["", "'-"],
        ]

    def test_hands_on_pieces_and_never_the_whole(self):
        pieces = list(csv_files.pieces(["a"], (["x" * 1000] for _ in range(1000))))

        assert len(pieces) > 10
        assert max(map(len, pieces)) < 2 * csv_files.PIECE
