"""How the syncs of all portals went in the last days: for the operator's first page."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from integrations.models import SyncRun

DAYS = 14


@dataclass(frozen=True, slots=True)
class Day:
    """One day with how many syncs were carried out, and how many of them failed."""

    on: date
    completed: int
    failed: int


def days(now: datetime) -> list[Day]:
    """Return the last two weeks up to today; none when nothing was synced in them."""
    today = timezone.localdate(now)
    first = today - timedelta(days=DAYS - 1)
    since = timezone.make_aware(datetime.combine(first, datetime.min.time()))
    runs = SyncRun.objects.filter(created_at__gte=since, state__in=[SyncRun.State.COMPLETED, SyncRun.State.FAILED])
    rows = runs.order_by().annotate(day=TruncDate("created_at")).values_list("day", "state").annotate(rows=Count("pk"))
    found = Counter[tuple[date, str]]()
    for day, state, number in rows:
        found[day, state] = number
    if not found:
        return []
    every = (first + timedelta(days=number) for number in range(DAYS))
    return [Day(day, found[day, SyncRun.State.COMPLETED], found[day, SyncRun.State.FAILED]) for day in every]


def chart(found: list[Day]) -> str:
    """Return the days as the data of a bar chart."""
    # Side by side: the theme draws the bars of a chart upon each other, where the longer one hides the shorter.
    return json.dumps(
        {
            "labels": [date_format(day.on, "M j") for day in found],
            "datasets": [
                {
                    "label": _("completed"),
                    "data": [day.completed for day in found],
                    "backgroundColor": "var(--color-primary-500)",
                    "grouped": True,
                },
                {
                    "label": _("failed"),
                    "data": [day.failed for day in found],
                    "backgroundColor": "#f97316",
                    "grouped": True,
                },
            ],
        }
    )
