"""The runs of a connection, and one run with its changes."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.models import SyncRun
from integrations.sync import approval
from integrations.views.approvals import approve_question, reject_question
from integrations.views.base import ConnectedPage, paged
from integrations.views.change_rows import Reader
from integrations.views.one_run import COUNTS, OneRun, duration
from integrations.views.previews import apply_question
from integrations.views.undo import undo_context
from portals import csv_files
from portals.hosts import PortalRequest
from users import audit

RUNS_PER_PAGE = 25
CHANGES_PER_PAGE = 50


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


class RunPage(OneRun):
    """One run: what it did with whom, and why not with others."""

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show the run."""
        changes = paged(self.changes(), request, per_page=CHANGES_PER_PAGE)
        held = self.totals.get("held", 0) if approval.may_be_answered(self.run, timezone.now()) else 0
        context = {
            **self.progress(),
            **changes,
            "rows": list(Reader(self.connection).rows(changes["page"].object_list)),
            "held": held,
            "outdated": self.totals["held"] if self.tells_decisions and not held else 0,
            "approved": self.approved(),
            "approve": approve_question(self) if held else None,
            "reject": reject_question(self, held),
            "can_decide": bool(held) and self.shown == "held",
            "apply": apply_question(self) if approval.can_be_applied(self.run, timezone.now()) else None,
            "applied_by": self.run.followers.filter(trigger="plan").first() if self.run.is_preview else None,
            "undo": undo_context(self),
            "keeps_lines": self.keeps_lines,
            "shown": self.shown,
            "shown_label": COUNTS[self.shown][0] if self.shown else "",
            "searched": self.searched,
        }
        return self.page("integrations/run.html", context)

    def approved(self) -> int:
        """Return how many changes were held here and then carried out by a run of their own."""
        if not self.tells_decisions:
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
        return csv_files.streamed(self.header(), self.lines(), name=name)

    def header(self) -> list[str]:
        id_label = _("%(system)s id") % {"system": self.provider.label}
        return [
            _("Person"), id_label, _("Change"), _("State"), _("Reason"), _("What to do"), _("Before"), _("After"),
            _("Values not taken over"),
        ]  # fmt: skip

    def lines(self) -> Iterator[list[object]]:
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
