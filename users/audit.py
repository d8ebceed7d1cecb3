"""Write the audit trail, in the transaction of the change that it tells of."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from portals import statements
from portals.addresses import address_of
from portals.models import Portal
from users.models import AuditEntry, User


def entry(
    *,
    portal_id: int | None,
    action: str,
    object: Model,  # noqa: A002
    at: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> AuditEntry:
    """Return an unsaved row about one object, for callers that write many at once."""
    return AuditEntry(
        portal_id=portal_id,
        at=at,
        action=action,
        object_type=object._meta.label_lower,
        object_id=object.pk,
        before=before or {},
        after=after or {},
        reason=reason,
    )


def record(
    *,
    portal: Portal | None,
    action: str,
    object: Model,  # noqa: A002
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
    request: HttpRequest | None = None,
    actor: User | None = None,
) -> AuditEntry:
    """Add one row; the request says who did it, and from where, unless `actor` names someone else."""
    row = entry(
        portal_id=portal.pk if portal else None,
        action=action,
        object=object,
        at=timezone.now(),
        before=before,
        after=after,
        reason=reason,
    )
    if request is not None:
        row.address = address_of(request)
        actor = actor or (request.user if request.user.is_authenticated else None)
    row.actor_id = actor.pk if actor else None
    row.save(force_insert=True)
    return row


@contextmanager
def erasing() -> Iterator[None]:
    """Let this transaction change the trail, which the database refuses otherwise: to forget a name, or by age."""
    statements.rows("SELECT set_config('rollcall.audit', 'erasing', true)")
    yield
    statements.rows("SELECT set_config('rollcall.audit', '', true)")


def forget_older(*, than: datetime, batch: int = 10_000) -> int:
    """Delete the entries from before an instant, a batch per transaction; return how many."""
    deleted = 0
    while True:
        oldest = AuditEntry.objects.filter(at__lt=than).order_by().values("pk")[:batch]
        with transaction.atomic(), erasing():
            count, _ = AuditEntry.objects.filter(pk__in=oldest).delete()
        deleted += count
        if count < batch:
            return deleted
