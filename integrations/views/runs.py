"""The runs of a connection, one run with its changes, and the approval of what it held."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from integrations import tasks
from integrations.engine.changes import Kind
from integrations.models import PlannedChange, SyncRun
from integrations.sync import approval, leases
from integrations.views.base import Confirmation, ConnectedPage, Link, paged, text_from
from integrations.views.change_rows import Reader
from integrations.views.downloads import csv_response
from portals.hosts import PortalRequest
from users import audit

RUNS_PER_PAGE = 25
CHANGES_PER_PAGE = 50
# A run that nobody has begun after this time makes one wonder.
LONG_WAIT = timedelta(minutes=1)

State = PlannedChange.State
_DONE = ~Q(state__in=[State.HELD, State.FAILED, State.REJECTED, State.SKIPPED])
# What the counts of a run open: the key in the run's totals → the label, and which changes it counts.
COUNTS: dict[str, tuple[str | Promise, Q | None]] = {
    "add": (gettext_lazy("Created"), Q(kind=Kind.ADD) & _DONE),
    "invite": (gettext_lazy("Invited"), Q(kind=Kind.INVITE) & _DONE),
    "link": (gettext_lazy("Linked"), Q(kind=Kind.LINK) & _DONE),
    "update": (gettext_lazy("Updated"), Q(kind=Kind.UPDATE) & _DONE),
    "restore": (gettext_lazy("Access restored"), Q(kind=Kind.RESTORE) & _DONE),
    "end_access": (gettext_lazy("Access ends"), Q(kind=Kind.END_ACCESS) & _DONE),
    "unchanged": (gettext_lazy("Unchanged"), None),
    "skipped": (gettext_lazy("Not taken over"), Q(state=State.SKIPPED)),
    "held": (gettext_lazy("Held for approval"), Q(state=State.HELD)),
    "failed": (gettext_lazy("Failed"), Q(state=State.FAILED)),
    "rejected": (gettext_lazy("Rejected"), Q(state=State.REJECTED)),
    "warnings": (gettext_lazy("Values not taken over"), ~Q(warnings=[])),
}
# Shown only when they happened.
RARE = {"rejected", "warnings"}


@dataclass(frozen=True, slots=True)
class CountLink:
    """A number of a run that opens a list."""

    key: str
    label: str | Promise
    people: int
    url: str
    is_current: bool


class RunsPage(ConnectedPage):
    """Settings > Integrations > Gusto > Runs."""

    title = gettext_lazy("Runs")
    tab = "runs"

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """List the runs, newest first."""
        state, trigger = request.GET.get("state", ""), request.GET.get("trigger", "")
        runs = self.connection.runs.select_related("requested_by").order_by("-created_at", "-pk")
        if state in SyncRun.State.values:
            runs = runs.filter(state=state)
        if trigger in SyncRun.Trigger.values:
            runs = runs.filter(trigger=trigger)
        pages = paged(runs, request, per_page=RUNS_PER_PAGE)
        context = {
            **pages,
            "runs": [(run, duration(run)) for run in pages["page"].object_list],
            "states": SyncRun.State.choices,
            "triggers": SyncRun.Trigger.choices,
            "state": state,
            "trigger": trigger,
        }
        return self.page("integrations/runs.html", context)


class OneRun(ConnectedPage):
    """What the pages about one run share."""

    tab = "runs"

    @property
    def title(self) -> str:  # type: ignore[override]
        return _("Run %(number)s") % {"number": self.run.pk}

    @cached_property
    def run(self) -> SyncRun:
        """The run that the address names, if it is this connection's. Raises Http404."""
        runs = self.connection.runs.select_related("requested_by")
        return get_object_or_404(runs, pk=self.kwargs["run_id"])

    def breadcrumbs(self) -> list[Link]:
        """Return the way to this page, from the top."""
        return [*super().breadcrumbs(), Link(RunsPage.title, self.url("runs"))]

    def run_url(self, name: str = "run", **query: str) -> str:
        """Return the address of a page about this run."""
        address = self.url(name, run_id=self.run.pk)
        return f"{address}?{urlencode(query)}" if query else address

    @property
    def shown(self) -> str:
        """Which count's list is open, or an empty text."""
        shown = self.request.GET.get("show", "")
        return shown if shown in COUNTS and COUNTS[shown][1] else ""

    @property
    def searched(self) -> str:
        """The name that is searched for."""
        return text_from(self.request, "q")

    def changes(self) -> QuerySet[PlannedChange]:
        """Return the changes that the address asks for."""
        changes = self.run.changes.order_by("pk")
        if self.shown:
            changes = changes.filter(COUNTS[self.shown][1])
        if self.searched:
            changes = changes.filter(Q(person__icontains=self.searched) | Q(external_id=self.searched))
        return changes

    def progress(self) -> dict[str, Any]:
        """Return what the live part of the page shows."""
        run, totals = self.run, self.totals
        now = timezone.now()
        return {
            "run": run,
            "provider": self.provider,
            "counts": self.counts(),
            "pages": totals.get("pages", 0),
            "total_pages": totals.get("total_pages") or 0,
            "seen": totals.get("seen", 0),
            "total_people": totals.get("total_people"),
            "consequences": consequences(totals),
            "is_interrupted": run.state == SyncRun.State.RUNNING
            and run.lease_expires_at is not None
            and run.lease_expires_at < now,
            "waits_long": run.state == SyncRun.State.QUEUED and run.created_at < now - LONG_WAIT,
            "duration": duration(run),
            "progress_url": self.run_url("run_progress"),
        }

    @cached_property
    def totals(self) -> dict[str, int]:
        """The run's numbers; what it held is counted anew once it is over, for decisions move it on."""
        totals: dict[str, int] = self.run.totals
        if self.run.is_live:
            return totals
        undecided = self.run.changes.filter(state__in=[State.HELD, State.REJECTED]).values_list("state")
        return {**totals, "held": 0, **dict(undecided.annotate(people=Count("pk")).order_by())}

    def counts(self) -> list[CountLink]:
        """Return the numbers of the run, each with the address of its list."""
        return [
            CountLink(
                key=key,
                label=label,
                people=self.totals.get(key, 0),
                url=self.run_url(show=key) + "#changes" if condition else "",
                is_current=key == self.shown,
            )
            for key, (label, condition) in COUNTS.items()
            if self.totals.get(key) or key not in RARE
        ]


