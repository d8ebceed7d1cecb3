"""What both ways of single sign-on share at the portal's door: letting in, refusing, signing out."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.generic import TemplateView

from portals.addresses import client_network
from users import sso
from users.sign_on_reasons import Reason
from users.sso import Claims
from users.throttles import Throttle

from .base import PortalPage
from .entrance import let_in

# Refusals for one network address and portal; whoever only tries to fill the list of attempts is not listed.
REFUSALS = Throttle("sign-on-refusals", limit=200, period=timedelta(minutes=10))


class SingleSignOnPage(PortalPage):
    """A step of single sign-on."""

    template_name = "users/sign_on_refused.html"
    method = ""

    def let_in(self, claims: Claims, *, creates_people: bool, target: str) -> HttpResponse:
        """Sign the person in and go on. Raises Refused."""
        now = timezone.now()
        membership = sso.admit(
            portal=self.portal,
            claims=claims,
            method=self.method,
            creates_people=creates_people,
            now=now,
            request=self.request,
        )
        sso.note_attempt(portal=self.portal, method=self.method, membership=membership, now=now, request=self.request)
        return let_in(self.request, membership.user, target=target, opened_for=self.portal.pk)

    def refuse(self, reason: Reason, *, url: str = "") -> HttpResponse:
        """Note the reason for the admin, and tell the visitor no more than a number to ask about."""
        visitor = client_network(self.request)
        if not REFUSALS.take(self.portal.pk, visitor):
            return HttpResponse(status=HTTPStatus.TOO_MANY_REQUESTS)
        attempt = sso.note_attempt(
            portal=self.portal, method=self.method, reason=reason, now=timezone.now(), request=self.request
        )
        if url:
            return redirect(url)
        context = self.get_context_data(number=attempt.pk)
        return self.render_to_response(context, status=HTTPStatus.FORBIDDEN)


class SignedOutPage(PortalPage, TemplateView):
    """Say that the sign-out has worked, where signing in would begin anew by itself."""

    template_name = "users/signed_out.html"

    def get(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the page, and lead on to the sign-out of the organization if there is one."""
        settings = sso.settings_of(self.portal)
        url = settings.sign_out_url if settings and "everywhere" in self.request.GET else ""
        answer = self.render_to_response(self.get_context_data(sign_out_url=url))
        if url:
            # A redirect would be refused by browsers: pages of the portal may send forms only to the portal.
            answer["Refresh"] = f"2; url={url}"
        return answer
