"""The overview of one connection: its state, the first-time set-up, the manual sync."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from integrations import explanations, problems, providers, tasks, troubles
from integrations.engine.care import Trouble
from integrations.models import Connection, ExternalIdentity, InviteSettings, PlannedChange, SyncRun
from integrations.sync import approval, care, leases, reports
from integrations.views.base import ConnectedPage, Link, ProviderPage
from integrations.views.connect import consent_card
from integrations.views.disconnect import disconnect_question, other_portals
from portals.hosts import PortalRequest
from users.models import AuditEntry, Membership


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the first-time set-up."""

    label: str | Promise
    help: str | Promise
    url: str
    is_done: bool


class ConnectionPage(ProviderPage):
    """Settings > Integrations > Gusto."""

    tab = "connection"

    def breadcrumbs(self) -> list[Link]:
        """Return the way to this page, from the top."""
        return super().breadcrumbs()[:-1]

    @property
    def title(self) -> str:  # type: ignore[override]
        return self.provider.label

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show the state of the connection, or how to connect."""
        connection = self.known_connection
        if connection is None:
            return self.page("integrations/connection.html", {"consent": consent_card(self)})
        latest = connection.runs.select_related("requested_by").order_by("-created_at").first()
        now = timezone.now()
        waiting = approval.waiting_run(connection, now)
        next_manual_at = leases.next_manual_at(connection)
        context = {
            # The page itself says what the banner would.
            "needs": [],
            "care": care_of(connection, now),
            "people": people_by_reason(connection),
            "latest_run": latest,
            "waiting": waiting,
            "broken_mappings": broken_mappings(connection),
            "held": waiting.changes.filter(state=PlannedChange.State.HELD).count() if waiting else 0,
            "next_manual_at": next_manual_at if next_manual_at and next_manual_at > now else None,
            "steps": self.steps(connection, latest),
            "consent": consent_card(self),
            "kind": next((one.label for one in self.provider.record_types if one.key == connection.record_type), ""),
            "missing_scopes": self.provider.missing_scopes(connection) if connection.is_connected else (),
            "sharing": other_portals(connection),
            "question": disconnect_question(self, connection),
        }
        return self.page("integrations/connection.html", context)

    def steps(self, connection: Connection, latest: SyncRun | None) -> list[Step]:
        """Return the set-up steps, until the first people are in."""
        if is_set_up(connection):
            return []
        steps = [
            Step(_("Connect"), "", "", connection.is_connected),
            Step(
                _("Map your data"),
                _("Choose which attributes fill custom user data, for the dynamic rules of your groups."),
                self.url("mapping"),
                connection.mappings.exists(),
            ),
        ]
        if "invite_settings" not in self.provider.hidden_tabs:
            help_ = _("Choose when and how people are added.")
            url = self.url("invite_settings")
            steps.append(Step(_("Invite configuration"), help_, url, has_chosen_how_to_invite(connection)))
        steps += [Step(one.label, one.help, reverse(one.url_name), is_done=False) for one in self.provider.setup]
        steps.append(Step(_("Preview, then sync"), self.provider.words.first_sync, "", latest is not None))
        return steps


@dataclass(frozen=True, slots=True)
class Care:
    """How the connection is: what is wrong, what to do, what troubled a sync last, how many problems are open."""

    trouble: str
    sentence: str | Promise
    advice: str | Promise
    # The way out is a new consent; else it is a sync.
    needs_consent: bool
    last_trouble: SyncRun | None
    problems: int
    told: list[Membership]


def care_of(connection: Connection, now: datetime) -> Care:
    """Return what the health card shows."""
    trouble = care.trouble_of(connection, now)
    troubled = connection.runs.exclude(trouble="").exclude(state__in=SyncRun.LIVE)
    return Care(
        trouble=trouble or "",
        sentence=connection.state_reason or troubles.sentence(trouble) if trouble else "",
        advice=troubles.advice(trouble) if trouble else "",
        needs_consent=trouble in {Trouble.NEEDS_RECONNECTING, Trouble.WRONG_COMPANY, Trouble.REFUSED},
        last_trouble=troubled.order_by("-created_at").first(),
        problems=len(problems.open_problems(connection, now)),
        told=reports.recipients(connection),
    )


def broken_mappings(connection: Connection) -> list[str]:
    """Return the labels of the fields whose attribute was gone when the list was last read."""
    rows = connection.mappings.filter(is_broken=True).order_by("custom_field__position", "pk")
    return list(rows.values_list("custom_field__label", flat=True))


def is_set_up(connection: Connection) -> bool:
    """Whether the connection has brought people in: by its first whole list, or one by one."""
    if providers.people_source(connection.provider).lists_newcomers:
        return connection.last_complete_sync_at is not None
    return connection.identities.filter(state=ExternalIdentity.State.LINKED).exists()


def has_chosen_how_to_invite(connection: Connection) -> bool:
    """Whether an admin has ever saved the invite configuration; connecting fills in the defaults."""
    return AuditEntry.objects.filter(
        action="invite_settings_changed",
        object_type=InviteSettings._meta.label_lower,
        object_id__in=InviteSettings.objects.filter(connection=connection).values("pk"),
    ).exists()


class SyncView(ConnectedPage):
    """Starts a manual sync, at most once an hour."""

    http_method_names = ["post"]

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Claim a run and show it, or say why not."""
        try:
            run = leases.claim_manual(connection=self.connection, user=self.user, now=timezone.now())
        except leases.Refused as refusal:
            return self.refuse(refusal)
        transaction.on_commit(lambda: self.wake(run))
        return redirect(self.url("run", run_id=run.pk))

    def wake(self, run: SyncRun) -> None:
        """Call a worker, and say so; without a broker the sweeper finds the run."""
        if tasks.sync_connection.delay(run_id=run.pk) is not None:
            messages.success(self.request, _("The sync has started."))
            return
        messages.warning(
            self.request,
            _("The sync is noted. It starts by itself as soon as the part that carries the jobs answers again."),
        )

    def refuse(self, refusal: leases.Refused) -> HttpResponse:
        """Say why no sync can start now."""
        if isinstance(refusal, leases.AlreadyRunning) and refusal.run:
            messages.info(self.request, _("A sync is running already: this one."))
            return redirect(self.url("run", run_id=refusal.run.pk))
        if isinstance(refusal, leases.TooSoon):
            messages.warning(
                self.request,
                _("You can sync manually once per hour: from %(time)s on the next one is possible.")
                % {"time": date_format(timezone.localtime(refusal.free_at), "TIME_FORMAT")},
            )
        else:
            messages.error(self.request, _("Connect %(system)s first.") % {"system": self.provider.label})
        return redirect(self.url("connection"))


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many people are not taken over for one reason."""

    reason: str
    sentence: str | Promise
    people: int


@dataclass(frozen=True, slots=True)
class PeopleCount:
    """How many people of a connection are learners here, and why the others are not."""

    linked: int
    others: list[ReasonCount]

    @property
    def not_taken_over(self) -> int:
        return sum(other.people for other in self.others)


def people_by_reason(connection: Connection) -> PeopleCount:
    """Return the counts of a connection's people, in one statement."""
    linked = 0
    others: dict[str, int] = {}
    rows = ExternalIdentity.objects.filter(connection=connection).values_list("state", "reason")
    for state, reason, people in rows.annotate(people=Count("pk")).order_by():
        if state == ExternalIdentity.State.LINKED:
            linked += people
        else:
            others[reason] = others.get(reason, 0) + people
    by_size = sorted(others.items(), key=lambda item: -item[1])
    return PeopleCount(
        linked, [ReasonCount(reason, explanations.sentence(reason), people) for reason, people in by_size]
    )
