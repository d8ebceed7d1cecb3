"""The entrance for signed links (SQSSO)."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.utils import timezone

from portals.models import Portal, SignedLinkSettings
from users import signed_links, sso
from users.sign_on_reasons import Reason, Refused

from .single_sign_on import SingleSignOnPage


class SignedLinkView(SingleSignOnPage):
    """Come in by a link that the customer's own site has signed."""

    method = Portal.SignInMethod.SIGNED_LINK

    def get(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Check the link, let the person in, and lead on to a page of this portal."""
        from_settings = SignedLinkSettings.objects.filter(portal=self.portal).first()
        if from_settings is None or self.portal.sign_in_method != self.method:
            raise Http404
        try:
            return self.come_in(from_settings)
        except Refused as refusal:
            return self.refuse(refusal.reason, url=from_settings.unauthorized_url)

    def come_in(self, settings: SignedLinkSettings) -> HttpResponse:
        now = timezone.now()
        pairs = [(name, value) for name, values in self.request.GET.lists() for value in values]
        result = signed_links.check(portal=self.portal, settings=settings, parameters=pairs, now=now)
        if result.reason or result.claims is None or result.expires_at is None:
            raise Refused(result.reason or Reason.INVALID)
        sso.spend(portal=self.portal, text=result.token, expires_at=result.expires_at, now=now)
        target = result.redirect or settings.landing_path
        return self.let_in(result.claims, creates_people=settings.creates_people, target=target)
