"""The portal admin's pages about signed links: settings, the secret, and the tester."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from portals.forms import PortalForm
from portals.models import Portal, SignedLinkMapping, SignedLinkSettings
from portals.scoping import PortalScopedTabularInline
from portals.standing import Level
from users import audit, signed_links, sso
from users.admin.sign_on_pages import SignOnAdmin
from users.models import Membership
from users.sign_on_reasons import EXPLANATIONS, Refused

SHORTEST_SECRET = 16
OVERLAPS = {
    "0": gettext_lazy("not at all: links made with it die now"),
    "1": gettext_lazy("for one day"),
    "7": gettext_lazy("for a week"),
}
_NEEDED = ("{email}", "{time}", "{secret}")


class SignedLinkSettingsForm(PortalForm):
    """The settings; weak signatures only by a choice of one's own."""

    def clean(self) -> dict[str, Any]:
        """Refuse weak signatures without the switch, patterns that prove nothing, and names that stand twice."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        is_weak = cleaned.get("signature") != SignedLinkSettings.Signature.HMAC
        if is_weak and not cleaned.get("accepts_weak"):
            self.add_error("accepts_weak", _("This signature is weak: choose HMAC-SHA256, or accept the risk."))
        pattern = cleaned.get("pattern", "")
        unknown = set(re.findall(r"\{[^}]*\}", signed_links.without_placeholders(pattern)))
        if is_weak and (unknown or any(part not in pattern for part in _NEEDED)):
            self.add_error("pattern", _("The pattern needs {email}, {time} and {secret}, and no unknown words in {}."))
        names = [value for name, value in cleaned.items() if name.endswith("_parameter")]
        if len(set(names)) < len(names) or signed_links.PORTAL_FIELD in names:
            raise ValidationError(_("Each parameter needs a name of its own, other than “portal”."))
        return cleaned


class SecretForm(forms.Form):
    """A new secret: made here, or one that the other site has already."""

    secret = forms.CharField(
        label=gettext_lazy("Use this secret"),
        required=False,
        min_length=SHORTEST_SECRET,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Empty: a random one is made, which is better."),
    )
    overlap = forms.ChoiceField(
        label=gettext_lazy("The present secret goes on working"),
        choices=list(OVERLAPS.items()),
        initial="1",
        widget=UnfoldAdminSelectWidget,
    )


class TesterForm(forms.Form):
    """A link to check, or the person for whom to make one."""

    link = forms.CharField(
        label=gettext_lazy("A link to check"),
        required=False,
        max_length=5000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    email = forms.EmailField(
        label=gettext_lazy("Or make a link for this learner"), required=False, widget=UnfoldAdminEmailInputWidget
    )


class SignedLinkMappingInline(PortalScopedTabularInline):
    """Which parameter fills which custom field."""

    model = SignedLinkMapping
    portal_path = "settings__portal"
    least_level = Level.FULL_ADMIN
    fields = ["parameter", "custom_field"]
    ordering = ["pk"]


@admin.register(SignedLinkSettings)
class SignedLinkSettingsAdmin(SignOnAdmin):
    """How a site signs links to the portal."""

    form = SignedLinkSettingsForm
    list_display = ["portal", "signature"]
    list_select_related = ["portal"]
    ordering = ["pk"]
    inlines = [SignedLinkMappingInline]
    readonly_fields = ["show_address"]
    fieldsets = [
        (None, {"fields": ["show_address", "sign_in_url", "landing_path", "unauthorized_url", "sign_out_url"]}),
        (gettext_lazy("Who comes in"), {"fields": ["creates_people", "max_age_minutes"]}),
        (
            gettext_lazy("Names of the parameters"),
            {
                "fields": [
                    ("email_parameter", "time_parameter", "token_parameter"),
                    ("first_name_parameter", "last_name_parameter", "redirect_parameter"),
                ]
            },
        ),
        (gettext_lazy("Signature"), {"fields": ["signature", "accepts_weak", "pattern"]}),
    ]

    def get_urls(self) -> list[URLPattern]:
        """Add the pages around the settings."""
        wrap = self.admin_site.admin_view
        own: list[URLPattern] = [
            path("secret/", wrap(self.secret), name="portals_signedlinksettings_secret"),
            path("tester/", wrap(self.tester), name="portals_signedlinksettings_tester"),
        ]
        return [*own, *super().get_urls()]

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns; the portal is one of them already."""
        return self.list_display

    def secret(self, request: HttpRequest) -> HttpResponse:
        """Change the secret, and show the new one this once."""
        portal = self.portal_of_page(request)
        settings = SignedLinkSettings.objects.filter(portal=portal).first()
        if settings is None:
            return redirect("admin:portals_signedlinksettings_add")
        form = SecretForm(request.POST or None)
        new = self._new_secret(request, portal, settings, form) if form.is_valid() else ""
        title = _("Secret of the signed links")
        return self.page(request, "secret", title=title, form=form, secret=new, has_secret=bool(settings.secret))

    def tester(self, request: HttpRequest) -> HttpResponse:
        """Say step by step why a link is refused, or make one that works."""
        portal = self.portal_of_page(request)
        settings = SignedLinkSettings.objects.filter(portal=portal).first()
        if settings is None:
            return redirect("admin:portals_signedlinksettings_add")
        form = TesterForm(request.POST or None)
        context: dict[str, Any] = {}
        if form.is_valid():
            try:
                context = self._tested(request, portal, settings, form.cleaned_data)
            except Refused as refusal:
                form.add_error(None, str(EXPLANATIONS[refusal.reason]))
        return self.page(
            request,
            "tester",
            title=_("Try signed links"),
            form=form,
            settings=settings,
            slug=portal.slug,
            address=portal.url(signed_links.PATH),
            **context,
        )

    @staticmethod
    def _new_secret(request: HttpRequest, portal: Portal, settings: SignedLinkSettings, form: SecretForm) -> str:
        new = form.cleaned_data["secret"] or signed_links.new_secret()
        overlap = timedelta(days=int(form.cleaned_data["overlap"]))
        with transaction.atomic():
            signed_links.rotate(settings=settings, secret=new, overlap=overlap, now=timezone.now())
            audit.record(
                portal=portal,
                action="signed_link_secret_changed",
                object=settings,
                after={"days_of_overlap": overlap.days},
                request=request,
            )
        return new

    def _tested(
        self, request: HttpRequest, portal: Portal, settings: SignedLinkSettings, asked: dict[str, Any]
    ) -> dict[str, Any]:
        """Return what to show about the link, or the new link. Raises Refused."""
        if asked["email"]:
            return {"example": self._example(request, portal, settings, asked["email"])}
        pairs = parse_qsl(urlsplit(asked["link"].strip()).query, keep_blank_values=True)
        result = signed_links.check(portal=portal, settings=settings, parameters=pairs, now=timezone.now())
        shown = {"result": result, "text": signed_links.signed_text(portal, settings, dict(pairs))}
        if result.claims is None:
            return {**shown, "explanation": EXPLANATIONS[result.reason] if result.reason else ""}
        try:
            sso.refuse_spent(portal=portal, text=result.token)
            membership = sso.find(
                portal=portal, claims=result.claims, creates_people=settings.creates_people, now=timezone.now()
            )
        except Refused as refusal:
            return {**shown, "explanation": EXPLANATIONS[refusal.reason]}
        return {**shown, "membership": membership, "comes_in": True}

    @staticmethod
    def _example(request: HttpRequest, portal: Portal, settings: SignedLinkSettings, email: str) -> str:
        now = timezone.now()
        people = Membership.objects.select_related("user").alias(address=Lower("user__email"))
        membership = people.filter(portal=portal, address=email.strip().lower()).first()
        claims = sso.Claims(email=email)
        sso.find(portal=portal, claims=claims, creates_people=False, now=now)
        assert membership is not None  # noqa: S101 - `find` refuses strangers
        audit.record(portal=portal, action="signed_link_made", object=membership, request=request)
        return signed_links.example(portal=portal, settings=settings, membership=membership, now=now)

    @display(description=gettext_lazy("address of the links"))
    def show_address(self, settings: SignedLinkSettings) -> str:
        """Return where signed links lead."""
        portal = getattr(settings, "portal", None)
        return format_html("{}", portal.url(signed_links.PATH) if portal else "–")
