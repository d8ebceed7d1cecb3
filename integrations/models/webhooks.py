"""What providers tell by themselves: the subscription that they use, and the inbox of their events."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .connections import Connection, Provider
from .sync_runs import SyncRun


class WebhookSubscription(models.Model):
    """One subscription of the installation with a provider, and the secret that signs its events."""

    class State(models.TextChoices):
        PENDING = "pending", _("Waits to be verified")
        VERIFIED = "verified", _("Verified")

    provider = models.CharField(_("provider"), max_length=20, choices=Provider, unique=True)
    external_id = models.CharField(_("id at the provider"), max_length=64)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.PENDING)
    # Sealed by portals.sealing; read and written by integrations.webhooks only.
    token = models.TextField(blank=True, editable=False)
    # Sealed tokens that came unsigned and are no secret of ours before the provider accepts one.
    candidates = models.JSONField(default=list, editable=False)
    created_at = models.DateTimeField(_("created at"))
    verified_at = models.DateTimeField(_("verified at"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook subscription")
        verbose_name_plural = _("webhook subscriptions")

    def __str__(self) -> str:
        return f"{self.provider} {self.external_id}"


class WebhookEvent(models.Model):
    """One event of a provider, kept once for each connection: ids only, what happened is read from the provider."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        TAKEN = "taken", _("Taken up")
        IGNORED = "ignored", _("Not needed")

    provider = models.CharField(_("provider"), max_length=20, choices=Provider)
    # Empty for events that concern the whole account.
    connection = models.ForeignKey(
        Connection,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        db_index=False,
        related_name="events",
        verbose_name=_("connection"),
    )
    event_id = models.CharField(_("event"), max_length=64)
    kind = models.CharField(_("kind"), max_length=60)
    # The external account, and the person for events about one.
    account_id = models.CharField(_("external account"), max_length=64)
    person_id = models.CharField(_("person"), max_length=64, blank=True)
    # What else an event of a provider's own kinds says, such as the ids of merged records.
    details = models.JSONField(default=dict, editable=False)
    happened_at = models.DateTimeField(_("happened at"))
    received_at = models.DateTimeField(_("received at"))
    state = models.CharField(_("state"), max_length=7, choices=State, default=State.WAITING)
    # The run that reads the people of its events.
    run = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="events", verbose_name=_("run")
    )

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "event_id", "connection"], nulls_distinct=False, name="webhook_event_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["connection", "person_id"], condition=Q(state="waiting"), name="webhook_event_to_take_up"
            ),
            models.Index(fields=["provider", "account_id", "person_id"], name="webhook_event_person"),
            models.Index(fields=["received_at"], name="webhook_event_received"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.event_id}"
