"""The portal's own look: its colours as a style sheet, as the pages carry no inline style, and its logo."""

from django.http import Http404, HttpResponse
from django.views.decorators.cache import cache_control

from portals import colors
from portals.hosts import PortalRequest
from portals.models import Portal, PortalLogo

DEFAULT_ACCENT: str = Portal._meta.get_field("accent_color").get_default()

STYLE = """:root {{ --accent: {accent}; --on-accent: {on_accent}; --link: {light}; }}
@media (prefers-color-scheme: dark) {{ :root {{ --link: {dark}; }} }}
"""


@cache_control(max_age=300, public=True)
def portal_colors(request: PortalRequest) -> HttpResponse:
    """Answer with the accent, the text on it, and its readable shades for links."""
    accent = request.portal.accent_color if request.portal else DEFAULT_ACCENT
    style = STYLE.format(
        accent=accent,
        on_accent=colors.text_on(accent),
        light=colors.readable(accent, colors.LIGHT),
        dark=colors.readable(accent, colors.DARK),
    )
    return HttpResponse(style, content_type="text/css")


# The address changes with the picture.
@cache_control(max_age=31_536_000, public=True, immutable=True)
def portal_logo(request: PortalRequest, digest: str) -> HttpResponse:
    """Answer with the logo of this host's portal."""
    if request.portal is None or not digest or request.portal.logo_digest != digest:
        raise Http404
    logo = PortalLogo.objects.filter(portal=request.portal).first()
    if logo is None:
        raise Http404
    return HttpResponse(bytes(logo.content), content_type="image/png")
