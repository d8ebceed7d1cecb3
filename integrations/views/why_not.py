"""Why not: look for somebody who is missing, and read the first step that stopped them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, reduce
from operator import and_, or_
from typing import Any

from django.db.models import F, Q, QuerySet, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Concat
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations import explanations, problems, providers
from integrations.engine import steps
from integrations.engine.changes import Reason
from integrations.engine.steps import Step
from integrations.models import Connection, ExternalIdentity, PlannedChange, SyncRun
from integrations.views import attributes
from integrations.views.base import Link, SettingsPage, text_from
from integrations.views.change_rows import day_text
from integrations.views.people import row_of
from portals.hosts import PortalRequest
from users.models import Invitation, Membership

Text = str | Promise
MOST_FOUND = 20
WORDS = 5


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step on the way into the portal: passed, the one that stopped the person, or not reached."""

    question: Text
    answer: Text
    state: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a person stands still, why, what to do, and the page on which to do it."""

    step: Step
    sentence: Text
    advice: Text = ""
    place: Link | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A system from which people of the portal come."""

    connection: Connection
    provider: providers.PeopleSource


class WhyNotSearch(SettingsPage):
    """Somebody is missing: search what was read last, and the users."""

    title = gettext_lazy("Who is missing?")

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show the search, and whom it found; a single find at once."""
        searched = text_from(request, "q")[:200]
        people = list(self.people(searched)[:MOST_FOUND]) if searched else []
        users = list(self.users(searched)[:MOST_FOUND]) if searched else []
        if len(people) == 1 and not users:
            return redirect("integrations:why_not", identity_id=people[0].pk)
        context = {
            "searched": searched,
            "people": [{**row_of(one), "identity": one} for one in people],
            "users": users,
            "most": MOST_FOUND if MOST_FOUND in (len(people), len(users)) else 0,
            "connections": self.connections(),
        }
        return self.page("integrations/why_not_search.html", context)

    def connections(self) -> list[Source]:
        """Return what the portal's people come from."""
        rows = Connection.objects.filter(portal=self.portal, provider__in=self.portal.enabled_integrations)
        return [Source(row, providers.people_source(row.provider)) for row in rows.order_by("provider")]

    def people(self, searched: str) -> QuerySet[ExternalIdentity]:
        """Return people of the last snapshots who are not linked to a user, by name, address or id."""
        names = ("first_name", "last_name", "work_email", "personal_email")
        parts = [part for name in names for part in (KT(f"snapshot__{name}"), Value(" "))]
        told = Concat(*parts, F("external_id"), output_field=TextField())
        people = ExternalIdentity.objects.filter(connection__portal=self.portal, membership=None)
        found = people.annotate(told=told).filter(_every_word(["told"], searched))
        return found.select_related("connection").order_by("pk")

    def users(self, searched: str) -> QuerySet[Membership]:
        """Return users of the portal by name or address."""
        columns = ("user__first_name", "user__last_name", "user__email")
        people = Membership.objects.filter(_every_word(columns, searched), portal=self.portal)
        return people.select_related("user").order_by("pk")


