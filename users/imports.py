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
from portals.field_types import FieldType, read_choices, reader
from portals.models import CustomField, Group, Portal
from users import bulk_jobs, custom_data, enrollments, grouping, import_plan, provisioning
from users.bulk_jobs import Purpose, Work
from users.import_plan import Entry, Field, Known, Options, Planned, Setting
from users.models import BulkJob, ImportRow, Membership
from users.provisioning import Amendment, Cause, Ending, Newcomer

Kind, State = ImportRow.Kind, ImportRow.State

MAX_ROWS = 100_000
PREVIEW_BATCH = 1000
BATCH = 500
MAX_TRIES = 3
# The brake looks back over this time, so that small files add up.
LOOK_BACK = timedelta(hours=24)
# A column of the template; custom fields follow by their labels.
TEMPLATE = ("email", "firstname", "lastname", "enabled", "groups")

_KNOWN = """
SELECT lower(u.email), u.id, u.first_name, u.last_name, m.id, m.role, m.status, m.custom_data::text, (
        SELECT jsonb_object_agg(gm.group_id, gm.origin = 'manual')::text
        FROM users_groupmembership AS gm WHERE gm.membership_id = m.id)
FROM users_user AS u
LEFT JOIN users_membership AS m ON m.user_id = u.id AND m.portal_id = %(portal)s
WHERE u.realm_id = %(realm)s AND lower(u.email) = ANY(%(emails)s::text[])
"""

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
    labels = {field.label.lower(): field.key for field in _custom_fields(portal)}
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
    return [*TEMPLATE, *(field.label for field in _custom_fields(portal))]


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
    setting, separator = _setting(job), job.options["separator"]
    lines = _lines_by_address(layout(job.portal, io.BytesIO(content), separator=separator))
    ImportRow.objects.filter(job=job).delete()
    found = layout(job.portal, io.BytesIO(content), separator=separator)
    done, failed = 0, 0
    for rows in _batches(found.rows):
        with transaction.atomic():
            failed += _store_plans(job, setting, found, rows, lines)
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
    job: BulkJob, setting: Setting, found: Layout, rows: Sequence[Row], lines: Mapping[str, list[int]]
) -> int:
    """Plan a batch and store it; return how many rows have errors."""
    entries = [found.entry(row) for row in rows]
    known = _known(job.portal, entries)
    records, failed = [], 0
    for row, entry in zip(rows, entries, strict=True):
        address = entry.get("email", "").lower()
        if row.is_misshapen:
            planned = Planned("error", problems=[["misshapen", "", ""]])
        elif address in lines:
            others = ", ".join(str(line) for line in lines[address][:10])
            planned = Planned("error", problems=[["duplicate", "", others]])
        else:
            planned = import_plan.plan(entry, known.get(address), setting)
        failed += planned.kind == Kind.ERROR
        records.append(_record(job, row.line, entry, planned))
    statements.copy(_ROWS, records)
    return failed


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
    setting = _setting(job)
    members = statements.integers(row.membership_id for row in rows if row.membership_id)
    statements.rows(_LOCK, {"portal": portal.pk, "ids": members})
    known = _known(portal, [row.entry for row in rows])
    plans: dict[int, Planned] = {}
    refused = []
    for row in rows:
        planned = import_plan.plan(row.entry, known.get(row.email.lower()), setting)
        if (planned.kind, planned.before, planned.after) == (row.kind, row.before, row.after):
            plans[row.pk] = planned
        else:
            refused.append(row.pk)
    ImportRow.objects.filter(pk__in=refused).update(state=State.REFUSED)
    added = _Writer(job, setting, now).write(plans)
    done = [{"id": pk, "membership_id": added.get(str(pk))} for pk in plans]
    statements.rows(_APPLIED, {"rows": _json(done), "now": now})


