"""Requests to delete an account for good; there is a week to think better of it."""

from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from .accounts import User
from .memberships import Membership

# Between the request and the deletion.
WAITING_TIME = timedelta(days=7)


class DeletionRequest(models.Model):
    """Someone is to be deleted on a day; taking the request back deletes it."""

    membership = models.OneToOneField(
        Membership, on_delete=models.CASCADE, related_name="deletion_request", verbose_name=_("user")
    )
    requested_at = models.DateTimeField(_("requested at"))
    due_at = models.DateTimeField(_("will be deleted at"), db_index=True)
    requested_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("requested by")
    )

    class Meta:
        verbose_name = _("deletion request")
        verbose_name_plural = _("deletion requests")

    def __str__(self) -> str:
        return str(self.membership)
