"""The people of a preview, read back to be brought in line just as it said."""

from __future__ import annotations

import msgspec

from integrations.engine.changes import Change, Kind, Reason
from integrations.engine.records import Flaw, Person, digest
from integrations.models import PlannedChange, SyncRun
from integrations.sync import snapshot
from integrations.sync.batches import Batch, Context

# Lines of one person at most: an update, a new address, cleared values, ended access.
LINES_EACH = 4


def next_batch(context: Context, run: SyncRun, *, after: int, limit: int) -> tuple[Batch, int] | None:
    """Return the next people of the run's preview with what was agreed on, and the last line; None at the end."""
    lines = (
        PlannedChange.objects.filter(run_id=run.origin_id, pk__gt=after, source__isnull=False)
        .exclude(kind=Kind.SKIP)
        .order_by("pk")
    )
    rows = list(lines[: limit + LINES_EACH])
    if len(rows) > limit:
        # A person's lines stay together: the last one's may go on.
        while rows[-1].external_id == rows[-2].external_id:
            rows.pop()
        rows.pop()
    if not rows:
        return None
    people = {row.external_id: msgspec.convert(row.source, Person) for row in rows}
    agreed: dict[str, list[Change]] = {}
    for row in rows:
        agreed.setdefault(row.external_id, []).append(_change(row))
    batch = Batch(
        people=list(people.values()),
        identities=snapshot.known(context.connection, list(people)),
        digests={key: digest(person, context.policy.version) for key, person in people.items()},
        agreed=agreed,
    )
    return batch, rows[-1].pk


def _change(row: PlannedChange) -> Change:
    return Change(
        kind=Kind(row.kind),
        key=row.external_id,
        membership_id=row.membership_id,
        reason=Reason(row.reason) if row.reason else None,
        before=row.before,
        after=row.after,
        flaws=tuple(Flaw(*parts) for parts in row.warnings),
    )
