"""Numbers under which HubSpot knew a person before, and receipts for what was deleted at HubSpot's request."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from integrations.models import Connection
from users.models import Membership


class RecordAlias(models.Model):
    """A record of HubSpot that a user was linked to and is not any more: merged into another, or deleted there."""

    class Kind(models.TextChoices):
        MERGED = "merged", _("Merged into another record")
        # Can be restored in HubSpot for 90 days; the link comes back with it.
        DELETED = "deleted", _("Deleted in HubSpot")

    connection = models.ForeignKey(
        Connection,
        on_delete=models.CASCADE,
        db_index=False,
        related_name="record_aliases",
        verbose_name=_("connection"),
    )
    external_id = models.CharField(_("id at HubSpot"), max_length=64)
    membership = models.ForeignKey(
        Membership, on_delete=models.CASCADE, related_name="record_aliases", verbose_name=_("user")
    )
    kind = models.CharField(_("kind"), max_length=7, choices=Kind)
    noted_at = models.DateTimeField(_("noted at"))

    class Meta:
        verbose_name = _("earlier HubSpot record")
        verbose_name_plural = _("earlier HubSpot records")
        constraints = [models.UniqueConstraint(fields=["connection", "external_id"], name="record_alias_once")]

    def __str__(self) -> str:
        return f"{self.connection_id}: {self.kind}"


class PrivacyReceipt(models.Model):
    """HubSpot's request to delete what is stored of a record, and what was done; says nothing about whom."""

    connection = models.ForeignKey(
        Connection,
        on_delete=models.CASCADE,
        db_index=False,
        related_name="privacy_receipts",
        verbose_name=_("connection"),
    )
    # Keyed: whoever has the record's id can look the receipt up, nobody can read the id off it.
    digest = models.BinaryField(max_length=16)
    asked_at = models.DateTimeField(_("asked at"))
    done_at = models.DateTimeField(_("done at"))
    # {"links": 1, "records": 3, "calls": 2, …}: how much was removed.
    removed = models.JSONField(_("removed"), default=dict)

    class Meta:
        verbose_name = _("deletion at HubSpot's request")
        verbose_name_plural = _("deletions at HubSpot's request")
        constraints = [
            # Whoever comes back through a workflow may ask again.
            models.UniqueConstraint(fields=["connection", "digest", "asked_at"], name="privacy_receipt_once")
        ]
        indexes = [models.Index(fields=["connection", "-asked_at"], name="privacy_receipt_list")]

    def __str__(self) -> str:
        return f"{self.connection_id}: {self.reference}"

    @property
    def reference(self) -> str:
        """What the receipt is called in place of the record's id."""
        return bytes(self.digest).hex()[:8].upper()
