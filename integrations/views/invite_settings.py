"""Invite configuration: when and how new people are added."""

from functools import cached_property
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.forms import InviteSettingsForm
from integrations.models import InviteSettings
from integrations.sync.policy import policy_for
from integrations.views.confirming import ConfirmedSettings
from portals.hosts import PortalRequest
from users import audit


class InviteSettingsPage(ConfirmedSettings):
    """Settings > Integrations > Gusto > Invite configuration."""

    title = gettext_lazy("Invite configuration")
    tab = "invite_settings"

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show the questions with the answers given."""
        return self.questions(self.form())

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Save the answers; they count for people who are added from now on."""
        before = answers(self.settings) if self.settings.pk else {}
        form = self.form(request.POST)
        if not form.is_valid():
            return self.questions(form, status=422)
        if "edit" in request.POST:
            return self.questions(form)
        if question := self.question(policy_for(self.connection, invite_settings=form.instance)):
            return question
        with transaction.atomic():
            saved = form.save()
            audit.record(
                portal=self.portal,
                action="invite_settings_changed",
                object=saved,
                before=before,
                after=answers(saved),
                request=request,
            )
        messages.success(request, _("Saved. It applies to people who are added from the next sync on."))
        return redirect(self.url("invite_settings"))

    @cached_property
    def settings(self) -> InviteSettings:
        """The stored answers, or unsaved ones with the defaults."""
        found = InviteSettings.objects.filter(connection=self.connection).first()
        return found or InviteSettings(connection=self.connection)

    def form(self, data: Any = None) -> InviteSettingsForm:
        return InviteSettingsForm(data, instance=self.settings, uses_passwords=self.portal.uses_passwords)

    def questions(self, form: InviteSettingsForm, *, status: int = 200) -> HttpResponse:
        return self.page("integrations/invite_settings.html", {"form": form}, status=status)


def answers(settings: InviteSettings) -> dict[str, str]:
    """Return the answers for the audit trail."""
    return {"when": settings.when, "how": settings.how, "address": settings.address}
