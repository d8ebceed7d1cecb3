"""Users from a CSV file: a stored preview of every row, and later exactly that, in batches of a few statements.

The rules of a row are `users.import_plan`; everything is written by the use-cases that the syncs use, under the same
brake.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any

import msgspec
from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from portals import brake, csv_files, statements
from portals.csv_files import Row, Table, Unreadable
from portals.models import Portal
from users import bulk_jobs, import_plan, import_snapshot, seats
from users.bulk_jobs import Purpose, Work
from users.import_plan import Entry, Planned, Setting
from users.import_writing import Writer
from users.models import BulkJob, ImportRow, Membership

Kind, State = ImportRow.Kind, ImportRow.State

MAX_ROWS = 100_000
PREVIEW_BATCH = 1000
BATCH = 500
MAX_TRIES = 3
# The brake looks back over this time, so that small files add up.
LOOK_BACK = timedelta(hours=24)
# A column of the template; custom fields follow by their labels.
TEMPLATE = ("email", "firstname", "lastname", "enabled", "groups")

# In the order of their ids, as everywhere.
_LOCK = """
SELECT FROM users_membership WHERE portal_id = %(portal)s AND id = ANY(%(ids)s::bigint[])
ORDER BY id FOR NO KEY UPDATE
"""

_APPLIED = """
UPDATE users_importrow AS r SET state = 'applied', applied_at = %(now)s::timestamptz,
    membership_id = coalesce(done.membership_id, r.membership_id)
