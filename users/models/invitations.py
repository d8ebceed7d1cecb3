"""Invitations: mails with a link, waiting to be sent, sent, answered; they are the mail outbox."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .accounts import User
from .memberships import Membership


def new_nonce() -> str:
    """Return 128 random bits as text."""
    return secrets.token_urlsafe(16)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Questions about mails with a link."""

    def waiting(self) -> InvitationQuerySet:
        """Return what has to be handed over: mails, and reminders of links that were sent and still work."""
        is_reminder = Q(state=Invitation.State.SENT, reminder=Invitation.Reminder.BEFORE)
        return self.filter(Q(state=Invitation.State.SCHEDULED) | is_reminder, next_try_at__isnull=False)


class Invitation(models.Model):
    """One mail with a link; the link is derived from the nonce and never stored."""

    class Kind(models.TextChoices):
        INVITE = "invite", _("Invitation")
        WELCOME = "welcome", _("Welcome")
        RESET = "reset", _("Password reset")

    class State(models.TextChoices):
        SCHEDULED = "scheduled", _("Waiting to be sent")
        HELD = "held", _("Held for release")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Could not be sent")
        ACCEPTED = "accepted", _("Accepted")
        CANCELLED = "cancelled", _("Cancelled")
        REJECTED = "rejected", _("Rejected")

    class Reminder(models.TextChoices):
        BEFORE = "before", _("Before the link expires")
        AFTER = "after", _("After the link expired")

    # What `failure` holds when nothing but a changed address keeps a mail from being sent.
    ADDRESS_CHANGED = "address_changed"
    OPEN_STATES = (State.SCHEDULED, State.HELD, State.SENT, State.FAILED)

    membership = models.ForeignKey(
        Membership, on_delete=models.CASCADE, related_name="invitations", verbose_name=_("user")
    )
    kind = models.CharField(_("kind"), max_length=7, choices=Kind)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.SCHEDULED)
    # Changes on use, resend, address change and cancellation, which kills every link made before.
    nonce = models.CharField(max_length=32, default=new_nonce, editable=False)
    created_at = models.DateTimeField(_("created at"))
    last_sent_at = models.DateTimeField(_("last sent at"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    times_sent = models.PositiveSmallIntegerField(_("times sent"), default=0)
    # Instant from which a worker may (again) try to hand the mail over; tries since the last success.
    next_try_at = models.DateTimeField(_("next try at"), null=True, blank=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    # The last reminder made since the mail was sent on someone's wish; the one before leaves link and clock alone.
    reminder = models.CharField(_("reminder"), max_length=6, choices=Reminder, blank=True, default="", db_default="")
    failure = models.CharField(_("why it could not be sent"), max_length=300, blank=True)
    source = models.CharField(_("source"), max_length=20, choices=Membership.Source, default=Membership.Source.MANUAL)
    # The sync run that caused the mail: its mails wait together, and are released together.
    run_id = models.BigIntegerField(_("sync run"), null=True, blank=True)
    sent_by = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="+",
        verbose_name=_("sent by"),
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [
            models.UniqueConstraint(
                fields=["membership", "kind"],
                condition=Q(state__in=["scheduled", "held", "sent", "failed"]),
                name="invitation_open_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(state__in=["scheduled", "sent"], next_try_at__isnull=False),
                name="invitation_outbox",
            ),
            models.Index(fields=["expires_at"], condition=Q(kind="invite", state="sent"), name="invitation_expiring"),
            models.Index(fields=["run_id"], condition=Q(state="held"), name="invitation_held"),
            # Of an import's mails, which nobody sent, it knows nothing.
            models.Index(fields=["sent_by"], condition=Q(sent_by__isnull=False), name="invitation_sent_by"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    def has_expired(self, now: datetime) -> bool:
        """Whether the link was sent and its time is over."""
        return self.state == self.State.SENT and self.expires_at is not None and self.expires_at <= now

    @property
    def needs_new_mail(self) -> bool:
        """Whether the address changed since the mail was made, so that an admin has to send it again."""
        return self.state == self.State.FAILED and self.failure == self.ADDRESS_CHANGED

    @property
    def why_not_sent(self) -> str:
        """What kept the mail from being sent, in words."""
        return gettext("The address changed: send the invitation again.") if self.needs_new_mail else self.failure
