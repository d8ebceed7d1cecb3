"""What HubSpot shows of one person's courses, when that was sent, and why it is not more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from integrations.hubspot.models import ProgressPush, ProgressTarget, Strategy
from integrations.hubspot.progress import sentences
from integrations.models import Connection, ExternalIdentity
from integrations.providers import Fact, Tab
from users.models import Enrollment, Membership

State = ProgressPush.State
PAGE = Tab(gettext_lazy("Course progress"), "hubspot:progress")


def facts(connection: Connection, person: Membership) -> Sequence[Fact]:
    """Return one line about the person's progress; four statements at most, however many the courses are."""
    rows = list(ProgressPush.objects.filter(connection=connection, membership_id=person.pk).order_by("pk"))
    target = ProgressTarget.objects.filter(connection=connection).first() or ProgressTarget(connection=connection)
    said = [*_shown(rows, target), *_obstacles(connection, person, target), *_waiting(rows, connection, target)]
    if not said and not any(row.state == State.FAILED for row in rows):
        said = [_nothing(person)]
    return [Fact(_("Shown in HubSpot"), " ".join(map(str, said)), tuple(_refusals(rows)), PAGE)]


def _shown(rows: Sequence[ProgressPush], target: ProgressTarget) -> Iterator[str]:
    """Yield what HubSpot has."""
    there = [row for row in rows if row.stored_in]
    confirmed = [row.confirmed_at for row in there if row.confirmed_at]
    if not confirmed:
        return
    number = _courses(there)
    text = ngettext("%(number)d course, last sent on %(time)s.", "%(number)d courses, last sent on %(time)s.", number)
    yield text % {"number": number, "time": _moment(max(confirmed))}
    if target.strategy == Strategy.PROPERTIES:
        yield _("The person's record there has the numbers, not the single courses.")


def _obstacles(connection: Connection, person: Membership, target: ProgressTarget) -> Iterator[str]:
    """Yield why nothing is sent: the first reason that there is."""
    links = connection.identities.filter(membership=person, state=ExternalIdentity.State.LINKED)
    if not connection.is_connected:
        yield _("Nothing is sent, because HubSpot is not connected.")
    elif target.checked_at and target.strategy == Strategy.NONE:
        yield _("Nothing is sent.")
        yield sentences.reason(target)
    elif not links.exists():
        yield _("Nothing is sent, because the person is linked to no record in HubSpot.")
    elif person.status == Membership.Status.PENDING:
        yield _("Nothing is sent before the person has accepted the invitation.")


def _waiting(rows: Sequence[ProgressPush], connection: Connection, target: ProgressTarget) -> Iterator[str]:
    """Yield what has yet to be sent or taken away, and what that waits for."""
    waiting = _courses(row for row in rows if row.state == State.WAITING)
    removing = _courses(row for row in rows if row.state == State.REMOVING)
    if waiting:
        text = ngettext("%(number)d course waits to be sent.", "%(number)d courses wait to be sent.", waiting)
        yield text % {"number": waiting}
    if removing:
        text = ngettext("%(number)d course waits to be removed.", "%(number)d courses wait to be removed.", removing)
        yield text % {"number": removing}
    if not waiting + removing:
        return
    if connection.is_connected and connection.state != Connection.State.ACTIVE:
        yield _("State of the connection: %(state)s.") % {"state": connection.get_state_display()}
    elif target.paused_until and target.paused_until > timezone.now():
        yield _("HubSpot asked for a pause or did not answer; next try on %(time)s.") % {
            "time": _moment(target.paused_until)
        }


def _refusals(rows: Sequence[ProgressPush]) -> Iterator[str]:
    """Yield what HubSpot refused, course by course, in plain words and in its own; one statement."""
    refused = [row for row in rows if row.state == State.FAILED]
    if not refused:
        return
    enrollments = Enrollment.objects.filter(pk__in=[row.enrollment_id for row in refused])
    titles = dict(enrollments.values_list("pk", "course__title"))
    for row in refused:
        yield _("“%(course)s” was refused: %(reason)s (%(problem)s)") % {
            "course": titles.get(row.enrollment_id, _("No longer enrolled")),
            "reason": sentences.refusal(row.problem),
            "problem": row.problem,
        }


def _nothing(person: Membership) -> str:
    if Enrollment.objects.filter(membership=person).exists():
        return _("Nothing yet; what is missing is sent after the comparison at night.")
    return _("Nothing, because the person takes no course.")


def _courses(rows: Iterable[ProgressPush]) -> int:
    # Each time that a course was taken has a row.
    return len({row.enrollment_id for row in rows})


def _moment(at: datetime) -> str:
    return date_format(timezone.localtime(at), "DATETIME_FORMAT")
