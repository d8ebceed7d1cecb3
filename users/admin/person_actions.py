"""Questions that are asked before something happens to people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanWidget

from portals.confirmations import ConfirmationForm
from portals.forms import DateInput
from portals.models import Group
from users.admin.person_forms import is_last_admin
from users.models import Membership

Status = Membership.Status


class EndAccessForm(ConfirmationForm):
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
        ]

    def clean(self) -> dict[str, Any]:
        """Refuse to end the access of the last admin."""
        for portal in {row.portal for row in self.rows}:
            if is_last_admin(portal, [row.pk for row in self.rows if row.portal_id == portal.pk]):
                raise ValidationError(_("The last admin of a portal has to stay."))
        return self.cleaned_data


class RestoreAccessForm(ConfirmationForm):
    """Give access back."""

    title = gettext_lazy("Restore access")
    button = gettext_lazy("Restore access")

    send_mail = forms.BooleanField(
        label=gettext_lazy("Send a welcome email with a link to set a password"),
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
        ]


class AddToGroupForm(ConfirmationForm):
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
