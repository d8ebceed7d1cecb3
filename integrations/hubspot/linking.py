"""Link existing learners by e-mail: looked for first, linked when an admin has seen whom it is about; never by itself.

The looking is a run like a preview, and its plan is applied like one (integrations.sync.offers and approval).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from integrations.engine.changes import Reason
from integrations.models import Connection, ExternalIdentity, PlannedChange, SyncRun
from integrations.sync import leases, offers
from users import audit
from users.models import User


@transaction.atomic
def look(*, connection: Connection, user: User | None, now: datetime, request: HttpRequest | None = None) -> SyncRun:
    """Return a queued run that looks for records with learners' addresses; the caller wakes a worker.

    Raises leases.AlreadyRunning or leases.NotConnected.
    """
    run = leases.claim(connection=connection, trigger=SyncRun.Trigger.LINKING, user=user, now=now)
    run.cursor = {"phase": "offers"}
    run.save(update_fields=["cursor"])
    audit.record(portal=connection.portal, action="linking_looked", object=run, actor=user, request=request)
    return run


def latest(connection: Connection) -> SyncRun | None:
    """Return the last run that looked, if there is one."""
    looked = connection.runs.filter(trigger=SyncRun.Trigger.LINKING).select_related("requested_by")
    return looked.order_by("-created_at", "-pk").first()


def without_link(connection: Connection) -> int:
    """Return how many people of the portal are linked with no record."""
    return offers.without_link(connection).count()


def left_out(run: SyncRun) -> Mapping[str, int]:
    """Return why learners cannot be linked, with how many each reason concerns."""
    skipped = run.changes.filter(state=PlannedChange.State.SKIPPED).values_list("reason")
    return dict(skipped.annotate(people=Count("pk")).order_by("-people"))


def merged_apart(connection: Connection) -> QuerySet[ExternalIdentity, ExternalIdentity]:
    """Return the people whose record was merged with another learner's, who have no link since."""
    return connection.identities.filter(reason=Reason.MERGED_RECORD).order_by("pk")


@transaction.atomic
def settle(*, connection: Connection, identity_id: int, request: HttpRequest) -> bool:
    """Take somebody off the list of merged records, and return whether they were on it."""
    identity = merged_apart(connection).filter(pk=identity_id).first()
    if identity is None:
        return False
    audit.record(portal=connection.portal, action="merge_settled", object=connection, request=request)
    identity.delete()
    return True
