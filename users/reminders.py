"""Reminders of invitations, where a portal wants them: each once, and never after an answer or a departure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import DurationField, ExpressionWrapper, F, QuerySet, Value

from users import invitations
from users.models import Invitation, Membership

Reminder = Invitation.Reminder
# The most days of either setting, so that the index on the expiry can be used.
LONGEST = timedelta(days=7)
# Turning reminders on must not wake up invitations that expired long ago.
LATEST = timedelta(days=7)


def put_into_outbox(*, now: datetime) -> int:
    """Put the reminders that are due into the outbox and return how many."""
    return _before_expiry(now) + _after_expiry(now)


def _before_expiry(now: datetime) -> int:
    """Remind of links that still work: the mail carries the same link, and the clock goes on."""
    soon = _unanswered().filter(
        reminder="",
        membership__portal__remind_days_before__gt=0,
        expires_at__gt=now,
        expires_at__lte=now + LONGEST,
    )
    due = soon.filter(expires_at__lte=Value(now) + _days("remind_days_before"))
    return _ids(due).update(reminder=Reminder.BEFORE, next_try_at=now, tries=0)


def _after_expiry(now: datetime) -> int:
    """Send a new link in place of one that has expired."""
    over = _unanswered().filter(
        reminder__in=["", Reminder.BEFORE],
        membership__portal__remind_days_after__gt=0,
        expires_at__lte=now,
        expires_at__gt=now - LONGEST - LATEST,
    )
    days = _days("remind_days_after")
    due = over.filter(expires_at__lte=Value(now) - days, expires_at__gt=Value(now) - days - Value(LATEST))
    renewed = {**invitations.fresh(now), "reminder": Reminder.AFTER}
    return _ids(due).update(nonce=invitations.random_nonces(), **renewed)


def _unanswered() -> QuerySet[Invitation]:
    return Invitation.objects.filter(
        kind=Invitation.Kind.INVITE,
        state=Invitation.State.SENT,
        next_try_at=None,
        membership__status=Membership.Status.PENDING,
        membership__invitation_withdrawn_at=None,
        membership__user__is_active=True,
    )


def _days(setting: str) -> ExpressionWrapper[Any]:
    return ExpressionWrapper(F(f"membership__portal__{setting}") * Value(timedelta(days=1)), DurationField())


def _ids(due: QuerySet[Invitation]) -> QuerySet[Invitation]:
    """Return the rows by themselves: an answer that comes in between changes the state, and is looked at again."""
    return Invitation.objects.filter(pk__in=due.values("pk"), state=Invitation.State.SENT)
