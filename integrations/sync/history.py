"""What runs keep of people, and for how long: nothing by which a run could be undone outlives the undo."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from integrations.models import PlannedChange, SyncRun
from integrations.sync import undo

# An undo that began in time still finds what it needs.
GRACE = timedelta(days=1)
# How long a run says what it did with each person, and why not.
LINES_KEPT = timedelta(days=90)


def forget_old(*, now: datetime) -> None:
    """Clear what only an undo or the applying of a preview needs after a month, and delete lines after three.

    The runs stay, with their numbers. Each run is a transaction of its own.
    """
    for run_id in _runs(now - undo.LIFETIME - GRACE, PlannedChange.objects.filter(_bulky())):
        PlannedChange.objects.filter(_bulky(), run=run_id).update(trace=None, source=None)
    for run_id in _runs(now - LINES_KEPT, PlannedChange.objects.all()):
        PlannedChange.objects.filter(run=run_id).delete()


def keeps_lines(run: SyncRun, now: datetime) -> bool:
    """Whether a run still says what it did with each person."""
    return run.created_at >= now - LINES_KEPT


def _bulky() -> Q:
    return Q(trace__isnull=False) | Q(source__isnull=False)


def _runs(before: datetime, lines: QuerySet[PlannedChange, PlannedChange]) -> list[int]:
    """Return the runs that began before a moment and have such lines, except while one is at work with them."""
    at_work = SyncRun.objects.filter(origin=OuterRef("pk"), state__in=SyncRun.LIVE)
    old = SyncRun.objects.filter(created_at__lt=before).exclude(state__in=SyncRun.LIVE)
    found = old.filter(~Exists(at_work), Exists(lines.filter(run=OuterRef("pk"))))
    return list(found.order_by("pk").values_list("pk", flat=True))
