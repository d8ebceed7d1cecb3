"""The list of users: people of a portal who have, or had, access."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from portals.confirmations import confirmed_action
from users import audit, enrollments, grouping, invitations, provisioning
from users.admin.deletions import ErasesPeople
from users.admin.enrollment_actions import EnrollsPeople
from users.admin.exports import ExportsPeople
from users.admin.imports import ImportsPeople
from users.admin.people import EnrollmentInline, GroupMembershipInline, InvitationInline, PeopleAdmin, visitor
from users.admin.person_actions import AddToGroupForm, EndAccessForm, RestoreAccessForm
from users.admin.person_filters import CreatedAfterFilter, GroupFilter, StatusFilter, custom_value_filters
from users.admin.person_forms import How, NewPersonForm
from users.admin.sign_in_actions import SignInActions
from users.models import GroupMembership, Invitation, Membership

Role, Status = Membership.Role, Membership.Status
MAILS = {How.PENDING_INVITE: Invitation.Kind.INVITE, How.ACTIVE_WELCOME: Invitation.Kind.WELCOME}


@admin.register(Membership)
class MembershipAdmin(ExportsPeople, ImportsPeople, EnrollsPeople, SignInActions, ErasesPeople, PeopleAdmin):
    """Users; pending people are not among them."""

    list_display = ["show_name", "show_email", "role", "show_status", "show_source", "group_count", "show_created"]
    list_filter = [
        CreatedAfterFilter,
        StatusFilter,
        ("role", ChoicesDropdownFilter),
        ("source", ChoicesDropdownFilter),
        GroupFilter,
    ]
    actions = ["add_to_group", "enroll_in_course", "end_access", "restore_access"]
    actions_detail = ["enroll_in_course", "end_access", "restore_access", "end_sign_ins", "reset_second_factor", "delete_permanently"]
    inlines = [GroupMembershipInline, EnrollmentInline, InvitationInline]
    readonly_fields = ["status", "show_source", "created_at", "ended_at"]
    fieldsets = [
        (None, {"fields": ["first_name", "last_name", "email", "role"]}),
        (gettext_lazy("Access"), {"fields": ["status", "last_day", "ended_at", "show_source", "created_at"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["first_name", "last_name", "email", "role", "how"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """Return the people with the number of their groups; pending ones have a list of their own."""
        groups = GroupMembership.objects.filter(membership=OuterRef("pk")).order_by().values("membership")
        count = Subquery(groups.annotate(rows=Count("pk")).values("rows"), output_field=IntegerField())
        rows: QuerySet[Membership] = super().get_queryset(request).exclude(status=Status.PENDING)
        return rows.annotate(group_count=Coalesce(count, 0))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form of a person, or of someone to add."""
        if obj is None:
            kwargs["form"] = NewPersonForm
        return super().get_form(request, obj, change, **kwargs)

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Return the filters, one for each choice field of the portal among them."""
        return [*super().get_list_filter(request), *custom_value_filters(request)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the read-only fields: the last day of someone whose access has ended is history."""
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "last_day"] if obj is not None and obj.status == Status.ENDED else fields

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Return what can be done with the person as things are."""
        person = self.get_object(request, str(object_id))
        unfit = "restore_access" if person and person.status != Status.ENDED else "end_access"
        actions = super().get_actions_detail(request, object_id)
        return [action for action in actions if not action.action_name.endswith(unfit)]

    @display(
        description=gettext_lazy("status"),
        ordering="status",
        label={Status.ACTIVE: "success", Status.ENDED: "danger", Status.PENDING: "info"},
    )
    def show_status(self, person: Membership) -> tuple[str, str]:
        """Return the status as a label."""
        return person.status, person.get_status_display()

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
            self._set_last_day(request, obj)
        if obj.role != stored.role:
            Membership.objects.filter(pk=obj.pk).update(role=obj.role)
            audit.record(
                portal=obj.portal,
                action="role_changed",
                object=obj,
                before={"role": stored.role},
                after={"role": obj.role},
                request=request,
            )
        super().save_model(request, obj, form, change)

    def _add(self, request: HttpRequest, obj: Membership, form: Any) -> int:
        entered, now = form.cleaned_data, timezone.now()
        how = How(entered["how"])
        is_staff = entered["role"] != Role.LEARNER
        newcomer = provisioning.Newcomer(
            key="",
            email=entered["email"],
            first_name=entered["first_name"],
            last_name=entered["last_name"],
            status=Status.PENDING if how == How.PENDING_INVITE else Status.ACTIVE,
            custom_data={},
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
            self._make_staff(request, pk, entered["role"], MAILS.get(how))
        grouping.regroup(portal_id=obj.portal_id, membership_ids=[pk], now=now)
        return pk

    def _make_staff(self, request: HttpRequest, pk: int, role: str, mail: str | None) -> None:
        membership = Membership.objects.select_related("portal", "user").get(pk=pk)
        membership.role = role
        membership.save(update_fields=["role"])
        audit.record(
            portal=membership.portal, action="role_changed", object=membership, after={"role": role}, request=request
        )
        if mail:
            invitations.issue(membership=membership, kind=mail, sent_by=visitor(request), now=timezone.now())

    def _set_last_day(self, request: HttpRequest, obj: Membership) -> None:
        now, cause = timezone.now(), provisioning.Cause(actor_id=request.user.pk)
        if obj.last_day:
            ending = provisioning.Ending(obj.pk, obj.last_day)
            provisioning.end_access(portal=obj.portal, endings=[ending], by="admin", cause=cause, now=now)
        else:
            amendment = provisioning.Amendment(obj.pk, {"last_day": None})
            provisioning.amend_learners(portal=obj.portal, amendments=[amendment], cause=cause, now=now)

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
            cause = provisioning.Cause(actor_id=request.user.pk)
            ended += len(provisioning.end_access(portal=portal, endings=endings, by="admin", cause=cause, now=now))
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
        mail = Invitation.Kind.WELCOME if form.cleaned_data["send_mail"] else ""
        for portal in {row.portal for row in rows}:
            wanted = [row.pk for row in rows if row.portal_id == portal.pk and row.status == Status.ENDED]
            ids = provisioning.restore_access(
                portal=portal,
                restorations=[provisioning.Restoration(pk, Status.ACTIVE, mail=mail) for pk in wanted],
                source=Membership.Source.MANUAL,
                cause=provisioning.Cause(actor_id=request.user.pk),
                now=now,
            )
            grouping.regroup(portal_id=portal.pk, membership_ids=ids, now=now)
            enrollments.enroll_missed(membership_ids=ids, now=now)
            restored += len(ids)
        return ngettext("Access restored for %d person.", "Access restored for %d people.", restored) % restored

    @confirmed_action(
        AddToGroupForm, permissions=["change"], description=gettext_lazy("Add to a group"), icon="group_add"
    )
    def add_to_group(self, request: HttpRequest, form: Any, rows: list[Membership]) -> str:
        """Put people into a group by hand."""
        group = form.cleaned_data["group"]
        done = grouping.add_members(group=group, membership_ids=[row.pk for row in rows], now=timezone.now())
        return _("%(count)d joined the group “%(group)s”.") % {"count": done.joined, "group": group}
