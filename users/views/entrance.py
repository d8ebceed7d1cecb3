"""The way in: from a password, a link or single sign-on to a session, past the second factor where there is one."""

from datetime import timedelta
from typing import Any

from django.contrib.auth import login
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django_otp import login as otp_login
from django_otp.models import Device

from users import second_factors, sso
from users.backends import RealmBackend
from users.models import User

from .base import Page

# Who has come past the first step, and how long the second may take.
FIRST_STEP = "first_step"
SECOND_STEP_TIME = timedelta(minutes=10)


def local_path(wish: str) -> str:
    """Return where to go next: a path of this host whatever a link asked for, else the page of courses."""
    if wish.startswith("/") and url_has_allowed_host_and_scheme(wish, allowed_hosts=None):
        return wish
    return reverse("users:courses")


def let_in(
    request: HttpRequest, user: User, *, target: str = "", opened_for: int | None = None
) -> HttpResponseRedirect:
    """Sign the person in, or ask for a code first where the account has a second factor.

    `opened_for` is the id of the portal whose single sign-on vouches for the person.
    """
    if not second_factors.is_set_up(user):
        _begin_session(request, user, opened_for)
        return redirect(local_path(target))
    request.session[FIRST_STEP] = {
        "user": user.pk,
        # A password that changes meanwhile ends this, too.
        "hash": user.get_session_auth_hash(),
        "until": (timezone.now() + SECOND_STEP_TIME).timestamp(),
        "target": target,
        "opened_for": opened_for,
    }
    return redirect("users:second_step")


def person_at_second_step(request: HttpRequest) -> User | None:
    """Return who is expected to type a code: after the first step, or signed in without one. None: start over."""
    person = _past_first_step(request.session.get(FIRST_STEP))
    if person:
        return person
    # A step that was not gone on with must not stand in the way of who is signed in.
    request.session.pop(FIRST_STEP, None)
    user = request.user
    if not isinstance(user, User) or second_factors.is_verified(request) or not second_factors.is_set_up(user):
        return None
    return user


def _past_first_step(step: dict[str, Any] | None) -> User | None:
    if step is None or timezone.now().timestamp() > step["until"]:
        return None
    user = RealmBackend().get_user(step["user"])
    return user if user and constant_time_compare(user.get_session_auth_hash(), step["hash"]) else None


def let_in_after_code(request: HttpRequest, user: User, device: Device, *, target: str = "") -> HttpResponseRedirect:
    """Sign the person in after the second step, and go on to where they wanted."""
    step = request.session.pop(FIRST_STEP, None) or {}
    _begin_session(request, user, step.get("opened_for", request.session.get(sso.OPENED_FOR)))
    otp_login(request, device)
    return redirect(local_path(step.get("target") or target))


def _begin_session(request: HttpRequest, user: User, opened_for: int | None) -> None:
    """Sign the person in; what single sign-on said of an earlier session counts no more."""
    login(request, user)
    request.session.pop(sso.OPENED_FOR, None)
    if opened_for is not None:
        request.session[sso.OPENED_FOR] = opened_for


class SignedInPage(Page):
    """A page for whoever is signed in: at a portal, or as an operator at the platform host."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Send visitors to the sign-in page, and back here afterwards."""
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return super().dispatch(request, *args, **kwargs)

    @property
    def person(self) -> User:
        """The account that is signed in."""
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101 - visitors were sent away
        return user
