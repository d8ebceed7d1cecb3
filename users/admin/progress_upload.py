"""“Upload progress” from the list of enrollments: a file of a course player, what it would do, and doing it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldBooleanWidget

from portals import csv_files
from portals.models import Portal
from portals.scoping import administers, portal_of
from users import audit, bulk_jobs, progress_import, tasks
from users.admin.exports import button
from users.admin.people import visitor
from users.bulk_jobs import Purpose
from users.models import BulkJob, Enrollment
from users.progress_file import TEMPLATE, Kind

ROWS_PER_PAGE = 50
LABELS = {
    Kind.ENROLL: gettext_lazy("Enroll and set progress"),
    Kind.UPDATE: gettext_lazy("Change progress"),
    Kind.SAME: gettext_lazy("Unchanged"),
    Kind.ERROR: gettext_lazy("Error"),
}


class UploadForm(forms.Form):
    """A file of progress."""

    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        help_text=gettext_lazy("UTF-8, with headings in the first line; at most 20 MB and 100,000 rows."),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt,text/csv"}),
    )
    enrolls = forms.BooleanField(
        label=gettext_lazy("Enroll people who are not enrolled in the course yet"),
        required=False,
        widget=UnfoldBooleanWidget,
    )

    def clean_file(self) -> Any:
        """Read the whole file once: what is no table is refused before anything is stored."""
        file = self.cleaned_data["file"]
        try:
            self.row_count = progress_import.count_rows(file)
        except csv_files.Unreadable as refusal:
            raise ValidationError(str(refusal)) from refusal
        file.seek(0)
        return file


class UploadsProgress:
    """Mixed into the list of enrollments: the upload of a file, and the page about it."""

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, those about uploads among them."""
        wrap = self.admin_site.admin_view  # type: ignore[attr-defined]
        own = [
            ("", self.upload_view, "upload"),
            ("template/", self.template_view, "template"),
            ("<int:pk>/", self.upload_page, "page"),
            ("<int:pk>/apply/", require_POST(self.apply_view), "apply"),
            ("<int:pk>/csv/", self.rows_view, "csv"),
        ]
        pages = [path(f"upload/{address}", wrap(view), name=f"users_progress_{name}") for address, view, name in own]
        return [*pages, *super().get_urls()]  # type: ignore[misc]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list, with a button that leads to the upload."""
        response: Any = super().changelist_view(request, extra_context)  # type: ignore[misc]
        if portal_of(request) is not None and administers(request) and hasattr(response, "context_data"):
            upload = button(_("Upload progress"), "upload", reverse("admin:users_progress_upload"))
            response.context_data["actions_list"] = [*(response.context_data.get("actions_list") or ()), upload]
        return response  # type: ignore[no-any-return]

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Show the form on GET; store the file and let a worker look at it on POST."""
        portal = _portal_or_refusal(request)
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                job = _start(request, portal, form)
            except bulk_jobs.AlreadyRunning:
                messages.warning(request, _("Another file is being worked on. Try again when it is done."))
            else:
                return redirect("admin:users_progress_page", pk=job.pk)
        return self._page(request, "users/admin/progress_upload.html", title=_("Upload progress"), form=form)

    def template_view(self, request: HttpRequest) -> HttpResponseBase:
        """Hand over an empty file with the columns."""
        portal = _portal_or_refusal(request)
        return csv_files.streamed(TEMPLATE, [], name=f"{portal.slug}-progress")

    def upload_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what each row of a file does, or did."""
        job = _job(request, pk)
        shown = request.GET.get("show", "")
        context: dict[str, Any] = {
            "job": job,
            "title": job.get_kind_display(),
            "is_applied": job.options.get("phase") == "apply",
            "deleted_on": job.created_at + bulk_jobs.KEPT,
            "is_interrupted": bool(job.lease_expires_at and job.lease_expires_at < timezone.now()),
        }
        if job.state in (BulkJob.State.REVIEW, BulkJob.State.DONE):
            rows = [one for one in progress_import.outcomes(job) if shown in ("", one.kind)]
            page = Paginator(rows, ROWS_PER_PAGE).get_page(request.GET.get("page"))
            context |= {
                "shown": shown,
                "page": page,
                "rows": [(one, LABELS[one.kind]) for one in page.object_list],
                "counts": [(kind.value, label, job.counts.get(kind, 0)) for kind, label in LABELS.items()],
                "question": _question(job),
            }
        return self._page(request, "users/admin/progress_job.html", **context)

    def apply_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let a worker do what the page shows."""
        job = _job(request, pk)
        try:
            if job.state != BulkJob.State.REVIEW:
                raise bulk_jobs.AlreadyRunning
            with transaction.atomic():
                bulk_jobs.resume(job, options={"phase": "apply"})
                audit.record(
                    portal=job.portal, action="progress_file_applied", object=job, after=job.counts, request=request
                )
                transaction.on_commit(lambda: tasks.carry_out_bulk_job.delay(job_id=job.pk))
        except bulk_jobs.AlreadyRunning:
            messages.error(request, _("There is nothing to carry out now, or another file is being worked on."))
        return redirect("admin:users_progress_page", pk=job.pk)

    def rows_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Stream what each row of a file does, or did."""
        job = _job(request, pk)
        response = StreamingHttpResponse(bulk_jobs.stored(job, Purpose.RESULT), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{job.portal.slug}-progress-{job.pk}.csv"'
        return response

    def _page(self, request: HttpRequest, template: str, **context: Any) -> HttpResponse:
        frame = self.admin_site.each_context(request)  # type: ignore[attr-defined]
        return TemplateResponse(request, template, {**frame, "opts": Enrollment._meta, **context})


def _start(request: HttpRequest, portal: Portal, form: UploadForm) -> BulkJob:
    """Store the file and let a worker look at it. Raises AlreadyRunning."""
    file = form.cleaned_data["file"]
    with transaction.atomic():
        job = bulk_jobs.start(
            portal=portal,
            kind=BulkJob.Kind.IMPORT_PROGRESS,
            requested_by=visitor(request),
            now=timezone.now(),
            options={"phase": "preview", "enrolls": form.cleaned_data["enrolls"]},
            files={Purpose.UPLOAD: file.chunks()},
            file_name=file.name[:200],
            total=form.row_count,
        )
        audit.record(
            portal=portal, action="progress_file_uploaded", object=job, after={"rows": form.row_count}, request=request
        )
        transaction.on_commit(lambda: tasks.carry_out_bulk_job.delay(job_id=job.pk))
    return job


def _question(job: BulkJob) -> list[str]:
    """Return what carrying out the file will do, with numbers; nothing when it is done or changes nothing."""
    if job.state != BulkJob.State.REVIEW:
        return []
    enrolls, updates = job.counts.get(Kind.ENROLL, 0), job.counts.get(Kind.UPDATE, 0)
    told = []
    if enrolls:
        told.append(
            ngettext("%d person is enrolled, with progress.", "%d enrollments are made, with their progress.", enrolls)
            % enrolls
        )
    if updates:
        told.append(ngettext("Progress changes in %d row.", "Progress changes in %d rows.", updates) % updates)
    return told


def _job(request: HttpRequest, pk: int) -> BulkJob:
    """Return an upload of progress in the portal. Raises Http404, PermissionDenied."""
    rows = BulkJob.objects.filter(portal=_portal_or_refusal(request), kind=BulkJob.Kind.IMPORT_PROGRESS)
    job = rows.select_related("portal", "requested_by").filter(pk=pk).first()
    if job is None:
        raise Http404
    return job


def _portal_or_refusal(request: HttpRequest) -> Portal:
    """Return the portal, for its admins. Raises Http404 at the platform host, PermissionDenied."""
    portal = portal_of(request)
    if portal is None:
        raise Http404
    if not administers(request):
        raise PermissionDenied
    return portal
