"""What the connections of a portal need from its admins, for the banner on every admin page: one cheap question."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _

from integrations import providers, troubles
from integrations.engine.care import Trouble
from integrations.models import Connection, SyncRun
from integrations.sync import approval, care
from portals.models import Portal


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that waits for an admin: a sentence, and the page where it is dealt with."""

    words: str
    url: str
    label: str
    is_urgent: bool


def of_portal(portal: Portal, now: datetime) -> list[Need]:
    """Return what the portal's connections need; asks the database once."""
    newest = SyncRun.objects.filter(
        connection=OuterRef("pk"), trigger__in=(*SyncRun.WHOLE, SyncRun.Trigger.PLAN)
    ).order_by("-created_at")
    rows = (
        Connection.objects.filter(portal=portal, provider__in=portal.enabled_integrations)
        .exclude(state=Connection.State.DISCONNECTED)
        .annotate(
            run=Subquery(newest.values("pk")[:1]),
            run_at=Subquery(newest.values("created_at")[:1]),
            run_hash=Subquery(newest.values("plan_hash")[:1]),
            run_state=Subquery(newest.values("state")[:1]),
        )
    )
    return [need for row in rows.order_by("provider") if (need := _need(row, now))]


def _need(row: Any, now: datetime) -> Need | None:
    system = providers.get(row.provider).label
    if trouble := care.trouble_of(row, now):
        url = reverse("integrations:connection", args=[row.provider])
        words = _("%(system)s: %(words)s") % {"system": system, "words": troubles.sentence(trouble)}
        return Need(words, url, _("See what to do"), trouble is Trouble.NEEDS_RECONNECTING)
    # The hash of the lines that wait for an answer; it is empty once they have one.
    is_recent = row.run_hash and row.run_at > now - approval.LIFETIME
    if is_recent and row.run_state not in SyncRun.LIVE:
        url = reverse("integrations:run", args=[row.provider, row.run]) + "?show=held#changes"
        words = _("%(system)s: changes wait for your approval.")
        return Need(words % {"system": system}, url, _("Look at them"), is_urgent=False)
    return None