class _Writer:
    """Hands the plans of one batch to the use-cases."""

    def __init__(self, job: BulkJob, setting: Setting, now: datetime) -> None:
        self.job, self.portal, self.setting, self.now = job, job.portal, setting, now
        self.cause = Cause(actor_id=job.requested_by_id, reason="users_file")

    def write(self, plans: Mapping[int, Planned]) -> dict[str, int]:
        """Write everything; return the new memberships by the rows' ids as text."""
        added = self._add({pk: one for pk, one in plans.items() if one.kind in (Kind.ADD, Kind.INVITE)})
        updates = [one for one in plans.values() if one.kind == Kind.UPDATE]
        self._amend(updates)
        self._end([one for one in plans.values() if one.kind == Kind.END_ACCESS])
        moves = [(added.get(str(pk), one.membership_id or 0), one) for pk, one in plans.items()]
        self._move([(pk, one) for pk, one in moves if "groups" in one.after])
        return added

    def _add(self, plans: Mapping[int, Planned]) -> dict[str, int]:
        rows = [
            {
                "key": str(pk),
                "email": one.after["email"],
                "status": one.after["status"],
                "custom_data": one.after["custom_data"],
            }
            for pk, one in plans.items()
        ]
        groups = grouping.first_groups(portal_id=self.portal.pk, newcomers=rows, now=self.now)
        newcomers = [_newcomer(str(pk), one, groups.get(str(pk), ())) for pk, one in plans.items()]
        added = provisioning.add_learners(
            portal=self.portal, newcomers=newcomers, source=Membership.Source.CSV, cause=self.cause, now=self.now
        )
        pairs = [(added[one.key], group_id) for one in newcomers for group_id in one.rule_groups]
        if pairs:
            members, group_ids = zip(*pairs, strict=True)
            enrollments.enroll_new_members(pairs=(members, group_ids), now=self.now)
        return added

    def _amend(self, plans: Sequence[Planned]) -> None:
        amendments = []
        for one in plans:
            fields = {name: value for name, value in one.after.items() if name != "groups"}
            if fields and one.membership_id:
                before = {name: one.before[name] for name in fields}
                amendments.append(Amendment(one.membership_id, fields, before))
        if amendments:
            provisioning.amend_learners(portal=self.portal, amendments=amendments, cause=self.cause, now=self.now)
            ids = [one.membership_id for one in amendments]
            grouping.regroup(portal_id=self.portal.pk, membership_ids=ids, now=self.now)

    def _end(self, plans: Sequence[Planned]) -> None:
        endings = [Ending(one.membership_id, None) for one in plans if one.membership_id]
        provisioning.end_access(portal=self.portal, endings=endings, by="admin", cause=self.cause, now=self.now)

    def _move(self, moves: Sequence[tuple[int, Planned]]) -> None:
        """Let people join and leave groups, one group at a time."""
        joining: dict[int, list[int]] = {}
        leaving: dict[int, list[int]] = {}
        for membership_id, one in moves:
            before, after = set(one.before.get("groups", ())), set(one.after["groups"])
            for group_id in after - before:
                joining.setdefault(group_id, []).append(membership_id)
            for group_id in before - after:
                leaving.setdefault(group_id, []).append(membership_id)
        groups = Group.objects.in_bulk([*joining, *leaving])
        for group_id, ids in sorted(joining.items()):
            grouping.add_members(group=groups[group_id], membership_ids=ids, now=self.now)
        for group_id, ids in sorted(leaving.items()):
            grouping.remove_members(
                group=groups[group_id],
                membership_ids=ids,
                now=self.now,
                process_unenrollments=bool(self.job.options.get("process_unenrollments")),
            )


def _newcomer(key: str, planned: Planned, rule_groups: Sequence[int]) -> Newcomer:
    after = planned.after
    return Newcomer(
        key=key,
        email=after["email"],
        first_name=after.get("first_name", ""),
        last_name=after.get("last_name", ""),
        status=after["status"],
        custom_data=after["custom_data"],
        user_id=planned.user_id,
        mail=after["mail"],
        rule_groups=rule_groups,
    )


def _custom_fields(portal: Portal) -> list[CustomField]:
    fields = CustomField.objects.offered().filter(portal=portal)
    return list(fields.order_by("position", "pk").prefetch_related("choices"))


def _setting(job: BulkJob) -> Setting:
    portal, chosen = job.portal, job.options
    groups = Group.objects.filter(portal=portal).values_list("title", "pk")
    return Setting(
        options=Options(
            adds_as=chosen["adds_as"],
            mail=chosen["mail"],
            updates=chosen["updates"],
            assigns_groups=chosen["assigns_groups"],
            syncs_groups=chosen["syncs_groups"],
            clears_empty=chosen["clears_empty"],
        ),
        fields=tuple(_field(field) for field in _custom_fields(portal)),
        groups={title.lower(): pk for title, pk in groups},
        may_add_people_known_elsewhere=portal.may_add_people_known_elsewhere,
    )


def _field(field: CustomField) -> Field:
    type_ = FieldType(field.type)
    choices = read_choices([choice.value for choice in field.offered_choices], type_) if type_.is_choice else ()
    read = reader(type_, choices=choices, is_multiple=field.is_multiple)
    return Field(key=field.key, label=field.label, is_required=field.is_required, read=read)


def _known(portal: Portal, entries: Sequence[Entry]) -> dict[str, Known]:
    """Return the accounts of the realm with these addresses, by address: a few queries, however many there are."""
    emails = {entry.get("email", "").lower() for entry in entries}
    found = statements.rows(
        _KNOWN, {"portal": portal.pk, "realm": portal.realm_id, "emails": statements.texts(emails)}
    )
    kept = custom_data.locked_fields_of([row[4] for row in found if row[4]])
    return {row[0]: _known_from(row, kept) for row in found}


def _known_from(row: tuple[Any, ...], kept: Mapping[int, Mapping[str, str]]) -> Known:
    _email, user_id, first_name, last_name, membership_id, role, status, data, groups = row
    by_hand = msgspec.json.decode(groups) if groups else {}
    return Known(
        user_id=user_id,
        first_name=first_name,
        last_name=last_name,
        membership_id=membership_id,
        role=role or "",
        status=status or "",
        custom_data=msgspec.json.decode(data) if data else {},
        groups={int(pk): is_by_hand for pk, is_by_hand in by_hand.items()},
        kept=kept.get(membership_id, {}),
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def counts_by_kind(job: BulkJob) -> Counter[tuple[str, str]]:
    """Return the number of rows by kind and state."""
    rows = ImportRow.objects.filter(job=job).values_list("kind", "state").annotate(number=Count("pk"))
    return Counter({(kind, state): number for kind, state, number in rows})
