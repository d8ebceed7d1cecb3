"""Sign in, sign out, ask for a new link."""

from typing import Any

from django.contrib.auth import logout
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.generic import FormView

from users import invitations, sso
from users.forms import LinkRequestForm
from users.sign_in_forms import SignInForm

from .base import Page, PortalPage
from .entrance import let_in, local_path
from .link_requests import ask_for_link


class SignInPage(Page, FormView):  # type: ignore[type-arg]
    """Sign in at a portal, or as an operator at the platform host."""

    template_name = "users/sign_in.html"
    form_class = SignInForm

    def get(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form; pass on who is signed in already, unless that is not enough for where they want to go."""
        if self.request.user.is_authenticated and not self.request.GET.get("next"):
            return redirect(self.target())
        return self.detour() or super().get(*args, **kwargs)

    def detour(self) -> HttpResponse | None:
        """Send people of a portal with single sign-on there; the direct address is for those who run it."""
        portal = self.request.portal
        if portal is None or portal.uses_passwords:
            return None
        wish = self.target()
        if wish.startswith(reverse("admin:index")):
            return redirect(f"{reverse('users:sign_in_direct')}?{urlencode({'next': wish})}")
        address = sso.sign_in_address(portal, wish)
        return redirect(address) if address else None

    def get_form_kwargs(self) -> dict[str, Any]:
        """Let the form know at which portal this is."""
        return {"request": self.request, **super().get_form_kwargs()}

    def form_valid(self, form: SignInForm) -> HttpResponse:
        """Let the person in, or on to the page that asks for a password of their own."""
        if form.invitation:
            return redirect("users:invitation", token=invitations.token(form.invitation))
        return let_in(self.request, form.person, target=self.target())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Keep the wish where to go."""
        return super().get_context_data(next=self.request.GET.get("next", ""), **kwargs)

    def target(self) -> str:
        """Where to go now: a path of this host, whatever the link asked for."""
        return local_path(self.request.POST.get("next", "") or self.request.GET.get("next", ""))


class DirectSignInPage(SignInPage):
    """The way in by password at a portal with single sign-on, for those who run it; learners are refused alike."""

    def detour(self) -> HttpResponse | None:
        """Stay here."""
        return None


class SignOut(Page):
    """Sign out."""

    http_method_names = ["post"]

    def post(self, *args: Any, **kwargs: Any) -> HttpResponseRedirect:
        """End the session; where single sign-on would begin it anew at once, say that it has ended."""
        came_by_single_sign_on = sso.OPENED_FOR in self.request.session
        logout(self.request)
        portal = self.request.portal
        if portal is None or portal.uses_passwords:
            return redirect("users:sign_in")
        return redirect(f"{reverse('users:signed_out')}{'?everywhere=1' if came_by_single_sign_on else ''}")


class PasswordForgottenPage(PortalPage, FormView):  # type: ignore[type-arg]
    """Ask for a new link: for a forgotten password, or in place of an invitation that no longer works."""

    template_name = "users/password_forgotten.html"
    form_class = LinkRequestForm

    def form_valid(self, form: LinkRequestForm) -> HttpResponse:
        """Say the same to everyone."""
        email = form.cleaned_data["email"].lower()
        ask_for_link(request=self.request, portal=self.portal, email=email)
        return render(self.request, "users/link_requested.html", self.get_context_data(email=email))
