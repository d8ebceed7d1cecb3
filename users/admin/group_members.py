"""The members of groups: how many, who, added and removed by hand; what a rule would match now."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from portals.admin.groups import GroupAdmin as DefinitionAdmin
from portals.admin.rules import DynamicRuleAdmin
from portals.confirmations import confirmed_action
from portals.field_types import FieldType
from portals.forms import PortalForm
from portals.models import DynamicRule, Group
from portals.rules import Condition, Operator, Rule, Subject
from portals.scoping import PortalScopedAdmin, administers
from users import grouping
from users.admin.person_actions import RemoveFromGroupForm
from users.admin.person_filters import MemberGroupFilter
from users.models import GroupMembership, Membership

admin.site.unregister([Group, DynamicRule])


@admin.register(Group)
class GroupAdmin(DefinitionAdmin):
    """Groups with their members."""

    list_display = ["title", "member_count", "show_rule", "course_count"]
    readonly_fields = [*DefinitionAdmin.readonly_fields, "members_link"]
    links = ["members_link", *DefinitionAdmin.links]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        """Return the groups with the number of their members."""
        members = GroupMembership.objects.filter(group=OuterRef("pk")).order_by().values("group")
        count = Subquery(members.annotate(rows=Count("pk")).values("rows"), output_field=IntegerField())
        return super().get_queryset(request).annotate(member_count=Coalesce(count, 0))

    @display(description=gettext_lazy("members"), ordering="member_count")
    def member_count(self, group: Any) -> int:
        """Return how many members the group has."""
        return int(group.member_count)

    @display(description=gettext_lazy("members"))
    def members_link(self, group: Any) -> str:
        """Return a link to the members, with their number."""
        url = reverse("admin:users_groupmembership_changelist") + f"?group={group.pk}"
        count = getattr(group, "member_count", 0)
        text = ngettext("%d member", "%d members", count) % count
        return format_html('<a href="{}" class="text-link underline">{}</a>', url, text)


@admin.register(DynamicRule)
class RuleAdmin(DynamicRuleAdmin):
    """Rules with the number of people that they match."""

    readonly_fields = ["match_count"]

    def get_fields(self, request: HttpRequest, obj: DynamicRule | None = None) -> Any:
        """Return the fields."""
        return [*self.fields, "match_count"] if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: DynamicRule | None = None) -> Any:
        """Return what cannot be changed."""
        return [*super().get_readonly_fields(request, obj), "match_count"]

    @display(description=gettext_lazy("people who match now"))
    def match_count(self, rule: DynamicRule) -> Any:
        """Return how many people the saved rule would put into its group; a draft changes nobody."""
        if rule.state == DynamicRule.State.BROKEN:
            return "–"
        portal_id = rule.group.portal_id
        return grouping.count_matches(portal_id=portal_id, rule=_rule(rule), now=timezone.now())


class NewMembersForm(PortalForm):
    """People to put into a group by hand, by their addresses."""

    portal_path = "group__portal"

    emails = forms.CharField(
        label=gettext_lazy("E-mail addresses"),
        help_text=gettext_lazy("One per line, of people who are in the list of users."),
        widget=UnfoldAdminTextareaWidget,
    )
    # Who was found.
    memberships: list[Membership] = []

    def clean(self) -> dict[str, Any]:
        """Find the people in the group's portal, and refuse addresses of nobody there."""
        super().clean()
        group = self.cleaned_data.get("group")
        wanted = {part.lower() for part in self.cleaned_data.get("emails", "").replace(",", " ").split()}
        if group and wanted:
            people = Membership.objects.filter(portal=group.portal_id).exclude(status=Membership.Status.PENDING)
            rows = people.alias(address=Lower("user__email")).filter(address__in=wanted).select_related("user")
            self.memberships = list(rows)
            if unknown := sorted(wanted - {row.user.email.lower() for row in rows}):
                self.add_error("emails", _("Nobody in the list of users has the address %s.") % ", ".join(unknown))
        return self.cleaned_data


@admin.register(GroupMembership)
class GroupMembershipAdmin(PortalScopedAdmin):
    """The members of a group, or of all of them."""

    portal_path = "group__portal"
    form = NewMembersForm
    list_display = ["show_person", "show_email", "group", "show_status", "origin", "created_at"]
    list_display_links = None
    list_filter = [MemberGroupFilter, ("origin", ChoicesDropdownFilter)]
    list_select_related = ["group", "membership__user"]
    search_fields = ["membership__user__first_name", "membership__user__last_name", "membership__user__email"]
    ordering = ["-pk"]
    fields = ["group", "emails"]
    actions = ["remove_from_group"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may: people join and leave."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may: there is an action, which also takes care of the courses."""
        return False

    def has_remove_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the visitor may take members out."""
        return administers(request)

    @display(description=gettext_lazy("name"), ordering="membership__user__last_name")
    def show_person(self, row: GroupMembership) -> str:
        """Return a link to the person."""
        person = row.membership
        url = reverse("admin:users_membership_change", args=[person.pk])
        name = person.user.full_name or person.user.email
        return format_html('<a href="{}" class="text-link underline">{}</a>', url, name)

    @display(description=gettext_lazy("e-mail address"), ordering="membership__user__email")
    def show_email(self, row: GroupMembership) -> str:
        """Return the address."""
        return row.membership.user.email

    @display(description=gettext_lazy("status"), ordering="membership__status")
    def show_status(self, row: GroupMembership) -> Any:
        """Return the status of the person."""
        return row.membership.get_status_display()

    def save_model(self, request: HttpRequest, obj: GroupMembership, form: Any, change: Any) -> None:
        """Put the people into the group."""
        ids = [row.pk for row in form.memberships]
        grouping.add_members(group=obj.group, membership_ids=ids, now=timezone.now())
        obj.membership = form.memberships[0]
        obj.pk = GroupMembership.objects.get(group=obj.group, membership=obj.membership).pk

    def response_post_save_add(self, request: HttpRequest, obj: GroupMembership) -> HttpResponse:
        """Go back to the members of the group."""
        return redirect(reverse("admin:users_groupmembership_changelist") + f"?group={obj.group_id}")

    @confirmed_action(
        RemoveFromGroupForm,
        permissions=["remove"],
        description=gettext_lazy("Remove from the group"),
        icon="group_remove",
        variant=ActionVariant.DANGER,
    )
    def remove_from_group(self, request: HttpRequest, form: Any, rows: list[GroupMembership]) -> str:
        """Take members out of their groups."""
        left = 0
        for group in {row.group for row in rows}:
            done = grouping.remove_members(
                group=group,
                membership_ids=[row.membership_id for row in rows if row.group_id == group.pk],
                now=timezone.now(),
                process_unenrollments=form.cleaned_data["unenroll"],
            )
            left += done.left
        text = ngettext("%d member was removed.", "%d members were removed.", left) % left
        if stayed := len(rows) - left:
            text += " " + _("%d stay as members by rule.") % stayed
        return text


def _rule(rule: DynamicRule) -> Rule:
    """Return a stored rule as its evaluation wants it."""
    blocks: dict[int, list[Condition]] = {}
    for row in rule.conditions.select_related("custom_field").order_by("block", "pk"):
        field = row.custom_field
        condition = Condition(
            subject=Subject(row.subject),
            operator=Operator(row.operator),
            operands=tuple(row.operands),
            field_key=field.key if field else "",
            type=FieldType(field.type) if field else FieldType.STRING,
            is_multiple=bool(field and field.is_multiple),
        )
        blocks.setdefault(row.block, []).append(condition)
    return Rule(rule.group_id, tuple(map(tuple, blocks.values())), rule.base_group_id)
