"""The second step of signing in: a code from the phone."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.generic import FormView
from django_otp.plugins.otp_static.models import StaticDevice

from users import second_factors
from users.models import User
from users.sign_in_forms import CodeForm

from .base import Page
from .entrance import let_in_after_code, person_at_second_step


class SecondStepPage(Page, FormView):  # type: ignore[type-arg]
    """Ask for the code; whoever did not pass the first step, or took too long, begins there."""

    template_name = "users/second_step.html"
    form_class = CodeForm
    person: User

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Find out who is expected."""
        person = person_at_second_step(request)
        if person is None:
            messages.info(request, _("Please sign in again."))
            return redirect("users:sign_in")
        self.person = person
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        """Let the form know whose code it is."""
        return {"user": self.person, **super().get_form_kwargs()}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Keep the wish where to go."""
        return super().get_context_data(next=self.request.GET.get("next", ""), **kwargs)

    def form_valid(self, form: CodeForm) -> HttpResponse:
        """Let the person in; say how many recovery codes are left after one was used."""
        if isinstance(form.device, StaticDevice):
            left = second_factors.recovery_codes_left(self.person)
            text = ngettext("You have %d recovery code left.", "You have %d recovery codes left.", left)
            messages.warning(self.request, text % left)
        target = self.request.POST.get("next", "")
        return let_in_after_code(self.request, self.person, form.device, target=target)
