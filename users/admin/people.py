"""What the lists of users and of pending users have in common."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from portals.models import CustomField
from portals.scoping import (
    PortalScopedAdmin,
    PortalScopedTabularInline,
    ReadOnly,
    administers,
    is_operator,
    portal_in_hand,
    standing,
)
from portals.standing import Level
from users import custom_data, grouping, provisioning, staff
from users.admin import cells
from users.admin.person_forms import ChangedPersonForm, custom_form_fields
from users.models import Enrollment, GroupMembership, Invitation, Membership, User

Source = Membership.Source
# People who came by themselves carry a mark: the initial of their source.
MARKED = {Source.GUSTO: "G", Source.HUBSPOT: "H", Source.SSO: "S"}


class GroupMembershipInline(ReadOnly, PortalScopedTabularInline):
    """The groups of a person."""

    model = GroupMembership
    portal_path = "membership__portal"
    least_level = Level.MANAGER
    group_path = "group"
    fields = ("group", "origin", "created_at")
    readonly_fields = ("group", "origin", "created_at")
    ordering = ["group__title"]
    per_page = 20
    tab = True
    verbose_name_plural = gettext_lazy("groups")

    def get_queryset(self, request: HttpRequest) -> QuerySet[GroupMembership]:
        """Return the rows with what they show."""
        rows: QuerySet[GroupMembership] = super().get_queryset(request)
        return rows.select_related("group", "membership__user")


class EnrollmentInline(ReadOnly, PortalScopedTabularInline):
    """The courses of a person."""

    model = Enrollment
    portal_path = "membership__portal"
    least_level = Level.MANAGER
    group_path = "membership__group_memberships__group"
    fields = ("course", "status", "percent", "score", "is_required", "due_on", "source_group", "completed_at")
    readonly_fields = fields
    ordering = ["-enrolled_at", "-pk"]
    # A result, starting again and taking away are on the page of the enrollment.
    show_change_link = True
    per_page = 20
    tab = True
    verbose_name_plural = gettext_lazy("courses")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Enrollment]:
        """Return the rows with what they show."""
        rows: QuerySet[Enrollment] = super().get_queryset(request)
        return rows.select_related("course", "source_group", "membership__user")


class InvitationInline(ReadOnly, PortalScopedTabularInline):
    """The mails with a link that a person got."""

    model = Invitation
    portal_path = "membership__portal"
    least_level = Level.MANAGER
    group_path = "membership__group_memberships__group"
    fields = ("kind", "state", "created_at", "last_sent_at", "times_sent", "expires_at", "failure")
    readonly_fields = ("kind", "state", "created_at", "last_sent_at", "times_sent", "expires_at", "failure")
    ordering = ["-pk"]
    per_page = 20
    tab = True


class PeopleAdmin(PortalScopedAdmin):
    """People of a portal, their names and custom values; managers see and change the learners of their groups."""

    portal_path = "portal"
    least_level = least_level_to_change = Level.MANAGER
    group_path = "group_memberships__group"
    form = ChangedPersonForm
    list_select_related = ["user"]
    search_fields = ["user__first_name", "user__last_name", "user__email"]
    search_help_text = gettext_lazy("Search by name or e-mail address")
    ordering = ["-created_at", "-pk"]
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the people with their accounts."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related("user", "portal")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the visitor may change people, and this one has no more rights than the visitor."""
        if obj is not None and not isinstance(obj, Model):
            obj = self.get_object_or_404(request, obj)
        return super().has_change_permission(request, obj) and (obj is None or not self.out_of_reach(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may: access is ended, records stay."""
        return False

    def out_of_reach(self, request: HttpRequest, person: Membership) -> bool:
        """Whether the person has more rights than the visitor; asked of the database once per request."""
        known: dict[int, bool] = request.__dict__.setdefault("_out_of_reach", {})
        if person.pk not in known:
            known[person.pk] = bool(staff.out_of_reach(standing(request), [person]))
        return known[person.pk]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form, told about the portal's custom fields, what is kept elsewhere and who is at work."""
        fields = self.custom_fields(request)
        locked = custom_data.locked_fields(obj) if obj is not None else {}
        fixed = frozenset(field.key for field in fields if not self.may_edit_value(request, field))
        if obj is None:
            # Nobody has filled in anything yet: only what the visitor may fill in is asked for.
            fields = [field for field in fields if field.key not in fixed]
        stored, pinned = (obj.custom_data, obj.pinned_keys) if obj is not None else ({}, ())
        values = custom_form_fields(fields, stored, locked, fixed, pinned)
        kwargs["form"] = type("PersonForm", (kwargs.get("form", self.form),), dict(values))
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.custom_fields, form.locked, form.fixed = fields, locked, fixed
        form.is_operator, form.standing = is_operator(request), standing(request)
        return form

    def may_edit_value(self, request: HttpRequest, field: CustomField) -> bool:
        """Whether the visitor may set a custom value: managers set what learners may set themselves."""
        return administers(request) or field.learner_may_edit

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Return what hangs on a person, once there is one."""
        return super().get_inlines(request, obj) if obj is not None else ()

    def custom_fields(self, request: HttpRequest) -> list[CustomField]:
        """Return the custom fields of the portal; asked of the database once per request."""
        known: list[CustomField] | None = request.__dict__.get("_custom_fields")
        if known is None:
            rows = CustomField.objects.offered().filter(portal=portal_in_hand(request)).prefetch_related("choices")
            known = request.__dict__["_custom_fields"] = list(rows.order_by("position", "pk"))
        return known

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fields, the custom ones in a block of their own."""
        fieldsets = list(super().get_fieldsets(request, obj))
        fields = self.custom_fields(request)
        names = [f"custom_{one.pk}" for one in fields if obj is not None or self.may_edit_value(request, one)]
        if names:
            fieldsets.insert(-1 if obj is not None else 2, (_("Custom user data"), {"fields": names}))
        return fieldsets

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Save what was changed of a person, then let the rules look at them."""
        now = timezone.now()
        cause = provisioning.Cause(actor_id=request.user.pk)
        if fields := changed_fields(obj, form):
            amendment = provisioning.Amendment(obj.pk, fields, before_of(obj, form, fields))
            provisioning.amend_learners(portal=obj.portal, amendments=[amendment], cause=cause, now=now)
        grouping.regroup(portal_id=obj.portal_id, membership_ids=[obj.pk], now=now)

    def report(self, request: HttpRequest, action: str, obj: Any) -> None:
        """Report nothing: the use-cases write the audit trail themselves."""

    @display(description=gettext_lazy("history"))
    def show_history(self, person: Membership) -> SafeString:
        """Return a link to what the audit trail says about the person."""
        page = reverse("admin:users_auditentry_changelist")
        words = _("What was changed, when and by whom")
        return format_html('<a href="{}?person={}" class="text-link underline">{}</a>', page, person.pk, words)

    @display(description=gettext_lazy("created"), ordering="created_at")
    def show_created(self, person: Membership) -> SafeString:
        """Return the day on which the person was added, by the portal's time."""
        return cells.day(person.created_at)

    @display(description=gettext_lazy("person"), ordering="user__last_name")
    def show_person(self, person: Membership) -> SafeString:
        """Return name and address in two lines."""
        return cells.name_and_address(person.user)

    @display(description=gettext_lazy("source"), ordering="source")
    def show_source(self, person: Membership) -> SafeString:
        """Return where the person came from, with a mark for other systems."""
        label = person.get_source_display()
        if person.source not in MARKED:
            return format_html('<span class="nowrap">{}</span>', label)
        mark = MARKED[Source(person.source)]
        template = '<span class="nowrap"><span class="source-mark source-{}" aria-hidden="true">{}</span>{}</span>'
        return format_html(template, person.source, mark, label)


def visitor(request: HttpRequest) -> User:
    """Return the account at work: the admin lets nobody in without one."""
    return cast(User, request.user)


def changed_fields(person: Membership, form: Any) -> dict[str, Any]:
    """Return what of name, address and custom values was changed on the page and differs from what is stored."""
    entered = {
        name: form.cleaned_data[name]
        for name in ("email", "first_name", "last_name")
        if name in form.changed_data
        and name not in form.locked
        and form.cleaned_data[name] != getattr(person.user, name)
    }
    values = form.custom_values
    patch = {key: value for key, value in values.items() if value != person.custom_data.get(key)}
    return {**entered, "custom_data": patch} if patch else entered


def before_of(person: Membership, form: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the stored values of the same fields, for the audit trail."""
    before: dict[str, Any] = {name: getattr(person.user, name) for name in fields if name != "custom_data"}
    if "custom_data" in fields:
        before["custom_data"] = {key: person.custom_data.get(key) for key in fields["custom_data"]}
    return before
