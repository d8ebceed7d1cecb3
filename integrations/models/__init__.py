"""Connections to other systems, their settings, and what their syncs did."""

from .calendar_links import CalendarLink
from .connections import Connection, ConsentRequest, Grant
from .heartbeats import Heartbeat
from .identities import ExternalIdentity
from .invite_settings import InviteSettings
from .mappings import ChoiceAlias, FieldMapping
from .safety_settings import SafetySettings
from .sync_runs import PlannedChange, SyncPage, SyncRun
from .tombstones import Tombstone
from .webhooks import WebhookEvent, WebhookSubscription

__all__ = [
    "CalendarLink",
    "ChoiceAlias",
    "Connection",
    "ConsentRequest",
    "ExternalIdentity",
    "FieldMapping",
    "Grant",
    "Heartbeat",
    "InviteSettings",
    "PlannedChange",
    "SafetySettings",
    "SyncPage",
    "SyncRun",
    "Tombstone",
    "WebhookEvent",
    "WebhookSubscription",
]
