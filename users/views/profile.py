"""A learner's own data: the profile, and the page that asks for what the portal needs to know."""

from datetime import date
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.generic import FormView, TemplateView

from portals import field_types
from portals.field_types import FieldType
from portals.models import CustomField
from users import custom_data, grouping, provisioning
from users.forms import CustomDataForm, OwnDataForm

from .base import MemberPage
from .entrance import local_path


class OwnDataPage(MemberPage, FormView):  # type: ignore[type-arg]
    """A page on which people fill in what the portal lets them edit, and names that are missing."""

    form_class = OwnDataForm
    asks_first = False

    @cached_property
    def custom_fields(self) -> list[CustomField]:
        """The fields that learners may see."""
        visible = CustomField.objects.offered().filter(portal=self.portal, learner_may_see=True)
        return list(visible.prefetch_related("choices").order_by("position", "pk"))

    @cached_property
    def editable(self) -> list[CustomField]:
        """The fields to fill in: those that another system keeps are changed there."""
        locked = custom_data.locked_fields(self.membership)
        return [field for field in self.custom_fields if field.learner_may_edit and field.key not in locked]

    @cached_property
    def missing_names(self) -> list[str]:
        """First and last name, as far as nobody has entered them."""
        return custom_data.missing_names(self.membership)

    def get_form_kwargs(self) -> dict[str, Any]:
        """Put in the editable fields."""
        return {
            "membership": self.membership,
            "custom_fields": self.editable,
            "names": self.missing_names,
            "needs_name": False,
            **super().get_form_kwargs(),
        }

    @transaction.atomic
    def save(self, form: CustomDataForm) -> None:
        """Save, and let the rules have their say."""
        membership, now = self.membership, timezone.now()
        names = {name: form.cleaned_data.pop(name) for name in self.missing_names if form.cleaned_data.get(name)}
        if names:
            amendment = provisioning.Amendment(membership.pk, names, dict.fromkeys(names, ""))
            cause = provisioning.Cause(actor_id=membership.user_id)
            provisioning.amend_learners(portal=self.portal, amendments=[amendment], cause=cause, now=now)
        values = {field.key: form.cleaned_data[field.key] for field in self.editable if field.key in form.cleaned_data}
        if custom_data.set_values(membership=membership, values=values, actor=membership.user) or names:
            grouping.regroup(portal_id=self.portal.pk, membership_ids=[membership.pk], now=now)


class ProfilePage(OwnDataPage):
    """Name, address and custom data; what the portal lets learners edit can be edited."""

    template_name = "users/profile.html"

    def form_valid(self, form: CustomDataForm) -> HttpResponse:
        """Save and stay."""
        self.save(form)
        messages.success(self.request, _("Your data were saved."))
        return redirect("users:profile")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the values that can only be read."""
        values = self.membership.custom_data
        fixed = [field for field in self.custom_fields if field not in self.editable]
        return super().get_context_data(
            person=self.request.user,
            fixed=[(field.label, shown(field, values.get(field.key))) for field in fixed],
            **kwargs,
        )


def shown(field: CustomField, value: Any) -> str:
    """Return a value as its owner reads it: a date the way dates are written in their language."""
    if value and field.type == FieldType.DATE:
        return date_format(date.fromisoformat(str(value)))
    return field_types.to_text(value)


class MissingDataPage(OwnDataPage):
    """Stands between the sign-in and the courses while the portal does not know what it has to know."""

    template_name = "users/missing_data.html"

    @cached_property
    def custom_fields(self) -> list[CustomField]:
        """The required fields without a value."""
        return custom_data.missing_fields(self.membership)

    def get(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask, or go on when there is nothing to ask."""
        return super().get(*args, **kwargs) if custom_data.is_incomplete(self.membership) else self._go_on()

    def get_form_kwargs(self) -> dict[str, Any]:
        """Insist on a name of whoever has none."""
        return {**super().get_form_kwargs(), "needs_name": not self.membership.user.full_name}

    def form_valid(self, form: CustomDataForm) -> HttpResponse:
        """Save and go on."""
        self.save(form)
        return self._go_on()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Keep the wish where to go."""
        return super().get_context_data(next=self._wish, **kwargs)

    @property
    def _wish(self) -> str:
        return self.request.POST.get("next", "") or self.request.GET.get("next", "")

    def _go_on(self) -> HttpResponseRedirect:
        return redirect(local_path(self._wish))


class PortalsPage(MemberPage, TemplateView):
    """The other portals in which one has access, by name."""

    template_name = "users/portals.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Narrow the portals down to those that are searched for."""
        portals = self.other_portals
        wanted = self.request.GET.get("q", "").strip()
        found = [portal for portal in portals if wanted.casefold() in portal.name.casefold()]
        return super().get_context_data(
            found=[(portal.name, portal.url()) for portal in found], wanted=wanted, has_others=bool(portals), **kwargs
        )
