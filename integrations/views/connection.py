"""The overview of one connection: its state, connecting and disconnecting, the manual sync."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Count
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from integrations import connecting, explanations, problems, tasks, troubles
from integrations.engine.care import Trouble
from integrations.models import Connection, ExternalIdentity, InviteSettings, SyncRun
from integrations.sync import approval, care, leases, reports
from integrations.views.base import Confirmation, ConnectedPage, Link, ProviderPage
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
            return self.page("integrations/connection.html", {})
        latest = connection.runs.select_related("requested_by").order_by("-created_at").first()
        now = timezone.now()
        next_manual_at = leases.next_manual_at(connection)
        context = {
            # The page itself says what the banner would.
            "needs": [],
            "care": care_of(connection, now),
            "people": people_by_reason(connection),
            "latest_run": latest,
            "held": approval.held_changes(latest, now) if latest else 0,
            "next_manual_at": next_manual_at if next_manual_at and next_manual_at > now else None,
            "steps": self.steps(connection, latest),
            "question": disconnect_question(self, connection),
        }
        return self.page("integrations/connection.html", context)

    def steps(self, connection: Connection, latest: SyncRun | None) -> list[Step]:
        """Return the set-up steps, as long as nothing has been synced."""
        if connection.last_complete_sync_at:
            return []
        return [
            Step(_("Connect"), "", "", connection.is_connected),
            Step(
                _("Map your data"),
                _("Choose which attributes fill custom user data, for the dynamic rules of your groups."),
                self.url("mapping"),
                connection.mappings.exists(),
            ),
            Step(
                _("Invite configuration"),
                _("Choose when and how people are added."),
                self.url("invite_settings"),
                has_chosen_how_to_invite(connection),
            ),
            Step(
                _("Sync"),
                _("Adds your people. After the first sync this happens once per day by itself."),
                "",
                latest is not None,
            ),
        ]


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


def has_chosen_how_to_invite(connection: Connection) -> bool:
    """Whether an admin has ever saved the invite configuration; connecting fills in the defaults."""
    return AuditEntry.objects.filter(
        action="invite_settings_changed",
        object_type=InviteSettings._meta.label_lower,
        object_id__in=InviteSettings.objects.filter(connection=connection).values("pk"),
    ).exists()


class ConnectView(ProviderPage):
    """Starts the consent; the provider's page follows."""

    http_method_names = ["post"]

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Go to the provider's consent page."""
        address = connecting.start(portal=self.portal, provider=self.provider.key, user=self.user, now=timezone.now())
        return HttpResponseRedirect(address)


class DisconnectPage(Confirmation):
    """Asks, and takes the consent back."""

    title = gettext_lazy("Disconnect")

    def question(self) -> dict[str, Any]:
        """Return what a disconnect does, with numbers."""
        return disconnect_question(self, self.connection)

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Disconnect; the settings and the links are kept."""
        was_told = connecting.disconnect(connection=self.connection, user=self.user, request=request)
        names = {"system": self.provider.label}
        messages.success(request, _("%(system)s is disconnected. Your settings are kept.") % names)
        if not was_told:
            messages.warning(
                request,
                _("%(system)s could not be told. Remove Rollcall from the list of connected apps there, too.") % names,
            )
        return redirect(self.url("connection"))


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


def disconnect_question(page: ProviderPage, connection: Connection) -> dict[str, Any]:
    """Return the question before a disconnect, with numbers."""
    system = page.provider.label
    linked = connection.identities.filter(state=ExternalIdentity.State.LINKED).count()
    mappings = connection.mappings.count()
    return {
        "title": _("Disconnect %(system)s?") % {"system": system},
        "consequences": [
            _("The daily sync stops, and Rollcall deletes its access to %(system)s.") % {"system": system},
            ngettext(
                "%(count)s linked learner keeps account, groups, courses and progress. Nobody loses access now.",
                "%(count)s linked learners keep account, groups, courses and progress. Nobody loses access now.",
                linked,
            )
            % {"count": linked},
            _("People who leave from now on keep their access until you end it by hand."),
            ngettext(
                "%(count)s field mapping and the invite configuration are kept for when you connect again.",
                "%(count)s field mappings and the invite configuration are kept for when you connect again.",
                mappings,
            )
            % {"count": mappings},
        ],
        "button": _("Disconnect"),
        "is_dangerous": True,
        "url": page.url("disconnect"),
        "back": page.url("connection"),
    }
