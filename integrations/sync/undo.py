"""Undo a run: may it be undone, what is it about, start it; taking_back carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from integrations.engine.changes import Kind
from integrations.models import PlannedChange, SyncRun
from integrations.sync import leases
from users import audit, reversal
from users.models import Invitation, User

BATCH = 100
# A run that is older cannot be undone: too much has happened to people since.
LIFETIME = timedelta(days=30)
ADDITIONS = (Kind.ADD, Kind.INVITE)
State = PlannedChange.State
Trigger = SyncRun.Trigger


class CannotUndo(Exception):
    """The run cannot be taken back; the text says why."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What an undo is about: people by kind of change, those added who can be removed, and mails."""

    kinds: Mapping[str, int]
    removable: int
    unsent_mails: int
    sent_mails: int

    @property
    def added(self) -> int:
        """How many people the run added."""
        return sum(self.kinds.get(kind, 0) for kind in ADDITIONS)

    @property
    def ending(self) -> int:
        """How many people lose their access by the undo."""
        return self.added + self.kinds.get(Kind.RESTORE, 0)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What can still be taken back of a run, and the ids of the runs that have done so."""

    can_undo: bool = False
    can_restore: bool = False
    undone_by: int | None = None
    restored_by: int | None = None


def outlook(run: SyncRun, now: datetime) -> Outlook:
    """Return what can be taken back of a run; costs one query."""
    if run.is_preview or run.takes_back or run.is_live:
        return Outlook()
    done = {
        f"by_{trigger}": Subquery(
            SyncRun.objects.filter(origin=OuterRef("pk"), trigger=trigger)
            .exclude(state=SyncRun.State.FAILED)
            .values("pk")[:1]
        )
        for trigger in SyncRun.TAKING_BACK
    }
    found = (
        SyncRun.objects.filter(pk=run.pk)
        .annotate(
            **done,
            has_lines=Exists(lines_of(run, Trigger.UNDO)),
            has_ended=Exists(lines_of(run, Trigger.RESTORE)),
        )
        .values("by_undo", "by_restore", "has_lines", "has_ended")
        .get()
    )
    is_open = found["by_undo"] is None and not is_too_old(run, now)
    return Outlook(
        can_undo=is_open and found["has_lines"],
        can_restore=is_open and found["has_ended"] and found["by_restore"] is None,
        undone_by=found["by_undo"],
        restored_by=found["by_restore"],
    )


def refusal(run: SyncRun, now: datetime, *, trigger: Trigger = Trigger.UNDO) -> str:
    """Return why a run cannot be undone, or not only its ended access; an empty text when it can."""
    if run.is_preview:
        return _("A preview changes nothing, so there is nothing to undo.")
    if run.takes_back:
        return _("This run took another one back; the next sync brings everyone in line again.")
    if run.is_live:
        return _("The run is still at work. Undo it when it is done.")
    if is_too_old(run, now):
        return _("The run is more than 30 days old; too much has happened since to take it back.")
    return _refusal_of_lines(run, trigger)


def is_too_old(run: SyncRun, now: datetime) -> bool:
    """Whether too much has happened since a run to take it back."""
    return run.created_at < now - LIFETIME


def follower(run: SyncRun, trigger: Trigger) -> SyncRun | None:
    """Return the run that takes this one back, or that gave back the access that it ended."""
    return run.followers.filter(trigger=trigger).exclude(state=SyncRun.State.FAILED).first()


def prospect(run: SyncRun, trigger: Trigger = Trigger.UNDO) -> Prospect:
    """Return what undoing a run is about, in numbers; costs four queries at most."""
    lines = lines_of(run, trigger)
    kinds = dict(lines.values_list("kind").annotate(people=Count("pk")).order_by())
    added = lines.filter(kind__in=ADDITIONS).values_list("membership_id", flat=True)
    ids = [pk for pk in added if pk] if any(kind in kinds for kind in ADDITIONS) else []
    removable = reversal.untouched(portal=run.connection.portal, membership_ids=ids, run_ids=own_runs(run))
    mails = {"unsent": 0, "sent": 0}
    if run.totals.get("mails") and trigger == Trigger.UNDO:
        mails = Invitation.objects.filter(run_id=run.pk, membership__in=lines.values("membership_id")).aggregate(
            sent=Count("pk", filter=Q(times_sent__gt=0)), unsent=Count("pk", filter=Q(times_sent=0))
        )
    return Prospect(kinds, len(removable), unsent_mails=mails["unsent"], sent_mails=mails["sent"])


def start(*, run: SyncRun, user: User | None, now: datetime, trigger: Trigger = Trigger.UNDO) -> SyncRun:
    """Return a queued run that takes this one back, or gives back the access that it ended (trigger "restore").

    Works without the provider. Raises CannotUndo or leases.AlreadyRunning.
    """
    with transaction.atomic():
        run = SyncRun.objects.select_for_update(of=("self",)).select_related("connection__portal").get(pk=run.pk)
        if why_not := refusal(run, now, trigger=trigger):
            raise CannotUndo(why_not)
        started = leases.claim(connection=run.connection, trigger=trigger, user=user, now=now, is_offline=True)
        if run.trigger == Trigger.ACTION:
            # What is asked for from now on belongs to a run of its own, which can be undone too.
            SyncRun.objects.filter(pk=run.pk).update(local_day=None)
        started.cursor, started.origin = {"phase": "undo"}, run
        try:
            with transaction.atomic():
                started.save(update_fields=["cursor", "origin"])
        except IntegrityError:
            raise CannotUndo(_("The run was undone before.")) from None
        action = "run_undone" if trigger == Trigger.UNDO else "access_given_back"
        audit.record(portal=run.connection.portal, action=action, object=run, actor=user)
    return started


def _refusal_of_lines(run: SyncRun, trigger: Trigger) -> str:
    if follower(run, trigger) is not None:
        return _("The run was undone before.")
    if lines_of(run, trigger).exists():
        return ""
    if trigger == Trigger.RESTORE:
        return _("The run ended nobody’s access, so there is none to give back.")
    return _("The run changed nobody, so there is nothing to undo.")


def lines_of(run: SyncRun, trigger: Trigger) -> QuerySet[PlannedChange, PlannedChange]:
    """Return what a run did to people and has not been taken back."""
    lines = run.changes.filter(state=State.APPLIED)
    if trigger == Trigger.RESTORE:
        return lines.filter(kind=Kind.END_ACCESS, trace__isnull=False)
    return lines.filter(Q(trace__isnull=False) | Q(kind__in=(*ADDITIONS, Kind.LINK)))


def own_runs(origin: SyncRun) -> list[int]:
    """Return the run and those that took it back: what they did is no reason to keep somebody."""
    return [origin.pk, *origin.followers.filter(trigger__in=SyncRun.TAKING_BACK).values_list("pk", flat=True)]
