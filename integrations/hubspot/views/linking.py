"""Link existing learners by e-mail: how many there are, whom it is about, and the way to do it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations import explanations, tasks
from integrations.hubspot import linking
from integrations.models import SyncRun
from integrations.sync import approval, leases
from integrations.views.base import ConnectedPage
from portals.hosts import PortalRequest

# Merged records that the page names.
MOST_NAMES = 50


class LinkingPage(ConnectedPage):
    """Settings > Integrations > HubSpot > Link learners."""

    title = gettext_lazy("Link existing learners by e-mail")
    tab = "hubspot:linking"

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show what the last look found, or how to take one."""
        run = linking.latest(self.connection)
        merged = linking.merged_apart(self.connection)
        context = {
            "run": run,
            "without_link": linking.without_link(self.connection),
            "is_users": self.connection.record_type == "users",
            "merged": [(one.pk, _name_of(one.snapshot)) for one in merged[:MOST_NAMES]],
            **(self._found(run) if run and not run.is_live else {}),
        }
        return self.page("hubspot/linking.html", context)

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Start to look."""
        try:
            run = linking.look(connection=self.connection, user=self.user, now=timezone.now(), request=request)
        except leases.AlreadyRunning:
            messages.info(request, _("A sync is running. Try again when it is done."))
        except leases.NotConnected:
            messages.error(request, _("Connect %(system)s first.") % {"system": self.provider.label})
        else:
            transaction.on_commit(lambda: tasks.sync_connection.delay(run_id=run.pk))
            messages.success(request, _("Rollcall is looking. Nobody is linked before you have seen whom."))
        return redirect("hubspot:linking")

    def _found(self, run: SyncRun) -> dict[str, Any]:
        return {
            "can_link": run.totals.get("link", 0),
            "left_out": [
                (explanations.sentence(reason), explanations.advice(reason), people)
                for reason, people in linking.left_out(run).items()
            ],
            "may_apply": approval.can_be_applied(run, timezone.now()),
            "applied_by": run.followers.filter(trigger=SyncRun.Trigger.PLAN).first(),
        }


class SettleMergeView(ConnectedPage):
    """Takes a merged record off the list."""

    http_method_names = ["post"]

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Do so, and go back to the list. Raises Http404."""
        if not linking.settle(connection=self.connection, identity_id=self.kwargs["identity_id"], request=request):
            raise Http404
        messages.success(request, _("Taken off the list."))
        return redirect("hubspot:linking")


def _name_of(snapshot: dict[str, Any]) -> str:
    """Return who a record was about, as it was last read."""
    name = f"{snapshot.get('first_name', '')} {snapshot.get('last_name', '')}".strip()
    address = snapshot.get("work_email", "")
    return f"{name} <{address}>".strip() if address else name or _("Somebody without a name")
