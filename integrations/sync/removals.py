"""The last phase of a run: carry out what takes something away, unless the brake holds it.

Ended access, changed addresses and cleared values wait until everyone was read, so that each kind is judged whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet

from integrations.engine.changes import RISKY, Change, Kind, Reason
from integrations.engine.guard import too_many
from integrations.models import Connection, ExternalIdentity, PlannedChange, SafetySettings, SyncRun
from integrations.sync import ledger, provision
from integrations.sync.apply import retried
from integrations.sync.batches import Context
from integrations.sync.leases import Lease
from integrations.sync.progress import Progress
from portals import statements
from users import provisioning, traces
from users.models import Membership
from users.provisioning import Cause, Ending

BATCH = 100
# The brake looks back over this time, so that small removals add up.
LOOK_BACK = timedelta(hours=24)
State = PlannedChange.State

_PLAN_MISSING = """
INSERT INTO integrations_plannedchange (
    run_id, external_id, person, membership_id, kind, reason, state, before, after, warnings)
SELECT %(run)s, i.external_id,
    left(trim(concat_ws(' ', u.first_name, u.last_name)) || ' <' || u.email || '>', 330), m.id,
    'end_access', 'missing', 'planned', jsonb_build_object('last_day', m.last_day),
    jsonb_build_object('last_day', NULL), '[]'
FROM integrations_externalidentity AS i
JOIN users_membership AS m ON m.id = i.membership_id AND m.status <> 'ended' AND m.role = 'learner'
JOIN users_user AS u ON u.id = m.user_id
WHERE i.connection_id = %(connection)s AND i.times_missing >= 1 AND NOT i.id <@ %(seen)s::int8multirange
    AND i.rejected -> 'end_access' IS DISTINCT FROM '{"last_day": null}'::jsonb
"""


def settle(context: Context, lease: Lease, state: Progress) -> None:
    """Hold or carry out the run's planned lines, kind by kind. Raises LeaseLost.

    Nothing is taken away after an incomplete read; a changed address takes nothing. A preview only marks what a sync
    would hold.
    """
    # Most runs take nothing away.
    if not PlannedChange.objects.filter(run_id=context.run_id, kind__in=RISKY, state=State.PLANNED).exists():
        return
    # Nothing is taken away by a worker whose run another one has.
    state.save(lease)
    safety = SafetySettings.objects.filter(connection=context.connection).first() or SafetySettings()
    run = SyncRun.objects.only("trigger").get(pk=context.run_id)
    for kind in RISKY:
        planned = _planned(context, kind)
        if run.trigger != SyncRun.Trigger.APPROVAL:
            to_confirm = planned.filter(reason=Reason.ADDRESS_NOT_CONFIRMED)
            state.totals["held"] += to_confirm.update(state=State.HELD)
        if state.doubt and kind is not Kind.CHANGE_EMAIL:
            state.totals["skipped"] += planned.update(state=State.SKIPPED, reason=Reason.READ_INCOMPLETE)
        elif run.trigger != SyncRun.Trigger.APPROVAL and _must_be_held(context, kind, safety):
            state.totals["held"] += planned.update(state=State.HELD, reason=Reason.TOO_MANY_REMOVALS)
        elif context.is_preview:
            state.totals[kind.value] = planned.count()
        else:
            while _carry_out_batch(context, lease, state, kind):
                pass
    state.save(lease)


def plan_missing(context: Context, lease: Lease, state: Progress) -> None:
    """Plan to end the access of people whom two complete reads in a row lacked, where the admin asked for that.

    Raises LeaseLost.
    """
    if state.doubt or not SafetySettings.objects.filter(connection=context.connection, ends_missing=True).exists():
        return
    state.save(lease)
    parameters = {
        "run": context.run_id,
        "connection": context.connection.pk,
        "seen": state.seen.as_multirange(),
    }
    PlannedChange.objects.filter(run_id=context.run_id, reason=Reason.MISSING, state=State.PLANNED).delete()
    statements.rows(_PLAN_MISSING, parameters)


def linked_with_access(connection: Connection) -> int:
    """Return how many linked learners are not ended."""
    linked = ExternalIdentity.objects.filter(connection=connection, membership__isnull=False)
    return linked.exclude(membership__status=Membership.Status.ENDED).count()


def _planned(context: Context, kind: Kind) -> QuerySet[PlannedChange, PlannedChange]:
    return PlannedChange.objects.filter(run_id=context.run_id, kind=kind, state=State.PLANNED)


def _must_be_held(context: Context, kind: Kind, safety: SafetySettings) -> bool:
    """Whether the run's lines of a kind are too many together with those of the last day that nobody approved."""
    planned = _planned(context, kind).count()
    if not planned:
        return False
    lately = PlannedChange.objects.filter(
        run__connection=context.connection, run__created_at__gt=context.now - LOOK_BACK, kind=kind
    )
    done = lately.filter(state=State.APPLIED).exclude(run__trigger=SyncRun.Trigger.APPROVAL)
    # Whoever was ended meanwhile could be concerned, too; a last day that is still to come has ended nobody.
    ended = Membership.objects.filter(pk__in=done.values("membership_id"), status=Membership.Status.ENDED)
    ended_lately = ended.count() if kind is Kind.END_ACCESS else 0
    return too_many(
        planned=planned,
        lately=done.count() + _still_waiting(context, lately),
        linked=linked_with_access(context.connection) + ended_lately,
        many=safety.most_people,
        share=safety.most_percent / 100,
    )


