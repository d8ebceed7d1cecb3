"""See what a sync would do, and apply just that."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from integrations import tasks
from integrations.models import SyncRun
from integrations.sync import approval, leases
from integrations.views.base import Confirmation, ConnectedPage
from integrations.views.one_run import OneRun
from portals.hosts import PortalRequest

# What a preview counts as something to do.
WORK = ("add", "invite", "link", "update", "restore", "end_access", "change_email", "clear")


class PreviewView(ConnectedPage):
    """Starts a preview; it does not count as a manual sync."""

    http_method_names = ["post"]

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Start it and show it, or say why not."""
        try:
            run = leases.claim(
                connection=self.connection, trigger=SyncRun.Trigger.PREVIEW, user=self.user, now=timezone.now()
            )
        except leases.AlreadyRunning as refusal:
            messages.info(request, _("A sync is running. See the preview when it is done."))
            return redirect(self.url("run", run_id=refusal.run.pk) if refusal.run else self.url("connection"))
        except leases.NotConnected:
            messages.error(request, _("Connect %(system)s first.") % {"system": self.provider.label})
            return redirect(self.url("connection"))
        transaction.on_commit(lambda: tasks.sync_connection.delay(run_id=run.pk))
        return redirect(self.url("run", run_id=run.pk))


class ApplyPreviewPage(OneRun, Confirmation):
    """Asks, and applies a preview."""

    title = gettext_lazy("Apply the preview")  # type: ignore[assignment]

    def question(self) -> dict[str, Any]:
        """Return what applying does."""
        return apply_question(self)

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Start a run that does what the preview said."""
        seen = request.POST.get("seen", "")
        try:
            run = approval.apply_preview(preview=self.run, user=self.user, now=timezone.now(), seen=seen)
        except (approval.NothingHeld, approval.PlanChanged):
            messages.warning(request, _("This preview is out of date. Make a new one; it takes a moment."))
            return redirect(self.run_url())
        except leases.AlreadyRunning:
            messages.warning(request, _("A sync is running. Apply the preview when it is done."))
            return redirect(self.run_url())
        except leases.NotConnected:
            messages.error(request, _("Connect %(system)s first.") % {"system": self.provider.label})
            return redirect(self.url("connection"))
        transaction.on_commit(lambda: tasks.sync_connection.delay(run_id=run.pk))
        messages.success(request, _("This run does what the preview said."))
        return redirect(self.url("run", run_id=run.pk))


def apply_question(page: OneRun) -> dict[str, Any]:
    """Return the question before a preview is applied, with its numbers."""
    totals = page.run.totals
    changes = sum(totals.get(name, 0) for name in WORK)
    sentences = [
        ngettext("%(count)s change is made.", "%(count)s changes are made.", changes) % {"count": changes}
        if changes
        else _("No change is made at once."),
        _("Whoever changed here since the preview is left as they are and listed."),
    ]
    if mails := totals.get("mails"):
        text = ngettext("%(count)s email is prepared.", "%(count)s emails are prepared.", mails)
        sentences.insert(1, text % {"count": mails})
    if held := totals.get("held"):
        text = ngettext(
            "%(count)s change waits for your approval afterwards.",
            "%(count)s changes wait for your approval afterwards.",
            held,
        )
        sentences.append(text % {"count": held})
    return {
        "title": _("Do what this preview says?"),
        "consequences": sentences,
        "button": _("Apply this preview"),
        "is_dangerous": False,
        "url": page.run_url("apply_preview"),
        "back": page.run_url(),
        "seen": page.run.plan_hash,
    }
