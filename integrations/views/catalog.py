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

    def sections(self) -> Sequence[tuple[str, list[Entry]]]:
        """Return the providers that are installed, section by section."""
        connections = {
            connection.provider: connection
            for connection in Connection.objects.filter(portal=self.portal).select_related("connected_by")
        }
        found: dict[str, list[Entry]] = {}
        for provider in providers.all_providers():
            is_turned_on = provider.key in self.portal.enabled_integrations
            found.setdefault(str(provider.words.section), []).append(
                Entry(provider, provider.words.description, is_turned_on, connections.get(provider.key))
            )
        return list(found.items())
