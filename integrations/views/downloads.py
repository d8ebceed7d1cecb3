"""Lists as CSV files, streamed, and safe to open in a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator

from django.http import StreamingHttpResponse

# A cell that begins with one of these may be taken for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\0")


class Echo:
    """A file that hands each line back to its writer."""

    def write(self, line: str) -> str:
        return line


def csv_response(name: str, rows: Iterable[Iterable[object]]) -> StreamingHttpResponse:
    """Return rows as a download (RFC 4180, UTF-8 with a mark that spreadsheets know)."""
    response = StreamingHttpResponse(lines(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield the lines of a CSV file."""
    writer = csv.writer(Echo())
    yield "\ufeff"
    for row in rows:
        yield writer.writerow([harmless(cell) for cell in row])


def harmless(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula; numbers are left as they are."""
    if isinstance(cell, int | float):
        return cell
    text = str(cell)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
