"""The forms of a person in a portal: adding someone by hand, and changing who they are."""

from __future__ import annotations

from collections.abc import Collection
from copy import copy
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from portals.field_types import FieldType
from portals.forms import DateInput, PortalForm
from portals.models import CustomField, Group, Portal
from portals.standing import NOBODY, Level, Permission, Standing
from users import last_admin, seats, staff
from users.forms import CustomValueField
from users.import_plan import MAX_EMAIL
from users.models import Membership, User

Role, Status = Membership.Role, Membership.Status

# The switches of each role, in the order in which they are shown.
SWITCHES = {
    Role.MANAGER: {
        Permission.ENROLL: gettext_lazy("enroll people in courses"),
        Permission.UNENROLL: gettext_lazy("take courses away"),
        Permission.MARK_COMPLETE: gettext_lazy("set courses complete"),
        Permission.MOVE_GROUPS: gettext_lazy("move people between groups that they manage"),
        Permission.DELETE_USERS: gettext_lazy("delete people for good"),
        Permission.ACT_AS_INSTRUCTOR: gettext_lazy("act as instructor of courses"),
    },
    Role.INSTRUCTOR: {
        Permission.EDIT_COURSES: gettext_lazy("edit their courses"),
        Permission.CREATE_COURSES: gettext_lazy("create courses"),
    },
}


class How(models.TextChoices):
    """The ways of adding someone."""

    PENDING_INVITE = "pending_invite", gettext_lazy("Create as pending user and send invitation email")
    ACTIVE_WELCOME = "active_welcome", gettext_lazy("Create as an active user and send a welcome email")
    ACTIVE = "active", gettext_lazy("Create as active user only")


