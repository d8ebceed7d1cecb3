"""Secret links to the calendar of starts and departures."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portals.models import Portal
from users.models import User


class CalendarLink(models.Model):
    """One admin's link to one portal's calendar; worth nothing once its owner is no admin there any more."""

    portal = models.ForeignKey(
        Portal, on_delete=models.CASCADE, related_name="calendar_links", verbose_name=_("portal")
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", verbose_name=_("account"))
    # SHA-256 of the secret part of the address, in hex: the link itself is shown once and stored nowhere.
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("calendar link")
        verbose_name_plural = _("calendar links")
        constraints = [models.UniqueConstraint(fields=["portal", "user"], name="calendar_link_once")]

    def __str__(self) -> str:
        return f"{self.portal_id}: {self.user_id}"