class RunPage(OneRun):
    """One run: what it did with whom, and why not with others."""

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show the run."""
        changes = paged(self.changes(), request, per_page=CHANGES_PER_PAGE)
        held = approval.held_changes(self.run, timezone.now())
        context = {
            **self.progress(),
            **changes,
            "rows": list(Reader(self.connection).rows(changes["page"].object_list)),
            "held": held,
            "outdated": self.totals["held"] if not held and not self.run.is_live else 0,
            "approved": self.approved(),
            "approve": approve_question(self, held),
            "reject": reject_question(self, held),
            "shown": self.shown,
            "shown_label": COUNTS[self.shown][0] if self.shown else "",
            "searched": self.searched,
        }
        return self.page("integrations/run.html", context)

    def approved(self) -> int:
        """Return how many changes were held here and then carried out by a run of their own."""
        if self.run.is_live:
            return 0
        held: int = self.run.totals.get("held", 0)
        return held - self.totals["held"] - self.totals.get("rejected", 0)


class RunProgress(OneRun):
    """The live part of the run page, polled every second while the run is live."""

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show how far the run is; reload the page around it when it is done."""
        response = render(request, "integrations/includes/run_progress.html", self.progress())
        if not self.run.is_live:
            response["HX-Refresh"] = "true"
        return response


class RunDownload(OneRun):
    """The changes of a run as CSV, filtered as the page is."""

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponseBase:
        """Stream the file, and record who took it."""
        audit.record(portal=self.portal, action="run_exported", object=self.run, request=request)
        name = f"{self.portal.slug}-{self.provider.key}-run-{self.run.pk}"
        return csv_response(name, self.lines())

    def lines(self) -> Iterator[list[object]]:
        id_label = _("%(system)s id") % {"system": self.provider.label}
        yield [
            _("Person"), id_label, _("Change"), _("State"), _("Reason"), _("What to do"), _("Before"), _("After"),
            _("Values not taken over"),
        ]  # fmt: skip
        reader = Reader(self.connection)
        for row in reader.rows(self.changes().iterator(chunk_size=2000)):
            change = row.change
            yield [
                change.person,
                change.external_id,
                row.kind,
                change.get_state_display(),
                row.reason,
                row.advice,
                "; ".join(f"{one.label}: {one.before}" for one in row.differences),
                "; ".join(f"{one.label}: {one.after}" for one in row.differences),
                "; ".join(f"{one.attribute}: {one.value} ({one.problem})" for one in row.warnings),
            ]


