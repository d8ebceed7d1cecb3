"""The settings of a portal as a file: download, upload with a preview, and a new sub-portal set up alike."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextInputWidget

from integrations.portal_settings import cloning, document, importing, reading
from integrations.portal_settings.difference import Kind, by_section
from integrations.portal_settings.importing import Outlook, RuleEffect
from integrations.sync.effects import Effect
from integrations.views import confirming
from integrations.views.base import Link, SettingsPage
from portals.hosts import PortalRequest
from portals.models import Portal
from users import audit


class UploadForm(forms.Form):
    """A file, or the content of one that was shown before."""

    file = forms.FileField(
        label=gettext_lazy("File with settings"),
        required=False,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".json,application/json"}),
    )
    content = forms.CharField(required=False, widget=forms.HiddenInput, strip=False)

    def clean(self) -> dict[str, Any]:
        """Read the file. Its mistakes become errors."""
        cleaned = self.cleaned_data
        upload = cleaned.get("file")
        if upload and upload.size > document.MOST_BYTES:
            raise ValidationError(_("The file is larger than 2 MB."))
        content = upload.read() if upload else cleaned.get("content", "").encode()
        if not content:
            raise ValidationError(_("Choose a file."))
        try:
            cleaned["document"] = document.parse(content)
        except document.Unfit as problem:
            raise ValidationError(str(problem)) from None
        return cleaned


class SubPortalForm(forms.ModelForm):  # type: ignore[type-arg]
    """Name and address of a new sub-portal."""

    class Meta:
        model = Portal
        fields = ["name", "slug"]
        widgets = {"name": UnfoldAdminTextInputWidget, "slug": UnfoldAdminTextInputWidget}
        error_messages = {"slug": {"invalid": gettext_lazy("Use lower-case letters, digits and hyphens.")}}


class FilePage(SettingsPage):
    """Set-up > Settings as a file."""

    title = gettext_lazy("Settings as a file")

    def breadcrumbs(self) -> list[Link]:
        """Return the way to this page: from the portal's settings."""
        return [Link(_("Portal settings"), reverse("admin:portals_portal_change", args=[self.portal.pk]))]

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Offer the download, the upload and the copy."""
        return self.show(UploadForm())

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show what a file would do, or do what was shown."""
        form = UploadForm(request.POST, request.FILES)
        if not form.is_valid():
            return self.show(form, status=422)
        wanted, seal = form.cleaned_data["document"], request.POST.get("seal", "")
        try:
            if seal:
                return self.apply(wanted, seal)
            outlook = importing.preview(portal=self.portal, wanted=wanted, now=timezone.now())
        except document.Unfit as problem:
            form.add_error(None, str(problem))
            return self.show(form, status=422)
        return self.page("integrations/settings_import.html", preview_context(outlook, wanted))

    def apply(self, wanted: document.Document, seal: str) -> HttpResponse:
        """Import what was shown; show it anew when the portal's settings are others by now."""
        now = timezone.now()
        try:
            outlook = importing.apply(portal=self.portal, wanted=wanted, now=now, seal=seal, request=self.request)
        except importing.Outdated:
            messages.warning(self.request, _("The settings have changed meanwhile. Look at the difference again."))
            outlook = importing.preview(portal=self.portal, wanted=wanted, now=now)
            return self.page("integrations/settings_import.html", preview_context(outlook, wanted))
        count = len(outlook.difference.changes)
        text = ngettext("%d setting was imported.", "%d settings were imported.", count) % count
        messages.success(self.request, text + " " + _("Rules that changed are at work within minutes."))
        return redirect("portal_settings:file")

    def show(self, form: UploadForm, *, status: int = 200, copy: SubPortalForm | None = None) -> HttpResponse:
        """Return the page with these forms."""
        context = {"form": form, "copy": copy or SubPortalForm(), "may_copy": self.portal.parent_id is None}
        return self.page("integrations/settings_file.html", context, status=status)


class DownloadView(SettingsPage):
    """The file."""

    http_method_names = ["get"]

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Return the settings as they are now, and write down who took them."""
        audit.record(portal=self.portal, action="settings_exported", object=self.portal, request=request)
        return HttpResponse(
            document.write(reading.settings_of(self.portal)),
            content_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{self.portal.slug}-settings.json"'},
        )


class CopyView(FilePage):
    """Makes a sub-portal with the settings of the top-level portal."""

    http_method_names = ["post"]

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Make it, or say what is wrong with its name or address."""
        if self.portal.parent_id is not None:
            raise PermissionDenied
        form = SubPortalForm(request.POST)
        if not form.is_valid():
            return self.show(UploadForm(), copy=form, status=422)
        try:
            made = cloning.clone(
                source=self.portal,
                slug=form.cleaned_data["slug"],
                name=form.cleaned_data["name"],
                now=timezone.now(),
                request=request,
            )
        except (document.Unfit, ValidationError) as problem:
            form.add_error(None, str(problem) if isinstance(problem, document.Unfit) else problem.messages)
            return self.show(UploadForm(), copy=form, status=422)
        messages.success(
            request,
            _("“%(name)s” is at %(url)s now, set up like this portal.") % {"name": made.name, "url": made.url()},
        )
        return redirect("portal_settings:file")


def preview_context(outlook: Outlook, wanted: document.Document) -> dict[str, Any]:
    """Return what the page shows of a file's effect, and what "Import" posts back."""
    difference = outlook.difference
    return {
        "outlook": outlook,
        "rules": [rule_sentence(one) for one in outlook.rules],
        "kinds": [
            (_("Added"), by_section(difference.of_kind(Kind.ADDED))),
            (_("Changed"), by_section(difference.of_kind(Kind.CHANGED))),
        ],
        "kept": by_section(difference.of_kind(Kind.KEPT)),
        "syncs": [(one.provider, sync_sentences(one.effect)) for one in outlook.syncs],
        "form": UploadForm(initial={"content": document.write(wanted)}),
        "has_changes": bool(difference.changes),
    }


def rule_sentence(rule: RuleEffect) -> str:
    """Return whom the rule of a group moves, with numbers."""
    effect = rule.effect
    parts = (
        ngettext("%d person joins", "%d people join", effect.joins) % effect.joins,
        ngettext("%d person leaves", "%d people leave", effect.leaves) % effect.leaves,
        ngettext("%d enrollment begins", "%d enrollments begin", effect.begins) % effect.begins,
        ngettext("%d enrollment ends", "%d enrollments end", effect.ends) % effect.ends,
    )
    return _("Rule of “%(group)s”: %(moves)s.") % {"group": rule.group, "moves": ", ".join(parts)}


def sync_sentences(effect: Effect) -> list[str]:
    """Return what the next sync does because of the file, as far as the last one read people."""
    if effect.people or not effect.is_whole:
        return confirming.sentences(effect)
    return [_("nobody changes, as far as is known from the last one.")]
