"""Who gets one of a portal's last seats: a sync lets in as many people as there is room for, and names the others."""

from __future__ import annotations

from collections.abc import Sequence

from integrations.engine.changes import Change, Kind, Reason
from integrations.models import PlannedChange
from integrations.sync.batches import Context
from users import seats


def seated(context: Context, changes: Sequence[Change]) -> list[Change]:
    """Return the changes for which there are seats, and for everybody else why nothing changes for them.

    Those are looked at again by the next run, whatever the source says of them.
    """
    portal = context.connection.portal
    if portal.seats is None or not any(_lets_in(change) for change in changes):
        return list(changes)
    supply = _supply(context)
    kept: list[Change] = []
    left_out: set[str] = set()
    for change in changes:
        if change.key in left_out:
            continue
        if _lets_in(change) and not supply.take():
            left_out.add(change.key)
            kept.append(_no_seat(context, change))
        else:
            kept.append(change)
    return kept


def _supply(context: Context) -> seats.Supply:
    """Return the seats that are left; to a preview also those of its earlier batches are taken."""
    portal = context.connection.portal
    if not context.is_preview:
        return seats.supply(portal, now=context.now)
    supply = seats.estimate(portal, now=context.now)
    promised = PlannedChange.objects.filter(run=context.run_id, state="planned", after__status="active").count()
    return seats.Supply(None if supply.left is None else max(supply.left - promised, 0))


def _lets_in(change: Change) -> bool:
    return bool(change.after.get("status") == "active")


def _no_seat(context: Context, change: Change) -> Change:
    return Change(
        Kind.SKIP, change.key, membership_id=change.membership_id, reason=Reason.NO_SEAT, due_on=context.today
    )