FROM jsonb_to_recordset(%(rows)s::jsonb) AS done (id bigint, membership_id bigint)
WHERE r.id = done.id
"""

_ROWS = "users_importrow (job_id, line, email, kind, state, membership_id, entry, before, after, problems)"


@dataclass(frozen=True, slots=True)
class Layout:
    """An uploaded file: which heading holds which column, the headings that mean nothing, and the rows to come."""

    columns: dict[str, str]
    ignored: list[str]
    rows: Iterator[Row]

    def entry(self, row: Row) -> dict[str, str]:
        """Return the cells that mean something, by column."""
        return {name: row.cells[heading] for heading, name in self.columns.items() if heading in row.cells}


def layout(portal: Portal, file: IO[bytes] | File[bytes], *, separator: str = "") -> Layout:
    """Return how a file is to be read. Raises Unreadable, here or while its rows are read."""
    table: Table = csv_files.table(file, separator=separator)
    labels = {field.label.lower(): field.key for field in import_snapshot.custom_fields(portal)}
    try:
        columns, ignored = import_plan.columns_of(table.headings, labels)
    except ValueError as error:
        raise Unreadable(_("Another column means the same as “%(heading)s”.") % {"heading": error}) from None
    if "email" not in columns.values():
        raise Unreadable(_("There is no column “email”. The first line must hold the headings."))
    return Layout(columns, ignored, table.rows)


def count_rows(portal: Portal, file: IO[bytes] | File[bytes], *, separator: str = "") -> int:
    """Read the whole file once and return its number of rows. Raises Unreadable."""
    number = sum(1 for _row in layout(portal, file, separator=separator).rows)
    if number == 0:
        raise Unreadable(_("The file has headings but no people."))
    if number > MAX_ROWS:
        raise Unreadable(_("The file has more than %(number)d rows. Split it in several.") % {"number": MAX_ROWS})
    return number


def template(portal: Portal) -> list[str]:
    """Return the headings of a file for this portal."""
    return [*TEMPLATE, *(field.label for field in import_snapshot.custom_fields(portal))]


def carry_out(work: Work, *, now: datetime) -> None:
    """Plan the file of a job, or do what was planned. Raises LeaseLost."""
    if work.job.options["phase"] == "apply":
        _apply(work, now)
    else:
        _preview(work, now)


def held(job: BulkJob) -> int:
    """Return how many ends of access wait for a typed approval."""
    return ImportRow.objects.filter(job=job, state=State.HELD).count()


def release(job: BulkJob) -> int:
    """Let the held rows be carried out by the next worker; return how many."""
    return ImportRow.objects.filter(job=job, state=State.HELD).update(state=State.PLANNED)


def _preview(work: Work, now: datetime) -> None:
    """Store what each row would do."""
    job = work.job
    content = b"".join(bulk_jobs.stored(job, Purpose.UPLOAD))
    setting, separator = import_snapshot.setting(job), job.options["separator"]
    lines = _lines_by_address(layout(job.portal, io.BytesIO(content), separator=separator))
    ImportRow.objects.filter(job=job).delete()
    found = layout(job.portal, io.BytesIO(content), separator=separator)
    done, failed = 0, 0
    supply = seats.estimate(job.portal, now=now)
    for rows in _batches(found.rows):
        with transaction.atomic():
            failed += _store_plans(job, setting, found, rows, lines, supply=supply)
            done += len(rows)
            work.note(done=done, failed=failed)
    if _must_be_held(job, now):
        ImportRow.objects.filter(job=job, kind=Kind.END_ACCESS).update(state=State.HELD)
    work.finish(BulkJob.State.REVIEW, now=now, counts={"ignored": found.ignored[:50]})


def _lines_by_address(found: Layout) -> dict[str, list[int]]:
    """Return the lines of each address that stands in the file more than once."""
    lines: dict[str, list[int]] = {}
    for row in found.rows:
        if address := found.entry(row).get("email", "").lower():
            lines.setdefault(address, []).append(row.line)
    return {address: found for address, found in lines.items() if len(found) > 1}


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == PREVIEW_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _store_plans(
    job: BulkJob,
    setting: Setting,
    found: Layout,
    rows: Sequence[Row],
    lines: Mapping[str, list[int]],
    *,
    supply: seats.Supply,
) -> int:
    """Plan a batch and store it; return how many rows have errors."""
    entries = [found.entry(row) for row in rows]
    known = import_snapshot.known(job.portal, entries)
    records, failed = [], 0
    for row, entry in zip(rows, entries, strict=True):
        address = entry.get("email", "").lower()
        if row.is_misshapen:
            planned = Planned("error", problems=[["misshapen", "", ""]])
        elif address in lines:
            others = ", ".join(str(line) for line in lines[address][:10])
            planned = Planned("error", problems=[["duplicate", "", others]])
        else:
            planned = _seated(import_plan.plan(entry, known.get(address), setting), supply)
        failed += planned.kind == Kind.ERROR
        records.append(_record(job, row.line, entry, planned))
    statements.copy(_ROWS, records)
    return failed


def _seated(planned: Planned, supply: seats.Supply) -> Planned:
    """Return the plan of a row, or why it does nothing when no seat is left for the person."""
    if planned.after.get("status") != Membership.Status.ACTIVE or supply.take():
        return planned
    return Planned("skip", membership_id=planned.membership_id, problems=[["no_seat", "", ""]])


def _record(job: BulkJob, line: int, entry: Entry, planned: Planned) -> tuple[Any, ...]:
    state = State.PLANNED if planned.after else State.NOTHING
    # A row with an error is never carried out, and its cells may be of any length.
    kept = {} if planned.kind == Kind.ERROR else dict(entry)
    return (
        job.pk,
        line,
        entry.get("email", "")[:300],
        planned.kind,
        state.value,
        planned.membership_id,
        _json(kept),
        _json(planned.before),
        _json(planned.after),
        _json(planned.problems),
    )


def _must_be_held(job: BulkJob, now: datetime) -> bool:
    """Whether the ends of access of this file must be approved by typing their number."""
    planned = ImportRow.objects.filter(job=job, kind=Kind.END_ACCESS, state=State.PLANNED).count()
    lately = (
        ImportRow.objects.filter(job__portal=job.portal, kind=Kind.END_ACCESS, applied_at__gt=now - LOOK_BACK)
        .exclude(job__options__has_key="endings_approved")
        .count()
    )
    learners = Membership.objects.learners().filter(portal=job.portal).exclude(status=Membership.Status.ENDED)
    return brake.too_many(planned=planned, lately=lately, linked=learners.count() + lately)


def _apply(work: Work, now: datetime) -> None:
    """Do what was planned, batch by batch; what changed since the preview is refused and listed."""
    job = work.job
    planned = ImportRow.objects.filter(job=job, state=State.PLANNED)
    if not job.options.get("endings_approved") and _must_be_held(job, now):
        planned.filter(kind=Kind.END_ACCESS).update(state=State.HELD)
    settled = ImportRow.objects.filter(job=job, state__in=[State.APPLIED, State.REFUSED]).count()
    work.note(total=settled + planned.count(), done=settled)
    while batch := _one_batch(work, now):
        settled += batch
        work.note(done=settled)
    outcome = ImportRow.objects.filter(job=job).values_list("state").annotate(number=Count("pk"))
    counts = {**job.counts, **dict(outcome)}
    work.finish(BulkJob.State.DONE, now=now, counts=counts, failed=counts.get(State.REFUSED.value, 0))


def _one_batch(work: Work, now: datetime) -> int:
    """Carry out the next rows in one transaction; return how many, 0 at the end."""
    for attempt in range(1, MAX_TRIES + 1):
        try:
            with transaction.atomic():
                # First, so that of two workers the one without the lease stops here.
                work.note()
                rows = list(
                    ImportRow.objects.select_for_update()
                    .filter(job=work.job, state=State.PLANNED)
                    .order_by("line")[:BATCH]
                )
                if rows:
                    _write(work.job, rows, now)
                return len(rows)
        except IntegrityError:
            # Somebody came in by another way between the look and the writing: the next look sees them.
            if attempt == MAX_TRIES:
                raise
    raise AssertionError


def _write(job: BulkJob, rows: Sequence[ImportRow], now: datetime) -> None:
    portal = job.portal
    setting, supply = import_snapshot.setting(job), seats.supply(portal, now=now)
    members = statements.integers(row.membership_id for row in rows if row.membership_id)
    statements.rows(_LOCK, {"portal": portal.pk, "ids": members})
    known = import_snapshot.known(portal, [row.entry for row in rows])
    plans: dict[int, Planned] = {}
    refused = []
    for row in rows:
        planned = _seated(import_plan.plan(row.entry, known.get(row.email.lower()), setting), supply)
        if (planned.kind, planned.before, planned.after) == (row.kind, row.before, row.after):
            plans[row.pk] = planned
        else:
            refused.append(row.pk)
    ImportRow.objects.filter(pk__in=refused).update(state=State.REFUSED)
    added = Writer(job, now).write(plans)
    done = [{"id": pk, "membership_id": added.get(str(pk))} for pk in plans]
    statements.rows(_APPLIED, {"rows": _json(done), "now": now})


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def counts_by_kind(job: BulkJob) -> Counter[tuple[str, str]]:
    """Return the number of rows by kind and state."""
    rows = ImportRow.objects.filter(job=job).values_list("kind", "state").annotate(number=Count("pk"))
    return Counter({(kind, state): number for kind, state, number in rows})
