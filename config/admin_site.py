"""The admin site: a portal's own admin at the portal's host, the operator's at the platform host."""

from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite


class RollcallAdminSite(UnfoldAdminSite):
    def has_permission(self, request: HttpRequest) -> bool:
        """Let in who administers the portal of this host, or the installation at the platform host."""
        return bool(request.user.is_authenticated and request.user.administers(request.portal))
