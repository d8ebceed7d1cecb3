"""A learner's own data."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.generic import FormView

from portals import field_types
from portals.models import CustomField
from users import custom_data, grouping
from users.forms import CustomDataForm

from .base import MemberPage


class ProfilePage(MemberPage, FormView):  # type: ignore[type-arg]
    """Name, address and custom data; what the portal lets learners edit can be edited."""

    template_name = "users/profile.html"
    form_class = CustomDataForm

    @cached_property
    def custom_fields(self) -> list[CustomField]:
        """The fields that learners may see."""
        visible = CustomField.objects.offered().filter(portal=self.portal, learner_may_see=True)
        return list(visible.prefetch_related("choices").order_by("position", "pk"))

    def get_form_kwargs(self) -> dict[str, Any]:
        """Put in the editable fields."""
        editable = [field for field in self.custom_fields if field.learner_may_edit]
        return {"membership": self.membership, "custom_fields": editable, **super().get_form_kwargs()}

    def form_valid(self, form: CustomDataForm) -> HttpResponse:
        """Save, and let the rules have their say."""
        membership = self.membership
        with transaction.atomic():
            if custom_data.set_values(membership=membership, values=form.cleaned_data, actor=membership.user):
                grouping.regroup(portal_id=self.portal.pk, membership_ids=[membership.pk], now=timezone.now())
        messages.success(self.request, _("Your data were saved."))
        return redirect("users:profile")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the values that can only be read."""
        values = self.membership.custom_data
        fixed = [field for field in self.custom_fields if not field.learner_may_edit]
        return super().get_context_data(
            person=self.request.user,
            fixed=[(field.label, field_types.to_text(values.get(field.key))) for field in fixed],
            **kwargs,
        )
