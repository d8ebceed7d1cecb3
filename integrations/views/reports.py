"""Who is told by mail when a connection needs somebody."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.models import Connection
from integrations.report_forms import ReportsForm
from integrations.views.base import ConnectedPage
from portals.hosts import PortalRequest
from users import audit


class ReportsPage(ConnectedPage):
    """Settings > Integrations > Gusto > Who is told."""

    title = gettext_lazy("Who is told about trouble")
    tab = "connection"

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show who is told of what."""
        return self.page("integrations/reports.html", {"form": ReportsForm(self.connection)})

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Save it."""
        form = ReportsForm(self.connection, request.POST)
        if not form.is_valid():
            return self.page("integrations/reports.html", {"form": form}, status=422)
        before = answers(self.connection)
        self.connection.report_to = form.cleaned_data["to"]
        self.connection.unwanted_reports = form.unwanted()
        with transaction.atomic():
            self.connection.save(update_fields=["report_to", "unwanted_reports"])
            audit.record(
                portal=self.portal,
                action="reports_changed",
                object=self.connection,
                before=before,
                after=answers(self.connection),
                request=request,
            )
        messages.success(request, _("Saved."))
        return redirect(self.url("connection"))


def answers(connection: Connection) -> dict[str, str]:
    """Return who is told of what, for the audit trail."""
    return {
        "report_to": ", ".join(str(pk) for pk in connection.report_to),
        "unwanted_reports": ", ".join(connection.unwanted_reports),
    }
