"""The mails of a run: they wait until it is over, and longer when they are its first or too many."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from integrations.engine.guard import too_many_mails
from integrations.models import SafetySettings, SyncRun
from integrations.sync.progress import Progress
from users import invitations
from users.models import Invitation

LOOK_BACK = timedelta(hours=24)


def settle(run: SyncRun, state: Progress, now: datetime) -> None:
    """Send the run's mails on their way, or leave them held for an admin and say so in the totals."""
    waiting = Invitation.objects.filter(run_id__in=_undecided(run).values("pk"), state=Invitation.State.HELD)
    count = waiting.count()
    if not count:
        return
    waiting.exclude(run_id=run.pk).update(run_id=run.pk)
    if _must_wait(run, count, now):
        state.totals["held_mails"] = count
    else:
        invitations.release(held(run), now=now)


def held(run: SyncRun) -> QuerySet[Invitation]:
    """Return the mails of a run that wait."""
    return Invitation.objects.filter(run_id=run.pk, state=Invitation.State.HELD)


def _undecided(run: SyncRun) -> QuerySet[SyncRun]:
    """Return the run and those that were given up or stopped before anybody decided about their mails."""
    own = Q(pk=run.pk)
    if run.is_preview:
        return SyncRun.objects.filter(own)
    was_cut = Q(state__in=[SyncRun.State.FAILED, SyncRun.State.CANCELLED]) & ~Q(totals__has_key="held_mails")
    return SyncRun.objects.filter(own | was_cut, connection=run.connection_id)


def _must_wait(run: SyncRun, count: int, now: datetime) -> bool:
    safety = SafetySettings.objects.filter(connection=run.connection_id).first() or SafetySettings()
    others = SyncRun.objects.filter(connection=run.connection_id).exclude(pk=run.pk)
    if safety.holds_first_mails and _is_first(run, others):
        return True
    lately = others.filter(created_at__gt=now - LOOK_BACK).exclude(trigger__in=SyncRun.PREVIEWS)
    totals = lately.values_list("totals", flat=True)
    sent = sum(total.get("mails", 0) - total.get("held_mails", 0) for total in totals)
    return too_many_mails(planned=count, lately=sent, most=safety.most_mails)


def _is_first(run: SyncRun, others: QuerySet[SyncRun]) -> bool:
    """Whether no run before brought anybody in."""
    done = (SyncRun.State.COMPLETED, SyncRun.State.PARTIAL)
    bringing = (*SyncRun.WHOLE, SyncRun.Trigger.PLAN)
    return not others.filter(pk__lt=run.pk, state__in=done, trigger__in=bringing).exists()
