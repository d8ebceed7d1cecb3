"""SAML at the portal's door: start, receive the answer, come in; and the metadata for the identity provider."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt

from portals.models import Portal, SamlSettings
from portals.scoping import is_full_admin
from users import saml, saml_arrivals, saml_requests, sso
from users.saml_arrivals import Arrival
from users.sign_on_reasons import Reason, Refused

from .base import PortalPage
from .entrance import local_path
from .single_sign_on import SingleSignOnPage


class SamlPage(SingleSignOnPage):
    """A step of a sign-in by SAML."""

    method = Portal.SignInMethod.SAML

    @property
    def settings(self) -> SamlSettings:
        """What the portal knows of its identity provider. Raises Http404."""
        found = SamlSettings.objects.filter(portal=self.portal).first()
        if found is None or not found.is_complete:
            raise Http404
        return found


class SamlStart(SamlPage):
    """Send a learner to the identity provider."""

    def get(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Begin, unless the visitor is in already."""
        target = local_path(self.request.GET.get("next", ""))
        if self.portal.sign_in_method != self.method:
            raise Http404
        if self.request.user.is_authenticated:
            return redirect(target)
        try:
            session, settings = self.request.session, self.settings
            return redirect(saml_requests.begin(session, portal=self.portal, settings=settings, target=target))
        except Refused as refusal:
            return self.refuse(refusal.reason)


@method_decorator(csrf_exempt, name="dispatch")
class SamlConsumer(SamlPage):
    """Receive what the identity provider answers (the assertion consumer service)."""

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Check the answer and let the browser come back by itself, with its cookies."""
        response = self.request.POST.get("SAMLResponse", "")
        relay_state = self.request.POST.get("RelayState", "")[:2000]
        arrival = self.arrival(response, relay_state)
        return redirect("users:saml_finish", token=saml_arrivals.keep(self.portal, arrival))

    def arrival(self, response: str, relay_state: str) -> Arrival:
        now, settings = timezone.now(), self.settings
        try:
            assertion = saml.verify(portal=self.portal, settings=settings, response=response, now=now)
            text = f"{assertion.issuer}\n{assertion.id}"
            sso.spend(portal=self.portal, text=text, expires_at=assertion.expires_at, now=now)
        except Refused as refusal:
            return Arrival(saml.request_id_of(response), relay_state, reason=refusal.reason)
        return Arrival(assertion.in_response_to, relay_state, assertion=assertion.plain())


class SamlFinish(SamlPage):
    """Use what has arrived: let the person in, or show an admin the result of a test."""

    def get(self, *args: Any, token: str, **kwargs: Any) -> HttpResponse:
        """Look what this browser had asked for."""
        arrival = saml_arrivals.take(self.portal, token)
        if arrival is None:
            return self.refuse(Reason.OTHER_BROWSER)
        asked = saml_requests.answered(self.request.session, arrival.request_id)
        if asked and asked["is_test"] and is_full_admin(self.request):
            self.request.session[saml_requests.TEST_RESULT] = {
                "reason": arrival.reason,
                "assertion": arrival.assertion,
            }
            return redirect("admin:portals_samlsettings_test")
        try:
            return self.come_in(arrival, asked)
        except Refused as refusal:
            return self.refuse(refusal.reason)

    def come_in(self, arrival: Arrival, asked: dict[str, Any] | None) -> HttpResponse:
        settings = self.settings
        if arrival.assertion is None:
            raise Refused(Reason(arrival.reason))
        if self.portal.sign_in_method != self.method or (asked and asked["is_test"]):
            raise Refused(Reason.NOT_SET_UP)
        if arrival.request_id and not asked:
            raise Refused(Reason.OTHER_BROWSER)
        if not arrival.request_id and not settings.accepts_unasked:
            raise Refused(Reason.NOT_ASKED_FOR)
        claims = saml.claims_of(settings, saml.Assertion.from_plain(arrival.assertion))
        target = asked["target"] if asked else local_path(arrival.relay_state)
        return self.let_in(claims, creates_people=settings.creates_people, target=target)


class SamlMetadata(PortalPage):
    """What an identity provider needs to know of the portal."""

    def get(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the metadata as XML."""
        return HttpResponse(saml.metadata(self.portal), content_type="application/samlmetadata+xml")
