"""Permanent deletion for admins: the requests that wait, and deleting someone at once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextInputWidget

from portals.confirmations import ConfirmationForm, confirmed_action
from portals.scoping import PortalScopedAdmin, ReadOnly, is_full_admin, standing
from portals.standing import Permission
from users import erasure, staff
from users.admin.people import visitor
from users.models import DeletionRequest, Membership


class EraseForm(ConfirmationForm):
    """Delete one person for good; the address has to be typed, because nothing brings them back."""

    title = gettext_lazy("Delete permanently")
    button = gettext_lazy("Delete permanently")
    is_dangerous = True

    email = forms.CharField(
        label=gettext_lazy("Type the person's e-mail address"),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )

    def person(self) -> Membership:
        """Return who is to go."""
        row = self.rows[0]
        return row if isinstance(row, Membership) else row.membership

    def sentences(self) -> list[Any]:
        """Say what goes, with numbers."""
        person = self.person()
        courses = person.enrollments.count()
        found = [
            _("The account, the data and all invitations are deleted for good. This cannot be undone."),
            ngettext(
                "The progress in %d course is deleted with it.",
                "The progress in %d courses is deleted with it.",
                courses,
            )
            % courses,
            _("No sync adds the person again; you can do so by hand."),
            _("To only keep someone out, end their access instead: that keeps the records."),
        ]
        others = person.user.memberships.exclude(pk=person.pk).count()
        if others and person.portal.parent_id is None:
            more = ngettext(
                "The person is also deleted from %d other portal of your organization.",
                "The person is also deleted from %d other portals of your organization.",
                others,
            )
            found.insert(1, more % others)
        return found

    def clean(self) -> dict[str, Any]:
        """Refuse another address, and the last admin."""
        person = self.person()
        if staff.out_of_reach(standing(self.request), [person]):
            raise ValidationError(_("You may not decide about people with more rights than yours: %s.") % person)
        if self.cleaned_data.get("email", "").strip().lower() != person.user.email.lower():
            raise ValidationError(_("This is not the address of this person."))
        if erasure.is_last_full_admin(person):
            raise ValidationError(_("The last admin with full permissions has to stay."))
        return self.cleaned_data


class TakeBackForm(ConfirmationForm):
    """Let people stay who asked to be deleted."""

    title = gettext_lazy("Take the request back")
    button = gettext_lazy("Keep the account")

    def sentences(self) -> list[Any]:
        """Say how many stay."""
        count = len(self.rows)
        return [
            ngettext("%d account will not be deleted.", "%d accounts will not be deleted.", count) % count,
            _("The person is told by mail."),
        ]


class ErasesPeople(PortalScopedAdmin):
    """Mixed into admins whose rows are people, or speak of one."""

    def has_erase_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only admins with full permissions, managers who may delete their people, and operators."""
        may_erase = is_full_admin(request) or Permission.DELETE_USERS in standing(request).permissions
        return may_erase and self.has_view_permission(request, obj)

    @confirmed_action(
        EraseForm,
        permissions=["erase"],
        description=gettext_lazy("Delete permanently"),
        icon="delete_forever",
        variant=ActionVariant.DANGER,
    )
    def delete_permanently(self, request: HttpRequest, form: Any, rows: list[Any]) -> str:
        """Delete one person at once."""
        try:
            erasure.erase(membership=form.person(), reason="by_admin", request=request)
        except erasure.LastFullAdmin:
            return _("Nobody was deleted: the last admin with full permissions of a portal has to stay.")
        return _("The person was deleted for good.")


@admin.register(DeletionRequest)
class DeletionRequestAdmin(ReadOnly, ErasesPeople):
    """Who will be deleted, and when; each can be taken back or done at once."""

    portal_path = "membership__portal"
    list_display = ["show_person", "show_email", "requested_at", "due_at"]
    list_select_related = ["membership__user", "membership__portal"]
    search_fields = ["membership__user__first_name", "membership__user__last_name", "membership__user__email"]
    search_help_text = gettext_lazy("Search by name or e-mail address")
    ordering = ["due_at", "pk"]
    actions = ["take_back"]
    actions_detail = ["take_back", "delete_permanently"]
    fields = ["show_person", "show_email", "requested_at", "due_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeletionRequest]:
        """Return the requests with whom they are about."""
        rows: QuerySet[DeletionRequest] = super().get_queryset(request)
        return rows.select_related("membership__user", "membership__portal")

    @display(description=gettext_lazy("name"), ordering="membership__user__last_name")
    def show_person(self, row: DeletionRequest) -> str:
        """Return the name."""
        return row.membership.user.full_name or row.membership.user.email

    @display(description=gettext_lazy("e-mail address"), ordering="membership__user__email")
    def show_email(self, row: DeletionRequest) -> str:
        """Return the address."""
        return row.membership.user.email

    @confirmed_action(
        TakeBackForm, permissions=["erase"], description=gettext_lazy("Take the request back"), icon="undo"
    )
    def take_back(self, request: HttpRequest, form: Any, rows: list[DeletionRequest]) -> str:
        """Let people stay."""
        now, actor = timezone.now(), visitor(request)
        kept = sum(erasure.take_back(membership=row.membership, actor=actor, now=now, request=request) for row in rows)
        return ngettext("%d account stays.", "%d accounts stay.", kept) % kept
