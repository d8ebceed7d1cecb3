"""The page behind the link of a mail: accept, set a password, come in."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.forms import SetPasswordForm
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.generic import FormView

from users import invitations, seats
from users.forms import LinkRequestForm
from users.models import Invitation

from .base import PortalPage
from .entrance import let_in
from .link_requests import ask_for_link


class InvitationPage(PortalPage, FormView):  # type: ignore[type-arg]
    """Show portal and person, and take their password. Links that do not work all lead to the same answer."""

    template_name = "users/invitation.html"
    invitation: Invitation

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Find the invitation before anything else."""
        portal, link = self.request.portal, {"token_": kwargs["token"], "now": timezone.now()}
        if portal and (found := invitations.find(portal=portal, **link)):
            self.invitation = found
            return super().dispatch(*args, **kwargs)
        expired = invitations.find_expired(portal=portal, **link) if portal else None
        if expired and self.request.method == "POST" and "new_link" in self.request.POST:
            return self.send_new_link(expired)
        return self.link_is_dead(expired)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Accept, or decline."""
        return self.decline() if "decline" in request.POST else super().post(request, *args, **kwargs)

    def get_form(self, form_class: type[Form] | None = None) -> Form:
        """Ask for a password, unless the person has one in this realm and only joins the portal."""
        if self.keeps_password:
            return Form(**self.get_form_kwargs())
        return SetPasswordForm(self.invitation.membership.user, **self.get_form_kwargs())

    @property
    def keeps_password(self) -> bool:
        """Whether accepting leaves the password as it is."""
        is_reset = self.invitation.kind == Invitation.Kind.RESET
        return not is_reset and self.invitation.membership.user.has_usable_password()

    def form_valid(self, form: Form) -> HttpResponse:
        """Accept and sign in."""
        password = form.cleaned_data.get("new_password1")
        try:
            user = invitations.accept(invitation=self.invitation, password=password, now=timezone.now())
        except invitations.LinkDead:
            return self.link_is_dead()
        except seats.NoSeat:
            return self.portal_is_full(form)
        messages.success(self.request, _("Welcome to %(portal)s.") % {"portal": self.portal.name})
        return let_in(self.request, user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Say whom the link is for."""
        person = self.invitation.membership.user
        return super().get_context_data(
            person=person, kind=self.invitation.kind, keeps_password=self.keeps_password, **kwargs
        )

    def decline(self) -> HttpResponse:
        """Note that the person does not want to join."""
        try:
            invitations.decline(invitation=self.invitation, now=timezone.now())
        except invitations.LinkDead:
            return self.link_is_dead()
        words = PortalPage.get_context_data(self, form=None)
        return render(self.request, "users/invitation_declined.html", words)

    def portal_is_full(self, form: Form) -> HttpResponse:
        """Keep the link, and say whom to turn to."""
        text = _("%(portal)s has no free seat at the moment. Please tell the person who invited you, and try again.")
        form.add_error(None, text % {"portal": self.portal.name})
        return self.form_invalid(form)

    def link_is_dead(self, expired: Invitation | None = None) -> HttpResponse:
        """Offer a new link: at a click to whoever holds one that has expired, else to an address that they type."""
        words = PortalPage.get_context_data(self, form=LinkRequestForm(), expired=expired)
        return render(self.request, "users/link_dead.html", words, status=410)

    def send_new_link(self, expired: Invitation) -> HttpResponse:
        """Mail a new link in place of an expired one, to the same address, which the page does not tell."""
        ask_for_link(request=self.request, portal=self.portal, email=expired.membership.user.email)
        return render(self.request, "users/link_requested.html", PortalPage.get_context_data(self, form=None))
