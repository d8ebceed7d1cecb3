"""Approve or reject what a run held: everything, or the lines that were ticked."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integrations import tasks
from integrations.engine.changes import Kind
from integrations.models import PlannedChange
from integrations.sync import approval, leases
from integrations.views.base import Confirmation
from integrations.views.one_run import OneRun
from portals.hosts import PortalRequest
from portals.numbers import number_from


class Decision(OneRun, Confirmation):
    """A decision on what a run held; the ticked lines travel through the question to the answer."""

    @property
    def lines(self) -> list[int] | None:
        """The lines that were ticked, or None for all that is held."""
        source = self.request.POST if self.request.method == "POST" else self.request.GET
        ticked = source.getlist("line")
        if not ticked and not source.get("ticked"):
            return None
        return [pk for line in ticked if (pk := number_from(line)) is not None]

    @property
    def held(self) -> int:
        """How many changes are decided on."""
        if not approval.held_changes(self.run, timezone.now()):
            return 0
        waiting = self.run.changes.filter(state=PlannedChange.State.HELD)
        return (waiting if self.lines is None else waiting.filter(pk__in=self.lines)).count()

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Ask, unless nothing was ticked."""
        if self.lines == []:
            messages.info(request, _("Tick the people first."))
            # Without "#changes": what is said stands at the top.
            return redirect(self.run_url(show="held"))
        return super().get(request, **kwargs)

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Decide, and show what comes of it."""
        try:
            return self.decide()
        except approval.NothingHeld:
            messages.info(request, _("Nothing waits here any more: somebody decided, or a newer run took its place."))
        except approval.PlanChanged:
            messages.warning(request, _("The list changed since you looked at it. Look again, then decide."))
        except leases.AlreadyRunning:
            messages.warning(request, _("A sync is running. Decide when it is done."))
        except leases.NotConnected:
            messages.error(request, _("Connect %(system)s first.") % {"system": self.provider.label})
        return redirect(self.run_url())

    def decide(self) -> HttpResponse:
        """Carry out the decision. Raises approval.NothingHeld, approval.PlanChanged or leases.Refused."""
        raise NotImplementedError


class ApprovePage(Decision):
    """Asks, and applies what was held."""

    def question(self) -> dict[str, Any]:
        """Return what an approval does."""
        return approve_question(self, self.lines)

    def decide(self) -> HttpResponse:
        """Apply the held changes, in a run of their own; more than half of all people must be typed."""
        wanted = must_be_typed(self, held_kinds(self, self.lines))
        if wanted and self.request.POST.get("typed", "").strip() != wanted:
            messages.error(self.request, _("Type the number %(number)s to approve so many.") % {"number": wanted})
            question = self.question()
            return self.page(self.template, {"question": question}, status=422)
        approved = approval.approve(
            run=self.run,
            user=self.user,
            now=timezone.now(),
            seen=self.request.POST.get("seen", ""),
            lines=self.lines,
        )
        transaction.on_commit(lambda: tasks.sync_connection.delay(run_id=approved.pk))
        messages.success(self.request, _("Approved. This run carries the changes out."))
        return redirect(self.url("run", run_id=approved.pk))


class RejectPage(Decision):
    """Asks, and drops what was held."""

    def question(self) -> dict[str, Any]:
        """Return what a rejection does."""
        return reject_question(self, self.held, self.lines)

    def decide(self) -> HttpResponse:
        """Drop the held changes."""
        count = approval.reject(
            run=self.run,
            user=self.user,
            now=timezone.now(),
            seen=self.request.POST.get("seen", ""),
            lines=self.lines,
        )
        messages.success(
            self.request,
            ngettext("%(count)s change is rejected.", "%(count)s changes are rejected.", count) % {"count": count},
        )
        return redirect(self.run_url())


def held_kinds(page: OneRun, lines: list[int] | None) -> Counter[str]:
    """Return how many of the held lines, or of those among them, there are of each kind."""
    held = page.run.changes.filter(state=PlannedChange.State.HELD)
    return Counter((held if lines is None else held.filter(pk__in=lines)).values_list("kind", flat=True))


def must_be_typed(page: OneRun, kinds: Counter[str]) -> str:
    """Return the number that an admin must type to approve, or an empty text when a click is enough."""
    people = kinds[Kind.END_ACCESS]
    return str(people) if people and approval.is_drastic_to_end(page.run, people) else ""


def approve_question(page: OneRun, lines: list[int] | None = None) -> dict[str, Any]:
    """Return the question before held changes are applied."""
    kinds = held_kinds(page, lines)
    return {
        "title": _("Approve all held changes?") if lines is None else _("Approve the ticked changes?"),
        "consequences": [*_sentences(kinds), _("Accounts, groups and course progress are kept.")],
        "button": _("Approve"),
        "is_dangerous": True,
        "url": page.run_url("approve"),
        "back": page.run_url(show="held"),
        "seen": approval.plan_hash(page.run),
        "lines": lines,
        "typed": must_be_typed(page, kinds),
    }


def reject_question(page: OneRun, held: int, lines: list[int] | None = None) -> dict[str, Any]:
    """Return the question before held changes are dropped."""
    return {
        "title": _("Reject all held changes?") if lines is None else _("Reject the ticked changes?"),
        "consequences": [
            ngettext("%(count)s person stays as they are.", "%(count)s people stay as they are.", held)
            % {"count": held},
            _("You are asked again only when their record in %(system)s changes.") % {"system": page.provider.label},
        ],
        "button": _("Reject"),
        "is_dangerous": False,
        "url": page.run_url("reject"),
        "back": page.run_url(show="held"),
        "seen": approval.plan_hash(page.run),
        "lines": lines,
    }


def _sentences(kinds: Counter[str]) -> list[str]:
    """Return a sentence with a number for each kind of change."""
    texts = {
        Kind.END_ACCESS: ngettext(
            "%(count)s person loses access. You can restore it under Users.",
            "%(count)s people lose access. You can restore it under Users.",
            kinds[Kind.END_ACCESS],
        ),
        Kind.CHANGE_EMAIL: ngettext(
            "%(count)s person signs in with another address from then on.",
            "%(count)s people sign in with another address from then on.",
            kinds[Kind.CHANGE_EMAIL],
        ),
        Kind.CLEAR: ngettext(
            "Values of %(count)s person are emptied.",
            "Values of %(count)s people are emptied.",
            kinds[Kind.CLEAR],
        ),
    }
    return [text % {"count": kinds[kind]} for kind, text in texts.items() if kinds[kind]]
