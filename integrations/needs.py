"""What the connections of a portal need from its admins, for the banner on every admin page: one cheap question."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _

from integrations import providers, troubles
from integrations.engine.care import Trouble
from integrations.engine.changes import RISKY
from integrations.models import Connection, PlannedChange, SyncRun
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
    # By the kinds, as the index goes: a run may have very many lines.
    held = PlannedChange.objects.filter(run=OuterRef("pk"), kind__in=RISKY, state=PlannedChange.State.HELD)
    newer = SyncRun.objects.filter(
        connection=OuterRef("connection"), pk__gt=OuterRef("pk"), trigger__in=(*SyncRun.WHOLE, SyncRun.Trigger.PLAN)
    )
    # As approval.may_be_answered has it.
    waiting = (
        SyncRun.objects.filter(Exists(held), ~Exists(newer), connection=OuterRef("pk"))
        .filter(created_at__gt=now - approval.LIFETIME)
        .exclude(trigger__in=SyncRun.PREVIEWS)
        .exclude(state__in=SyncRun.LIVE)
    )
    rows = (
        Connection.objects.filter(portal=portal, provider__in=portal.enabled_integrations)
        .exclude(state=Connection.State.DISCONNECTED)
        .annotate(run=Subquery(waiting.order_by("-created_at").values("pk")[:1]))
    )
    return [need for row in rows.order_by("provider") if (need := _need(row, now))]


def _need(row: Any, now: datetime) -> Need | None:
    system = providers.get(row.provider).label
    if trouble := care.trouble_of(row, now):
        url = reverse("integrations:connection", args=[row.provider])
        words = _("%(system)s: %(words)s") % {"system": system, "words": troubles.sentence(trouble)}
        return Need(words, url, _("See what to do"), trouble is Trouble.NEEDS_RECONNECTING)
    if row.run is not None:
        url = reverse("integrations:run", args=[row.provider, row.run]) + "?show=held#changes"
        words = _("%(system)s: changes wait for your approval.")
        return Need(words % {"system": system}, url, _("Look at them"), is_urgent=False)
    return None
