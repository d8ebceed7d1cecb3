"""The audit trail: who changed what, when, from where; rows are only ever added."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from portals.models import Portal


class AuditEntry(models.Model):
    """One change. Plain ids instead of foreign keys: an entry outlives what it speaks of."""

    portal = models.ForeignKey(
        Portal,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("portal"),
    )
    at = models.DateTimeField(_("at"))
    # Who did it: an account, or a run of an integration, or neither (the clock).
    actor_id = models.BigIntegerField(_("account"), null=True, blank=True)
    run_id = models.BigIntegerField(_("sync run"), null=True, blank=True)
    action = models.CharField(_("action"), max_length=40)
    # What it was done to: "users.membership" and its id.
    object_type = models.CharField(_("kind of object"), max_length=60)
    object_id = models.BigIntegerField(_("object id"), null=True, blank=True)
    before = models.JSONField(_("before"), default=dict, blank=True)
    after = models.JSONField(_("after"), default=dict, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    address = models.GenericIPAddressField(_("network address"), null=True, blank=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")
        indexes = [
            models.Index(fields=["portal", "-at"], name="audit_portal_at"),
            models.Index(fields=["object_type", "object_id"], name="audit_object"),
            # Syncs and the clock write most rows and have no actor.
            models.Index(fields=["actor_id", "-at"], condition=models.Q(actor_id__isnull=False), name="audit_actor"),
            # For the yearly clearing; costs next to nothing on the way in.
            BrinIndex(fields=["at"], name="audit_at_range"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"
