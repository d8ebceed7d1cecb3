"""Admin pages about integrations, for operators; a portal's admins use its settings pages."""

from .connections import ConnectionAdmin, ExternalIdentityAdmin
from .portals import PortalAdmin
from .sync_runs import PlannedChangeAdmin, SyncRunAdmin

__all__ = ["ConnectionAdmin", "ExternalIdentityAdmin", "PlannedChangeAdmin", "PortalAdmin", "SyncRunAdmin"]
