"""Portals, with the integrations that an operator turns on."""

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from integrations import providers
from portals.admin.realms import PortalAdmin as DefinitionAdmin
from portals.admin.realms import PortalSettingsForm
from portals.models import Portal

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
