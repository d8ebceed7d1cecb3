"""When and how new people of a connection are added."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from .connections import Connection


class InviteSettings(models.Model):
    """The answers to the two questions of the invite configuration, and which address is used."""

    class When(models.TextChoices):
        ADDED = "added", _("When they are added to Gusto")
        HIRE_DATE = "hire_date", _("On their hiring date")

    class How(models.TextChoices):
        ACTIVE_WELCOME = "active_welcome", _("Create as an active user and send a welcome email")
        ACTIVE = "active", _("Create as active user only")
        PENDING_INVITE = "pending_invite", _("Create as pending user and send invitation email")

    class Address(models.TextChoices):
        WORK_FIRST = "work_first", _("Work e-mail, else personal e-mail")
        PERSONAL_FIRST = "personal_first", _("Personal e-mail, else work e-mail")
        WORK_ONLY = "work_only", _("Work e-mail only")

    connection = models.OneToOneField(
        Connection, on_delete=models.CASCADE, related_name="invite_settings", verbose_name=_("connection")
    )
    when = models.CharField(_("When do you want to invite them?"), max_length=10, choices=When, default=When.ADDED)
    how = models.CharField(_("How to add new users?"), max_length=15, choices=How, default=How.PENDING_INVITE)
    address = models.CharField(_("Which e-mail address?"), max_length=15, choices=Address, default=Address.WORK_FIRST)

    class Meta:
        verbose_name = _("invite settings")
        verbose_name_plural = _("invite settings")

    def __str__(self) -> str:
        return f"{self.connection_id}"
