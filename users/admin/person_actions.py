"""Questions that are asked before something happens to people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from portals.confirmations import ConfirmationForm
from portals.forms import DateInput
from portals.models import Group, Portal
from portals.scoping import standing
from users import invitations, last_admin, seats, staff
from users.models import Enrollment, Membership

Status = Membership.Status


class PeopleForm(ConfirmationForm):
    """A question about people, asked only of those who may decide about each of them."""

    def clean(self) -> dict[str, Any]:
        """Refuse to act on people with more rights than the visitor."""
        rows = self.rows
        if isinstance(rows, QuerySet):
            # As many people as the list has, of whom only staff can be out of reach.
            rows = rows.exclude(role=Membership.Role.LEARNER).select_related("portal__parent", "user")
        who = staff.out_of_reach(standing(self.request), rows)
        if who:
            names = ", ".join(str(row) for row in who[:5])
            raise ValidationError(_("You may not decide about people with more rights than yours: %s.") % names)
        return self.cleaned_data


class EndAccessForm(PeopleForm):
    """End access, at once or after a day."""

    title = gettext_lazy("End access")
    button = gettext_lazy("End access")
    is_dangerous = True

    last_day = forms.DateField(
        label=gettext_lazy("Last day of access"),
        required=False,
        widget=DateInput,
        help_text=gettext_lazy("Access ends after this day, by the portal's time. Empty: it ends now."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Shown to admins and managers with the person."),
    )

    def sentences(self) -> list[Any]:
        """Say how many lose access and what stays."""
        count = sum(row.status != Status.ENDED for row in self.rows)
        return [
            ngettext(
                "%d person will not be able to sign in any more.",
                "%d people will not be able to sign in any more.",
                count,
            )
            % count,
            _("Courses, progress and data are kept, and access can be restored. Open invitations stop working."),
            *self._below(),
        ]

    def _below(self) -> list[Any]:
        """Say in how many sub-portals access is over, too."""
        portals = Portal.objects.filter(parent__in={row.portal_id for row in self.rows})
        count = portals.filter(memberships__user__in=[row.user_id for row in self.rows]).distinct().count()
        text = ngettext(
            "They cannot use %d sub-portal either, as long as their access here is over.",
            "They cannot use %d sub-portals either, as long as their access here is over.",
            count,
        )
        return [text % count] if count else []

    def clean(self) -> dict[str, Any]:
        """Refuse to end the access of the last full admin."""
        super().clean()
        for portal in {row.portal for row in self.rows}:
            ids = [row.pk for row in self.rows if row.portal_id == portal.pk]
            if last_admin.is_among(portal=portal, membership_ids=ids):
                raise ValidationError(_("The last admin of a portal has to stay."))
        return self.cleaned_data


class RestoreAccessForm(PeopleForm):
    """Give access back."""

    title = gettext_lazy("Restore access")
    button = gettext_lazy("Restore access")

    send_mail = forms.BooleanField(
        label=gettext_lazy("Send an email with a link to set a password"),
        required=False,
        widget=UnfoldBooleanWidget,
    )

    def sentences(self) -> list[Any]:
        """Say how many get access, and what comes with it."""
        count = sum(row.status == Status.ENDED for row in self.rows)
        return [
            ngettext("%d person will be able to sign in again.", "%d people will be able to sign in again.", count)
            % count,
            _("Groups are worked out anew, and courses that were missed meanwhile are added."),
            *self._never_here(),
        ]

    def _never_here(self) -> list[Any]:
        """Say who has to accept the invitation first."""
        ended = [row.pk for row in self.rows if row.status == Status.ENDED]
        count = len(invitations.unaccepted(ended))
        text = ngettext(
            "%d of them never accepted the invitation, and is pending again.",
            "%d of them never accepted the invitation, and are pending again.",
            count,
        )
        return [text % count] if count else []

    def clean(self) -> dict[str, Any]:
        """Refuse to let in more people than there are seats."""
        super().clean()
        for portal in {row.portal for row in self.rows}:
            wanted = sum(row.status == Status.ENDED and row.portal_id == portal.pk for row in self.rows)
            left = seats.supply(portal, now=timezone.now()).left
            if left is not None and left < wanted:
                text = _("Seats needed: %(wanted)d. Free: %(left)d of %(seats)d.")
                raise ValidationError(text % {"wanted": wanted, "left": left, "seats": portal.seats})
        return self.cleaned_data


class PasswordLinkForm(PeopleForm):
    """Mail a link to set a new password."""

    title = gettext_lazy("Send a link to set a password")
    button = gettext_lazy("Send the link")

    def sentences(self) -> list[Any]:
        """Say how many mails go out."""
        count = sum(row.status == Status.ACTIVE for row in self.rows)
        return [
            ngettext("%d link will be mailed.", "%d links will be mailed.", count) % count,
            _("It works once and for 72 hours. Until then the present password stays as it is."),
        ]


class ShowBelowForm(PeopleForm):
    """Put an admin of the top-level portal on the lists of sub-portals."""

    title = gettext_lazy("Show in sub-portals")
    button = gettext_lazy("Show")

    portals = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Sub-portals"),
        queryset=Portal.objects.none(),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        below = Portal.objects.none()
        if len(self.rows) == 1:
            below = staff.hidden_in(self.rows[0])
        field: Any = self.fields["portals"]
        field.queryset = below

    def clean_portals(self) -> Any:
        """Refuse sub-portals without a free seat."""
        portals = self.cleaned_data["portals"]
        full = [portal.name for portal in portals if not seats.has_free(portal, now=timezone.now())]
        if full:
            raise ValidationError(_("All seats are taken in: %s.") % ", ".join(full))
        return portals

    def sentences(self) -> list[Any]:
        """Say what follows."""
        return [
            _("Admins of this portal may work in every sub-portal, without being on its list of users."),
            _("Where they are shown, groups and dynamic rules see them like everybody else."),
        ]


class HideBelowForm(PeopleForm):
    """Take an admin of the top-level portal off the lists of sub-portals."""

    title = gettext_lazy("Hide in sub-portals")
    button = gettext_lazy("Hide")

    portals = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Sub-portals"),
        queryset=Portal.objects.none(),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["portals"]
        field.queryset = staff.shown_in(self.rows[0]) if len(self.rows) == 1 else Portal.objects.none()

    def clean_portals(self) -> Any:
        """Refuse sub-portals in which there is something to keep."""
        portals = self.cleaned_data["portals"]
        taken = Enrollment.objects.filter(membership__user=self.rows[0].user_id, membership__portal__in=portals)
        if names := sorted(set(taken.values_list("membership__portal__name", flat=True))):
            raise ValidationError(_("Their courses would be lost, so unenroll them first in: %s.") % ", ".join(names))
        return portals

    def sentences(self) -> list[Any]:
        """Say what follows."""
        return [
            _("They may go on working there, but are no longer on the list of users, and leave its groups."),
        ]


class AddToGroupForm(PeopleForm):
    """Put people into a group by hand."""

    title = gettext_lazy("Add to a group")
    button = gettext_lazy("Add to the group")

    group = forms.ModelChoiceField(
        label=gettext_lazy("Group"), queryset=Group.objects.none(), widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        portals = {row.portal_id for row in self.rows}
        groups = Group.objects.filter(portal=portals.pop()) if len(portals) == 1 else Group.objects.none()
        who = standing(self.request)
        if not who.administers:
            groups = groups.filter(pk__in=who.group_ids)
        field: Any = self.fields["group"]
        field.queryset = groups.order_by("title")

    def sentences(self) -> list[Any]:
        """Say what follows."""
        return [_("They are enrolled in the group's courses, and stay members whatever the group's rule says.")]


class RemoveFromGroupForm(ConfirmationForm):
    """Take members out of a group."""

    title = gettext_lazy("Remove from the group")
    button = gettext_lazy("Remove")
    is_dangerous = True

    unenroll = forms.BooleanField(
        label=gettext_lazy("Also take away the group's courses that they have not finished"),
        required=False,
        widget=UnfoldBooleanWidget,
    )

    def sentences(self) -> list[Any]:
        """Say who leaves."""
        return [
            ngettext("%d member leaves the group.", "%d members leave the group.", len(self.rows)) % len(self.rows),
            _("Whom the group's rule wants stays a member by rule."),
        ]
