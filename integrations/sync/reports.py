"""Mails to a portal's admins when a connection needs a person: once for each trouble, not once for each try.

The mails are rows in the transaction of what they tell of; users.notice_mails hands them over.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.enums import TextChoices
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from integrations import providers, troubles
from integrations.engine.care import Trouble
from integrations.models import Connection, PlannedChange, SyncRun
from integrations.sync.care import is_late, trouble_of
from integrations.sync.progress import Progress
from users import last_admin, notices
from users.models import Membership

State = Connection.State


class Report(TextChoices):
    """What admins are told; all but the first may be unwanted."""

    NEEDS_RECONNECTING = "needs_reconnecting", gettext_lazy("The connection needs to be connected again")
    QUARANTINE = "quarantine", gettext_lazy("The connection is paused after trouble, and when the reason changes")
    SILENCE = "silence", gettext_lazy("No sync was completed for 36 hours")
    RECOVERY = "recovery", gettext_lazy("The connection works again")
    HELD_CHANGES = "held_changes", gettext_lazy("Changes wait for approval")
    HELD_MAILS = "held_mails", gettext_lazy("Mails wait for their release")


def recipients(connection: Connection) -> list[Membership]:
    """Return the admins who get the reports: the chosen ones who still are full admins, else all of the portal.

    Those of the top-level portal step in where a sub-portal has no admin of its own.
    """
    admins = list(last_admin.full_admins(connection.portal).select_related("user").order_by("pk"))
    chosen = [admin for admin in admins if admin.pk in connection.report_to]
    own = [admin for admin in admins if admin.portal_id == connection.portal_id]
    return chosen or own or admins


def tell_news(*, now: datetime) -> int:
    """Report every trouble that nobody was told of and every one that is over; return how many had news."""
    return sum(_tell(pk, now) for pk in _with_news(now).order_by("pk").values_list("pk", flat=True))


def about_run(run: SyncRun, state: Progress, now: datetime) -> None:
    """Report what a finished run leaves to the admins: changes to approve, mails to release."""
    if run.is_preview:
        return
    with translation.override(run.connection.portal.language):
        _report_held(run, state, now)


def _report_held(run: SyncRun, state: Progress, now: datetime) -> None:
    connection = run.connection
    held = _newly_held(run) if state.totals["held"] else 0
    if held:
        subject = ngettext(
            "%(count)s change waits for your approval", "%(count)s changes wait for your approval", held
        )
        text = _(
            "Unusually many people would lose something at once (their access, their address or values), or an "
            "address changed that somebody signs in with. Compare the list with your records, then approve or reject "
            "it. Nothing is taken away before that."
        )
        link = _page(connection, "run", run.pk) + "?show=held#changes"
        _send(connection, Report.HELD_CHANGES, subject % {"count": held}, text, link=link, now=now)
    if mails := state.totals["held_mails"]:
        subject = ngettext("%(count)s mail waits for your release", "%(count)s mails wait for your release", mails)
        text = _("The mails of this sync go out only when you release them. Read one first, then release all or some.")
        link = _page(connection, "held_mails", run.pk)
        _send(connection, Report.HELD_MAILS, subject % {"count": mails}, text, link=link, now=now)


def _with_news(now: datetime) -> QuerySet[Connection]:
    """Return the connections whose state is not what admins were told last."""
    heard = Q(told_trouble=Trouble.SILENT)
    late = is_late(now)
    return Connection.objects.filter(
        Q(state=State.NEEDS_RECONNECTING) & ~Q(told_trouble=Trouble.NEEDS_RECONNECTING)
        | Q(state=State.QUARANTINED) & ~Q(told_trouble=F("quarantine"))
        | Q(state=State.ACTIVE) & (late & ~heard | ~Q(told_trouble="") & ~(late & heard))
    )


@transaction.atomic
def _tell(connection_id: int, now: datetime) -> bool:
    connection = (
        Connection.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("portal")
        .filter(pk=connection_id)
        .first()
    )
    if connection is None:
        return False
    trouble, told = trouble_of(connection, now), connection.told_trouble
    if connection.state == State.DISCONNECTED or (trouble or "") == told:
        return False
    Connection.objects.filter(pk=connection.pk).update(told_trouble=trouble or "")
    if trouble:
        _send_trouble(connection, trouble, now)
    elif report_of(told) not in connection.unwanted_reports:
        _send_recovery(connection, now)
    return True


def report_of(trouble: str) -> Report:
    """Return the kind of report that tells of a trouble."""
    fixed = {Trouble.NEEDS_RECONNECTING: Report.NEEDS_RECONNECTING, Trouble.SILENT: Report.SILENCE}
    return fixed.get(Trouble(trouble), Report.QUARANTINE) if trouble in set(Trouble) else Report.QUARANTINE


def _send_trouble(connection: Connection, trouble: Trouble, now: datetime) -> None:
    with translation.override(connection.portal.language):
        subject = {
            Report.NEEDS_RECONNECTING: _("%(system)s needs to be connected again"),
            Report.SILENCE: _("%(system)s: no sync for 36 hours"),
        }.get(report_of(trouble), _("%(system)s: the daily sync is paused"))
        text = "\n\n".join(
            [
                str(troubles.sentence(trouble)),
                str(troubles.advice(trouble)),
                _("Nobody loses access because of it. You get one mail when it is over."),
            ]
        )
    _send(connection, report_of(trouble), subject % _names(connection), text, now=now)


def _send_recovery(connection: Connection, now: datetime) -> None:
    with translation.override(connection.portal.language):
        subject = _("%(system)s works again") % _names(connection)
        text = _("The trouble with the connection is over, and the daily sync goes on. You need not do anything.")
    _send(connection, Report.RECOVERY, subject, text, now=now)


def _newly_held(run: SyncRun) -> int:
    """Return how many changes the run holds, or 0 when the run before held all of them as well."""
    before = run.connection.runs.filter(pk__lt=run.pk, trigger__in=(*SyncRun.WHOLE, SyncRun.Trigger.PLAN))
    told = PlannedChange.objects.filter(
        run=before.order_by("-pk").values("pk")[:1],
        state=PlannedChange.State.HELD,
        kind=OuterRef("kind"),
        external_id=OuterRef("external_id"),
    )
    held = run.changes.filter(state=PlannedChange.State.HELD)
    return held.count() if held.filter(~Exists(told)).exists() else 0


def _send(connection: Connection, report: Report, subject: str, text: str, *, now: datetime, link: str = "") -> None:
    if report in connection.unwanted_reports and report != Report.NEEDS_RECONNECTING:
        return
    notices.report(
        to=recipients(connection),
        portal=connection.portal,
        subject=f"{connection.portal.name}: {subject}"[:200],
        text=text,
        link=link or _page(connection, "connection"),
        now=now,
    )


def _names(connection: Connection) -> dict[str, str]:
    return {"system": providers.get(connection.provider).label}


def _page(connection: Connection, name: str, *run_id: int) -> str:
    return connection.portal.url(reverse(f"integrations:{name}", args=[connection.provider, *run_id]))
