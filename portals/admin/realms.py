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
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminColorInputWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelect2Widget,
    UnfoldBooleanWidget,
)

from portals import colors, domains, logos
from portals.confirmations import ConfirmationForm, confirmed_action
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

    logo = forms.FileField(
        label=_("Logo"),
        required=False,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": "image/png,image/jpeg,image/webp"}),
        help_text=_("PNG, JPEG or WebP of at most 1 MB; shown up to 600 × 200 pixels."),
    )
    remove_logo = forms.BooleanField(label=_("Remove the logo"), required=False, widget=UnfoldBooleanWidget)

    class Meta:
        widgets = {"accent_color": UnfoldAdminColorInputWidget(attrs={"type": "color"})}
        error_messages = {
            "custom_domain": {
                "invalid": _("Enter a name like learn.example.com, in lower case, without spaces and https://.")
            }
        }

    def clean_logo(self) -> logos.Logo | None:
        """Return the picture, drawn anew; refuse anything else."""
        file = self.cleaned_data["logo"]
        if not file:
            return None
        try:
            return logos.read(file)
        except logos.NotALogo as refusal:
            raise forms.ValidationError(str(refusal)) from None

    def clean_custom_domain(self) -> str:
        """Refuse names that belong to the platform."""
        domain: str = self.cleaned_data["custom_domain"]
        if domain and domains.is_our_own(domain):
            raise forms.ValidationError(_("Enter a domain of your own."))
        return domain

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


class CheckDomainForm(ConfirmationForm):
    """Look whether a portal's own domain leads here."""

    title = _("Check the domain")
    button = _("Check now")

    @property
    def portal(self) -> Portal:
        """The portal in question."""
        portal: Portal = self.rows[0]
        return portal

    def sentences(self) -> list[Any]:
        """Say what has to be set up first, and what follows."""
        names = {"domain": self.portal.custom_domain, "target": self.portal.platform_host.partition(":")[0]}
        return [
            gettext("At the provider of your domain, let %(domain)s point to %(target)s with a CNAME entry.") % names,
            gettext("Once that can be seen, your people use %(domain)s, also in the links of mails.") % names,
            gettext("The old address keeps working."),
        ]

    def clean(self) -> dict[str, Any]:
        """Look where the domain leads."""
        try:
            domains.verify(self.portal, now=timezone.now())
        except domains.NotVerified as reason:
            raise forms.ValidationError(str(reason)) from None
        return self.cleaned_data


@admin.register(Portal)
class PortalAdmin(PortalScopedAdmin):
    """Every portal for operators; for a portal's admin the settings of this one."""

    portal_path = "pk"
    form = PortalSettingsForm
    list_display = ["name", "address", "realm", "sign_in_method", "time_zone"]
    list_filter = ["sign_in_method"]
    list_select_related = ["realm"]
    search_fields = ["name", "slug", "custom_domain"]
    ordering = ["name", "pk"]
    actions = ()

    least_level = least_level_to_change = Level.FULL_ADMIN
    actions_detail = ["check_domain"]
    people = _("People")
    operator_fields = ["realm", "parent", "slug", "enabled_integrations", "custom_field_limit", "seats"]
    own_fieldsets: list[Any] = [
        (_("Portal"), {"fields": ["name", "address", "time_zone", "language"]}),
        (
            _("Look"),
            {
                "fields": ["accent_color", "logo", "remove_logo", "look"],
                "description": _("On the sign-in page, in your people's pages and in mails."),
            },
        ),
        (_("Your own address"), {"fields": ["custom_domain", "domain_state"]}),
        (_("Signing in"), {"fields": ["sign_in_method", "admins_need_second_factor"]}),
        (
            _("Mails"),
            {"fields": ["mail_sender", "remind_days_before", "remind_days_after", "tells_of_new_people", "mails"]},
        ),
        (
            people,
            {"fields": ["may_add_people_known_elsewhere", "may_request_deletion", "deletion_contact"]},
        ),
    ]
    # What there is only once the portal is.
    later_fields = {"address", "look", "domain_state", "mails", "logo", "remove_logo"}

    def get_fieldsets(self, request: HttpRequest, obj: Portal | None = None) -> Any:
        """Return the settings that the visitor may change, by what they are about."""
        left_out = set() if obj else self.later_fields
        fieldsets = [
            (title, {**options, "fields": [name for name in options["fields"] if name not in left_out]})
            for title, options in self.own_fieldsets
        ]
        if is_operator(request):
            fieldsets.append((_("Set by operators"), {"fields": self.operator_fields}))
        return fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Portal | None = None) -> Any:
        """Return what cannot be changed: accounts belong to the realm, so a portal stays in it."""
        return ["address", "look", "domain_state", "mails", *(["realm"] if obj else [])]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Return what can be done: a domain is checked until it is known."""
        portal = self.get_object(request, str(object_id))
        if not portal or not portal.custom_domain or portal.custom_domain_verified_at:
            return []
        return super().get_actions_detail(request, object_id)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Save the settings and the logo; another domain has to be checked again."""
        if "custom_domain" in form.changed_data:
            obj.custom_domain_verified_at = None
        super().save_model(request, obj, form, change)
        if form.cleaned_data.get("logo"):
            logos.keep(obj, form.cleaned_data["logo"])
        elif form.cleaned_data.get("remove_logo"):
            logos.keep(obj, None)

    @confirmed_action(
        CheckDomainForm, permissions=["change"], description=_("Check the domain"), icon="travel_explore"
    )
    def check_domain(self, request: HttpRequest, form: Any, rows: list[Portal]) -> str:
        """Let the portal answer at its own domain."""
        request.__dict__["_edit"] = ({}, {"verified": form.portal.custom_domain})
        self.report(request, "changed", form.portal)
        return gettext("The domain works: the portal is at %(url)s now.") % {"url": form.portal.url()}

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

    @display(description=_("preview"))
    def look(self, portal: Portal) -> str:
        """Return the head of a page and a link, in light and in dark."""
        accent = portal.accent_color
        logo = format_html('<img src="{}" alt="" style="height:2rem">', portal.logo_path) if portal.logo_path else ""
        backgrounds = ((colors.LIGHT, _("Link in light")), (colors.DARK, _("Link in dark")))
        links = format_html_join(
            "",
            '<span style="background:{};color:{};padding:.5rem 1rem;text-decoration:underline">{}</span>',
            ((shade, colors.readable(accent, shade), words) for shade, words in backgrounds),
        )
        return format_html(
            '<span style="display:inline-flex;flex-direction:column">'
            '<span style="display:flex;gap:.75rem;align-items:center;padding:.75rem 1rem;font-weight:600;'
            'background:{};color:{}">{}{}</span><span style="display:flex">{}</span></span>',
            accent,
            colors.text_on(accent),
            logo,
            portal.name,
            links,
        )

    @display(description=_("state of the domain"))
    def domain_state(self, portal: Portal) -> str:
        """Return whether the portal answers at its own domain."""
        if not portal.custom_domain:
            return gettext("None: people use %(host)s.") % {"host": portal.platform_host}
        if portal.custom_domain_verified_at is None:
            return gettext("Not checked yet: save, then choose “Check the domain” above.")
        return gettext("In use since %(day)s.") % {"day": date_format(portal.custom_domain_verified_at)}
