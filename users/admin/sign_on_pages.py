"""What the admin pages of single sign-on share: who may see them, their frame, and choosing the method."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from portals.models import Portal, SamlSettings, SignedLinkSettings
from portals.scoping import PortalScopedAdmin, is_full_admin, portal_of
from portals.standing import Level
from users import audit
from users.models import Membership, SignInAttempt
from users.sign_on_reasons import EXPLANATIONS, Reason

SHOWN_ATTEMPTS = 10
# Days before its end from which a certificate is worth a warning.
EXPIRES_SOON = 30
Method = Portal.SignInMethod


class SignOnAdmin(PortalScopedAdmin):
    """The settings of one way of single sign-on: one row per portal, for full admins."""

    portal_path = "portal"
    least_level = Level.FULL_ADMIN
    actions = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the portal has no such settings yet."""
        portal = portal_of(request)
        has_none = portal is None or not self.model._default_manager.filter(portal=portal).exists()
        return bool(super().has_add_permission(request)) and has_none

    def portal_of_page(self, request: HttpRequest) -> Portal:
        """Return the portal that a page is about. Raises PermissionDenied, and Http404 at the platform host."""
        if not is_full_admin(request):
            raise PermissionDenied
        portal = portal_of(request)
        if portal is None:
            raise Http404
        return portal

    def page(self, request: HttpRequest, template: str, **context: Any) -> HttpResponse:
        """Return a page in the admin's frame."""
        frame = {**self.admin_site.each_context(request), "opts": self.opts, "portal": portal_of(request)}
        return TemplateResponse(request, f"admin/single_sign_on/{template}.html", {**frame, **context})

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show operators the list, and a portal's admin the overview of single sign-on."""
        if portal_of(request) and self.has_view_permission(request) and not request.GET:
            return redirect("admin:portals_samlsettings_overview")
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response


def overview(portal: Portal, now: datetime) -> dict[str, Any]:
    """Return how single sign-on stands at the portal."""
    saml = SamlSettings.objects.filter(portal=portal).first()
    link = SignedLinkSettings.objects.filter(portal=portal).first()
    attempts = SignInAttempt.objects.filter(portal=portal).select_related("membership__user")
    return {
        "saml": saml,
        "saml_is_complete": bool(saml and saml.is_complete),
        "certificates": _certificates(saml, now),
        "link": link,
        "link_is_complete": bool(link and link.is_complete),
        "previous_until": link.previous_until if link and link.previous_works(now) else None,
        "attempts": [(one, explanation(one)) for one in attempts.order_by("-at", "-pk")[:SHOWN_ATTEMPTS]],
        "metadata_url": portal.url(reverse("users:saml_metadata")),
        "direct_url": portal.url(reverse("users:sign_in_direct")),
    }


def explanation(attempt: SignInAttempt) -> str:
    """Return in words why an attempt was refused; empty when it was not."""
    return str(EXPLANATIONS[Reason(attempt.reason)]) if attempt.reason else ""


def _certificates(settings: SamlSettings | None, now: datetime) -> list[dict[str, Any]]:
    rows = settings.certificates.order_by("expires_at") if settings else []
    return [{"row": row, "days": (row.expires_at - now).days, "soon": EXPIRES_SOON} for row in rows]


class ChoosesMethod(SignOnAdmin):
    """Mixed into one of the settings' admins: the overview, and the page that changes how learners sign in."""

    def overview(self, request: HttpRequest) -> HttpResponse:
        """Show what is set up, what learners use, and the last attempts."""
        portal = self.portal_of_page(request)
        # The page is about both ways, so it is not named after the model.
        frame = {"title": _("Single sign-on"), "opts": None}
        return self.page(request, "overview", **frame, **overview(portal, timezone.now()))

    def choose_method(self, request: HttpRequest, method: str) -> HttpResponse:
        """Ask, then let the learners of the portal sign in by another method."""
        portal = self.portal_of_page(request)
        if method not in Method.values or method == portal.sign_in_method:
            raise Http404
        state = overview(portal, timezone.now())
        is_ready = {Method.PASSWORD: True, Method.SAML: state["saml_is_complete"]}.get(
            Method(method), state["link_is_complete"]
        )
        if request.method == "POST" and is_ready:
            return self._set_method(request, portal, method)
        people = Membership.objects.filter(portal=portal, role=Membership.Role.LEARNER)
        return self.page(
            request,
            "choose_method",
            title=_("Change how learners sign in"),
            method=Method(method),
            is_ready=is_ready,
            active=people.filter(status=Membership.Status.ACTIVE).count(),
            pending=people.filter(status=Membership.Status.PENDING).count(),
            direct_url=state["direct_url"],
        )

    @staticmethod
    def _set_method(request: HttpRequest, portal: Portal, method: str) -> HttpResponse:
        before = portal.sign_in_method
        with transaction.atomic():
            Portal.objects.filter(pk=portal.pk).update(sign_in_method=method)
            audit.record(
                portal=portal,
                action="sign_in_method_changed",
                object=portal,
                before={"method": before},
                after={"method": method},
                request=request,
            )
        messages.success(request, _("Learners now sign in by: %(method)s") % {"method": Method(method).label})
        return redirect("admin:portals_samlsettings_overview")