class WhyNotPage(SettingsPage):
    """One person of the provider's list, step by step."""

    @property
    def title(self) -> str:  # type: ignore[override]
        return _("Why %(person)s is not here") % {"person": self.about["name"]}

    def breadcrumbs(self) -> list[Link]:
        """Return the way to this page, from the top."""
        return [*super().breadcrumbs(), Link(WhyNotSearch.title, reverse("integrations:why_not_search"))]

    @cached_property
    def identity(self) -> ExternalIdentity:
        """The person that the address names, if this portal's connection knows them. Raises Http404."""
        people = ExternalIdentity.objects.select_related("connection__portal", "membership__user")
        return get_object_or_404(people, pk=self.kwargs["identity_id"], connection__portal=self.portal)

    @cached_property
    def about(self) -> dict[str, Any]:
        """Name, address and id."""
        return row_of(self.identity)

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show the steps up to the first that stopped the person."""
        identity, now = self.identity, timezone.now()
        stop = stop_of(identity, now)
        context = {
            "identity": identity,
            "about": self.about,
            "system": identity.connection.get_provider_display(),
            "stop": stop,
            "steps": list(lines(stop)),
            "told": list(told(identity)),
            "last_seen": last_seen(identity),
            "connection": identity.connection,
        }
        return self.page("integrations/why_not.html", context)


def stop_of(identity: ExternalIdentity, now: datetime) -> Stop | None:
    """Return the first step that stopped a person; None for a user with access whose mail arrived."""
    provider, membership = identity.connection.provider, identity.membership
    if identity.times_missing and membership is None:
        return Stop(
            Step.LISTED,
            _("The last complete list of the connected system did not contain this person."),
            _("Check there whether the record was deleted, or moved to another account."),
        )
    if identity.state != ExternalIdentity.State.LINKED:
        return _by_reason(identity.reason)
    if membership is None:
        return _by_reason(Reason.REMOVED_BY_ADMIN)
    if run := _run_that_holds(identity, now):
        address = reverse("integrations:run", args=[provider, run.pk]) + "?show=held#changes"
        return _by_reason(Reason.TOO_MANY_REMOVALS, Link(_("The held changes"), address))
    if membership.status == Membership.Status.ENDED:
        return _ended(identity, membership)
    return _mail_stop(membership) or (
        _by_reason(identity.reason) if identity.reason and identity.reason != Reason.STAFF_ACCOUNT else None
    )


def lines(stop: Stop | None) -> Iterator[StepLine]:
    """Yield every step in words; those after the stop were not reached."""
    done = set(steps.passed(stop.step if stop else None))
    for step in Step:
        words = explanations.step(step)
        if step in done:
            yield StepLine(words.sentence, words.advice, "passed")
        elif stop and step == stop.step:
            yield StepLine(words.sentence, stop.sentence, "stopped")
        else:
            yield StepLine(words.sentence, "", "open")


def told(identity: ExternalIdentity) -> Iterator[tuple[Text, Text]]:
    """Yield what the provider said of the person last, as labels and values."""
    snapshot = identity.snapshot
    states = {"active": _("Active"), "pending": _("Not started yet"), "inactive": _("Inactive")}
    found: list[tuple[Text, Text]] = [
        (_("Status"), states.get(snapshot.get("status", ""), "")),
        (_("Work e-mail"), snapshot.get("work_email", "")),
        (_("Personal e-mail"), snapshot.get("personal_email", "")),
        (_("Hire date"), day_text(snapshot.get("hired_on"))),
        (_("Termination date"), day_text(snapshot.get("last_day"))),
    ]
    labels = {one.key: one.label for one in attributes.remembered(identity.connection)}
    found += [(labels.get(key, key), value) for key, value in (snapshot.get("attributes") or {}).items()]
    return ((label, value) for label, value in found if value)


def last_seen(identity: ExternalIdentity) -> datetime | None:
    """Return when the last complete list that contained the person was read; None when that is not known."""
    missed: int = identity.times_missing
    if not missed:
        return identity.connection.last_complete_sync_at
    runs = SyncRun.objects.filter(
        connection=identity.connection, state=SyncRun.State.COMPLETED, trigger__in=SyncRun.WHOLE
    )
    found: datetime | None = (
        runs.order_by("-created_at").values_list("finished_at", flat=True)[missed : missed + 1].first()
    )
    return found


def _every_word(columns: Iterable[str], searched: str) -> Q:
    """Return the condition that each word is in one of the columns."""
    words = searched.split()[:WORDS]
    return reduce(and_, (reduce(or_, (Q(**{f"{one}__icontains": word}) for one in columns)) for word in words))


def _by_reason(reason: str, place: Link | None = None) -> Stop:
    return Stop(steps.stop_of(reason), explanations.sentence(reason), explanations.advice(reason), place)


def _run_that_holds(identity: ExternalIdentity, now: datetime) -> SyncRun | None:
    run = problems.held_run(identity.connection, now)
    held = PlannedChange.objects.filter(run=run, state=PlannedChange.State.HELD, external_id=identity.external_id)
    return run if run and held.exists() else None


def _ended(identity: ExternalIdentity, membership: Membership) -> Stop:
    if identity.reason:
        return Stop(Step.ACCESS, explanations.sentence(identity.reason), explanations.advice(identity.reason))
    return Stop(
        Step.ACCESS,
        _("The access has ended."),
        _("See below who decided that, and when."),
        Link(_("Why"), reverse("integrations:why", args=[membership.pk])),
    )


def _mail_stop(membership: Membership) -> Stop | None:
    """Return what is the matter with the invitation of someone who has not accepted it yet."""
    if membership.status != Membership.Status.PENDING:
        return None
    mail = membership.invitations.order_by("-pk").first()
    place = Link(_("Pending users"), reverse("admin:users_pendinguser_change", args=[membership.pk]))
    if mail is None:
        return Stop(Step.MAIL, _("No invitation was made."), _("Send one under Pending users."), place)
    words: dict[str, tuple[Text, Text]] = {
        Invitation.State.SCHEDULED: (_("The invitation is about to be sent."), _("Nothing to do.")),
        Invitation.State.HELD: (_("The invitation waits for its release."), _("Release it.")),
        Invitation.State.FAILED: (
            _("The invitation could not be delivered: %(why)s") % {"why": mail.why_not_sent},
            _("Correct the address in the connected system, or send the invitation again."),
        ),
        Invitation.State.CANCELLED: (
            explanations.sentence(Reason.INVITATION_CANCELLED),
            explanations.advice(Reason.INVITATION_CANCELLED),
        ),
        Invitation.State.REJECTED: (_("The invitation was rejected."), _("Ask the person, then invite them again.")),
    }
    waits = (
        _("The invitation was sent and not accepted yet."),
        _("Ask the person to look for the mail, or send it again."),
    )
    sentence, advice = words.get(mail.state, waits)
    return Stop(Step.MAIL, sentence, advice, place)
