"""The outbox of course progress: what HubSpot has yet to be told, and where it keeps what it was told."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from integrations.models import Connection


class Strategy(models.TextChoices):
    """Where an account keeps progress, the best place first."""

    APP_OBJECT = "app_object", _("Course enrollments of the app")
    CUSTOM_OBJECT = "custom_object", _("A custom object of the account")
    PROPERTIES = "properties", _("Properties of the person's record")
    NONE = "none", _("Nowhere")


class ProgressPush(models.Model):
    """One enrollment as HubSpot knows it, or is about to; the row outlives the enrollment until HubSpot is told."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        # Waits for nothing that this outbox could do: an account that has to be accepted first.
        WITHHELD = "withheld", _("Withheld")
        REMOVING = "removing", _("To be removed")
        # Finished and no longer enrolled: HubSpot keeps the record as history.
        KEPT = "kept", _("Kept")
        FAILED = "failed", _("Refused")

    # What the next call may carry.
    OPEN = (State.WAITING, State.REMOVING)

    connection = models.ForeignKey(
        Connection,
        on_delete=models.CASCADE,
        db_index=False,
        related_name="progress_pushes",
        verbose_name=_("connection"),
    )
    # No relations: what is gone here must still be taken away there.
    enrollment_id = models.BigIntegerField()
    membership_id = models.BigIntegerField()
    # Of a course that was finished and begun again, each time has a row and a record of its own.
    attempt = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.WAITING)
    # Counts the changes, so that whoever sends an older one cannot take the newer one for sent.
    generation = models.PositiveIntegerField(default=1)
    # Whether a call may ever have reached HubSpot.
    is_tried = models.BooleanField(default=False)
    # Of what HubSpot confirmed last: the object type and the record that hold it, the contact or user that shows it, a
    # digest of its values, and whether the course was finished.
    stored_in = models.CharField(max_length=100, blank=True, default="")
    record_id = models.BigIntegerField(null=True)
    person_key = models.CharField(max_length=64, blank=True, default="")
    digest = models.BinaryField(max_length=16, null=True)
    is_finished = models.BooleanField(default=False)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(_("next try"))
    # The worker that is sending it, and until when nobody else may.
    claimed_by = models.UUIDField(null=True)
    claimed_until = models.DateTimeField(null=True)
    # HubSpot's words for what is wrong, without values.
    problem = models.CharField(_("problem"), max_length=300, blank=True, default="")

    class Meta:
        verbose_name = _("progress to report")
        verbose_name_plural = _("progress to report")
        constraints = [
            models.UniqueConstraint(fields=["enrollment_id", "attempt", "connection"], name="progress_push_once"),
        ]
        indexes = [
            models.Index(
                fields=["connection", "next_try_at"],
                condition=Q(state__in=["waiting", "removing"]),
                name="progress_push_due",
            ),
            models.Index(fields=["membership_id"], name="progress_push_person"),
            models.Index(fields=["connection", "record_id"], name="progress_push_record"),
            models.Index(fields=["connection"], condition=Q(state="failed"), name="progress_push_failed"),
        ]

    def __str__(self) -> str:
        return f"{self.connection_id}: {self.enrollment_id}"


class ProgressTarget(models.Model):
    """Where a connection's progress goes, found out by looking at what the account grants and has."""

    connection = models.OneToOneField(
        Connection, on_delete=models.CASCADE, related_name="progress_target", verbose_name=_("connection")
    )
    # An admin's choice; empty: the best of what is possible.
    chosen = models.CharField(_("chosen"), max_length=13, choices=Strategy, blank=True, default="")
    strategy = models.CharField(_("storage"), max_length=13, choices=Strategy, default=Strategy.NONE)
    # {strategy: code of what stands in its way}, empty for those that work.
    findings = models.JSONField(default=dict)
    # Names at HubSpot: of the object type, and of each property by ours.
    object_type = models.CharField(max_length=100, blank=True, default="")
    names = models.JSONField(default=dict)
    checked_at = models.DateTimeField(_("checked at"), null=True)
    # Nothing is sent before: HubSpot asked for a pause, or does not answer.
    paused_until = models.DateTimeField(_("paused until"), null=True)
    pause_reason = models.CharField(max_length=100, blank=True, default="")
    failures_in_a_row = models.PositiveSmallIntegerField(default=0)
    last_sent_at = models.DateTimeField(_("last sent at"), null=True)
    # The comparison with HubSpot: how far it has come, when the last whole one ended, and how much it repaired.
    compared_to = models.CharField(max_length=200, blank=True, default="")
    compared_at = models.DateTimeField(_("compared at"), null=True)
    repaired = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("storage of progress")
        verbose_name_plural = _("storages of progress")

    def __str__(self) -> str:
        return f"{self.connection_id}: {self.strategy}"
