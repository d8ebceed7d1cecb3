"""Forms about coming in: password, second factor, and what to confirm by the present password."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth.forms import SetPasswordForm
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portals.hosts import PortalRequest
from users import invitations, lockouts, second_factors
from users.access import ACCESS_HAS_ENDED
from users.models import Invitation, User
from users.throttles import Throttle

# Wrong answers to "your present password" by someone who is signed in.
PASSWORD_TRIES = Throttle("present-password", limit=5, period=timedelta(minutes=15))


class SignInForm(forms.Form):
    """E-mail address and password; `person` is who may come in, `invitation` whose one-time password was typed."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request: PortalRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.user: User | None = None
        self.invitation: Invitation | None = None

    def clean(self) -> dict[str, Any]:
        """Find out who this is; every refusal reads the same, but to those who know their password."""
        email, password = self.cleaned_data.get("email"), self.cleaned_data.get("password")
        if not email or not password:
            return self.cleaned_data
        self._refuse_while_locked(email)
        if self.request.portal:
            self.invitation = invitations.find_by_temporary_password(
                portal=self.request.portal, email=email, password=password, now=timezone.now()
            )
        if self.invitation is None:
            self.user = authenticate(self.request, email=email, password=password)
        if self.user is None and self.invitation is None:
            self._refuse_while_locked(email)
            if ACCESS_HAS_ENDED in self.request.__dict__:
                text = _("Your access to %(portal)s has ended. If that is wrong, please ask an admin of the portal.")
                raise ValidationError(text % {"portal": self.request.portal})
            raise ValidationError(
                _("This e-mail address and password do not let you in. Check both for typing errors.")
            )
        return self.cleaned_data

    @property
    def person(self) -> User:
        """The account of a valid form without `invitation`. Raises LookupError for any other."""
        if self.user is None:
            raise LookupError
        return self.user

    def _refuse_while_locked(self, email: str) -> None:
        until = lockouts.locked_until(self.request, email)
        if until:
            self.request.axes_locked_out = True  # type: ignore[attr-defined]
            at = time_format(timezone.localtime(until + timedelta(minutes=1)))
            raise ValidationError(
                _("There were too many tries with this address. Try again from %(at)s on.") % {"at": at}
            )


class CodeForm(forms.Form):
    """The second step: a code of the app, or a recovery code; `device` is what it came from."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=20,
        help_text=gettext_lazy("Six digits from your authenticator app, or one of your recovery codes."),
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}
        ),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.device: Any = None

    def clean_code(self) -> str:
        """Refuse a wrong code, a used one, and any while there were too many wrong ones."""
        code: str = self.cleaned_data["code"]
        wait = second_factors.wait(self.user, code, now=timezone.now())
        if wait:
            seconds = int(wait.total_seconds()) + 1
            text = ngettext("Wait %d second and try again.", "Wait %d seconds and try again.", seconds)
            raise ValidationError(text % seconds)
        self.device = second_factors.verify(self.user, code)
        if self.device is None:
            raise ValidationError(_("This code is not right, or it was used already. Take the next one."))
        return code


class FirstCodeForm(forms.Form):
    """The first code of an app that is being set up."""

    code = forms.CharField(
        label=gettext_lazy("Code from the app"),
        max_length=10,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class PresentPassword(forms.Form):
    """Asks who is signed in for the password they have; too many wrong ones end the asking for a while."""

    present_password = forms.CharField(
        label=gettext_lazy("Your present password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    user: User

    def clean_present_password(self) -> str:
        """Refuse a wrong password."""
        password: str = self.cleaned_data["present_password"]
        if PASSWORD_TRIES.is_exhausted(self.user.pk):
            raise ValidationError(_("There were too many tries. Try again in a quarter of an hour."))
        if not self.user.check_password(password):
            PASSWORD_TRIES.count(self.user.pk)
            raise ValidationError(_("This is not your present password."))
        PASSWORD_TRIES.forget(self.user.pk)
        return password


class NewPasswordForm(PresentPassword, SetPasswordForm):  # type: ignore[type-arg]
    """Change the password."""

    field_order = ["present_password", "new_password1", "new_password2"]


class ConfirmForm(PresentPassword):
    """Confirm a step by the present password; those without one have come in by their organization's sign-in."""

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        if not user.has_usable_password():
            del self.fields["present_password"]