class PersonForm(PortalForm):
    """Name, address and role; the custom values follow as `custom_<id>`."""

    # Set by the admin page: the portal's custom fields with their choices.
    custom_fields: ClassVar[list[CustomField]] = []
    # Set by the admin page: what another system keeps of this person, and which system.
    locked: ClassVar[dict[str, str]] = {}
    # Set by the admin page: the ids of custom fields that the visitor may see only.
    fixed: ClassVar[frozenset[str]] = frozenset()
    # Set by the admin page: what the visitor may do here.
    standing: ClassVar[Standing] = NOBODY

    first_name = forms.CharField(
        label=gettext_lazy("First name"), max_length=150, required=False, widget=UnfoldAdminTextInputWidget
    )
    last_name = forms.CharField(
        label=gettext_lazy("Last name"), max_length=150, required=False, widget=UnfoldAdminTextInputWidget
    )
    email = forms.EmailField(
        label=gettext_lazy("E-mail address"), max_length=MAX_EMAIL, widget=UnfoldAdminEmailInputWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            user = self.instance.user
            self.initial.update(first_name=user.first_name, last_name=user.last_name, email=user.email)
        for name, system in self.locked.items():
            if name in self.fields:
                self.fields[name].disabled = True
                self.fields[name].help_text = _kept_by(system)

    def clean_email(self) -> str:
        """Return the address in lower case, which a few letters make into something that is no address."""
        email = str(self.cleaned_data["email"]).lower()
        validate_email(email)
        return email

    def check_rank(self) -> None:
        """Refuse roles with more rights than the visitor has."""
        role = self.cleaned_data.get("role", self.instance.role)
        is_limited = self.cleaned_data.get("is_limited", self.instance.is_limited)
        if is_limited and role != Role.ADMIN:
            self.add_error("is_limited", _("Only admins can be limited."))
        elif not staff.may_make(self.standing, staff.rank(role, is_limited=is_limited)):
            text = _("You can only give rights that you have yourself: choose “%(field)s” or another role.")
            field = "is_limited" if "is_limited" in self.fields else None
            self.add_error(field, text % {"field": _("limited admin")})

    @property
    def custom_values(self) -> dict[str, Any]:
        """The entered custom values by field id; None clears one."""
        shut = set(self.locked) | self.fixed
        names = {field.key: f"custom_{field.key}" for field in self.custom_fields if field.key not in shut}
        entered = set(self.changed_data) & set(self.cleaned_data)
        return {key: self.cleaned_data[name] for key, name in names.items() if name in entered}


class NewPersonForm(PersonForm):
    """Someone to add by hand."""

    how = forms.ChoiceField(
        label=gettext_lazy("How to add new users?"),
        choices=How.choices,
        initial=How.PENDING_INVITE,
        widget=UnfoldAdminRadioSelectWidget,
    )
    group = forms.ModelChoiceField(
        label=gettext_lazy("Group"),
        queryset=Group.objects.none(),
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("The person joins this group."),
    )
    groups = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Groups"),
        queryset=Group.objects.none(),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy("Besides those that dynamic rules choose. Courses follow once the person has access."),
    )
    # The account of this address in the realm, if there is one.
    account: User | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.standing.administers:
            # Operators choose the portal on the same page: its groups are not known yet.
            self._offer("groups" if self.portal else "", Group.objects.filter(portal=self.portal))
        else:
            self._offer("group", Group.objects.filter(pk__in=self.standing.creating_group_ids))

    def _offer(self, name: str, groups: QuerySet[Group]) -> None:
        """Let this field offer groups, and have no other one that does."""
        for other in {"group", "groups"} - {name}:
            self.fields.pop(other, None)
        if name in self.fields:
            field: Any = self.fields[name]
            field.queryset = groups.order_by("title")

    def clean_last_day(self) -> Any:
        """Refuse a day that is over: nobody is added without access."""
        day = self.cleaned_data["last_day"]
        portal = self.cleaned_data.get("portal") or self.portal
        if day and portal and day < portal.today(timezone.now()):
            raise ValidationError(_("This day is over."))
        return day

    def clean(self) -> dict[str, Any]:
        """Refuse people who are here already, and those who have to agree first."""
        super().clean()
        self.check_rank()
        portal, email = self.cleaned_data.get("portal") or self.portal, self.cleaned_data.get("email")
        if portal and email:
            # One at a time: a second click waits here and then finds the person.
            portal = Portal.objects.select_for_update(no_key=True).get(pk=portal.pk)
            self.account = User.objects.filter(realm=portal.realm_id, email__iexact=email).first()
            if self.account:
                self._check_account(portal, self.account)
            if not portal.uses_passwords and self.cleaned_data.get("role") == Role.LEARNER:
                self._check_single_sign_on()
            if self.cleaned_data.get("how") != How.PENDING_INVITE and not seats.has_free(portal, now=timezone.now()):
                self.add_error("how", _("All %d seats of the portal are taken.") % portal.seats)
        return self.cleaned_data

    def _check_account(self, portal: Portal, account: User) -> None:
        membership = Membership.objects.filter(portal=portal, user=account).first()
        if membership:
            text = _("This person is in the portal already, with the status “%s”.")
            self.add_error("email", text % membership.get_status_display())
        elif self.cleaned_data.get("how") != How.PENDING_INVITE and not portal.may_add_people_known_elsewhere:
            self.add_error("how", _("This person has an account in another portal, so they can only be invited."))

    def _check_single_sign_on(self) -> None:
        if self.cleaned_data.get("how") != How.ACTIVE:
            text = _(
                "Learners of this portal come in by single sign-on and get no such mail. Create an active user only."
            )
            self.add_error("how", text)


