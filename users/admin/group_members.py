"""Groups with their members: how many, who, added and removed by hand, handed over to the rule."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
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
from portals.forms import PortalForm
from portals.models import DynamicRule, Group
from portals.scoping import PortalScopedAdmin
from portals.standing import Level
from users import group_changes, group_courses, grouping, tasks
from users.admin import rule_preview
from users.admin.group_actions import HandOverForm
from users.admin.person_actions import RemoveFromGroupForm
from users.admin.person_filters import MemberGroupFilter
from users.models import GroupManager, GroupMembership, Membership

admin.site.unregister([Group, DynamicRule])


@admin.register(Group)
class GroupAdmin(DefinitionAdmin):
    """Groups with their members, and the pages about their rules."""

    least_level = Level.MANAGER
    group_path = "pk"
    list_display = ["title", "member_count", "show_rule", "course_count"]
    readonly_fields = [*DefinitionAdmin.readonly_fields, "members_link", "managers"]
    links = ["members_link", "managers", *DefinitionAdmin.links]
    actions_detail = ["hand_over_to_rule"]
    delete_confirmation_template = "admin/rules/delete_group.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        """Return the groups with the number of their members, and of those by hand."""
        return (
            super()
            .get_queryset(request)
            .annotate(member_count=Coalesce(_members(), 0), by_hand_count=Coalesce(_members(origin="manual"), 0))
        )

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses of the pages, those about the rule among them."""
        return [*rule_preview.urls(self), *super().get_urls()]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Return what can be done: members by hand can be handed over only to a rule at work."""
        actions = super().get_actions_detail(request, object_id)
        group = self.get_object(request, str(object_id))
        rule = getattr(group, "rule", None) if group else None
        if rule and rule.state == DynamicRule.State.ACTIVE:
            return actions
        return [action for action in actions if not action.action_name.endswith("hand_over_to_rule")]

    @display(description=gettext_lazy("members"), ordering="member_count")
    def member_count(self, group: Any) -> int:
        """Return how many members the group has."""
        return int(group.member_count)

    @display(description=gettext_lazy("members"))
    def members_link(self, group: Any) -> str:
        """Return a link to the members, with their number and how they came in."""
        url = reverse("admin:users_groupmembership_changelist") + f"?group={group.pk}"
        count, by_hand = getattr(group, "member_count", 0), getattr(group, "by_hand_count", 0)
        text = ngettext("%d member", "%d members", count) % count
        parts = _("%(by_rule)d automatically, %(by_hand)d by hand")
        numbers = {"by_rule": count - by_hand, "by_hand": by_hand}
        return format_html(
            '<a href="{}" class="text-link underline">{}</a><span class="block">{}</span>', url, text, parts % numbers
        )

    @display(description=gettext_lazy("managers"))
    def managers(self, group: Group) -> str:
        """Return the names of the managers who look after the group; the theme asks five times for one page."""
        if "_manager_names" not in group.__dict__:
            rows = GroupManager.objects.filter(group=group.pk).select_related("membership__user").order_by("pk")
            names = [row.membership.user.full_name or row.membership.user.email for row in rows]
            group.__dict__["_manager_names"] = ", ".join(names) or "–"
        return str(group.__dict__["_manager_names"])

    @display(description=gettext_lazy("dynamic rule"))
    def rule_link(self, group: Group) -> str:
        """Return the state of the rule as a link to it, or to where one is built."""
        rule = getattr(group, "rule", None)
        text = rule.get_state_display() if rule else _("Build a rule")
        url = reverse("admin:portals_group_rule", args=[group.pk])
        return format_html('<a href="{}" class="text-link underline">{}</a>', url, text)

    @confirmed_action(
        HandOverForm,
        permissions=["change"],
        description=gettext_lazy("Sync all users"),
        icon="sync",
        variant=ActionVariant.DEFAULT,
    )
    def hand_over_to_rule(self, request: HttpRequest, form: Any, rows: list[Group]) -> str:
        """Make members by hand members by rule, so that those who do not match leave."""
        group, now = rows[0], timezone.now()
        if group_changes.members_by_hand(group) > group_courses.LARGE:
            later = partial(tasks.hand_over_to_rule.delay, group_id=group.pk, actor_id=request.user.pk)
            transaction.on_commit(later)
            return _("The group is large: this goes on in the background, and a mail tells you how it ended.")
        done = group_changes.hand_over_and_record(group=group, actor_id=request.user.pk, now=now)
        text = ngettext("%d member left the group.", "%d members left the group.", done.left) % done.left
        return text + " " + _("All others are members by rule now.")

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Ask what happens to the enrollments of the members."""
        group = self.get_object(request, object_id)
        asked = {"open_enrollments": group_changes.open_enrollments(group) if group else 0}
        return super().delete_view(request, object_id, {**(extra_context or {}), **asked})

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        """Delete the group as it was chosen; a large one in the background."""
        unenroll = request.POST.get("enrollments") == "remove"
        if group_courses.is_large(obj.pk):
            transaction.on_commit(partial(tasks.delete_group.delay, group_id=obj.pk, unenroll=unenroll))
            self.message_user(request, _("The group is large: it is deleted in the background, within minutes."))
        else:
            group_changes.delete(group=obj, unenroll=unenroll)


@admin.register(DynamicRule)
class RuleAdmin(DynamicRuleAdmin):
    """All rules of a portal; each is built on a page of its group."""


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
    least_level = Level.MANAGER
    group_path = "group"
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

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the visitor may put people into groups."""
        return self.has_move_groups_permission(request)

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
        grouping.add_members(group=obj.group, membership_ids=ids, now=timezone.now(), actor_id=request.user.pk)
        obj.membership = form.memberships[0]
        obj.pk = GroupMembership.objects.get(group=obj.group, membership=obj.membership).pk

    def response_post_save_add(self, request: HttpRequest, obj: GroupMembership) -> HttpResponse:
        """Go back to the members of the group."""
        return redirect(reverse("admin:users_groupmembership_changelist") + f"?group={obj.group_id}")

    @confirmed_action(
        RemoveFromGroupForm,
        permissions=["move_groups"],
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
                actor_id=request.user.pk,
            )
            left += done.left
        text = ngettext("%d member was removed.", "%d members were removed.", left) % left
        if stayed := len(rows) - left:
            text += " " + _("%d stay as members by rule.") % stayed
        return text


def _members(**narrowed: Any) -> Subquery:
    members = GroupMembership.objects.filter(group=OuterRef("pk"), **narrowed).order_by().values("group")
    return Subquery(members.annotate(rows=Count("pk")).values("rows"), output_field=IntegerField())
