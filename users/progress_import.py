"""Take over course progress from a file: first what each row would do, then, once an admin agrees, do it.

A job reads the file batch by batch, each in one transaction with a handful of statements. Carrying out the same file
again changes nothing. What each row does, or did, is kept as a CSV file of its own.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import IO, Any

import msgspec
from django.core.files.base import File
from django.db import transaction
from django.utils.translation import gettext as _

from portals import csv_files, statements
from portals.csv_files import Row, Unreadable
from portals.models import Course, Portal
from users import bulk_jobs, enrollments, progress
from users.bulk_jobs import Purpose, Work
from users.models import BulkJob
from users.progress_file import Entry, Found, Kind, Refused, columns, decide, percent_of, read

MAX_ROWS = 100_000
# Rows in one transaction.
BATCH = 1000

_FIND = """
SELECT r.line, m.id, m.status, c.id, c.status, e.id, e.status, e.percent, e.score,
    (e.completed_at AT TIME ZONE %(zone)s::text)::date
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(line integer, email text, user_id bigint, reference text, title text)
LEFT JOIN users_membership AS m ON m.portal_id = %(portal)s::bigint AND m.id = coalesce(r.user_id, (
    SELECT x.id FROM users_user AS u
    JOIN users_membership AS x ON x.user_id = u.id AND x.portal_id = %(portal)s::bigint
    WHERE u.realm_id = %(realm)s::bigint AND lower(u.email) = r.email))
LEFT JOIN portals_course AS c ON c.portal_id = %(portal)s::bigint AND c.status <> 'draft' AND CASE
    WHEN r.reference <> '' THEN lower(c.reference) = r.reference ELSE lower(c.title) = r.title END