class ChangedPersonForm(PersonForm):
    """Someone who is here."""

    rights = forms.MultipleChoiceField(
        label=gettext_lazy("May"), required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The form writes into its instance while it is being checked.
        self.stored = copy(self.instance)
        switches = SWITCHES.get(Role(self.instance.role), {})
        if "rights" in self.fields:
            field: Any = self.fields["rights"]
            field.choices = [(permission.value, text) for permission, text in switches.items()]
            self.initial["rights"] = sorted(self.instance.rights)
        # Others write, too, while the page is open: what was left as it was shown stays as it is by now.
        for shown in self.fields.values():
            shown.show_hidden_initial = not shown.disabled

    def clean_email(self) -> str:
        """Return the address, if it is free and the account is this portal's own."""
        email = super().clean_email()
        user = self.instance.user
        if email == user.email.lower():
            return email
        if User.objects.filter(realm=user.realm_id, email__iexact=email).exclude(pk=user.pk).exists():
            raise ValidationError(_("Another account has this address."))
        # Whoever sets the address can get the password: that must not open another portal.
        if user.memberships.exclude(pk=self.instance.pk).exists() and not self.is_operator:
            raise ValidationError(
                _("This person belongs to other portals too. Ask the operator to change the address.")
            )
        return email

    def clean_last_day(self) -> Any:
        """Return the last day; the last full admin keeps the access."""
        day = self.cleaned_data["last_day"]
        if day and day != self.stored.last_day and self._is_last_admin():
            raise ValidationError(_("This is the last admin of the portal, whose access cannot end."))
        return day

    def clean(self) -> dict[str, Any]:
        """Refuse roles that the visitor may not give, and to take the last full admin away."""
        super().clean()
        for name in {"role", "is_limited", "last_day"} & set(self.cleaned_data) - set(self.changed_data):
            self.cleaned_data[name] = getattr(self.stored, name)
        role = self.cleaned_data.get("role", self.stored.role)
        is_limited = self.cleaned_data.get("is_limited", self.stored.is_limited)
        if (role, is_limited) != (self.stored.role, self.stored.is_limited):
            self.check_rank()
            if self.stored.pk in staff.admins_above([self.instance]):
                text = _("An admin of the top-level portal is an admin here too.")
                self.add_error("role", text)
            is_full = staff.rank(role, is_limited=is_limited) >= Level.FULL_ADMIN
            if not is_full and self._is_last_admin():
                self.add_error("role", _("This is the last admin of the portal."))
        return self.cleaned_data

    def _is_last_admin(self) -> bool:
        return last_admin.is_among(portal=self.stored.portal, membership_ids=[self.stored.pk])

    # Set by the admin page.
    is_operator: ClassVar[bool] = False


class PersonValueField(CustomValueField):
    """A custom value in the admin's theme; what is stored may stay, also when it is no longer offered."""

    def __init__(
        self, field: CustomField, stored: Any, system: str = "", *, is_fixed: bool = False, is_pinned: bool = False
    ) -> None:
        super().__init__(field, initial=stored)
        self.stored = stored
        self.disabled = bool(system) or is_fixed
        self.help_text = _kept_by(system) if system else ""
        if is_pinned:
            self.help_text = _("Pinned: no sync changes it until the pin is lifted.")
        self.widget = self._themed()
        self.widget.is_required = self.required
        if self.is_multiple:
            self.hidden_widget = forms.MultipleHiddenInput

    def clean(self, value: Any) -> Any:
        """Return the value to store, None for an empty one."""
        if self.disabled or (self.stored is not None and not self.has_changed(self.initial, value)):
            return self.stored
        return super().clean(value)

    def _themed(self) -> forms.Widget:
        if not self.type.is_choice:
            return DateInput() if self.type == FieldType.DATE else UnfoldAdminTextInputWidget()
        shown = self.initial if isinstance(self.initial, list) else [self.initial]
        options = list(self.widget.choices)
        offered = {value for value, _label in options}
        options += [(value, value) for value in shown if value not in offered]
        widget: type[forms.Select] = (
            UnfoldAdminCheckboxSelectMultipleWidget if self.is_multiple else UnfoldAdminSelectWidget
        )
        return widget(choices=options)


def custom_form_fields(
    fields: list[CustomField],
    custom_data: dict[str, Any],
    locked: dict[str, str],
    fixed: Collection[str] = (),
    pinned: Collection[str] = (),
) -> dict[str, PersonValueField]:
    """Return the form fields of the custom values, by their names in the form.

    `fixed` ones are only shown; of `pinned` ones the page says that no sync changes them.
    """
    return {
        f"custom_{field.pk}": PersonValueField(
            field,
            custom_data.get(field.key),
            locked.get(field.key, ""),
            is_fixed=field.key in fixed,
            is_pinned=field.key in pinned,
        )
        for field in fields
    }


def _kept_by(system: str) -> str:
    return _("Kept by %(system)s: change it there.") % {"system": system}
