"""CSV files in and out: uploads are read or refused with advice; what is written is safe in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from django.core.files.base import File
from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from _csv import Reader

MAX_BYTES = 20 * 1024 * 1024
# No cell may be longer, in characters, nor may a line without line breaks.
MAX_CELL = 100_000
SEPARATORS = (",", ";", "\t", "|")
# A cell that begins with one of these may be taken for a formula (OWASP ASVS 1.2.10).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
# Excel's own first line that names the separator, and headings in quotation marks, which may hold any.
_SEPARATOR_LINE = re.compile(r"sep=([,;|\t]?)", re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"')
# Text is handed on in pieces of about this many characters.
PIECE = 64 * 1024


class Unreadable(ValueError):
    """The file cannot be read as a whole; the text tells the person why, and what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the file, and its trimmed cells by lower-case heading.

    `is_misshapen` when it has more or fewer cells than there are headings; it then has no cells.
    """

    line: int
    cells: dict[str, str]
    is_misshapen: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A file whose heading was read: the headings as written, by their lower-case form, and the rows to come."""

    headings: dict[str, str]
    separator: str
    rows: Iterator[Row]


def table(file: IO[bytes] | File[bytes], *, separator: str = "") -> Table:
    """Return a file's headings and rows; without a separator it is guessed from the headings.

    UTF-8 with or without a mark. Raises Unreadable, here or while the rows are read; rows without any text are left
    out.
    """
    lines = _lines(file)
    first = next(lines, "")
    skipped = 0
    if named := _SEPARATOR_LINE.fullmatch(first.strip()):
        separator, first, skipped = separator or named[1], next(lines, ""), 1
    if not first.strip():
        raise Unreadable(_("The file is empty."))
    separator = separator or max(SEPARATORS, key=_QUOTED.sub("", first).count)
    reader = csv.reader(_with(first, lines), delimiter=separator, strict=True)
    headings = _headings(_next(reader) or [])
    return Table(headings=headings, separator=separator, rows=_rows(reader, list(headings), skipped))


def rows_of(file: IO[bytes] | File[bytes], *, separator: str = ",") -> Iterator[dict[str, str]]:
    """Yield each row as its cells by lower-case heading. Raises Unreadable, for a misshapen row too."""
    for row in table(file, separator=separator).rows:
        if row.is_misshapen:
            raise Unreadable(
                _("Line %(line)d does not have as many cells as there are headings.") % {"line": row.line}
            )
        yield row.cells


def streamed(header: Iterable[object], rows: Iterable[Iterable[object]], *, name: str) -> StreamingHttpResponse:
    """Return rows as a download (RFC 4180, UTF-8 with a mark that spreadsheets know), never whole in memory."""
    response = StreamingHttpResponse(pieces(header, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def pieces(header: Iterable[object], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield the text of a CSV file, piece by piece."""
    buffer = io.StringIO()
    buffer.write("\ufeff")
    writer = csv.writer(buffer)
    writer.writerow([neutral(cell) for cell in header])
    for row in rows:
        writer.writerow([neutral(cell) for cell in row])
        if buffer.tell() > PIECE:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def neutral(cell: object) -> str:
    """Return the text of a cell that no spreadsheet takes for a formula; numbers stay as they are."""
    if cell is None:
        return ""
    text = str(cell)
    if isinstance(cell, int | float):
        return text
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _lines(file: IO[bytes] | File[bytes]) -> Iterator[str]:
    """Yield the lines with their ends, after a look at what kind of file it is. Raises Unreadable."""
    start = file.read(4096)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable(_("The file is not UTF-8. Save it as “CSV UTF-8” and upload it again."))
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Unreadable(_("This is a workbook, not a CSV file. Save it as “CSV UTF-8” and upload it again."))
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        raise Unreadable(_("This is a web page, not a CSV file."))
    content = start + file.read(MAX_BYTES + 1 - len(start))
    if len(content) > MAX_BYTES:
        raise Unreadable(
            _("The file is larger than %(size)d MB. Split it in several.") % {"size": MAX_BYTES // 1024**2}
        )
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
    try:
        for number, line in enumerate(text, 1):
            _check(line, number)
            yield line
    except UnicodeDecodeError:
        raise Unreadable(_("The file is not UTF-8. Save it as “CSV UTF-8” and upload it again.")) from None


def _check(line: str, number: int) -> None:
    if "\0" in line:
        raise Unreadable(_("Line %(line)d holds a NUL character: this is not a text file.") % {"line": number})
    if len(line) > MAX_CELL:
        raise Unreadable(_("Line %(line)d is too long.") % {"line": number})


def _with(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _next(reader: Reader) -> list[str] | None:
    """Return the next row, or None at the end. Raises Unreadable."""
    try:
        return next(reader, None)
    except csv.Error:
        raise Unreadable(
            _("Line %(line)d cannot be read: look for a quotation mark that is not closed.")
            % {"line": reader.line_num}
        ) from None


def _headings(cells: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for cell in map(_plain, cells):
        if not cell:
            raise Unreadable(_("A column has no heading."))
        if cell.lower() in found:
            raise Unreadable(_("Two columns have the heading “%(heading)s”.") % {"heading": cell[:100]})
        found[cell.lower()] = cell
    return found


def _rows(reader: Reader, keys: list[str], skipped: int) -> Iterator[Row]:
    line = reader.line_num + 1 + skipped
    while (cells := _next(reader)) is not None:
        texts = [_plain(cell) for cell in cells]
        if any(texts):
            fits = len(texts) == len(keys)
            yield Row(line, dict(zip(keys, texts, strict=True)) if fits else {}, is_misshapen=not fits)
        line = reader.line_num + 1 + skipped


def _plain(cell: str) -> str:
    """Undo `neutral`, so that what the product wrote reads back as it was."""
    cell = cell.strip()
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS) else cell
