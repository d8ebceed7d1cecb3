"""Who starts and who leaves in the next weeks, and how far people are: for the portal's first page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from integrations import upcoming
from integrations.upcoming import Week
from portals.models import Portal
from users.models import Enrollment


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, in percent for the bar and as a number for the reader."""

    label: str | Promise
    number: int
    percent: int


def weeks(portal: Portal, now: datetime) -> list[Week]:
    """Return the weeks of the next sixty days; none when nobody starts or leaves."""
    return upcoming.weeks(portal, portal.today(now))


def chart(found: list[Week]) -> str:
    """Return the weeks as the data of a bar chart."""
    # Side by side: the theme draws the bars of a chart upon each other, where the longer one hides the shorter.
    return json.dumps(
        {
            "labels": [date_format(week.begins_on, "M j") for week in found],
            "datasets": [
                {
                    "label": _("start"),
                    "data": [week.joiners for week in found],
                    "backgroundColor": "var(--color-primary-500)",
                    "grouped": True,
                },
                {
                    "label": _("leave"),
                    "data": [week.leavers for week in found],
                    "backgroundColor": "#f97316",
                    "grouped": True,
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
        Share(status.label, counts[status], round(counts[status] * 100 / total))
        for status in Enrollment.Status
        if counts.get(status)
    ]
