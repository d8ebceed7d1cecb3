"""How careful the syncs of a connection are, and whom they are about."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from .connections import Connection


class SafetySettings(models.Model):
    """The numbers of the brake and of the mail release, the scope filter, and what absence means.

    The brake's numbers can be raised; it cannot be switched off.
    """

    class OutOfScope(models.TextChoices):
        KEEP = "keep", _("Leave them as they are")
        END_ACCESS = "end_access", _("End their access")

    connection = models.OneToOneField(
        Connection, on_delete=models.CASCADE, related_name="safety_settings", verbose_name=_("connection")
    )
    most_people = models.PositiveSmallIntegerField(
        _("people per day"),
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text=_("Changes that take something away wait for you when they concern more people than this …"),
    )
    most_percent = models.PositiveSmallIntegerField(
        _("percent per day"),
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text=_("… and more than this share of the linked people."),
    )
    holds_first_mails = models.BooleanField(
        _("hold the mails of the first sync"), default=True, help_text=_("You release them when all looks right.")
    )
    most_mails = models.PositiveIntegerField(
        _("mails per day"),
        default=50,
        validators=[MinValueValidator(1)],
        help_text=_("The mails of a sync wait for your release when there are more than this in a day."),
    )
    # [{"attribute": "department", "operator": "is_one_of", "values": ["Sales"]}, …]: all must hold; empty: everyone.
    scope = models.JSONField(_("scope"), default=list, blank=True)
    out_of_scope = models.CharField(
        _("people who leave the scope"), max_length=10, choices=OutOfScope, default=OutOfScope.KEEP
    )
    ends_missing = models.BooleanField(
        _("end the access of people who are missing from two complete lists in a row"), default=False
    )

    class Meta:
        verbose_name = _("scope and safety")
        verbose_name_plural = _("scope and safety")

    def __str__(self) -> str:
        return f"{self.connection_id}"
