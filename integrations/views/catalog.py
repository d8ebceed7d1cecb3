"""The catalogue of integrations, with the state of each at this portal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations import providers
from integrations.models import Connection
from integrations.views.base import SettingsPage
from portals.hosts import PortalRequest

SECTIONS = {
    _("HR Integrations"): ("gusto",),
    _("CRM"): ("hubspot",),
}
DESCRIPTIONS = {
    "gusto": _("Adds learners from your HR records, keeps them up to date, and ends their access when they leave."),
    "hubspot": _("Adds learners by HubSpot workflows, and reports their course progress back."),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One provider in the catalogue."""

    provider: providers.Provider
    description: str | Promise
    is_turned_on: bool
    connection: Connection | None


class CatalogPage(SettingsPage):
    """Settings > Integrations."""

    title = _("Integrations")

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show what this installation can connect to."""
        return self.page("integrations/catalog.html", {"sections": self.sections(), "breadcrumbs": []})

    def sections(self) -> Sequence[tuple[str | Promise, list[Entry]]]:
        """Return the providers that are installed, section by section."""
        portal = self.portal
        registered = {provider.key: provider for provider in providers.all_providers()}
        connections = {
            connection.provider: connection
            for connection in Connection.objects.filter(portal=portal).select_related("connected_by")
        }
        found = []
        for label, keys in SECTIONS.items():
            entries = [
                Entry(
                    registered[key],
                    DESCRIPTIONS[key],
                    key in portal.enabled_integrations,
                    connections.get(key),
                )
                for key in keys
                if key in registered
            ]
            if entries:
                found.append((label, entries))
        return found
