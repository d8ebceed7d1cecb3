"""What all integration pages have in common: who may see them, which connection they are about, the frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.decorators.cache import never_cache

from integrations import providers
from integrations.models import Connection
from portals.hosts import PortalRequest
from portals.models import Portal
from portals.paging import ListPaginator
from portals.scoping import is_full_admin
from users.models import User

TABS = {
    "connection": gettext_lazy("Overview"),
    "mapping": gettext_lazy("Map your data"),
    "invite_settings": gettext_lazy("Invite configuration"),
    "safety_settings": gettext_lazy("Scope and safety"),
    "runs": gettext_lazy("Runs"),
    "problems": gettext_lazy("Problems"),
}


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the tabs or of the path to the page."""

    label: str | Promise
    url: str
    is_current: bool = False


@method_decorator(never_cache, name="dispatch")
class SettingsPage(View):
    """A page of a portal; only those who may open it, usually the portal's full admins, get past `dispatch`."""

    title: str | Promise = ""
    request: PortalRequest
    portal: Portal
    # Who looks at the page.
    user: User

    def dispatch(self, request: PortalRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        """Let in those who may open the page at this host."""
        if request.portal is None:
            raise Http404
        if not request.user.is_authenticated:
            return self.ask_to_sign_in()
        self.portal, self.user = request.portal, request.user
        if not self.may_open():
            raise PermissionDenied
        return self.detour() or super().dispatch(request, *args, **kwargs)

    def may_open(self) -> bool:
        """Whether the visitor's role is enough: a page that shows less may ask for less."""
        return is_full_admin(self.request)

    def ask_to_sign_in(self) -> HttpResponse:
        """Send the visitor to the sign-in page and back; a polled fragment takes its whole page there."""
        sign_in = reverse("users:sign_in")
        if "HX-Request" in self.request.headers:
            return HttpResponse(headers={"HX-Redirect": sign_in})
        return redirect_to_login(self.request.get_full_path(), sign_in)

    def detour(self) -> HttpResponse | None:
        """Return what to show instead of this page, if anything."""
        return None

    def breadcrumbs(self) -> list[Link]:
        """Return the way to this page, from the top."""
        return [Link(_("Integrations"), reverse("integrations:catalog"))]

    def frame(self) -> dict[str, Any]:
        """Return what every template of these pages needs."""
        return {
            **admin.site.each_context(self.request),
            "title": self.title,
            "breadcrumbs": self.breadcrumbs(),
            "portal": self.portal,
        }

    def page(self, template: str, context: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
        """Return a whole page in the admin's frame."""
        return render(self.request, template, {**self.frame(), **context}, status=status)


class ProviderPage(SettingsPage):
    """A page about one provider, and about this portal's connection to it if there is one."""

    # The name of the address whose tab is lit.
    tab = ""

    @cached_property
    def provider(self) -> providers.Provider:
        """The provider that the address names. Raises Http404."""
        try:
            return providers.get(self.kwargs["provider"])
        except KeyError:
            raise Http404 from None

    @cached_property
    def known_connection(self) -> Connection | None:
        """This portal's connection, or None before the first consent."""
        connections = Connection.objects.select_related("connected_by", "portal")
        return connections.filter(portal=self.portal, provider=self.provider.key).first()

    def detour(self) -> HttpResponse | None:
        """Explain a provider that is not turned on for this portal. Raises Http404 for a page that it has not."""
        if self.tab in self.provider.hidden_tabs:
            raise Http404
        if self.provider.key in self.portal.enabled_integrations:
            return None
        return self.page("integrations/turned_off.html", {"tabs": []}, status=HTTPStatus.FORBIDDEN)

    def url(self, name: str, **kwargs: int) -> str:
        """Return the address of a page about this provider."""
        return reverse(f"integrations:{name}", kwargs={"provider": self.provider.key, **kwargs})

    def said(self, *sentences: str | Promise, account: str = "") -> list[str]:
        """Return what the provider's words say about this portal and an account."""
        names = {"system": self.provider.label, "portal": self.portal.name, "account": account}
        return [str(sentence) % names for sentence in sentences]

    def breadcrumbs(self) -> list[Link]:
        """Return the way to this page, from the top."""
        return [*super().breadcrumbs(), Link(self.provider.label, self.url("connection"))]

    def frame(self) -> dict[str, Any]:
        """Return what every template about a provider needs."""
        return {
            **super().frame(),
            "provider": self.provider,
            "connection": self.known_connection,
            "tabs": self.tabs() if self.known_connection else [],
        }

    def tabs(self) -> list[Link]:
        """Return the pages about the connection: those that all providers share, then the provider's own."""
        shared = [
            Link(label, self.url(name), is_current=name == self.tab)
            for name, label in TABS.items()
            if name not in self.provider.hidden_tabs
        ]
        own = [
            Link(tab.label, reverse(tab.url_name), is_current=tab.url_name == self.tab) for tab in self.provider.tabs
        ]
        return [*shared, *own]


class ConnectedPage(ProviderPage):
    """A page that makes sense only once there has been a connection; it may be broken or cut by now."""

    @cached_property
    def connection(self) -> Connection:
        """This portal's connection. Raises Http404, though only before `detour` was asked."""
        if self.known_connection is None:
            raise Http404
        return self.known_connection

    def detour(self) -> HttpResponse | None:
        """Send those who never connected to the page where they can."""
        if instead := super().detour():
            return instead
        if self.known_connection:
            return None
        messages.info(self.request, _("Connect %(system)s first.") % {"system": self.provider.label})
        return redirect(self.url("connection"))


def paged(
    rows: QuerySet[Any], request: PortalRequest, *, per_page: int, paginator: type[Paginator[Any]] = ListPaginator
) -> dict[str, Any]:
    """Return the page that the address asks for, and the numbers to link to; the nearest page for nonsense."""
    page = paginator(rows, per_page).get_page(request.GET.get("page"))
    return {"page": page, "page_numbers": list(page.paginator.get_elided_page_range(page.number))}


def text_from(request: PortalRequest, name: str) -> str:
    """Return a text of the address; without NUL, which PostgreSQL does not take."""
    return request.GET.get(name, "").replace("\0", "").strip()


class Confirmation(ConnectedPage):
    """Asks on GET, by a page that needs no JavaScript; acts on POST."""

    template = "integrations/confirmation.html"

    def question(self) -> dict[str, Any]:
        """Return the question: title, consequences (sentences), button, and where "Cancel" leads."""
        raise NotImplementedError

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Ask."""
        return self.page(self.template, {"question": self.question()})
