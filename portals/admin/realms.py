"""Realms for operators; portals for operators, and each portal's settings for its admins."""

import zoneinfo
from functools import cache
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminColorInputWidget, UnfoldAdminSelect2Widget

from portals.forms import PortalForm
from portals.models import Portal, Realm
from portals.scoping import GlobalAdmin, PortalScopedAdmin, is_operator, portal_of
from portals.standing import Level


@cache
def time_zones() -> list[tuple[str, str]]:
    """Return the known time zones as choices."""
    return [(name, name.replace("_", " ")) for name in sorted(zoneinfo.available_timezones())]


@admin.register(Realm)
class RealmAdmin(GlobalAdmin):
    """Realms; one that has portals or accounts cannot be deleted."""

    list_display = ["name", "portal_count"]
    search_fields = ["name"]
    ordering = ["name"]
    fields = ["name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Realm]:
        """Return the realms with the number of their portals."""
        realms: QuerySet[Realm] = super().get_queryset(request)
        return realms.annotate(portal_count=Count("portals"))

    @display(description=_("portals"), ordering="portal_count")
    def portal_count(self, realm: Any) -> int:
        """Return how many portals the realm has."""
        return int(realm.portal_count)


class PortalSettingsForm(PortalForm):
    """The settings of a portal."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=time_zones,
        initial="UTC",
        widget=UnfoldAdminSelect2Widget,
        help_text=_("Days begin and end by this time: the first and the last day of access, the daily sync."),
    )

    class Meta:
        widgets = {"accent_color": UnfoldAdminColorInputWidget(attrs={"type": "color"})}

    def clean_parent(self) -> Portal | None:
        """Refuse a parent of another realm, and circles."""
        parent: Portal | None = self.cleaned_data["parent"]
        realm = self.cleaned_data.get("realm") or getattr(self.instance, "realm", None)
        if parent and realm and parent.realm_id != realm.pk:
            raise forms.ValidationError(_("The parent portal belongs to another realm."))
        above = parent
        while above:
            if above.pk == self.instance.pk:
                raise forms.ValidationError(_("A portal cannot be below itself."))
            above = above.parent
        return parent


@admin.register(Portal)
class PortalAdmin(PortalScopedAdmin):
    """Every portal for operators; for a portal's admin the settings of this one."""

    portal_path = "pk"
    least_level = Level.FULL_ADMIN
    form = PortalSettingsForm
    list_display = ["name", "address", "realm", "sign_in_method", "time_zone"]
    list_filter = ["sign_in_method"]
    list_select_related = ["realm"]
    search_fields = ["name", "slug", "custom_domain"]
    ordering = ["name", "pk"]
    actions = ()

    # What a portal's admin may change, and what only an operator may.
    own_fields = [
        "name",
        "time_zone",
        "language",
        "sign_in_method",
        "accent_color",
        "may_add_people_known_elsewhere",
        "admins_need_second_factor",
    ]
    mail_fields = ["remind_days_before", "remind_days_after"]
    operator_fields = [
        "realm",
        "parent",
        "slug",
        "custom_domain",
        "custom_domain_verified_at",
        "enabled_integrations",
        "custom_field_limit",
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Portal | None = None) -> Any:
        """Return the settings that the visitor may change."""
        fieldsets: list[Any] = [(None, {"fields": self.own_fields})]
        mails = [*self.mail_fields, "mails"] if obj else self.mail_fields
        fieldsets.append((_("Mails"), {"fields": mails}))
        if is_operator(request):
            fieldsets.append((_("Set by operators"), {"fields": self.operator_fields}))
        else:
            fieldsets.insert(0, (None, {"fields": ["address"]}))
        return fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Portal | None = None) -> Any:
        """Return what cannot be changed: accounts belong to the realm, so a portal stays in it."""
        return ["address", "mails", *(["realm"] if obj else [])]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the visitor is an operator."""
        return is_operator(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may: a click must not erase the records of a whole portal."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list to operators, and their own settings to a portal's admin."""
        portal = portal_of(request)
        if portal and self.has_view_permission(request):
            return redirect(reverse("admin:portals_portal_change", args=[portal.pk]))
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response

    @display(description=_("what they look like"))
    def mails(self, portal: Portal) -> str:
        """Return a link to the portal's mails."""
        page = reverse("admin:users_pendinguser_mails", args=[portal.pk])
        return format_html('<a href="{}" class="text-link underline">{}</a>', page, _("Show every mail"))

    @display(description=_("address"), ordering="slug")
    def address(self, portal: Portal) -> str:
        """Return a link to the portal."""
        return format_html('<a href="{}" class="text-link underline">{}</a>', portal.url("/admin/"), portal.host)
