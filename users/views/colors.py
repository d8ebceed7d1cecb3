"""The portal's own colours as a style sheet: the pages themselves carry no inline style."""

from django.http import HttpResponse
from django.views.decorators.cache import cache_control

from portals import colors
from portals.hosts import PortalRequest
from portals.models import Portal

# The backgrounds of rollcall/pages.css on which a link is hardest to read.
LIGHT, DARK = "#f3f4f6", "#111827"
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
        light=colors.readable(accent, LIGHT),
        dark=colors.readable(accent, DARK),
    )
    return HttpResponse(style, content_type="text/css")
