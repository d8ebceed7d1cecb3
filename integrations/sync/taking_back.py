"""Carry an undo out: the lines of a run from the last to the first, in batches with checkpoints.

What somebody has changed since stays and is listed. Each line is taken back once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import transaction
from django.utils.translation import gettext as _

from integrations.engine import rejections
from integrations.engine.changes import Kind, Reason
from integrations.models import ExternalIdentity, PlannedChange, SyncRun
from integrations.sync import undo
from integrations.sync.apply import retried
from integrations.sync.batches import Context
from integrations.sync.leases import Lease
from integrations.sync.progress import Progress
from integrations.sync.undo import ADDITIONS
from portals import statements
from users import provisioning, reversal
from users.models import Membership
from users.provisioning import Cause, Ending
from users.reversal import Reversal
from users.traces import TakenBack

BATCH = 100
State = PlannedChange.State

_FORGET = """
UPDATE integrations_externalidentity AS i SET
    rejected = r.rejected, due_on = NULL,
    membership_id = CASE WHEN r.is_unlinked THEN NULL ELSE i.membership_id END,
    state = CASE WHEN r.is_unlinked THEN 'skipped' ELSE i.state END,
    reason = CASE WHEN r.is_unlinked THEN %(undone)s::text ELSE i.reason END
FROM jsonb_to_recordset(%(rows)s::text::jsonb) AS r(id bigint, rejected jsonb, is_unlinked boolean)
WHERE i.id = r.id
"""


@dataclass(frozen=True, slots=True)
class _Told:
    """One thing that came of a line."""

    row: PlannedChange
    parts: Mapping[str, tuple[Any, Any]]
    reason: str = ""
    is_left: bool = False


def carry_out(context: Context, run: SyncRun, lease: Lease, state: Progress) -> bool:
    """Take back the next lines of the run's origin; whether there were any. Raises LeaseLost."""
    origin = run.origin
    if origin is None:
        return False
    lines = undo.lines_of(origin, SyncRun.Trigger(run.trigger)).order_by("-pk")
    if state.after_identity:
        lines = lines.filter(pk__lt=state.after_identity)
    rows = list(lines[:BATCH])
    if not rows:
        return False
    before = state.copy()

    def write() -> None:
        # A transaction that fails at its commit is tried again: count from where it began.
        state.reset(before)
        with transaction.atomic():
            _take_back(context, origin, run, rows, state)
            state.save(lease)

    try:
        retried(write)
    except BaseException:
        state.reset(before)
        raise
    return True


def _take_back(
    context: Context, origin: SyncRun, run: SyncRun, rows: Sequence[PlannedChange], state: Progress
) -> None:
    """Take the lines back, remember that nobody wants them again, and count."""
    reason = _("Run %(number)s was undone.") % {"number": origin.pk}
    cause = Cause(actor_id=run.requested_by_id, run_id=run.pk, reason=reason)
    reversals = [Reversal(row.pk, row.membership_id, row.trace) for row in rows if row.membership_id and row.trace]
    back = reversal.take_back(portal=context.connection.portal, reversals=reversals, cause=cause, now=context.now)
    told = [one for row in rows if row.pk in back.done for one in _told(row, back.done[row.pk], back.without_seat)]
    told += _take_additions_back(context, origin, rows, cause)
    told += [_Told(row, {}, Reason.UNLINKED_AGAIN) for row in rows if row.kind == Kind.LINK]
    reached = {one.row.pk for one in told} | back.done.keys()
    told += [_Told(row, {}, Reason.CHANGED_SINCE, is_left=True) for row in rows if row.pk not in reached]
    _reject(context, told)
    _keep(run, rows, told)
    state.totals["undo"] += len({one.row.pk for one in told if not one.is_left})
    state.totals["skipped"] += sum(one.is_left for one in told)
    state.after_identity = rows[-1].pk


def _told(row: PlannedChange, done: TakenBack, without_seat: set[int]) -> list[_Told]:
    """Return what was taken back of a line, and apart from that what was left and why."""
    found = []
    if done.taken:
        found.append(_Told(row, done.taken))
    mails = {name: values for name, values in done.left.items() if name.startswith("mail.")}
    others = {name: values for name, values in done.left.items() if name not in mails}
    if others:
        reason = Reason.NO_SEAT if row.membership_id in without_seat and "state" in others else Reason.CHANGED_SINCE
        found.append(_Told(row, others, reason, is_left=True))
    if any(then is None and now["times_sent"] for now, then in mails.values()):
        found.append(_Told(row, {}, Reason.MAIL_WAS_SENT, is_left=True))
    return found


