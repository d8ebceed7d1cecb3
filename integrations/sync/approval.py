"""Approve or reject the removals that the brake held."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from integrations.engine.changes import Kind
from integrations.models import ExternalIdentity, PlannedChange, SyncRun
from integrations.sync import leases
from users import audit
from users.models import User

# After this time a held plan no longer tells what is true now.
LIFETIME = timedelta(hours=24)


class NothingHeld(Exception):
    """The run has no held changes that may still be answered: it is too old, or a newer run took its place."""


def held_changes(run: SyncRun, now: datetime) -> int:
    """Return how many of the run's changes wait for an answer; none once a newer run finished or a day passed."""
    is_stale = (
        run.is_live
        or run.created_at < now - LIFETIME
        or SyncRun.objects.filter(connection=run.connection_id, pk__gt=run.pk).exists()
    )
    return 0 if is_stale else run.changes.filter(state=PlannedChange.State.HELD).count()


def approve(*, run: SyncRun, user: User | None, now: datetime) -> SyncRun:
    """Return a queued run that ends access for everyone held. Raises NothingHeld or leases.Refused."""
    with transaction.atomic():
        count = held_changes(run, now)
        if not count:
            raise NothingHeld
        approved = leases.claim(connection=run.connection, trigger=SyncRun.Trigger.APPROVAL, user=user, now=now)
        approved.policy, approved.cursor = run.policy, {"phase": "end"}
        approved.save(update_fields=["policy", "cursor"])
        run.changes.filter(state=PlannedChange.State.HELD).update(run=approved, state="planned", reason="")
        _record(run, "removals_approved", count, user)
    return approved


def reject(*, run: SyncRun, user: User | None, now: datetime) -> int:
    """Reject everyone held and return how many; they are proposed again only when their record changes."""
    with transaction.atomic():
        count = held_changes(run, now)
        if not count:
            raise NothingHeld
        held = run.changes.filter(state=PlannedChange.State.HELD, kind=Kind.END_ACCESS)
        ExternalIdentity.objects.filter(connection=run.connection, external_id__in=held.values("external_id")).update(
            due_on=None
        )
        held.update(state=PlannedChange.State.REJECTED)
        _record(run, "removals_rejected", count, user)
    return count


def _record(run: SyncRun, action: str, count: int, user: User | None) -> None:
    audit.record(portal=run.connection.portal, action=action, object=run, after={"people": count}, actor=user)
