"""What every page for learners has: the portal's look, a strict content policy, and who is looking."""

from collections.abc import Callable
from typing import Any

from csp.constants import NONE, SELF
from csp.decorators import csp
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.decorators.cache import never_cache
from django.views.generic.base import ContextMixin, TemplateResponseMixin, View

from portals.hosts import PortalRequest
from portals.models import Portal
from portals.standing import Level, standing_at
from users import access, custom_data
from users.backends import membership_of
from users.models import Membership, User

# No script at all, nothing inline, nothing from other hosts.
STRICT_POLICY = {
    "default-src": [NONE],
    "style-src": [SELF],
    "img-src": [SELF, "data:"],
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}


class Page(TemplateResponseMixin, ContextMixin, View):
    """A page of a portal, or of the platform itself."""

    request: PortalRequest

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """Return the view with the headers of all pages."""
        view: Callable[..., HttpResponseBase] = never_cache(csp(STRICT_POLICY)(super().as_view(**initkwargs)))
        return view

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what the frame of every page shows."""
        return super().get_context_data(
            portal=self.request.portal,
            may_administer=self.may_use_admin(),
            may_switch=bool(self.other_portals),
            **kwargs,
        )

    @cached_property
    def other_portals(self) -> list[Portal]:
        """The portals to switch to: none where one of them has a domain of its own, or after single sign-on."""
        request, membership = self.request, membership_of(self.request)
        user = request.user
        if request.portal is None or not isinstance(user, User) or user.is_superuser:
            return []
        is_learner = membership is not None and membership.role == Membership.Role.LEARNER
        if is_learner and not request.portal.uses_passwords:
            return []
        portals = access.portals_of(user, now=timezone.now())
        if any(portal.host != portal.platform_host for portal in portals):
            return []
        return [portal for portal in portals if portal != request.portal]

    def may_use_admin(self) -> bool:
        """Whether there is anything in the admin for the visitor; costs learners no question to the database."""
        membership = membership_of(self.request)
        is_learner = membership is not None and membership.role == Membership.Role.LEARNER
        if is_learner and self.request.portal and self.request.portal.parent_id is None:
            return False
        return standing_at(self.request, self.request.user).level > Level.NONE


class PortalPage(Page):
    """A page that only portals have; the platform host sends its visitors to the admin."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer at portal hosts."""
        if self.request.portal is None:
            return redirect("admin:index")
        return super().dispatch(request, *args, **kwargs)

    @property
    def portal(self) -> Portal:
        """The portal of this host."""
        if self.request.portal is None:
            raise Http404
        return self.request.portal


class MemberPage(PortalPage):
    """A page for people with access to the portal, once they have told it what it has to know."""

    # Whether whoever has not filled in required custom data is sent to do so first.
    asks_first = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Send visitors to the sign-in page, and back here afterwards."""
        if self.request.portal and not self.request.user.is_authenticated:
            return redirect_to_login(self.request.get_full_path())
        if self.asks_first and (membership := membership_of(self.request)) and custom_data.is_incomplete(membership):
            return redirect_to_login(self.request.get_full_path(), reverse("users:missing_data"))
        return super().dispatch(request, *args, **kwargs)

    @property
    def membership(self) -> Membership:
        """The visitor's own membership; operators have none."""
        found = membership_of(self.request)
        if found is None:
            raise Http404
        return found
