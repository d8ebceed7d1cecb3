"""Who starts and who leaves in the next weeks, and how far people are: for the portal's first page."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from integrations.engine.changes import Reason
from integrations.models import ExternalIdentity
from portals.models import Portal
from users.models import Enrollment, Membership

DAYS = 60


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days from a day on, with how many people start and leave in them."""

    begins_on: date
    joiners: int
    leavers: int


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, in percent for the bar and as a number for the reader."""

    label: str | Promise
    number: int
    percent: int


def weeks(portal: Portal, now: datetime) -> list[Week]:
    """Return the weeks of the next sixty days; none when nobody starts or leaves."""
    today = portal.today(now)
    until = today + timedelta(days=DAYS)
    leaving = Membership.objects.filter(portal=portal, last_day__range=(today, until))
    waiting = ExternalIdentity.objects.filter(
        connection__portal=portal, reason=Reason.HIRE_DATE_AHEAD, due_on__range=(today, until)
    )
    out = _by_week(leaving.exclude(status=Membership.Status.ENDED), "last_day", today)
    new = _by_week(waiting, "due_on", today)
    if not out and not new:
        return []
    return [Week(today + timedelta(weeks=n), new[n], out[n]) for n in range(DAYS // 7 + 1)]


def _by_week(rows: QuerySet[Any], column: str, today: date) -> Counter[int]:
    found = Counter[int]()
    for day, number in rows.order_by().values_list(column).annotate(rows=Count("pk")):
        found[(day - today).days // 7] += number
    return found


def chart(found: list[Week]) -> str:
    """Return the weeks as the data of a bar chart."""
    return json.dumps(
        {
            "labels": [f"{week.begins_on:%d.%m.}" for week in found],
            "datasets": [
                {
                    "label": _("start"),
                    "data": [week.joiners for week in found],
                    "backgroundColor": "var(--color-primary-500)",
                },
                {
                    "label": _("leave"),
                    "data": [week.leavers for week in found],
                    "backgroundColor": "var(--color-orange-500, #f97316)",
                },
            ],
        }
    )


def progress(portal: Portal) -> list[Share]:
    """Return how many courses were not started, are under way and are finished."""
    rows = Enrollment.objects.filter(course__portal=portal).order_by().values("status").annotate(rows=Count("pk"))
    counts = {row["status"]: row["rows"] for row in rows}
    total = sum(counts.values())
    return [
        Share(status.label, counts[status], counts[status] * 100 // total)
        for status in Enrollment.Status
        if counts.get(status)
    ]
