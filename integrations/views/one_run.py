"""What the pages about one run share: the run, its numbers, and which of its changes are asked for."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from integrations.engine.changes import Kind
from integrations.models import PlannedChange, SyncRun
from integrations.sync import history, mails
from integrations.views.base import TABS, ConnectedPage, Link, text_from

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
    "change_email": (gettext_lazy("New address"), Q(kind=Kind.CHANGE_EMAIL) & _DONE),
    "clear": (gettext_lazy("Values emptied"), Q(kind=Kind.CLEAR) & _DONE),
    "unchanged": (gettext_lazy("Unchanged"), None),
    "skipped": (gettext_lazy("Not taken over"), Q(state=State.SKIPPED)),
    "held": (gettext_lazy("Held for approval"), Q(state=State.HELD)),
    "failed": (gettext_lazy("Failed"), Q(state=State.FAILED)),
    "rejected": (gettext_lazy("Rejected"), Q(state=State.REJECTED)),
    "undo": (gettext_lazy("Taken back"), Q(kind=Kind.UNDO) & _DONE),
    "warnings": (gettext_lazy("Values not taken over"), ~Q(warnings=[])),
}
# Shown only when they happened.
RARE = {"change_email", "clear", "rejected", "warnings", "undo"}
# What there is to count in a run that takes another one back.
OF_AN_UNDO: dict[str, str | Promise] = {"undo": gettext_lazy("Taken back"), "skipped": gettext_lazy("Left as it is")}


@dataclass(frozen=True, slots=True)
class CountLink:
    """A number of a run that opens a list."""

    key: str
    label: str | Promise
    people: int
    url: str
    is_current: bool


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
        return [*super().breadcrumbs(), Link(TABS["runs"], self.url("runs"))]

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
            "waits_long": run.state == SyncRun.State.QUEUED and run.created_at < now - LONG_WAIT,
            "duration": duration(run),
            "held_mails": self.held_mails,
            "progress_url": self.run_url("run_progress"),
        }

    @cached_property
    def held_mails(self) -> int:
        """How many mails of the run wait for their release."""
        return 0 if self.run.is_live or not self.run.totals.get("mails") else mails.held(self.run).count()

    @cached_property
    def keeps_lines(self) -> bool:
        """Whether the run still says what it did with each person."""
        return history.keeps_lines(self.run, timezone.now())

    @property
    def tells_decisions(self) -> bool:
        """Whether the lines tell what became of those that were held."""
        return self.keeps_lines and not self.run.is_live and not self.run.is_preview

    @cached_property
    def totals(self) -> dict[str, int]:
        """The run's numbers; what it held is counted anew once it is over, for decisions move it on."""
        totals: dict[str, int] = self.run.totals
        if not self.tells_decisions:
            return totals
        undecided = self.run.changes.filter(state__in=[State.HELD, State.REJECTED]).values_list("state")
        return {**totals, "held": 0, **dict(undecided.annotate(people=Count("pk")).order_by())}

    def counts(self) -> list[CountLink]:
        """Return the numbers of the run, each with the address of its list."""
        return [
            CountLink(
                key=key,
                label=OF_AN_UNDO.get(key, label) if self.run.takes_back else label,
                people=self.totals.get(key, 0),
                url=self.run_url(show=key) + "#changes" if condition else "",
                is_current=key == self.shown,
            )
            for key, (label, condition) in COUNTS.items()
            if (key in OF_AN_UNDO if self.run.takes_back else self.totals.get(key) or key not in RARE)
        ]


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