class Decision(OneRun, Confirmation):
    """A decision on everything that a run held."""

    @property
    def held(self) -> int:
        """How many changes wait."""
        return approval.held_changes(self.run, timezone.now())

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Decide, and show what comes of it."""
        try:
            return self.decide()
        except approval.NothingHeld:
            messages.info(request, _("Nothing waits here any more: somebody decided, or a newer run took its place."))
        except leases.AlreadyRunning:
            messages.warning(request, _("A sync is running. Decide when it is done."))
        except leases.NotConnected:
            messages.error(request, _("Connect %(system)s first.") % {"system": self.provider.label})
        return redirect(self.run_url())

    def decide(self) -> HttpResponse:
        """Carry out the decision. Raises approval.NothingHeld or leases.Refused."""
        raise NotImplementedError


class ApprovePage(Decision):
    """Asks, and applies what was held."""

    def question(self) -> dict[str, Any]:
        """Return what an approval does."""
        return approve_question(self, self.held)

    def decide(self) -> HttpResponse:
        """Apply the held changes, in a run of their own."""
        approved = approval.approve(run=self.run, user=self.user, now=timezone.now())
        transaction.on_commit(lambda: tasks.sync_connection.delay(run_id=approved.pk))
        messages.success(self.request, _("Approved. This run carries the changes out."))
        return redirect(self.url("run", run_id=approved.pk))


class RejectPage(Decision):
    """Asks, and drops what was held."""

    def question(self) -> dict[str, Any]:
        """Return what a rejection does."""
        return reject_question(self, self.held)

    def decide(self) -> HttpResponse:
        """Drop the held changes."""
        count = approval.reject(run=self.run, user=self.user, now=timezone.now())
        messages.success(
            self.request,
            ngettext("%(count)s change is rejected.", "%(count)s changes are rejected.", count) % {"count": count},
        )
        return redirect(self.run_url())


def approve_question(page: OneRun, held: int) -> dict[str, Any]:
    """Return the question before held changes are applied."""
    return {
        "title": _("Approve all held changes?"),
        "consequences": [
            ngettext("%(count)s person loses access.", "%(count)s people lose access.", held) % {"count": held},
            _("Their accounts, groups and course progress are kept. You can restore access under Users."),
        ],
        "button": _("Approve"),
        "is_dangerous": True,
        "url": page.run_url("approve"),
        "back": page.run_url(),
    }


def reject_question(page: OneRun, held: int) -> dict[str, Any]:
    """Return the question before held changes are dropped."""
    return {
        "title": _("Reject all held changes?"),
        "consequences": [
            ngettext("%(count)s person keeps access.", "%(count)s people keep access.", held) % {"count": held},
            _("You are asked again only when their record in %(system)s changes.") % {"system": page.provider.label},
        ],
        "button": _("Reject"),
        "is_dangerous": False,
        "url": page.run_url("reject"),
        "back": page.run_url(),
    }


def duration(run: SyncRun) -> str:
    """Return how long a run took, in words; an empty text while that is not known."""
    if run.started_at is None or run.finished_at is None:
        return ""
    seconds = round((run.finished_at - run.started_at).total_seconds())
    if seconds >= 60:
        return timesince(run.started_at, run.finished_at)
    return ngettext("%(count)s second", "%(count)s seconds", max(seconds, 1)) % {"count": max(seconds, 1)}


def consequences(totals: dict[str, int]) -> list[str]:
    """Return what followed from the changes, as short sentences with numbers."""
    texts = {
        "mails": ngettext_lazy("%(count)s email", "%(count)s emails", "count"),
        "joined_groups": ngettext_lazy("%(count)s new group member", "%(count)s new group members", "count"),
        "left_groups": ngettext_lazy("%(count)s left a group", "%(count)s left a group", "count"),
        "enrolled": ngettext_lazy("%(count)s enrollment", "%(count)s enrollments", "count"),
        "unenrolled": ngettext_lazy("%(count)s unenrollment", "%(count)s unenrollments", "count"),
    }
    return [str(text % {"count": totals[key]}) for key, text in texts.items() if totals.get(key)]