def _still_waiting(context: Context, lately: QuerySet[PlannedChange, PlannedChange]) -> int:
    """Return how many of these lines wait for an answer elsewhere: a run of everyone plans them anew itself."""
    if not context.is_of_single_people:
        return 0
    whole = SyncRun.objects.filter(connection=context.connection, trigger__in=SyncRun.WHOLE)
    newest = whole.aggregate(newest=Max("pk"))["newest"] or 0
    held = lately.filter(state=State.HELD, run_id__gte=newest).exclude(run=context.run_id)
    return held.exclude(run__trigger__in=SyncRun.PREVIEWS).count()


def _carry_out_batch(context: Context, lease: Lease, state: Progress, kind: Kind) -> bool:
    """Carry out the next lines of a kind; whether there were any."""
    rows = list(_planned(context, kind).order_by("membership_id", "pk")[:BATCH])
    if not rows:
        return False
    before = state.copy()
    try:
        retried(lambda: _write(context, lease, state, kind, rows))
    except IntegrityError:
        # An address was taken meanwhile: whose it was is found by taking them one by one.
        state.reset(before)
        for row in rows:
            _write_alone(context, lease, state, kind, row)
    except BaseException:
        state.reset(before)
        raise
    return True


def _write_alone(context: Context, lease: Lease, state: Progress, kind: Kind, row: PlannedChange) -> None:
    before = state.copy()
    try:
        _write(context, lease, state, kind, [row])
    except IntegrityError:
        state.reset(before)
        PlannedChange.objects.filter(pk=row.pk).update(state=State.FAILED, reason=Reason.COULD_NOT_BE_SAVED)
        state.totals["failed"] += 1


def _write(context: Context, lease: Lease, state: Progress, kind: Kind, rows: Sequence[PlannedChange]) -> None:
    with transaction.atomic():
        current, outdated = _sorted_out(context, kind, rows)
        ids = [row.membership_id for row in current if row.membership_id]
        before = traces.images(ids)
        if kind is Kind.END_ACCESS:
            _end(context, current)
        elif current:
            state.totals.update(provision.take_away(context, [_change(row) for row in current]))
        found = traces.differences(before, traces.images(ids))
        ledger.keep_traces({row.pk: found[row.membership_id] for row in current if row.membership_id in found})
        _note(current, state=State.APPLIED, reason="")
        _note(outdated, state=State.SKIPPED, reason=Reason.CHANGED_SINCE)
        keys = [row.external_id for row in rows]
        ExternalIdentity.objects.filter(connection=context.connection, external_id__in=keys).update(due_on=None)
        state.totals[kind.value] += len(current)
        state.totals["skipped"] += len(outdated)
        state.save(lease)


def _sorted_out(
    context: Context, kind: Kind, rows: Sequence[PlannedChange]
) -> tuple[list[PlannedChange], list[PlannedChange]]:
    """Return the lines that are still true of their learner, and those that are not."""
    ids = [row.membership_id for row in rows]
    people = Membership.objects.select_related("user").select_for_update(of=("self",)).order_by("pk")
    learners = people.filter(portal=context.connection.portal_id).in_bulk(ids)
    current = [row for row in rows if _is_true(row, kind, learners.get(row.membership_id))]
    return current, [row for row in rows if row not in current]


def _is_true(row: PlannedChange, kind: Kind, learner: Membership | None) -> bool:
    if learner is None:
        return False
    if kind is Kind.CLEAR:
        cleared = row.before["custom_data"]
        pinned = learner.pinned_keys
        return all(learner.custom_data.get(key) == value and key not in pinned for key, value in cleared.items())
    if learner.role != Membership.Role.LEARNER:
        return False
    return kind is Kind.END_ACCESS or learner.user.email == row.before["email"]


def _end(context: Context, rows: Sequence[PlannedChange]) -> None:
    provisioning.end_access(
        portal=context.connection.portal,
        endings=[Ending(row.membership_id or 0, _day(row.after.get("last_day"))) for row in rows],
        by=context.policy.provider,
        cause=Cause(run_id=context.run_id),
        now=context.now,
    )


def _change(row: PlannedChange) -> Change:
    return Change(
        kind=Kind(row.kind),
        key=row.external_id,
        membership_id=row.membership_id,
        before=row.before,
        after=row.after,
    )


def _note(rows: Sequence[PlannedChange], *, state: str, reason: str) -> None:
    if rows:
        PlannedChange.objects.filter(pk__in=[row.pk for row in rows]).update(state=state, reason=reason)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
