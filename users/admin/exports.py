"""“Download user data” from the list of users: at once for a few, by a background job for many."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from unfold.enums import ActionVariant

from portals import csv_files
from portals.scoping import administers, portal_of
from users import audit, bulk_jobs, exports, tasks
from users.admin.bulk_jobs import page_of
from users.admin.people import visitor
from users.bulk_jobs import Purpose
from users.models import BulkJob, Membership

# People whose data are downloaded at once.
AT_ONCE = 2000
# What the address of the list says beside its filters.
NO_FILTERS = {"o", "p", "all", "page", "e"}


class ExportsPeople:
    """Mixed into the admin of users: the download, and the buttons above the list."""

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, the download among them."""
        view = self.admin_site.admin_view(self.export_view)  # type: ignore[attr-defined]
        return [path("export/", view, name="users_membership_export"), *super().get_urls()]  # type: ignore[misc]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list, with buttons that lead to the files."""
        response: Any = super().changelist_view(request, extra_context)  # type: ignore[misc]
        if portal_of(request) is not None and hasattr(response, "context_data"):
            buttons = [button(_("Download user data"), "download", _with_filters(request))]
            if administers(request):
                buttons.append(button(_("Upload users"), "upload", reverse("admin:users_membership_import")))
            response.context_data["actions_list"] = [*(response.context_data.get("actions_list") or ()), *buttons]
        return response  # type: ignore[no-any-return]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Ask whose data are wanted on GET; hand them over, or start a job, on POST."""
        portal = portal_of(request)
        if portal is None:
            raise Http404
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        chosen = self._filtered(request)
        if request.method != "POST":
            context = {
                **self.admin_site.each_context(request),  # type: ignore[attr-defined]
                "opts": Membership._meta,
                "title": _("Download user data"),
                "everyone": self._people(request).count(),
                "filtered": chosen.count() if chosen is not None else None,
                "query": request.GET.urlencode(),
            }
            return TemplateResponse(request, "users/admin/export.html", context)
        if request.POST.get("whom") == "filtered" and chosen is not None:
            return self._hand_over(request, chosen, is_filtered=True)
        return self._hand_over(request, self._people(request), is_filtered=False)

    def _people(self, request: HttpRequest) -> Any:
        """Return all people whom the visitor may see, pending ones too."""
        rows = Membership.objects.filter(portal=portal_of(request))
        return self.managed(request, rows)  # type: ignore[attr-defined]

    def _filtered(self, request: HttpRequest) -> Any:
        """Return what the list shows with the filters of the address, None when there are none."""
        if not set(request.GET) - NO_FILTERS:
            return None
        return self.get_changelist_instance(request).get_queryset(request)  # type: ignore[attr-defined]

    def _hand_over(self, request: HttpRequest, people: Any, *, is_filtered: bool) -> HttpResponseBase:
        portal, now = portal_of(request), timezone.now()
        assert portal is not None  # noqa: S101 - the page is not there otherwise
        is_admin = administers(request)
        ids = sorted(people.order_by().values_list("pk", flat=True))
        seen = {"people": len(ids), "filter": request.GET.urlencode()[:300] if is_filtered else ""}
        if len(ids) <= AT_ONCE:
            audit.record(portal=portal, action="users_exported", object=portal, after=seen, request=request)
            export = exports.Export(portal, with_inviter=is_admin, now=now)
            rows = export.rows(exports.batches_of(ids))
            return csv_files.streamed(export.header(), rows, name=exports.file_name(portal, now))
        return self._start(request, ids, seen, everyone=is_admin and not is_filtered)

    def _start(self, request: HttpRequest, ids: list[int], seen: dict[str, Any], *, everyone: bool) -> HttpResponse:
        portal = portal_of(request)
        assert portal is not None  # noqa: S101 - the page is not there otherwise
        options = {"with_inviter": administers(request), "everyone": everyone, "people": len(ids)}
        try:
            with transaction.atomic():
                job = bulk_jobs.start(
                    portal=portal,
                    kind=BulkJob.Kind.EXPORT_USERS,
                    requested_by=visitor(request),
                    now=timezone.now(),
                    options=options,
                    files={} if everyone else {Purpose.SELECTION: exports.packed(ids)},
                )
                audit.record(portal=portal, action="users_exported", object=job, after=seen, request=request)
                transaction.on_commit(lambda: tasks.carry_out_bulk_job.delay(job_id=job.pk))
        except bulk_jobs.AlreadyRunning:
            messages.warning(request, _("A download is being prepared already. Try again when it is done."))
            return redirect("admin:users_bulkjob_changelist")
        return redirect(page_of(job))


def _with_filters(request: HttpRequest) -> str:
    query = request.GET.urlencode()
    address = reverse("admin:users_membership_export")
    return f"{address}?{query}" if query else address


def button(title: str, icon: str, address: str) -> dict[str, Any]:
    """Return a button as unfold's own template draws it."""
    return {"title": title, "icon": icon, "path": address, "variant": ActionVariant.DEFAULT, "attrs": {}}
