"""A person's own request to be deleted for good, and how to take it back."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.generic import FormView

from users import erasure
from users.forms import DeletionForm
from users.models import DeletionRequest, User

from .base import MemberPage


class DeletionPage(MemberPage, FormView):  # type: ignore[type-arg]
    """Ask for the deletion of one's account, or take it back within the week."""

    template_name = "users/deletion.html"
    form_class = DeletionForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer where the portal lets people ask, and wherever somebody did."""
        allowed = self.request.portal and self.request.portal.may_request_deletion
        if request.user.is_authenticated and not allowed and not self.asked:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def asked(self) -> DeletionRequest | None:
        """The request, if there is one."""
        return DeletionRequest.objects.filter(membership=self.membership).first()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Take the request back, or check what was entered."""
        if "take_back" in request.POST:
            erasure.take_back(membership=self.membership, actor=self.me, now=timezone.now(), request=request)
            messages.success(request, _("Your account stays as it is."))
            return redirect("users:profile")
        return super().post(request, *args, **kwargs)

    @property
    def me(self) -> User:
        """The account of the visitor."""
        return self.membership.user

    def get_form_kwargs(self) -> dict[str, Any]:
        """Say whose address has to be typed."""
        return {"email": self.me.email, **super().get_form_kwargs()}

    def form_valid(self, form: DeletionForm) -> HttpResponse:
        """Note the request."""
        try:
            erasure.ask(membership=self.membership, actor=self.me, now=timezone.now(), request=self.request)
        except erasure.LastFullAdmin:
            form.add_error(None, _("You are the last admin with full permissions. Make somebody else one first."))
            return self.form_invalid(form)
        messages.success(self.request, _("Your account will be deleted in seven days."))
        return redirect("users:deletion")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the request."""
        return super().get_context_data(asked=self.asked, **kwargs)