def _take_additions_back(
    context: Context, origin: SyncRun, rows: Sequence[PlannedChange], cause: Cause
) -> list[_Told]:
    """Remove those who were added and to whom nothing has happened; end the access of the others."""
    added = {row.membership_id: row for row in rows if row.kind in ADDITIONS and row.membership_id}
    if not added:
        return []
    portal = context.connection.portal
    accounts = reversal.untouched(portal=portal, membership_ids=list(added), run_ids=undo.own_runs(origin), locks=True)
    reversal.remove(portal=portal, accounts=accounts, cause=cause, now=context.now)
    others = Membership.objects.filter(portal=portal, pk__in=added.keys() - accounts.keys())
    staying = list(others.filter(role=Membership.Role.LEARNER).order_by("pk").values_list("pk", flat=True))
    endings = [Ending(pk, None) for pk in staying]
    provisioning.end_access(portal=portal, endings=endings, by="admin", cause=cause, now=context.now)
    told = [_Told(added[pk], {}, Reason.REMOVED_AGAIN) for pk in accounts]
    return told + [_Told(added[pk], {}, Reason.ENDED_INSTEAD) for pk in staying]


def _reject(context: Context, told: Sequence[_Told]) -> None:
    """Keep the next sync from doing the same again, and unlink those whom the run had linked."""
    rows = [one for one in told if not one.is_left and one.reason != Reason.ENDED_INSTEAD]
    known = ExternalIdentity.objects.filter(
        connection=context.connection, external_id__in={one.row.external_id for one in rows}
    )
    identities = {one.external_id: one for one in known.only("external_id", "rejected", "membership_id")}
    said: dict[int, dict[str, Any]] = {}
    for one in rows:
        identity = identities.get(one.row.external_id)
        values = _unwanted(one.row, one.parts)
        if identity is None or values is None:
            continue
        new = rejections.rejection(one.row.kind, membership_id=one.row.membership_id, after=values)
        entry = said.setdefault(identity.pk, {"rejected": identity.rejected, "is_unlinked": False})
        entry["rejected"] = rejections.merged(entry["rejected"], new)
        is_ours = identity.membership_id in (None, one.row.membership_id)
        entry["is_unlinked"] |= is_ours and one.row.kind in (*ADDITIONS, Kind.LINK)
    if said:
        found = [{"id": pk, **entry} for pk, entry in said.items()]
        parameters = {"rows": msgspec.json.encode(found).decode(), "undone": Reason.UNDONE.value}
        statements.rows(_FORGET, parameters)


def _unwanted(row: PlannedChange, parts: Mapping[str, tuple[Any, Any]]) -> dict[str, Any] | None:
    """Return what the line wrote as far as it was taken back, None when that is nothing that a sync decides on."""
    if row.kind in (*ADDITIONS, Kind.LINK):
        return dict(row.after)
    if row.kind not in (Kind.UPDATE, Kind.CLEAR):
        needed = "email" if row.kind == Kind.CHANGE_EMAIL else "state"
        return dict(row.after) if needed in parts else None
    values = {name: row.after[name] for name in ("first_name", "last_name") if name in parts and name in row.after}
    if "state" in parts:
        values |= {name: row.after[name] for name in ("status", "last_day") if name in row.after}
    custom = {key: value for key, value in row.after.get("custom_data", {}).items() if f"value.{key}" in parts}
    return {**values, **({"custom_data": custom} if custom else {})} or None


def _keep(run: SyncRun, rows: Sequence[PlannedChange], told: Sequence[_Told]) -> None:
    """Mark the lines, and list what was taken back and what was left."""
    undone = {one.row.pk for one in told if not one.is_left}
    PlannedChange.objects.filter(pk__in=undone).update(state=State.UNDONE)
    order = {row.pk: place for place, row in enumerate(rows)}
    lines = [_line(run, one) for one in sorted(told, key=lambda one: order[one.row.pk])]
    PlannedChange.objects.bulk_create(lines)


def _line(run: SyncRun, one: _Told) -> PlannedChange:
    before, after = reversal.told_of(one.parts)
    return PlannedChange(
        run=run,
        external_id=one.row.external_id,
        person=one.row.person,
        membership_id=one.row.membership_id,
        kind=Kind.UNDO,
        reason=one.reason,
        state=State.SKIPPED if one.is_left else State.APPLIED,
        before=before,
        after=after,
        consequences=None if one.is_left else _consequences(one.parts),
    )


def _consequences(parts: Mapping[str, tuple[Any, Any]]) -> dict[str, list[int]] | None:
    """Return the groups and courses that came or went, as a preview tells them."""
    found: dict[str, list[int]] = {}
    for name, (now, then) in parts.items():
        kind, _separator, key = name.partition(".")
        words = {"group": ("joins", "leaves"), "course": ("enrolls", "unenrolls")}.get(kind)
        if words and (now is None or then is None):
            found.setdefault(words[0] if now is None else words[1], []).append(int(key))
    return found or None
