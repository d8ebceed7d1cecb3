"""The portal admin's pages about SAML: settings, certificates, mappings, and the test sign-in."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget

from portals import saml_metadata
from portals.forms import PortalForm
from portals.models import Portal, SamlCertificate, SamlMapping, SamlSettings
from portals.scoping import PortalScopedTabularInline
from portals.standing import Level
from users import saml, saml_requests, sso
from users.admin.sign_on_pages import ChoosesMethod
from users.models import SignOnIdentity
from users.sign_on_reasons import EXPLANATIONS, Reason, Refused


class SamlSettingsForm(PortalForm):
    """The settings, and two ways to fill them in: a metadata file, or certificates as text."""

    metadata = forms.FileField(
        label=gettext_lazy("Metadata file"),
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text=gettext_lazy("Fills in entity id, sign-in URL and certificates, in place of those below."),
    )
    new_certificate = forms.CharField(
        label=gettext_lazy("Add a certificate"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=gettext_lazy("X.509 in PEM form. Several may be valid at once, while they are changed."),
    )
    found: saml_metadata.Metadata | None = None
    certificate: SamlCertificate | None = None

    class Meta:
        help_texts: ClassVar[dict[str, Any]] = {}

    def clean_metadata(self) -> Any:
        """Read the file. Raises ValidationError."""
        file = self.cleaned_data["metadata"]
        if file:
            try:
                self.found = saml_metadata.read(file.read(saml_metadata.MAX_BYTES + 1))
                for text in self.found.certificates:
                    saml_metadata.certificate_of(text)
            except saml_metadata.MetadataRefused as refusal:
                raise ValidationError(str(refusal)) from refusal
        return file

    def clean_new_certificate(self) -> str:
        """Read the certificate. Raises ValidationError."""
        text: str = self.cleaned_data["new_certificate"]
        if text.strip():
            try:
                self.certificate = saml_metadata.certificate_of(text)
            except saml_metadata.MetadataRefused as refusal:
                raise ValidationError(str(refusal)) from refusal
        return text

    def clean(self) -> dict[str, Any]:
        """Let the file fill in the fields."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.found:
            cleaned["entity_id"], cleaned["sign_in_url"] = self.found.entity_id, self.found.sign_in_url
        return cleaned

    def save_certificates(self) -> None:
        """Save what the file or the text held."""
        known = list(self.instance.certificates.all())
        if self.found:
            known = [saml_metadata.certificate_of(text) for text in self.found.certificates]
        if self.found or self.certificate:
            saml_metadata.replace_certificates(self.instance, [*known, *filter(None, [self.certificate])])


