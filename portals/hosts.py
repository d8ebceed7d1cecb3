"""Which portal a request is for, decided by its host; hosts that nobody owns are refused before any view."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.http.request import split_domain_port
from django.utils import timezone
from django.utils.translation import gettext as _

from portals.models import Portal

# Load balancers ask by network address, so these paths answer under any name.
HEALTH_PATHS = "/health/"


class PortalRequest(HttpRequest):
    """A request that has passed the middleware below."""

    # None at the platform host.
    portal: Portal | None


class UnknownHost(LookupError):
    """No portal is reached under this host."""


class PortalHostMiddleware:
    """Sets `request.portal` and lets times read as they are at the portal."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: PortalRequest) -> HttpResponse:
        """Answer the request, or refuse its host with a plain page."""
        request.portal = None
        if not request.path_info.startswith(HEALTH_PATHS):
            try:
                request.portal = portal_of_host(request.get_host())
            except (UnknownHost, DisallowedHost):
                return HttpResponseBadRequest(_("There is no portal at this address."), content_type="text/plain")
        with timezone.override(request.portal.zone if request.portal else None):
            return self.get_response(request)


def portal_of_host(host: str) -> Portal | None:
    """Return the portal of a Host header, or None for the platform's own; raises UnknownHost."""
    domain = split_domain_port(host)[0].rstrip(".")
    if domain == settings.PLATFORM_HOST:
        return None
    slug = domain.removesuffix(f".{settings.PLATFORM_HOST}")
    if slug != domain and "." not in slug:
        found = Portal.objects.filter(slug=slug).first()
    else:
        # Anyone may point a domain here: only verified ones count.
        found = (
            Portal.objects.alias(domain=Lower("custom_domain"))
            .filter(domain=domain, custom_domain_verified_at__isnull=False)
            .exclude(custom_domain="")
            .first()
        )
    if found is None:
        raise UnknownHost(domain)
    return found
