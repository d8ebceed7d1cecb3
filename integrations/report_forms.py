"""The form that says who is told about a connection, and of what."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from integrations.models import Connection
from integrations.sync.reports import Report
from users import last_admin


class ReportsForm(forms.Form):
    """Which admins get the mails, and which mails."""

    to = forms.TypedMultipleChoiceField(
        label=_("Who is told"),
        help_text=_("Nobody ticked: every admin with full rights, also those who come later."),
        coerce=int,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    wanted = forms.MultipleChoiceField(
        label=_("What they are told"),
        help_text=_("That a connection must be connected again is always told: nothing goes on without it."),
        choices=[choice for choice in Report.choices if choice[0] != Report.NEEDS_RECONNECTING],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    def __init__(self, connection: Connection, data: Any = None) -> None:
        unwanted = set(connection.unwanted_reports)
        initial = {"to": connection.report_to, "wanted": [kind for kind in Report.values if kind not in unwanted]}
        super().__init__(data, initial=initial)
        admins = last_admin.full_admins(connection.portal).select_related("user").order_by("user__email")
        choices = [(admin.pk, f"{admin.user.full_name} <{admin.user.email}>".strip()) for admin in admins]
        self.fields["to"].choices = choices  # type: ignore[attr-defined]

    def unwanted(self) -> list[str]:
        """Return the kinds of reports that were left out."""
        always = {*self.cleaned_data["wanted"], Report.NEEDS_RECONNECTING}
        return [kind for kind in Report.values if kind not in always]
