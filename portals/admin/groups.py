"""Groups, and the courses that their members take."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from portals.admin.group_terms import GroupCourseInline, TakingOffForm, save_terms
from portals.models import DynamicRule, Group, SamlSettings
from portals.scoping import PortalScopedAdmin, portal_in_hand

State = DynamicRule.State


class RuleStateFilter(DropdownFilter):
    """Groups by the state of their rule."""

    title = gettext_lazy("dynamic rule")
    parameter_name = "rule"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the states, and none."""
        return [*State.choices, ("none", _("No rule"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Group]) -> QuerySet[Group]:
        """Return the groups whose rule is in the chosen state."""
        if self.value() == "none":
            return queryset.filter(rule=None)
        return queryset.filter(rule__state=self.value()) if self.value() in State.values else queryset


@admin.register(Group)
class GroupAdmin(PortalScopedAdmin):
    """Groups with their courses and a way to their rule."""

    portal_path = "portal"
    form = TakingOffForm
    list_display = ["title", "show_rule", "course_count"]
    list_filter = [RuleStateFilter]
    list_select_related = ["rule"]
    search_fields = ["title"]
    ordering = ["title", "pk"]
    inlines = [GroupCourseInline]
    readonly_fields = ["rule_link"]
    fieldsets = [(None, {"fields": ["title", "description"]})]
    actions = ()
    # Read-only fields that lead to pages about the group.
    links = ["rule_link"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        """Return the groups with the number of their courses."""
        return self.choices(request).annotate(course_count=Count("group_courses", distinct=True))

    def choices(self, request: HttpRequest) -> QuerySet[Group]:
        """Return the groups."""
        groups: QuerySet[Group] = super().get_queryset(request)
        return groups

    def get_fieldsets(self, request: HttpRequest, obj: Group | None = None) -> Any:
        """Return the fields; members, rule and courses need a saved group."""
        fieldsets = super().get_fieldsets(request, obj)
        if SamlSettings.objects.filter(portal=portal_in_hand(request)).exclude(groups_attribute="").exists():
            fieldsets = [*fieldsets, (_("Identity provider"), {"fields": ["sso_sync"]})]
        more = (_("Members and courses"), {"fields": [*self.links, "unenroll"]})
        return [*fieldsets, more] if obj else fieldsets

    @display(
        description=gettext_lazy("dynamic rule"),
        ordering="rule__state",
        label={State.ACTIVE: "success", State.DRAFT: "info", State.BROKEN: "danger"},
    )
    def show_rule(self, group: Group) -> tuple[str, str]:
        """Return the state of the rule as a label."""
        rule = getattr(group, "rule", None)
        return (rule.state, rule.get_state_display()) if rule else ("", _("No rule"))

    @display(description=gettext_lazy("courses"), ordering="course_count")
    def course_count(self, group: Any) -> int:
        """Return how many courses the group has."""
        return int(group.course_count)

    @display(description=gettext_lazy("dynamic rule"))
    def rule_link(self, group: Group) -> str:
        """Return a link to the rule, or to a new one."""
        rule = getattr(group, "rule", None)
        if rule:
            url, text = reverse("admin:portals_dynamicrule_change", args=[rule.pk]), rule.get_state_display()
        else:
            url, text = reverse("admin:portals_dynamicrule_add") + f"?group={group.pk}", _("Build a rule")
        return format_html('<a href="{}" class="text-link underline">{}</a>', url, text)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save the courses of the group, and let its members follow."""
        save_terms(request, form, formset)
