"""Answer what a run holds or a preview proposes: approve, reject, apply; whole, by kind, or line by line.

An answer names the plan by its hash, so that it is about what the admin has seen, and it lapses after a day.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from integrations.engine.changes import RISKY
from integrations.engine.guard import is_drastic
from integrations.models import Connection, PlannedChange, SyncRun
from integrations.sync import leases, removals
from portals import statements
from users import audit
from users.models import User

# After this time a plan no longer tells what is true now.
LIFETIME = timedelta(hours=24)
State = PlannedChange.State

_HASH = """
SELECT coalesce(md5(string_agg(
    md5(concat_ws('|', id, kind, external_id, before::text, after::text)), '' ORDER BY id)), '')
FROM integrations_plannedchange
WHERE run_id = %(run)s::bigint AND (state = 'held' OR %(whole)s::boolean AND kind <> 'skip')
"""

# What was rejected is remembered with the person, by kind.
_REMEMBER = """
UPDATE integrations_externalidentity AS i
SET due_on = NULL, rejected = coalesce(i.rejected, '{}') || said.changes
FROM (
    SELECT external_id, jsonb_object_agg(kind, after) AS changes
    FROM integrations_plannedchange WHERE id = ANY (%(ids)s::bigint[]) GROUP BY external_id
) AS said
WHERE i.connection_id = %(connection)s::bigint AND i.external_id = said.external_id
"""


class NothingHeld(Exception):
    """Nothing of the run may still be answered: it is too old, or a newer run took its place."""


class PlanChanged(Exception):
    """What waits is not what the admin has seen."""


def plan_hash(run: SyncRun) -> str:
    """Return a digest of the lines that wait for an answer, empty when there are none."""
    return str(statements.rows(_HASH, {"run": run.pk, "whole": run.is_preview})[0][0])


def held_changes(run: SyncRun, now: datetime) -> int:
    """Return how many of the run's changes wait for an answer; none once it is out of date."""
    return run.changes.filter(state=State.HELD).count() if may_be_answered(run, now) else 0


def waiting_run(connection: Connection, now: datetime) -> SyncRun | None:
    """Return the latest run whose held changes wait for an answer; runs of single people may have come after it."""
    lately = connection.runs.filter(created_at__gte=now - LIFETIME, changes__state=State.HELD).distinct()
    return next((run for run in lately.order_by("-created_at") if may_be_answered(run, now)), None)


def may_be_answered(run: SyncRun, now: datetime) -> bool:
    """Whether what the run holds, if anything, still waits for an answer."""
    return not run.is_preview and not _is_outdated(run, now)


def can_be_applied(preview: SyncRun, now: datetime) -> bool:
    """Whether a preview may still be applied: it is whole, of today, nothing was synced since, and it was not yet."""
    is_done = preview.is_preview and preview.state == SyncRun.State.COMPLETED and preview.plan_hash
    return bool(is_done) and not _is_outdated(preview, now) and not preview.followers.exists()


def is_drastic_to_end(run: SyncRun, people: int) -> bool:
    """Whether ending access for so many must be confirmed by typing."""
    return is_drastic(planned=people, linked=removals.linked_with_access(run.connection))


def approve(
    *, run: SyncRun, user: User | None, now: datetime, seen: str = "", lines: Collection[int] | None = None
) -> SyncRun:
    """Return a queued run that carries out the held changes, or those of them that `lines` names.

    `seen` is the hash of the plan that was looked at; empty means whatever is held. Raises NothingHeld, PlanChanged or
    leases.Refused.
    """
    with transaction.atomic():
        waiting = _waiting(run, now, seen, lines)
        count = waiting.count()
        approved = leases.claim(connection=run.connection, trigger=SyncRun.Trigger.APPROVAL, user=user, now=now)
        approved.policy, approved.cursor, approved.origin = run.policy, {"phase": "end"}, run
        approved.save(update_fields=["policy", "cursor", "origin"])
        waiting.update(run=approved, state=State.PLANNED, reason="")
        _close(run, "removals_approved", count, user)
    return approved


def reject(
    *, run: SyncRun, user: User | None, now: datetime, seen: str = "", lines: Collection[int] | None = None
) -> int:
    """Reject held changes and return how many; they are proposed again only when the source says something else.

    Raises NothingHeld or PlanChanged.
    """
    with transaction.atomic():
        waiting = _waiting(run, now, seen, lines)
        ids = list(waiting.values_list("pk", flat=True))
        parameters = {"ids": statements.integers(ids), "connection": run.connection_id}
        statements.rows(_REMEMBER, parameters)
        run.changes.filter(pk__in=ids).update(state=State.REJECTED)
        _close(run, "removals_rejected", len(ids), user)
    return len(ids)


def apply_preview(*, preview: SyncRun, user: User | None, now: datetime, seen: str = "") -> SyncRun:
    """Return a queued run that does what a preview said, as far as it is still true.

    Raises NothingHeld, PlanChanged or leases.Refused.
    """
    with transaction.atomic():
        # Two admins who apply it at once: the second finds that it was applied.
        SyncRun.objects.select_for_update().get(pk=preview.pk)
        if not can_be_applied(preview, now):
            raise NothingHeld
        if seen and seen != preview.plan_hash:
            raise PlanChanged
        run = leases.claim(connection=preview.connection, trigger=SyncRun.Trigger.PLAN, user=user, now=now)
        run.policy, run.cursor, run.origin = preview.policy, {"phase": "agreed"}, preview
        run.save(update_fields=["policy", "cursor", "origin"])
        audit.record(portal=run.connection.portal, action="preview_applied", object=preview, actor=user)
    return run


def _waiting(
    run: SyncRun, now: datetime, seen: str, lines: Collection[int] | None
) -> QuerySet[PlannedChange, PlannedChange]:
    # Two admins who answer at once: the second finds less.
    SyncRun.objects.select_for_update().get(pk=run.pk)
    if not held_changes(run, now):
        raise NothingHeld
    if seen and seen != plan_hash(run):
        raise PlanChanged
    waiting = run.changes.filter(state=State.HELD, kind__in=RISKY)
    if lines is not None:
        waiting = waiting.filter(pk__in=lines)
    if not waiting.exists():
        raise NothingHeld
    return waiting


def _is_outdated(run: SyncRun, now: datetime) -> bool:
    """Whether the run still works, is more than a day old, or a newer one has looked at everyone."""
    newer = SyncRun.objects.filter(
        connection=run.connection_id, pk__gt=run.pk, trigger__in=(*SyncRun.WHOLE, SyncRun.Trigger.PLAN)
    )
    return run.is_live or run.created_at < now - LIFETIME or newer.exists()


def _close(run: SyncRun, action: str, count: int, user: User | None) -> None:
    SyncRun.objects.filter(pk=run.pk).update(plan_hash=plan_hash(run))
    after: dict[str, Any] = {"people": count, "plan": run.plan_hash}
    audit.record(portal=run.connection.portal, action=action, object=run, after=after, actor=user)
