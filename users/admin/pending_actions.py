"""Questions that are asked before something happens to the invitations of pending people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldBooleanWidget

from users import pending
from users.admin.person_actions import PeopleForm
from users.models import Invitation


class ResendForm(PeopleForm):
    """Send invitations again."""

    title = gettext_lazy("Send the invitation again")
    button = gettext_lazy("Send again")

    def sentences(self) -> list[Any]:
        """Say how many mails go out, and how many do not."""
        left_out = pending.without_mail(self.rows).count()
        count = self.rows.count() - left_out
        said = [
            ngettext("%d invitation will be mailed.", "%d invitations will be mailed.", count) % count,
            _("Each carries a new link that works for 72 hours; the old link stops working."),
        ]
        if left_out:
            text = ngettext(
                "%d person gets no mail: they sign in another way, or their invitation was cancelled.",
                "%d people get no mail: they sign in another way, or their invitation was cancelled.",
                left_out,
            )
            said.append(text % left_out)
        return said


class CancelForm(PeopleForm):
    """Withdraw invitations."""

    title = gettext_lazy("Cancel the invitation")
    button = gettext_lazy("Cancel the invitation")
    is_dangerous = True

    def sentences(self) -> list[Any]:
        """Say how many links die."""
        count = self.rows.filter(invitation_withdrawn_at=None).count()
        return [
            ngettext(
                "%d person cannot accept the invitation any more.",
                "%d people cannot accept the invitation any more.",
                count,
            )
            % count,
            _("No mail is sent about it."),
            _(
                "They leave this list, and no sync invites them again. You can allow it later: filter the list by "
                "“Cancelled”."
            ),
        ]


class ReleaseForm(PeopleForm):
    """Let held invitations go out."""

    title = gettext_lazy("Release held invitations")
    button = gettext_lazy("Release")

    per_hour = forms.IntegerField(
        label=gettext_lazy("Invitations per hour"),
        required=False,
        min_value=1,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=gettext_lazy("Empty: all at once."),
    )

    def sentences(self) -> list[Any]:
        """Say how many mails go out."""
        held = Invitation.objects.filter(
            membership=OuterRef("pk"), kind=Invitation.Kind.INVITE, state=Invitation.State.HELD
        )
        count = self.rows.filter(Exists(held)).count()
        return [ngettext("%d held mail will be sent.", "%d held mails will be sent.", count) % count]


class AllowForm(PeopleForm):
    """Allow invitations to people again."""

    title = gettext_lazy("Allow invitations again")
    button = gettext_lazy("Allow")

    send_now = forms.BooleanField(
        label=gettext_lazy("Send an invitation now"), required=False, initial=True, widget=UnfoldBooleanWidget
    )

    def sentences(self) -> list[Any]:
        """Say how many people it is about."""
        count = self.rows.filter(invitation_withdrawn_at__isnull=False).count()
        return [
            ngettext("%d person can be invited again.", "%d people can be invited again.", count) % count,
            _("Without a mail now, they return to the list and wait for one."),
        ]
