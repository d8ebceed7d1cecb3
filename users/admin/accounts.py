"""Accounts, for operators: who may sign in anywhere, and the other operators."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import password_validation
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import BooleanRadioFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget

from portals.scoping import GlobalAdmin
from users import invitations, last_admin, notices, signals
from users.admin.sign_in_actions import SignInActions
from users.models import Membership, User


class NewOperatorForm(forms.ModelForm):
    """A new operator; people of portals are added in their portal."""

    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("The operator should change it after the first sign-in."),
    )

    class Meta:
        model = User
        fields = ["email", "first_name", "last_name"]

    def clean_email(self) -> str:
        """Return the address in lower case, if it is not taken among operators."""
        email: str = self.cleaned_data["email"].lower()
        if User.objects.filter(realm=None, email=email).exists():
            raise forms.ValidationError(_("There is an operator with this address."))
        return email

    def clean_password(self) -> str:
        """Refuse passwords that are easy to guess."""
        password: str = self.cleaned_data["password"]
        password_validation.validate_password(password, self.instance)
        return password


class AccountForm(forms.ModelForm):
    """An account; neither the last operator nor the last full admin of a portal can be locked out."""

    def clean_email(self) -> str:
        """Return the address in lower case, if it is not taken in the realm."""
        email: str = self.cleaned_data["email"].lower()
        if User.objects.filter(realm=self.instance.realm, email=email).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("Another account has this address."))
        return email

    def clean_is_active(self) -> bool:
        """Refuse to lock out the last operator."""
        is_active: bool = self.cleaned_data["is_active"]
        others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=self.instance.pk)
        if self.instance.is_superuser and not is_active and not others.exists():
            raise forms.ValidationError(_("This is the last operator."))
        if self.instance.is_active and not is_active:
            self._check_portals()
        return is_active

    def _check_portals(self) -> None:
        """Refuse to lock out the last full admin of a portal."""
        for row in self.instance.memberships.filter(role=Membership.Role.ADMIN).select_related("portal__parent"):
            if last_admin.is_among(portal=row.portal, membership_ids=[row.pk]):
                text = _("This is the last admin of the portal “%s”.")
                raise forms.ValidationError(text % row.portal)


@admin.register(User)
class UserAdmin(SignInActions, GlobalAdmin):
    """All accounts of the installation."""

    form = AccountForm
    list_display = ["email", "full_name", "realm", "show_operator", "is_active", "created_at"]
    list_filter = [
        ("is_superuser", BooleanRadioFilter),
        ("is_active", BooleanRadioFilter),
        ("realm", RelatedDropdownFilter),
    ]
    list_select_related = ["realm"]
    actions_detail = ["end_sign_ins", "reset_second_factor"]
    search_fields = ["email", "first_name", "last_name"]
    ordering = ["-created_at", "-pk"]
    readonly_fields = ["realm", "is_superuser", "created_at", "last_login"]
    fields = ["email", "first_name", "last_name", "realm", "is_active", "is_superuser", "created_at", "last_login"]

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form of an account, or of a new operator."""
        if obj is None:
            kwargs["form"] = NewOperatorForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Return the fields."""
        if obj is None:
            return [(_("New operator"), {"fields": ["email", "first_name", "last_name", "password"]})]
        return super().get_fieldsets(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may: whoever may no longer sign in is made inactive."""
        return False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: Any) -> None:
        """Save the account; a new one is an operator."""
        if not change:
            obj.is_superuser = True
            obj.set_password(form.cleaned_data["password"])
        elif "email" in form.changed_data:
            notices.announce_new_address(user=obj, old=form.initial["email"], portal=None, now=timezone.now())
            invitations.void_for_new_address(obj)
        super().save_model(request, obj, form, change)
        if change and "email" in form.changed_data:
            signals.addresses_changed.send(sender=None, user_ids=[obj.pk], portal_id=None)

    @display(description=gettext_lazy("operator"), boolean=True, ordering="is_superuser")
    def show_operator(self, user: User) -> bool:
        """Return whether this is an operator."""
        return user.is_superuser
