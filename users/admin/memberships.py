"""The list of users: people of a portal who have, or had, access."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import admin
from django.db.models import Count, Exists, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from portals.confirmations import confirmed_action
from portals.models import Portal
from portals.scoping import administers, portal_of, standing
from portals.standing import Permission
from users import audit, enrollments, grouping, invitations, provisioning, staff
from users.admin import cells
from users.admin.deletions import ErasesPeople
from users.admin.enrollment_actions import EnrollsPeople
from users.admin.exports import ExportsPeople
from users.admin.imports import ImportsPeople
from users.admin.people import EnrollmentInline, GroupMembershipInline, InvitationInline, PeopleAdmin, visitor
from users.admin.person_actions import (
    AddToGroupForm,
    EndAccessForm,
    HideBelowForm,
    PasswordLinkForm,
    RestoreAccessForm,
    ShowBelowForm,
)
from users.admin.person_filters import CreatedAfterFilter, GroupFilter, StatusFilter, custom_value_filters
from users.admin.person_forms import SWITCHES, How, NewPersonForm
from users.admin.pins import PinnedFilter, PinsValues
from users.admin.responsibilities import InstructedCourseInline, ManagedGroupInline
from users.admin.sign_in_actions import SignInActions
from users.models import GroupMembership, Invitation, Membership

Role, Status = Membership.Role, Membership.Status
COLORS = {Status.ACTIVE: "success", Status.ENDED: "danger", Status.PENDING: "info"}
ENDED_BY = {
    "admin": gettext_lazy("Admin"),
    "manager": gettext_lazy("Manager"),
    "workflow": gettext_lazy("Workflow"),
    **dict(Membership.Source.choices),
}
MAILS = {How.PENDING_INVITE: Invitation.Kind.INVITE, How.ACTIVE_WELCOME: Invitation.Kind.WELCOME}


@admin.register(Membership)
class MembershipAdmin(
    ExportsPeople, ImportsPeople, EnrollsPeople, PinsValues, SignInActions, ErasesPeople, PeopleAdmin
):
    """Users; pending people are not among them."""

    list_display = [
        "show_person",
        "show_role",
        "show_status",
        "show_source",
        "group_count",
        "show_created",
    ]
    list_select_related = ["user", "ended_by_account"]
    list_filter = [
        CreatedAfterFilter,
        StatusFilter,
        ("role", ChoicesDropdownFilter),
        ("source", ChoicesDropdownFilter),
        GroupFilter,
        PinnedFilter,
    ]
    actions = ["add_to_group", "enroll_in_course", "end_access", "restore_access", "send_password_link", "lift_pins"]
    actions_detail = [
        "enroll_in_course",
        "end_access",
        "restore_access",
        {
            "title": gettext_lazy("More"),
            "icon": "more_horiz",
            "items": [
                "pin_values",
                "lift_pins",
                "send_password_link",
                "end_sign_ins",
                "reset_second_factor",
                "show_below",
                "hide_below",
                "delete_permanently",
            ],
        },
    ]
    inlines = [GroupMembershipInline, EnrollmentInline, InvitationInline]
    readonly_fields = ["status_in_words", "show_ending", "show_source", "created_at", "show_history", "ended_at"]
    fieldsets = [
        (None, {"fields": ["first_name", "last_name", "email", "role", "is_limited", "rights"]}),
        (
            gettext_lazy("Access"),
            {
                "fields": [
                    "status_in_words",
                    "last_day",
                    "ended_at",
                    "show_ending",
                    "show_source",
                    "created_at",
                    "show_history",
                ]
            },
        ),
    ]
    add_fieldsets = [
        (
            None,
            {
                "fields": [
                    "first_name",
                    "last_name",
                    "email",
                    "role",
                    "is_limited",
                    "last_day",
                    "group",
                    "groups",
                    "how",
                ]
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """Return the people with the number of their groups; pending ones have a list of their own."""
        groups = GroupMembership.objects.filter(membership=OuterRef("pk")).order_by().values("membership")
        count = Subquery(groups.annotate(rows=Count("pk")).values("rows"), output_field=IntegerField())
        rows: QuerySet[Membership] = super().get_queryset(request).exclude(status=Status.PENDING)
        rows = rows.select_related("ended_by_account").annotate(group_count=Coalesce(count, 0))
        portal = portal_of(request)
        if portal is None or portal.parent_id is None:
            return rows
        above = Membership.objects.filter(portal=portal.top_level, user=OuterRef("user"), status=Status.ENDED)
        return rows.annotate(is_shut_out=Exists(above))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the visitor may add people; managers need a group into which they may."""
        who = standing(request)
        return who.administers or bool(who.creating_group_ids)

    def has_administer_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the visitor is an admin of whatever kind."""
        return administers(request) and self.has_change_permission(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form of a person, or of someone to add."""
        if obj is None:
            kwargs["form"] = NewPersonForm
        return super().get_form(request, obj, change, **kwargs)

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Return the filters, one for each choice field of the portal among them."""
        return [*super().get_list_filter(request), *custom_value_filters(request)]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fields: roles are for admins to give, switches are those of managers and instructors."""
        unfit = set()
        if not administers(request):
            unfit |= {"role", "is_limited"}
        if not administers(request) or obj is None or obj.role not in SWITCHES:
            unfit.add("rights")
        if obj is None:
            unfit.add("group" if administers(request) else "groups")
            unfit |= {"groups"} if portal_of(request) is None else set()
        return [
            (title, {**options, "fields": [name for name in options["fields"] if name not in unfit]})
            for title, options in super().get_fieldsets(request, obj)
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the read-only fields: the last day of someone whose access has ended is history."""
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "last_day"] if obj is not None and obj.status == Status.ENDED else fields

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Return what hangs on a person: for staff also what they are responsible for."""
        inlines = list(super().get_inlines(request, obj))
        if obj is None:
            return inlines
        if obj.role == Role.INSTRUCTOR or Permission.ACT_AS_INSTRUCTOR in obj.rights:
            inlines.insert(0, InstructedCourseInline)
        if obj.role == Role.MANAGER:
            inlines.insert(0, ManagedGroupInline)
        return inlines

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Return what can be done with the person as things are."""
        person = self.get_object(request, str(object_id))
        unfit = {"restore_access" if person and person.status != Status.ENDED else "end_access"}
        if person and person.status != Status.ACTIVE:
            unfit.add("send_password_link")
        if not person or person.role != Role.ADMIN or not staff.hidden_in(person).exists():
            unfit.add("show_below")
        if not person or person.role != Role.ADMIN or not staff.shown_in(person).exists():
            unfit.add("hide_below")
        actions = super().get_actions_detail(request, object_id)
        return [action for action in actions if not action.action_name.endswith(tuple(unfit))]

    @display(description=gettext_lazy("status"), ordering="status")
    def show_status(self, person: Membership) -> SafeString:
        """Return the status as a label, with the last day of access and who has ended it."""
        if _is_shut_out(person):
            return cells.with_note(cells.label(Status.ENDED.label, COLORS[Status.ENDED]), self.status_in_words(person))
        notes = [self.show_ending(person)] if person.ended_by else []
        if person.last_day and person.status == Status.ACTIVE:
            notes.insert(0, _("Last day %(day)s") % {"day": cells.day(person.last_day)})
        label = cells.label(person.get_status_display(), COLORS[Status(person.status)])
        return cells.with_note(label, format_html_join(" · ", "{}", ((note,) for note in notes)))

    @display(description=gettext_lazy("status"))
    def status_in_words(self, person: Membership) -> str:
        """Return the status; whose access to the top-level portal has ended has none here."""
        if _is_shut_out(person):
            return _("Access ended in the top-level portal")
        return person.get_status_display()

    @display(description=gettext_lazy("role"), ordering="role")
    def show_role(self, person: Membership) -> str:
        """Return the role, and whether an admin is limited."""
        return _("Limited admin") if person.is_limited else person.get_role_display()

    @display(description=gettext_lazy("ended by"))
    def show_ending(self, person: Membership) -> str:
        """Return who ended the access or set the last day, and why."""
        if not person.ended_by:
            return "–"
        who = ENDED_BY.get(person.ended_by, person.ended_by)
        if account := person.ended_by_account:
            who = f"{account.full_name or account.email} ({who})"
        return f"{who}: {person.ended_reason}" if person.ended_reason else str(who)

    @display(description=gettext_lazy("groups"), ordering="group_count")
    def group_count(self, person: Any) -> int:
        """Return in how many groups the person is."""
        return int(person.group_count)

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: Any) -> None:
        """Add someone, or save what was changed: each by the use-case that also serves the syncs."""
        if not change:
            obj.pk = self._add(request, obj, form)
            obj.refresh_from_db()
            return
        stored = Membership.objects.get(pk=obj.pk)
        if "last_day" in form.changed_data:
            self._set_last_day(request, obj.pk, obj.portal, obj.last_day)
        if administers(request):
            staff.set_role(
                membership=stored,
                role=obj.role,
                is_limited=obj.is_limited,
                permissions=_chosen(stored, obj, form),
                request=request,
            )
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save what staff are responsible for, and write it down."""
        super().save_related(request, form, formsets, change)
        for formset in formsets:
            if formset.has_changed():
                audit.record(
                    portal=form.instance.portal,
                    action="responsibilities_changed",
                    object=form.instance,
                    after={formset.model._meta.model_name: _responsible_for(formset)},
                    request=request,
                )

    def _add(self, request: HttpRequest, obj: Membership, form: Any) -> int:
        entered, now = form.cleaned_data, timezone.now()
        how = How(entered["how"])
        role = entered.get("role", Role.LEARNER)
        is_staff = role != Role.LEARNER
        newcomer = provisioning.Newcomer(
            key="",
            email=entered["email"],
            first_name=entered["first_name"],
            last_name=entered["last_name"],
            status=Status.PENDING if how == How.PENDING_INVITE else Status.ACTIVE,
            custom_data={key: value for key, value in form.custom_values.items() if value is not None},
            user_id=form.account.pk if form.account else None,
            mail="" if is_staff else MAILS.get(how, ""),
        )
        pk = provisioning.add_learners(
            portal=obj.portal,
            newcomers=[newcomer],
            source=Membership.Source.MANUAL,
            cause=provisioning.Cause(actor_id=request.user.pk),
            now=now,
        )[""]
        if is_staff:
            self._make_staff(request, pk, form, MAILS.get(how))
        for group in filter(None, [entered.get("group"), *entered.get("groups", ())]):
            grouping.add_members(group=group, membership_ids=[pk], now=now, actor_id=request.user.pk)
        grouping.regroup(portal_id=obj.portal_id, membership_ids=[pk], now=now)
        if entered.get("last_day"):
            self._set_last_day(request, pk, obj.portal, entered["last_day"])
        return pk

    def _make_staff(self, request: HttpRequest, pk: int, form: Any, mail: str | None) -> None:
        membership = Membership.objects.select_related("portal", "user").get(pk=pk)
        is_limited = form.cleaned_data.get("is_limited", False)
        staff.set_role(membership=membership, role=form.cleaned_data["role"], is_limited=is_limited, request=request)
        membership.refresh_from_db(fields=["role", "is_limited"])
        if mail:
            invitations.issue(membership=membership, kind=mail, sent_by=visitor(request), now=timezone.now())

    def _set_last_day(self, request: HttpRequest, pk: int, portal: Portal, day: date | None) -> None:
        now, cause = timezone.now(), provisioning.Cause(actor_id=request.user.pk)
        if day:
            ending = provisioning.Ending(pk, day)
            by = decided_by(request)
            provisioning.end_access(portal=portal, endings=[ending], by=by, cause=cause, now=now)
        else:
            amendment = provisioning.Amendment(pk, {"last_day": None})
            provisioning.amend_learners(portal=portal, amendments=[amendment], cause=cause, now=now)

    @confirmed_action(
        EndAccessForm,
        permissions=["change"],
        description=gettext_lazy("End access"),
        icon="person_off",
        variant=ActionVariant.DANGER,
    )
    def end_access(self, request: HttpRequest, form: Any, rows: list[Membership]) -> str:
        """End the access of people, now or after a day."""
        now, ended = timezone.now(), 0
        for portal in {row.portal for row in rows}:
            endings = [
                provisioning.Ending(row.pk, form.cleaned_data["last_day"])
                for row in rows
                if row.portal_id == portal.pk and row.status != Status.ENDED
            ]
            cause = provisioning.Cause(actor_id=request.user.pk, reason=form.cleaned_data["reason"])
            by = decided_by(request)
            ended += len(provisioning.end_access(portal=portal, endings=endings, by=by, cause=cause, now=now))
        return ngettext("Access ended for %d person.", "Access ended for %d people.", ended) % ended

    @confirmed_action(
        RestoreAccessForm,
        permissions=["change"],
        description=gettext_lazy("Restore access"),
        icon="person_check",
        variant=ActionVariant.DEFAULT,
    )
    def restore_access(self, request: HttpRequest, form: Any, rows: list[Membership]) -> str:
        """Give people their access back, with the groups and courses that they missed."""
        now, restored = timezone.now(), 0
        for portal in {row.portal for row in rows}:
            wanted = [row.pk for row in rows if row.portal_id == portal.pk and row.status == Status.ENDED]
            ids = provisioning.restore_access(
                portal=portal,
                restorations=_restorations(wanted, has_mail=form.cleaned_data["send_mail"]),
                source=Membership.Source.MANUAL,
                cause=provisioning.Cause(actor_id=request.user.pk),
                now=now,
            )
            grouping.regroup(portal_id=portal.pk, membership_ids=ids, now=now)
            enrollments.enroll_missed(membership_ids=ids, now=now)
            restored += len(ids)
        return ngettext("Access restored for %d person.", "Access restored for %d people.", restored) % restored

    @confirmed_action(
        PasswordLinkForm,
        permissions=["change"],
        description=gettext_lazy("Send a link to set a password"),
        icon="password",
    )
    def send_password_link(self, request: HttpRequest, form: Any, rows: list[Membership]) -> str:
        """Mail people a link to set a new password."""
        sent = 0
        for person in rows:
            try:
                kind = Invitation.Kind.RESET
                invitations.issue(membership=person, kind=kind, sent_by=visitor(request), now=timezone.now())
                sent += 1
            except invitations.InvitationRefused:
                continue
        text = ngettext("%d link is on its way.", "%d links are on their way.", sent) % sent
        if refused := len(rows) - sent:
            text += " " + _("%d got none: without access, or signing in another way.") % refused
        return text

    @confirmed_action(
        ShowBelowForm,
        permissions=["administer"],
        description=gettext_lazy("Show in sub-portals"),
        icon="visibility",
    )
    def show_below(self, request: HttpRequest, form: Any, rows: list[Membership]) -> str:
        """Put an admin of this portal on the lists of its sub-portals."""
        # Chosen among those that do not show them yet, which is about to change.
        portals, now = list(form.cleaned_data["portals"]), timezone.now()
        shown = staff.show_in(membership=rows[0], portals=portals, request=request)
        for pk, portal_id in rows[0].user.memberships.filter(portal__in=portals).values_list("pk", "portal"):
            grouping.regroup(portal_id=portal_id, membership_ids=[pk], now=now)
        return ngettext("Shown in %d sub-portal.", "Shown in %d sub-portals.", shown) % shown

    @confirmed_action(
        HideBelowForm,
        permissions=["administer"],
        description=gettext_lazy("Hide in sub-portals"),
        icon="visibility_off",
    )
    def hide_below(self, request: HttpRequest, form: Any, rows: list[Membership]) -> str:
        """Take an admin of this portal off the lists of its sub-portals."""
        hidden = staff.hide_in(membership=rows[0], portals=form.cleaned_data["portals"], request=request)
        return ngettext("Hidden in %d sub-portal.", "Hidden in %d sub-portals.", hidden) % hidden

    @confirmed_action(
        AddToGroupForm, permissions=["move_groups"], description=gettext_lazy("Add to a group"), icon="group_add"
    )
    def add_to_group(self, request: HttpRequest, form: Any, rows: list[Membership]) -> str:
        """Put people into a group by hand."""
        group = form.cleaned_data["group"]
        done = grouping.add_members(
            group=group, membership_ids=[row.pk for row in rows], now=timezone.now(), actor_id=request.user.pk
        )
        return _("%(count)d joined the group “%(group)s”.") % {"count": done.joined, "group": group}


def _is_shut_out(person: Any) -> bool:
    """Whether someone with access here has none because it has ended in the top-level portal."""
    return person.has_access and getattr(person, "is_shut_out", False)


def decided_by(request: HttpRequest) -> str:
    """Return whose decision the visitor's is: an admin's or a manager's."""
    return "admin" if administers(request) else "manager"


def _restorations(ids: list[int], *, has_mail: bool) -> list[provisioning.Restoration]:
    """Return what each person gets back: whoever never accepted the invitation is pending again."""
    never_accepted = set(invitations.unaccepted(ids))
    found = []
    for pk in ids:
        status, mail = Status.ACTIVE, Invitation.Kind.WELCOME
        if pk in never_accepted:
            status, mail = Status.PENDING, Invitation.Kind.INVITE
        found.append(provisioning.Restoration(pk, status, mail=mail if has_mail else ""))
    return found


def _chosen(stored: Membership, changed: Membership, form: Any) -> list[str] | None:
    """Return the switches that are on; none are stored for a new role, and while they are as usual."""
    if changed.role != stored.role or "rights" not in form.changed_data:
        return stored.permissions if changed.role == stored.role else None
    chosen = form.cleaned_data["rights"]
    return stored.permissions if set(chosen) == stored.rights else chosen


def _responsible_for(formset: Any) -> list[str]:
    return [str(row) for row in formset.queryset.all()]
