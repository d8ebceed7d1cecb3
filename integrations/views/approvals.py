"""Approve or reject what a run held."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integrations import tasks
from integrations.sync import approval, leases
from integrations.views.base import Confirmation
from integrations.views.one_run import OneRun
from portals.hosts import PortalRequest


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
