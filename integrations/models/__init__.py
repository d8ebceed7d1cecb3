"""Connections to other systems, their settings, and what their syncs did."""

from .connections import Connection, ConsentRequest, Grant
from .identities import ExternalIdentity
from .invite_settings import InviteSettings
from .mappings import FieldMapping
from .sync_runs import PlannedChange, SyncPage, SyncRun

__all__ = [
    "Connection",
    "ConsentRequest",
    "ExternalIdentity",
    "FieldMapping",
    "Grant",
    "InviteSettings",
    "PlannedChange",
    "SyncPage",
    "SyncRun",
]
