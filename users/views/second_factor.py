"""Set up a second factor, get recovery codes, turn it off."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.generic import FormView
from django_otp import login as otp_login

from users import audit, notices, second_factors, sessions
from users.models import Notice
from users.sign_in_forms import ConfirmForm, FirstCodeForm

from .entrance import SignedInPage


class StaffPage(SignedInPage):
    """A page for those who use the admin; learners need no second factor."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer staff and operators."""
        if request.user.is_authenticated and not self.may_use_admin() and not second_factors.is_set_up(self.person):
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def record(self, action: str, kind: str | None = None) -> None:
        """Note what was done, and tell the person by mail."""
        portal = self.request.portal
        audit.record(portal=portal, action=action, object=self.person, request=self.request)
        if kind:
            notices.announce(kind=kind, user=self.person, portal=portal, now=timezone.now())

    def show_codes(self, codes: list[str]) -> HttpResponse:
        """Show the recovery codes, this once."""
        return render(self.request, "users/recovery_codes.html", self.get_context_data(codes=codes))


class SecondFactorPage(StaffPage, FormView):  # type: ignore[type-arg]
    """Say what a second factor is, show the code to scan, and ask for a first code of the app."""

    template_name = "users/second_factor.html"
    form_class = FirstCodeForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Say how things are, and what to scan."""
        device = second_factors.device_to_confirm(self.person)
        words: dict[str, Any] = {
            "is_set_up": second_factors.is_set_up(self.person),
            "codes_left": second_factors.recovery_codes_left(self.person),
            "is_required": self.request.portal is not None and self.request.portal.admins_need_second_factor,
            "is_verified": second_factors.is_verified(self.request),
        }
        if device:
            issuer = self.request.portal.name if self.request.portal else "Rollcall"
            words["secret"] = second_factors.secret(device)
            words["qr_code"] = second_factors.qr_code(device, issuer=issuer)
        return super().get_context_data(**words, **kwargs)

    def form_valid(self, form: FirstCodeForm) -> HttpResponse:
        """Turn it on and show the recovery codes; sign-ins without a code end."""
        with transaction.atomic():
            codes = second_factors.confirm(self.person, form.cleaned_data["code"])
            if codes:
                self.record("second_factor_added", Notice.Kind.SECOND_FACTOR_ADDED)
        if not codes:
            form.add_error("code", _("This code is not right. Wait for the next one and try again."))
            return self.form_invalid(form)
        otp_login(self.request, second_factors.device(self.person))
        sessions.end_all(user_ids=[self.person.pk], but=self.request.session.session_key)
        return self.show_codes(codes)


class BeginSecondFactor(StaffPage, FormView):  # type: ignore[type-arg]
    """Make a secret to scan, after the present password."""

    template_name = "users/second_factor_confirm.html"
    form_class = ConfirmForm
    purpose = "begin"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Leave a second factor that works as it is, unless the session has shown it."""
        if (
            request.user.is_authenticated
            and second_factors.is_set_up(self.person)
            and not second_factors.is_verified(request)
        ):
            return redirect("users:second_step")
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        """Let the form know whose password it is."""
        return {"user": self.person, **super().get_form_kwargs()}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Say what is about to happen."""
        return super().get_context_data(purpose=self.purpose, **kwargs)

    def form_valid(self, form: ConfirmForm) -> HttpResponse:
        """Go on to the page with the code to scan."""
        second_factors.begin(self.person)
        return redirect("users:second_factor")


class NewRecoveryCodes(BeginSecondFactor):
    """Replace the recovery codes, after the present password."""

    purpose = "codes"

    def form_valid(self, form: ConfirmForm) -> HttpResponse:
        """Show the new codes."""
        if not second_factors.is_set_up(self.person):
            return redirect("users:second_factor")
        with transaction.atomic():
            codes = second_factors.new_recovery_codes(self.person)
            self.record("recovery_codes_replaced")
        return self.show_codes(codes)


class RemoveSecondFactor(BeginSecondFactor):
    """Turn the second factor off, after the present password."""

    purpose = "remove"

    def form_valid(self, form: ConfirmForm) -> HttpResponse:
        """Turn it off."""
        with transaction.atomic():
            if second_factors.remove(self.person):
                self.record("second_factor_removed", Notice.Kind.SECOND_FACTOR_REMOVED)
        second_factors.unmark_verified(self.request)
        messages.success(self.request, _("Your second factor is off: signing in asks only for your password."))
        return redirect("users:security")
