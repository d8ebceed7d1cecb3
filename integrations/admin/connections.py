"""Connections of all portals and who they found; without tokens, which no page shows."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from integrations.models import Connection, ExternalIdentity
from portals.paging import InfinitePaginator
from portals.scoping import GlobalAdmin, ReadOnly

State = Connection.State


@admin.register(Connection)
class ConnectionAdmin(ReadOnly, GlobalAdmin):
    """Which portal is connected to what, and how it is."""

    list_display = [
        "portal",
        "provider",
        "show_state",
        "external_account_name",
        "last_complete_sync_at",
        "next_due_at",
    ]
    list_filter = [("state", ChoicesDropdownFilter), ("provider", ChoicesDropdownFilter)]
    list_select_related = ["portal"]
    search_fields = ["portal__name", "portal__slug", "external_account_name"]
    ordering = ["portal__name", "pk"]
    readonly_fields = ["settings_page"]
    fields = [
        "portal",
        "provider",
        "state",
        "state_reason",
        "external_account_name",
        "external_account_id",
        "connected_by",
        "connected_at",
        "last_complete_sync_at",
        "next_due_at",
        "settings_page",
    ]

    @display(
        description=_("state"),
        ordering="state",
        label={State.ACTIVE: "success", State.NEEDS_RECONNECTING: "danger", State.QUARANTINED: "warning"},
    )
    def show_state(self, connection: Connection) -> tuple[str, str]:
        """Return the state as a label."""
        return connection.state, connection.get_state_display()

    @display(description=_("settings"))
    def settings_page(self, connection: Connection) -> str:
        """Return a link to the settings, which are at the portal's own address."""
        url = connection.portal.url(f"/admin/settings/integrations/{connection.provider}/")
        return format_html('<a href="{}" class="text-link underline">{}</a>', url, url)


@admin.register(ExternalIdentity)
class ExternalIdentityAdmin(ReadOnly, GlobalAdmin):
    """Which record of a provider is which person."""

    list_display = ["external_id", "connection", "state", "reason", "times_missing"]
    list_filter = [("state", ChoicesDropdownFilter)]
    list_select_related = ["connection"]
    search_fields = ["external_id__exact"]
    ordering = ["-pk"]
    paginator = InfinitePaginator
    fields = ["connection", "external_id", "membership", "state", "reason", "due_on", "times_missing", "snapshot"]
