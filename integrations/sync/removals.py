"""The last phase of a run: end access for those who left, unless the brake holds them."""

from __future__ import annotations

from datetime import date, timedelta

from django.db import transaction

from integrations.engine.changes import Kind, Reason
from integrations.engine.guard import too_many_removals
from integrations.models import ExternalIdentity, PlannedChange, SyncRun
from integrations.sync.apply import Context
from integrations.sync.leases import Lease
from integrations.sync.progress import Progress
from users import provisioning
from users.models import Membership
from users.provisioning import Cause, Ending

BATCH = 100
# The brake looks back over this time, so that small removals add up.
LOOK_BACK = timedelta(hours=24)


def settle(context: Context, lease: Lease, state: Progress) -> None:
    """Hold or carry out the run's planned endings; they wait for a complete read. Raises LeaseLost."""
    planned = PlannedChange.objects.filter(run_id=context.run_id, kind=Kind.END_ACCESS, state="planned")
    if state.doubt:
        state.totals["skipped"] += planned.update(state="skipped", reason=Reason.READ_INCOMPLETE)
    elif _must_be_held(context):
        state.totals["held"] += planned.update(state="held", reason=Reason.TOO_MANY_REMOVALS)
    else:
        while _end_batch(context, lease, state):
            pass
    state.save(lease)


def _must_be_held(context: Context) -> bool:
    """Whether the endings of this run are too many; those that were approved do not count."""
    run = SyncRun.objects.only("trigger").get(pk=context.run_id)
    if run.trigger == SyncRun.Trigger.APPROVAL:
        return False
    planned = PlannedChange.objects.filter(run_id=context.run_id, kind=Kind.END_ACCESS, state="planned").count()
    if not planned:
        return False
    lately = PlannedChange.objects.filter(
        run__connection=context.connection,
        run__created_at__gt=context.now - LOOK_BACK,
        kind=Kind.END_ACCESS,
        state="applied",
    ).exclude(run__trigger=SyncRun.Trigger.APPROVAL)
    linked = ExternalIdentity.objects.filter(connection=context.connection, membership__isnull=False).exclude(
        membership__status=Membership.Status.ENDED
    )
    ended_lately = lately.count()
    return too_many_removals(planned=planned, lately=ended_lately, linked=linked.count() + ended_lately)


def _end_batch(context: Context, lease: Lease, state: Progress) -> bool:
    """End access for the next batch; whether there was one."""
    with transaction.atomic():
        before = state.copy()
        changes = list(
            PlannedChange.objects.filter(run_id=context.run_id, kind=Kind.END_ACCESS, state="planned").order_by(
                "membership_id"
            )[:BATCH]
        )
        if not changes:
            return False
        provisioning.end_access(
            portal=context.connection.portal,
            endings=[Ending(change.membership_id or 0, _day(change.after.get("last_day"))) for change in changes],
            by=context.policy.provider,
            cause=Cause(run_id=context.run_id),
            now=context.now,
        )
        PlannedChange.objects.filter(pk__in=[change.pk for change in changes]).update(state="applied")
        keys = [change.external_id for change in changes]
        ExternalIdentity.objects.filter(connection=context.connection, external_id__in=keys).update(due_on=None)
        state.totals[Kind.END_ACCESS] += len(changes)
        try:
            state.save(lease)
        except BaseException:
            state.reset(before)
            raise
    return True


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
