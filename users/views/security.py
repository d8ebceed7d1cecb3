"""Sign-in and security: one's own password and sign-ins."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.generic import FormView, TemplateView

from users import audit, passwords, second_factors, sessions
from users.sign_in_forms import NewPasswordForm

from .entrance import SignedInPage


class SecurityPage(SignedInPage, TemplateView):
    """Where one is signed in, and the ways to password and second factor."""

    template_name = "users/security.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """List the sign-ins."""
        own = self.request.session.session_key
        sign_ins = [
            {"session": session, "handle": sessions.handle(session), "is_this": session.session_key == own}
            for session in sessions.sign_ins_of(self.person, now=timezone.now())
        ]
        has_factor = second_factors.is_set_up(self.person)
        return super().get_context_data(
            sign_ins=sorted(sign_ins, key=lambda one: not one["is_this"]),
            has_password=self.person.has_usable_password(),
            has_second_factor=has_factor,
            may_have_second_factor=has_factor or self.may_use_admin(),
            **kwargs,
        )


class EndSignIn(SignedInPage):
    """Sign out on one other device."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseRedirect:
        """End one of the visitor's own sign-ins; one that is gone already is fine, too."""
        sessions.end_one(self.person, request.POST.get("sign_in", ""), now=timezone.now())
        messages.success(request, _("That device is signed out."))
        return redirect("users:security")


class EndSignIns(SignedInPage):
    """Sign out on every device."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseRedirect:
        """End all of the visitor's sign-ins, or all but this one."""
        stays = request.POST.get("which") == "others"
        kept = request.session.session_key if stays else None
        ended = sessions.end_all(user_ids=[self.person.pk], but=kept)
        audit.record(
            portal=self.request.portal,
            action="sign_ins_ended",
            object=self.person,
            after={"ended": ended},
            request=request,
        )
        if not stays:
            logout(request)
        text = ngettext("%d sign-in was ended.", "%d sign-ins were ended.", ended)
        messages.success(request, text % ended)
        return redirect("users:security" if stays else "users:sign_in")


class PasswordPage(SignedInPage, FormView):  # type: ignore[type-arg]
    """Change the password."""

    template_name = "users/password.html"
    form_class = NewPasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        """Let the form know whose password it is."""
        return {"user": self.person, **super().get_form_kwargs()}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Change it, for those who have one."""
        if not self.person.has_usable_password():
            return redirect("users:password")
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: NewPasswordForm) -> HttpResponse:
        """Set the new one and stay signed in here only."""
        passwords.set_password(
            user=self.person,
            password=form.cleaned_data["new_password1"],
            portal=self.request.portal,
            now=timezone.now(),
            kept_session=self.request.session.session_key,
            request=self.request,
        )
        update_session_auth_hash(self.request, self.person)
        messages.success(self.request, _("Your password was changed, and all other devices are signed out."))
        return redirect("users:security")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Say whether there is a password to change."""
        return super().get_context_data(has_password=self.person.has_usable_password(), person=self.person, **kwargs)
