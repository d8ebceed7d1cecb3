"""What the connections of a portal need from its admins, for the banner on every admin page: one cheap question."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from integrations import providers, troubles
from integrations.engine.care import Trouble
from integrations.engine.changes import RISKY
from integrations.models import Connection, SyncRun
from integrations.sync import approval, care
from portals import statements
from portals.models import Portal

# Written by hand: every page of the admin asks it, and putting it together took a tenth of the page's time.
# `run` is the newest run that may be answered, as approval.may_be_answered has it. Held lines are looked for by their
# kinds, as the index goes: a run may have very many lines.
_CONNECTIONS = """
SELECT c.*, (
    SELECT r.id FROM integrations_syncrun AS r
    WHERE r.connection_id = c.id AND r.created_at > %(since)s
        AND r.trigger <> ALL (%(previews)s::text[]) AND r.state <> ALL (%(live)s::text[])
        AND EXISTS (
            SELECT FROM integrations_plannedchange AS p
            WHERE p.run_id = r.id AND p.kind = ANY (%(risky)s::text[]) AND p.state = 'held'
        )
        AND NOT EXISTS (
            SELECT FROM integrations_syncrun AS newer
            WHERE newer.connection_id = r.connection_id AND newer.id > r.id
                AND newer.trigger = ANY (%(whole)s::text[])
        )
    ORDER BY r.created_at DESC LIMIT 1
) AS run
FROM integrations_connection AS c
WHERE c.portal_id = %(portal)s AND c.provider = ANY (%(providers)s::text[]) AND c.state <> 'disconnected'
ORDER BY c.provider
"""
_WORDS = {
    "previews": statements.texts(SyncRun.PREVIEWS),
    "live": statements.texts(SyncRun.LIVE),
    "risky": statements.texts(RISKY),
    "whole": statements.texts((*SyncRun.WHOLE, SyncRun.Trigger.PLAN)),
}


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that waits for an admin: a sentence, and the page where it is dealt with."""

    words: str
    url: str
    label: str
    is_urgent: bool


def of_portal(portal: Portal, now: datetime) -> list[Need]:
    """Return what the portal's connections need; asks the database once."""
    rows = Connection.objects.raw(_CONNECTIONS, {**_WORDS, **_asked(portal, now)})
    return [need for row in rows if (need := _need(row, now))]


def _asked(portal: Portal, now: datetime) -> dict[str, Any]:
    return {
        "portal": portal.pk,
        "providers": statements.texts(portal.enabled_integrations),
        "since": now - approval.LIFETIME,
    }


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
