"""Receipts of workflow actions: what HubSpot asked for, once each, and what it was answered."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from integrations.models import Connection
from users.models import Membership


class WorkflowCallQuerySet(models.QuerySet["WorkflowCall"]):
    """What is asked about, and done with, many receipts at once."""

    def refused(self) -> WorkflowCallQuerySet:
        """Return the calls that came to nothing and can be carried out again."""
        return self.filter(state=WorkflowCall.State.REFUSED)

    def forget(self, *, account_id: str, record_id: str) -> int:
        """Remove what says whom the calls about a record were for; return how many there were.

        The receipts stay, so that a late copy of a call still gets the first answer.
        """
        calls = self.filter(account_id=account_id, record_id=record_id)
        return calls.update(record_id="", inputs={}, state=WorkflowCall.State.FORGOTTEN)


class WorkflowCall(models.Model):
    """One execution of a workflow action. Names and addresses stay with HubSpot; the record's id is enough."""

    class Kind(models.TextChoices):
        INVITE = "invite", _("User Invite Action")
        ADD = "add", _("User Add Action")

    class Outcome(models.TextChoices):
        CREATED = "created", _("Created")
        INVITED = "invited", _("Invited")
        ALREADY_MEMBER = "already_member", _("Already a member")
        REINVITED = "reinvited", _("Invited again")
        ACTIVATED = "activated", _("Activated")
        SKIPPED = "skipped", _("Skipped")
        FAILED = "failed", _("Failed")

    class State(models.TextChoices):
        DONE = "done", _("Done")
        REFUSED = "refused", _("Refused")
        FORGOTTEN = "forgotten", _("Forgotten on request")

    account_id = models.CharField(_("HubSpot account"), max_length=64)
    callback_id = models.CharField(_("id of the call"), max_length=200)
    # None when the call named no portal that is connected with the account.
    connection = models.ForeignKey(
        Connection,
        null=True,
        on_delete=models.CASCADE,
        db_index=False,
        related_name="workflow_calls",
        verbose_name=_("connection"),
    )
    kind = models.CharField(_("action"), max_length=6, choices=Kind)
    record_type = models.CharField(_("kind of record"), max_length=40)
    record_id = models.CharField(_("HubSpot record"), max_length=64, blank=True)
    workflow_id = models.CharField(_("workflow"), max_length=32, blank=True)
    # What was chosen in the workflow: {"portal": "prt_7", "group": "grp_12", "last_day": "2026-12-31"}.
    inputs = models.JSONField(_("chosen in the workflow"), default=dict)
    # Empty only until the transaction ends in which the call is carried out.
    outcome = models.CharField(_("outcome"), max_length=14, choices=Outcome, blank=True)
    error_code = models.CharField(_("reason"), max_length=40, blank=True)
    # The output fields that HubSpot got.
    answer = models.JSONField(_("answer"), default=dict)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.DONE)
    membership = models.ForeignKey(
        Membership,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("user"),
    )
    received_at = models.DateTimeField(_("received at"))
    replayed_at = models.DateTimeField(_("carried out again at"), null=True)

    objects = WorkflowCallQuerySet.as_manager()

    class Meta:
        verbose_name = _("received call")
        verbose_name_plural = _("received calls")
        constraints = [models.UniqueConstraint(fields=["account_id", "callback_id"], name="workflow_call_once")]
        indexes = [
            models.Index(fields=["connection", "-received_at"], name="workflow_call_history"),
            models.Index(fields=["account_id", "record_id"], name="workflow_call_record"),
            # For the daily clearing; costs next to nothing on the way in.
            BrinIndex(fields=["received_at"], name="workflow_call_range"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def may_be_replayed(self) -> bool:
        """Whether the call came to nothing and can be carried out again."""
        return self.state == self.State.REFUSED and bool(self.record_id) and self.connection_id is not None
