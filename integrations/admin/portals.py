"""Portals, with the integrations that an operator turns on."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from integrations import providers
from portals.admin.realms import PortalAdmin as DefinitionAdmin
from portals.admin.realms import PortalSettingsForm
from portals.models import Portal
from portals.read_only import once_a_row
from users import seats

admin.site.unregister(Portal)


class PortalForm(PortalSettingsForm):
    """The settings of a portal, with a choice of the integrations that are installed."""

    enabled_integrations = forms.MultipleChoiceField(
        label=_("Turned-on integrations"),
        choices=lambda: [(provider.key, provider.label) for provider in providers.all_providers()],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("Integrations that the admins of this portal may set up."),
    )


@admin.register(Portal)
class PortalAdmin(DefinitionAdmin):
    """Portals and their settings."""

    form = PortalForm

    def get_fieldsets(self, request: HttpRequest, obj: Portal | None = None) -> Any:
        """Return the settings, with the seats of a portal that is there among what is about people."""
        shown = ["seats_taken"] if obj else []
        return [
            (title, {**options, "fields": [*options["fields"], *shown] if title == self.people else options["fields"]})
            for title, options in super().get_fieldsets(request, obj)
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Portal | None = None) -> Any:
        """Return what is only shown."""
        return [*super().get_readonly_fields(request, obj), "seats_taken"]

    @display(description=_("seats taken"))
    @once_a_row
    def seats_taken(self, portal: Portal) -> str:
        """Return how many people have access, and how many may."""
        taken = seats.taken(portal, now=timezone.now())
        if portal.seats is None:
            return gettext("%d, of any number") % taken
        return gettext("%(taken)d of %(seats)d") % {"taken": taken, "seats": portal.seats}