LEFT JOIN users_enrollment AS e ON e.membership_id = m.id AND e.course_id = c.id
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row does, or did, and why not."""

    line: int
    who: str
    course: str
    kind: Kind
    remark: str = ""


@dataclass(slots=True)
class _Import:
    """One pass over the file, which carries its rows out or only looks."""

    portal: Portal
    today: date
    now: datetime
    enrolls: bool
    carries_out: bool
    actor_id: int | None
    # Membership and course → the line that was about them.
    seen: dict[tuple[int, int], int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def outcomes(self, file: IO[bytes], work: Work) -> Iterator[Outcome]:
        """Yield what each row does; with the lease renewed, and the changes made, once per batch."""
        table = csv_files.table(file)
        names = columns(table.headings)
        while rows := list(islice(table.rows, BATCH)):
            with transaction.atomic():
                found = self._batch(rows, names)
                self.counts.update(outcome.kind.value for outcome in found)
                work.note(done=self.counts.total(), failed=self.counts[Kind.ERROR])
            yield from found

    def _batch(self, rows: Sequence[Row], names: dict[str, str]) -> list[Outcome]:
        entries: dict[int, Entry] = {}
        outcomes: dict[int, Outcome] = {}
        for row in rows:
            try:
                entries[row.line] = read(row, names, today=self.today)
            except Refused as refusal:
                outcomes[row.line] = Outcome(row.line, *_told(row, names), Kind.ERROR, str(refusal))
        found = self._find(entries)
        for row in rows:
            if row.line in entries:
                outcomes[row.line] = self._outcome(row, names, entries[row.line], found[row.line])
        if self.carries_out:
            changes = {line for line, one in outcomes.items() if one.kind in (Kind.ENROLL, Kind.UPDATE)}
            self._write({line: entries[line] for line in changes}, found)
        return [outcomes[row.line] for row in rows]

    def _outcome(self, row: Row, names: dict[str, str], entry: Entry, found: Found) -> Outcome:
        try:
            kind, remark = decide(entry, found, enrolls=self.enrolls), ""
            earlier = self.seen.setdefault((found.membership_id or 0, found.course_id or 0), row.line)
            if earlier != row.line:
                raise Refused(_("Line %d is about the same person and course.") % earlier)
        except Refused as refusal:
            kind, remark = Kind.ERROR, str(refusal)
        return Outcome(row.line, *_told(row, names), kind, remark)

    def _find(self, entries: dict[int, Entry]) -> dict[int, Found]:
        """Return what there is for each line, with one query."""
        keys = ("email", "user_id", "reference", "title")
        rows = [{"line": line, **{key: getattr(one, key) for key in keys}} for line, one in entries.items()]
        parameters = {
            "rows": msgspec.json.encode(rows).decode(),
            "portal": self.portal.pk,
            "realm": self.portal.realm_id,
            "zone": self.portal.time_zone,
        }
        return {line: Found(*columns) for line, *columns in statements.rows(_FIND, parameters)} if rows else {}

    def _write(self, entries: dict[int, Entry], found: dict[int, Found]) -> None:
        """Enroll who is missing, a statement per course, and write all progress with one."""
        missing: dict[int, list[int]] = {}
        for line in entries:
            if found[line].enrollment_id is None:
                missing.setdefault(found[line].course_id or 0, []).append(found[line].membership_id or 0)
        for course in Course.objects.filter(pk__in=missing).order_by("pk"):
            enrollments.enroll(course=course, membership_ids=missing[course.pk], now=self.now, actor_id=self.actor_id)
        if missing:
            found = self._find(entries)
        reports = [
            progress.Report(
                enrollment_id=there.enrollment_id,
                status=entry.status,
                percent=percent_of(entry, there),
                score=entry.score,
                completed_at=self.portal.midnight(entry.completed_on) if entry.completed_on else None,
            )
            for line, entry in entries.items()
            if (there := found[line]).enrollment_id is not None
        ]
        if reports:
            progress.write_reports(reports=reports, now=self.now, actor_id=self.actor_id)


def count_rows(file: IO[bytes] | File[bytes]) -> int:
    """Read the whole file once and return its number of rows. Raises Unreadable."""
    table = csv_files.table(file)
    columns(table.headings)
    number = sum(1 for _row in table.rows)
    if number == 0:
        raise Unreadable(_("The file has headings but no rows."))
    if number > MAX_ROWS:
        raise Unreadable(_("The file has more than %(number)d rows. Split it in several.") % {"number": MAX_ROWS})
    return number


def carry_out(work: Work, *, now: datetime) -> None:
    """Look what the rows of a job's file would do, or do it. Raises LeaseLost and Unreadable."""
    job = work.job
    carries_out = job.options.get("phase") == "apply"
    work.note(done=0, failed=0)
    one_pass = _Import(
        portal=job.portal,
        today=job.portal.today(now),
        now=now,
        enrolls=bool(job.options.get("enrolls")),
        carries_out=carries_out,
        actor_id=job.requested_by_id,
    )
    content = io.BytesIO(b"".join(bulk_jobs.stored(job, Purpose.UPLOAD)))
    rows = ((one.line, one.who, one.course, one.kind.value, one.remark) for one in one_pass.outcomes(content, work))
    header = ("line", "person", "course", "kind", "remark")
    pieces = (piece.encode() for piece in csv_files.pieces(header, rows))
    for _size in bulk_jobs.store(job, Purpose.RESULT, pieces):
        pass
    state = BulkJob.State.DONE if carries_out else BulkJob.State.REVIEW
    work.finish(state, now=now, counts=dict(one_pass.counts))


def outcomes(job: BulkJob) -> Iterator[Outcome]:
    """Yield what the rows of a job would do, or did."""
    text = b"".join(bulk_jobs.stored(job, Purpose.RESULT)).decode("utf-8-sig")
    reader = csv.reader(io.StringIO(text, newline=""))
    next(reader, None)
    for line, who, course, kind, remark in reader:
        yield Outcome(int(line), who, course, Kind(kind), remark)


def _told(row: Row, names: dict[str, str]) -> tuple[str, str]:
    """Return who and which course a row names, as written."""

    def first(*keys: str) -> str:
        cells: list[Any] = [row.cells.get(names.get(key, ""), "") for key in keys]
        return next((cell[:200] for cell in cells if cell), "")

    return first("email", "user_id"), first("reference", "title")
