"""Sync runs of all portals, with their changes."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from integrations.models import PlannedChange, SyncRun
from portals.paging import InfinitePaginator
from portals.scoping import GlobalAdmin, ReadOnly

State = SyncRun.State


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnly, GlobalAdmin):
    """What syncs did, and which are under way."""

    list_display = ["__str__", "show_portal", "trigger", "show_state", "created_at", "finished_at", "trouble"]
    list_filter = [
        ("state", ChoicesDropdownFilter),
        ("trigger", ChoicesDropdownFilter),
    ]
    list_select_related = ["connection__portal"]
    search_fields = ["connection__portal__name", "connection__portal__slug"]
    ordering = ["-pk"]
    readonly_fields = ["run_page"]
    fields = [
        "connection",
        "trigger",
        "requested_by",
        "state",
        "trouble",
        "created_at",
        "started_at",
        "finished_at",
        "attempt",
        "heartbeat_at",
        "totals",
        "run_page",
    ]

    @display(description=_("portal"))
    def show_portal(self, run: SyncRun) -> str:
        """Return the name of the portal."""
        return run.connection.portal.name

    @display(
        description=_("state"),
        ordering="state",
        label={State.COMPLETED: "success", State.PARTIAL: "warning", State.FAILED: "danger", State.RUNNING: "info"},
    )
    def show_state(self, run: SyncRun) -> tuple[str, str]:
        """Return the state as a label."""
        return run.state, str(run.state_label)

    @display(description=_("page of the run"))
    def run_page(self, run: SyncRun) -> str:
        """Return a link to the run's own page, at the portal's address."""
        connection = run.connection
        url = connection.portal.url(f"/admin/settings/integrations/{connection.provider}/runs/{run.pk}/")
        return format_html('<a href="{}" class="text-link underline">{}</a>', url, url)


@admin.register(PlannedChange)
class PlannedChangeAdmin(ReadOnly, GlobalAdmin):
    """The changes of all runs."""

    list_display = ["external_id", "run", "kind", "state", "reason"]
    list_filter = [("state", ChoicesDropdownFilter)]
    search_fields = ["external_id__exact", "run__pk__exact"]
    ordering = ["-pk"]
    paginator = InfinitePaginator
    fields = [
        "run",
        "external_id",
        "person",
        "membership_id",
        "kind",
        "state",
        "reason",
        "before",
        "after",
        "warnings",
    ]