class SamlCertificateInline(PortalScopedTabularInline):
    """The certificates that count, with the days they have left."""

    model = SamlCertificate
    portal_path = "settings__portal"
    least_level = Level.FULL_ADMIN
    fields = ["show_fingerprint", "expires_at", "show_days"]
    readonly_fields = ["show_fingerprint", "expires_at", "show_days"]
    ordering = ["expires_at"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may here: certificates come with a file, or as a text above."""
        return False

    @display(description=gettext_lazy("SHA-256 fingerprint"))
    def show_fingerprint(self, certificate: SamlCertificate) -> SafeString:
        """Return the fingerprint as it is usually written; it breaks anywhere, for narrow screens."""
        text = certificate.fingerprint.upper()
        pairs = ":".join(text[place : place + 2] for place in range(0, len(text), 2))
        return format_html('<span class="anywhere">{}</span>', pairs)

    @display(description=gettext_lazy("valid for"))
    def show_days(self, certificate: SamlCertificate) -> str:
        """Return how many days are left; nothing for a row that was counted and is none."""
        if certificate._state.adding:
            return ""
        days = saml_metadata.days_left(certificate, timezone.now())
        return _("expired") if days < 0 else ngettext("%(days)d day", "%(days)d days", days) % {"days": days}


class SamlMappingInline(PortalScopedTabularInline):
    """Which attribute fills which custom field."""

    model = SamlMapping
    portal_path = "settings__portal"
    least_level = Level.FULL_ADMIN
    fields = ["attribute", "custom_field"]
    ordering = ["pk"]


@admin.register(SamlSettings)
class SamlSettingsAdmin(ChoosesMethod):
    """The identity provider of a portal."""

    form = SamlSettingsForm
    list_display = ["entity_id", "sign_in_url"]
    ordering = ["pk"]
    inlines = [SamlCertificateInline, SamlMappingInline]
    readonly_fields = ["show_consumer", "show_entity_id", "show_metadata"]
    fieldsets = [
        (
            gettext_lazy("For your identity provider"),
            {"fields": ["show_metadata", "show_entity_id", "show_consumer"]},
        ),
        (
            gettext_lazy("Your identity provider"),
            {"fields": ["metadata", "entity_id", "sign_in_url", "sign_out_url", "new_certificate"]},
        ),
        (
            gettext_lazy("Who people are"),
            {
                "fields": [
                    "name_id_format",
                    "email_attribute",
                    "first_name_attribute",
                    "last_name_attribute",
                    "groups_attribute",
                ]
            },
        ),
        (gettext_lazy("Who comes in"), {"fields": ["creates_people", "accepts_unasked"]}),
    ]

    def get_urls(self) -> list[URLPattern]:
        """Add the pages around the settings."""
        wrap = self.admin_site.admin_view
        own: list[URLPattern] = [
            path("overview/", wrap(self.overview), name="portals_samlsettings_overview"),
            path("method/<slug:method>/", wrap(self.choose_method), name="portals_samlsettings_method"),
            path("test/", wrap(self.test), name="portals_samlsettings_test"),
            path("forget/", wrap(self.forget), name="portals_samlsettings_forget"),
        ]
        return [*own, *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save the settings, then the certificates."""
        super().save_model(request, obj, form, change)
        form.save_certificates()

    def test(self, request: HttpRequest) -> HttpResponse:
        """Start a sign-in that lets nobody in, and show what it has brought."""
        portal = self.portal_of_page(request)
        settings = SamlSettings.objects.filter(portal=portal).first()
        is_complete = bool(settings and settings.is_complete)
        if request.method == "POST" and settings and is_complete:
            target = reverse("admin:portals_samlsettings_test")
            return redirect(
                saml_requests.begin(request.session, portal=portal, settings=settings, target=target, is_test=True)
            )
        result = request.session.pop(saml_requests.TEST_RESULT, None)
        report = _report(portal, settings, result) if settings and result else None
        return self.page(request, "test", title=_("Test sign-in"), is_complete=is_complete, report=report)

    def forget(self, request: HttpRequest) -> HttpResponse:
        """Ask, then let everyone be known by the e-mail address once more."""
        portal = self.portal_of_page(request)
        if request.method == "POST":
            count = sso.forget_identities(portal=portal, request=request)
            messages.success(request, _("Forgotten: %(count)d") % {"count": count})
            return redirect("admin:portals_samlsettings_overview")
        count = SignOnIdentity.objects.filter(portal=portal).count()
        return self.page(request, "forget", title=_("Forget who is who"), count=count)

    @display(description=gettext_lazy("ACS URL (recipient)"))
    def show_consumer(self, settings: SamlSettings) -> str:
        """Return the address that answers are sent to."""
        return _of_portal(settings, saml.CONSUMER_PATH)

    @display(description=gettext_lazy("Entity id (audience)"))
    def show_entity_id(self, settings: SamlSettings) -> str:
        """Return the portal's name among services."""
        return _of_portal(settings, "")

    @display(description=gettext_lazy("Metadata"))
    def show_metadata(self, settings: SamlSettings) -> str:
        """Return a link to the portal's metadata."""
        url = _of_portal(settings, saml.METADATA_PATH)
        return format_html('<a href="{0}" class="text-link underline">{0}</a>', url)


def _of_portal(settings: SamlSettings, path_: str) -> str:
    """Return an address of the portal; of settings that are about to be added the portal may be unknown."""
    portal = getattr(settings, "portal", None)
    return portal.url(path_) if portal else "–"


def _report(portal: Portal, settings: SamlSettings, result: dict[str, Any]) -> dict[str, Any]:
    """Return what a test has brought, and what would have become of the person."""
    if result["assertion"] is None:
        return {"explanation": EXPLANATIONS[Reason(result["reason"])]}
    assertion = saml.Assertion.from_plain(result["assertion"])
    claims = saml.claims_of(settings, assertion)
    report: dict[str, Any] = {"assertion": assertion, "claims": claims, "attributes": assertion.attributes.items()}
    try:
        report["membership"] = sso.find(
            portal=portal, claims=claims, creates_people=settings.creates_people, now=timezone.now()
        )
    except Refused as refusal:
        report["explanation"] = EXPLANATIONS[refusal.reason]
    return report
