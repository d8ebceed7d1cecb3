"""Who may sign in at which host, and who still may: asked again on every request."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from axes.backends import AxesStandaloneBackend
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.contrib.auth.middleware import AuthenticationMiddleware, get_user
from django.contrib.auth.models import AnonymousUser
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from portals.hosts import PortalRequest
from portals.models import Portal
from portals.scoping import may_use_admin
from portals.standing import Level, standing_at
from users import second_factors, sessions, sso
from users.access import ACCESS_HAS_ENDED, may_enter
from users.models import Membership, User


class RealmBackend(AxesStandaloneBackend, BaseBackend):
    """Finds people by e-mail address within the realm of the request's portal, and operators everywhere."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        email: str | None = None,
        **credentials: Any,
    ) -> User | None:
        """Return the account, or None; unknown, without access and wrong all take the time of one password check.

        Raises PermissionDenied while the account, known or not, is locked for this visitor.
        """
        address = (email or username or "").strip().lower()
        if not address or password is None:
            return None
        super().authenticate(request, email=address)
        portal = getattr(request, "portal", None)
        user, former = _candidate(portal, address), _former(portal, address)
        if user is None:
            if former is None:
                make_password(password)
            elif former.check_password(password) and request is not None:
                request.__dict__[ACCESS_HAS_ENDED] = True
            return None
        return user if user.check_password(password) else None

    def get_user(self, user_id: int) -> User | None:
        """Return the account of a session while it may sign in at all."""
        return User.objects.filter(pk=user_id, is_active=True).first()


class PortalAuthenticationMiddleware(AuthenticationMiddleware):
    """Signs people out whose access has ended, and keeps every session inside its portal."""

    def process_request(self, request: PortalRequest) -> None:  # type: ignore[override]
        """Set `request.user`, looked up when first used."""
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _present(request))  # type: ignore[assignment]


class SecondFactorMiddleware:
    """Keeps the admin pages of a portal that wants it so behind a second factor."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: PortalRequest) -> HttpResponse:
        """Answer the request, or ask for the code, or for the setting up, first."""
        if self.is_missing(request):
            if isinstance(request.user, User) and second_factors.is_set_up(request.user):
                return redirect(f"{reverse('users:second_step')}?{urlencode({'next': request.get_full_path()})}")
            return redirect("users:second_factor")
        return self.get_response(request)

    @staticmethod
    def is_missing(request: PortalRequest) -> bool:
        """Whether someone is about to use an admin page with a password alone."""
        portal, path = request.portal, request.path_info
        if portal is None or not portal.admins_need_second_factor or not path.startswith(reverse("admin:index")):
            return False
        if path == reverse("admin:logout") or not request.user.is_authenticated:
            return False
        return may_use_admin(request) and not second_factors.is_verified(request)


def membership_of(request: PortalRequest) -> Membership | None:
    """Return the visitor's membership in the portal; None for visitors without one, such as operators."""
    return _membership(request, request.user) if request.user.is_authenticated else None


def _present(request: PortalRequest) -> User | AnonymousUser:
    """Return the visitor, and note that the sign-in is in use."""
    user = _visitor(request)
    if user.is_authenticated:
        sessions.note_visit(request, timezone.now())
    return user


def _visitor(request: PortalRequest) -> User | AnonymousUser:
    user = get_user(request)
    if user.is_authenticated and _is_out_of_bounds(request, user):
        return AnonymousUser()
    if not user.is_authenticated or user.is_superuser or _membership(request, user):
        return user
    # An admin of the top-level portal is one in its sub-portals, without being among their people.
    if request.portal and standing_at(request, user).level > Level.NONE:
        return user
    request.session.flush()
    return AnonymousUser()


def _is_out_of_bounds(request: PortalRequest, user: User) -> bool:
    """Whether single sign-on opened the session, and this is another portal or the person has become staff.

    An identity provider vouches for the learners of its portal only: whoever runs it must not get any further.
    """
    opened_for = request.session.get(sso.OPENED_FOR)
    if opened_for is None:
        return False
    return request.portal is None or request.portal.pk != opened_for or standing_at(request, user).level > Level.NONE


def _membership(request: PortalRequest, user: User) -> Membership | None:
    """Return the membership through which the account may use the portal; one query per request."""
    if request.portal is None or user.is_superuser:
        return None
    found: dict[int, Membership | None] = request.__dict__.setdefault("_memberships", {})
    if user.pk not in found:
        membership = user.memberships_around(request.portal, keep=True).get(request.portal.pk)
        has_access = membership and may_enter(membership, portal=request.portal, now=timezone.now())
        found[user.pk] = membership if has_access else None
    return found[user.pk]


def _candidate(portal: Portal | None, address: str) -> User | None:
    """Return the one account that this address may stand for at this host."""
    accounts = User.objects.alias(address=Lower("email")).filter(address=address, is_active=True)
    if portal:
        membership = (
            Membership.objects.filter(portal=portal, user__in=accounts.filter(realm=portal.realm_id))
            .select_related("user")
            .first()
        )
        if membership and may_enter(membership, portal=portal, now=timezone.now(), by_password=True):
            return membership.user
        known = accounts.filter(realm=portal.realm_id).first()
        if known and known.standing_in(portal).administers:
            return known
    return accounts.filter(realm=None, is_superuser=True).first()


def _former(portal: Portal | None, address: str) -> User | None:
    """Return the account with this address that signed in at the portal by a password, and may not any more."""
    if portal is None or not portal.uses_passwords:
        return None
    people = Membership.objects.filter(portal=portal, user__is_active=True).exclude(status=Membership.Status.PENDING)
    membership = people.alias(address=Lower("user__email")).filter(address=address).select_related("user").first()
    if membership is None or may_enter(membership, portal=portal, now=timezone.now(), by_password=True):
        return None
    return membership.user
