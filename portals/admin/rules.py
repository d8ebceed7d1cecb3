"""The list of dynamic rules; each is built on a page of its group."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from portals.models import DynamicRule
from portals.scoping import PortalScopedAdmin, ReadOnly

State = DynamicRule.State


@admin.register(DynamicRule)
class DynamicRuleAdmin(ReadOnly, PortalScopedAdmin):
    """The rules of a portal with their states."""

    portal_path = "group__portal"
    list_display = ["group_link", "show_state", "base_group"]
    list_display_links = None
    list_filter = ["state"]
    list_select_related = ["group", "base_group"]
    search_fields = ["group__title"]
    ordering = ["group__title", "pk"]
    actions = ()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Go to where the rule is built."""
        rule = self.get_object_or_404(request, object_id)
        return redirect("admin:portals_group_rule", object_id=rule.group_id)

    @display(description=gettext_lazy("group"), ordering="group__title")
    def group_link(self, rule: DynamicRule) -> str:
        """Return the group's title as a link to its rule."""
        url = reverse("admin:portals_group_rule", args=[rule.group_id])
        return format_html('<a href="{}" class="text-link underline">{}</a>', url, rule.group.title)

    @display(
        description=gettext_lazy("state"),
        ordering="state",
        label={State.ACTIVE: "success", State.DRAFT: "info", State.BROKEN: "danger"},
    )
    def show_state(self, rule: DynamicRule) -> tuple[str, str]:
        """Return the state as a label."""
        return rule.state, rule.get_state_display()
