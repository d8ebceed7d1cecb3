"""Background jobs: the list, and the page of one: its progress, its download, the preview of an upload."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from portals import csv_files
from portals.scoping import PortalScopedAdmin, ReadOnly, administers
from portals.standing import Level
from users import audit, bulk_jobs, exports, imports, tasks
from users.admin.job_rows import Reader
from users.admin.people import visitor
from users.models import BulkJob, BulkJobPart, ImportRow

Kind, State = BulkJob.Kind, BulkJob.State
ROWS_PER_PAGE = 50
ROW_KINDS = ImportRow.Kind
NOTHING_DONE = (ROW_KINDS.UNCHANGED, ROW_KINDS.SKIP, ROW_KINDS.ERROR)


@admin.register(BulkJob)
class BulkJobAdmin(ReadOnly, PortalScopedAdmin):
    """Jobs of the portal; whoever is no admin sees their own."""

    portal_path = "portal"
    least_level = Level.MANAGER
    list_display = ["show_job", "show_state", "show_rows", "requested_by", "created_at"]
    list_filter = [("kind", ChoicesDropdownFilter), ("state", ChoicesDropdownFilter)]
    list_select_related = ["requested_by"]
    ordering = ["-created_at", "-pk"]
    list_per_page = 50

    def managed(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows narrowed to the visitor's own, unless they administer the portal."""
        return rows if administers(request) else rows.filter(requested_by=visitor(request))

    @display(description=gettext_lazy("job"), ordering="kind")
    def show_job(self, job: BulkJob) -> str:
        """Return what is done."""
        return f"{job.get_kind_display()} {job.file_name}".strip()

    @display(
        description=gettext_lazy("state"),
        ordering="state",
        label={State.DONE: "success", State.FAILED: "danger", State.REVIEW: "warning", State.RUNNING: "info"},
    )
    def show_state(self, job: BulkJob) -> tuple[str, str]:
        """Return the state as a label."""
        return job.state, job.get_state_display()

    @display(description=gettext_lazy("rows"))
    def show_rows(self, job: BulkJob) -> str:
        """Return how many rows are done, and of how many."""
        return "–" if job.total is None else f"{job.done} / {job.total}"

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses of the list and of the pages about one job."""
        own = [
            ("<int:pk>/", self.job_page, "page"),
            ("<int:pk>/progress/", self.progress, "progress"),
            ("<int:pk>/download/", self.download, "download"),
            ("<int:pk>/rows/", self.download_rows, "rows"),
            ("<int:pk>/apply/", require_POST(self.apply), "apply"),
        ]
        pages = [
            path(address, self.admin_site.admin_view(view), name=f"users_bulkjob_{name}")
            for address, view, name in own
        ]
        return [*pages, *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """Lead to the page of the job. Raises Http404."""
        job = self.get_object_or_404(request, object_id)
        return redirect("admin:users_bulkjob_page", pk=job.pk)

    def job_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show how far a job is and what came of it."""
        job = self._job(request, pk)
        if job.kind == Kind.IMPORT_PROGRESS:
            return redirect("admin:users_progress_page", pk=job.pk)
        context = {**self.admin_site.each_context(request), **self._progress(job), "opts": self.opts}
        if job.kind == Kind.IMPORT_USERS and not job.is_live:
            context.update(self._preview(request, job))
        return TemplateResponse(request, "users/admin/job.html", context)

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the live part, which is polled; reload the page around it when the job is done."""
        job = self._job(request, pk)
        response = render(request, "users/admin/job_progress.html", self._progress(job))
        if not job.is_live:
            response["HX-Refresh"] = "true"
        return response

    def download(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Stream the finished file, and record who took it."""
        job = self._job(request, pk)
        if not job.has_download:
            raise Http404
        audit.record(portal=job.portal, action="users_downloaded", object=job, request=request)
        parts = bulk_jobs.stored(job, BulkJobPart.Purpose.RESULT)
        response = StreamingHttpResponse(parts, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{exports.file_name(job.portal, job.created_at)}.csv"'
        return response

    def download_rows(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Stream the rows of an upload that the page shows, with their remarks."""
        job = self._upload(request, pk)
        rows = Reader(job.portal).rows(_rows(request, job).iterator(chunk_size=2000))
        header = [_("Line"), _("E-mail"), _("What happens"), _("State"), _("Remarks"), _("Before"), _("After")]
        return csv_files.streamed(header, map(_cells, rows), name=f"{job.portal.slug}-upload-{job.pk}")

    def apply(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let a worker do what the preview shows."""
        job = self._upload(request, pk)
        back = redirect("admin:users_bulkjob_page", pk=job.pk)
        form = ApplyForm(request.POST, held=imports.held(job))
        if job.state not in (State.REVIEW, State.DONE):
            messages.error(request, _("There is nothing to carry out now."))
        elif not form.is_valid():
            messages.error(request, " ".join(map(str, form.errors["number"])))
        else:
            self._apply(request, job, approves=form.approves)
        return back

    def _apply(self, request: HttpRequest, job: BulkJob, *, approves: bool) -> None:
        try:
            with transaction.atomic():
                released = imports.release(job) if approves else 0
                options = {"phase": "apply", **({"endings_approved": True} if released else {})}
                bulk_jobs.resume(job, options=options)
                after = {"line_count": job.total, "endings_approved": released}
                audit.record(portal=job.portal, action="users_file_applied", object=job, after=after, request=request)
                transaction.on_commit(lambda: tasks.carry_out_bulk_job.delay(job_id=job.pk))
        except bulk_jobs.AlreadyRunning:
            messages.error(request, _("Another file is being worked on. Try again when it is done."))

    def _job(self, request: HttpRequest, pk: int) -> BulkJob:
        """Return a job that the visitor may see. Raises Http404."""
        job: BulkJob | None = self.get_queryset(request).select_related("portal", "requested_by").filter(pk=pk).first()
        if job is None:
            raise Http404
        return job

    def _upload(self, request: HttpRequest, pk: int) -> BulkJob:
        """Return an upload of users that is not being worked on, for admins. Raises Http404, PermissionDenied."""
        job = self._job(request, pk)
        if not administers(request):
            raise PermissionDenied
        if job.kind != Kind.IMPORT_USERS:
            raise Http404
        return job

    def _progress(self, job: BulkJob) -> dict[str, Any]:
        return {
            "job": job,
            "title": job.get_kind_display(),
            "is_applied": job.options.get("phase") == "apply",
            "deleted_on": job.created_at + bulk_jobs.KEPT,
            "is_interrupted": bool(job.lease_expires_at and job.lease_expires_at < timezone.now()),
        }

    def _preview(self, request: HttpRequest, job: BulkJob) -> dict[str, Any]:
        counts = imports.counts_by_kind(job)
        page = Paginator(_rows(request, job), ROWS_PER_PAGE).get_page(request.GET.get("page"))
        held = sum(number for (_kind, state), number in counts.items() if state == ImportRow.State.HELD)
        planned = sum(number for (_kind, state), number in counts.items() if state == ImportRow.State.PLANNED)
        return {
            "counts": _count_links(counts, request.GET.get("show", "")),
            "shown": request.GET.get("show", ""),
            "searched": request.GET.get("q", ""),
            "ignored": job.counts.get("ignored", []),
            "page": page,
            "rows": list(Reader(job.portal).rows(page.object_list)),
            "held": held,
            "planned": planned,
            "question": _question(counts),
            "form": ApplyForm(held=held),
        }


class ApplyForm(forms.Form):
    """Whether the held ends of access are approved, by typing their number; empty leaves them held."""

    number = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget({"id": "approved-number", "inputmode": "numeric", "autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, held: int) -> None:
        super().__init__(data)
        self.held = held
        self.approves = False

    def clean_number(self) -> str:
        """Return the number, if it is that of the held rows."""
        typed: str = self.cleaned_data["number"].strip()
        if typed and typed != str(self.held):
            text = _("To end access, type the number of people, %(number)d. Nothing was carried out.")
            raise forms.ValidationError(text % {"number": self.held})
        self.approves = bool(typed and self.held)
        return typed


def _rows(request: HttpRequest, job: BulkJob) -> QuerySet[ImportRow]:
    """Return the rows that the address asks for, by what happens or by state."""
    rows = ImportRow.objects.filter(job=job).order_by("line")
    shown = request.GET.get("show", "")
    if shown in ROW_KINDS.values:
        rows = rows.filter(kind=shown)
    elif shown in ImportRow.State.values:
        rows = rows.filter(state=shown)
    if searched := request.GET.get("q", "").replace("\0", "").strip():
        rows = rows.filter(email__icontains=searched)
    return rows


def _count_links(counts: dict[tuple[str, str], int], shown: str) -> list[dict[str, Any]]:
    """Return the numbers that open lists: each kind of row, then the states that need a look."""
    states = (ImportRow.State.HELD, ImportRow.State.REFUSED)
    found = []
    for choice in (*ROW_KINDS, *states):
        number = sum(rows for key, rows in counts.items() if choice.value in key)
        if number or choice in ROW_KINDS:
            found.append(
                {"key": choice.value, "label": choice.label, "number": number, "is_current": choice.value == shown}
            )
    return found


def _question(counts: dict[tuple[str, str], int]) -> list[str]:
    """Return what will happen, with numbers."""
    number = {kind: counts.get((kind.value, ImportRow.State.PLANNED.value), 0) for kind in ROW_KINDS}
    sentences = [
        (ROW_KINDS.ADD, ngettext("%d person is created.", "%d people are created.", number[ROW_KINDS.ADD])),
        (ROW_KINDS.INVITE, ngettext("%d person is invited.", "%d people are invited.", number[ROW_KINDS.INVITE])),
        (ROW_KINDS.UPDATE, ngettext("%d person is changed.", "%d people are changed.", number[ROW_KINDS.UPDATE])),
        (
            ROW_KINDS.END_ACCESS,
            ngettext("Access ends for %d person.", "Access ends for %d people.", number[ROW_KINDS.END_ACCESS]),
        ),
    ]
    return [text % number[kind] for kind, text in sentences if number[kind]]


def _cells(shown: Any) -> list[object]:
    row = shown.row
    return [
        row.line,
        row.email,
        row.get_kind_display(),
        row.get_state_display(),
        " ".join(shown.remarks),
        "; ".join(f"{one.label}: {one.before}" for one in shown.differences),
        "; ".join(f"{one.label}: {one.after}" for one in shown.differences),
    ]


def page_of(job: BulkJob) -> str:
    """Return the address of the page about a job."""
    return reverse("admin:users_bulkjob_page", args=[job.pk])
