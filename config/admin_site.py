"""The admin site: a portal's own admin at the portal's host, the operator's at the platform host."""

from typing import Any

from django.contrib.auth.views import LogoutView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods
from unfold.dataclasses import Favicon
from unfold.sites import UnfoldAdminSite

from config import dashboard
from integrations import needs
from integrations.needs import Need
from portals.scoping import administers, is_full_admin, may_use_admin, portal_of, standing
from portals.standing import Level

# Django's shortcut to "view on site" tells strangers which ids exist.
REMOVED = {"view_on_site"}


class RollcallAdminSite(UnfoldAdminSite):
    """Lets in who administers the host, and leaves signing in to the product's own pages."""

    index_title = _("Home")
    site_header = site_title = "Rollcall"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # Definitions are deleted one at a time, on a page that says what goes with them.
        self.disable_action("delete_selected")

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether there is anything in the admin of this host that the visitor may see."""
        return may_use_admin(request)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Return the view behind the door of the admin; Django's own would take any other method for GET."""
        return super().admin_view(require_http_methods(["GET", "HEAD", "POST"])(view), cacheable)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Return the pages of the admin."""
        return [url for url in super().get_urls() if getattr(url, "name", None) not in REMOVED]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every page shows: where the visitor is, and our mark."""
        portal = portal_of(request)
        return {
            **super().each_context(request),
            "site_subheader": portal.name if portal else _("Platform"),
            "needs": _needs(request) if portal else [],
            "site_favicons": [Favicon(href=static("rollcall/mark.svg"), rel="icon", type="image/svg+xml")],
        }

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the models of one app; not those of all, for which every page would ask: the sidebar is our own."""
        return super().get_app_list(request, app_label) if app_label else []

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send visitors to the sign-in page and back; whoever is signed in already lacks the permission."""
        if request.user.is_authenticated:
            if self.has_permission(request):
                return redirect("admin:index")
            raise PermissionDenied
        wanted = request.GET.get("next") or reverse("admin:index")
        return redirect_to_login(wanted, reverse("users:sign_in"))

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Leave passwords to the product's own page: it counts tries, ends other sign-ins and tells by mail."""
        return redirect("users:password")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign out and show the sign-in page; where single sign-on would begin at once, the page before it."""
        portal = portal_of(request)
        page = "users:sign_in" if portal is None or portal.uses_passwords else "users:signed_out"
        return LogoutView.as_view(next_page=reverse(page))(request)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show how things are; managers and instructors start with what they look after."""
        if not administers(request):
            page = "users_membership" if standing(request).level == Level.MANAGER else "users_enrollment"
            return redirect(f"admin:{page}_changelist")
        now, portal = timezone.now(), portal_of(request)
        overview = dashboard.of_portal(portal, now) if portal else dashboard.of_platform(now)
        context = {**self.each_context(request), "title": self.index_title, "overview": overview}
        request.current_app = self.name
        return TemplateResponse(request, "admin/index.html", {**context, **(extra_context or {})})

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Say that there is no such page: the theme's search keeps names apart by account, not by portal."""
        raise Http404


def _needs(request: HttpRequest) -> Any:
    """Return what the portal's connections need, asked for when a page shows it; only full admins can do it."""

    def ask() -> list[Need]:
        portal = portal_of(request)
        return needs.of_portal(portal, timezone.now()) if portal and is_full_admin(request) else []

    return request.__dict__.setdefault("_needs", SimpleLazyObject(ask))
