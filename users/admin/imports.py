"""“Upload users” from the list of users: a file and what to do with it; the preview is the page of its job."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanWidget,
)

from portals import csv_files
from portals.models import Portal
from portals.scoping import administers, portal_of
from users import audit, bulk_jobs, imports, tasks
from users.admin.bulk_jobs import page_of
from users.admin.people import visitor
from users.admin.person_forms import How
from users.bulk_jobs import Purpose
from users.models import BulkJob, Invitation, Membership

MAILS = {How.PENDING_INVITE: Invitation.Kind.INVITE, How.ACTIVE_WELCOME: Invitation.Kind.WELCOME, How.ACTIVE: ""}


class Separator(models.TextChoices):
    """What stands between the cells of a file."""

    GUESS = "", gettext_lazy("Find out")
    COMMA = "comma", gettext_lazy("Comma")
    SEMICOLON = "semicolon", gettext_lazy("Semicolon")
    TAB = "tab", gettext_lazy("Tab")
    PIPE = "pipe", gettext_lazy("Vertical bar")


SEPARATORS = {Separator.COMMA: ",", Separator.SEMICOLON: ";", Separator.TAB: "\t", Separator.PIPE: "|"}


class UploadForm(forms.Form):
    """A file of users, and what to do with its rows."""

    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        help_text=gettext_lazy("UTF-8, with headings in the first line; at most 20 MB and 100,000 rows."),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt,text/csv"}),
    )
    separator = forms.ChoiceField(
        label=gettext_lazy("Separator"), choices=Separator.choices, required=False, widget=UnfoldAdminSelectWidget
    )
    how = forms.ChoiceField(
        label=gettext_lazy("How to add new users?"),
        choices=How.choices,
        initial=How.PENDING_INVITE,
        widget=UnfoldAdminRadioSelectWidget,
    )
    updates = forms.BooleanField(
        label=gettext_lazy("Update people who are in the portal already"),
        help_text=gettext_lazy("Names and custom user data; “No” under Enabled ends access. Addresses never change."),
        required=False,
        widget=UnfoldBooleanWidget,
    )
    clears_empty = forms.BooleanField(
        label=gettext_lazy("Empty cells clear the custom value"), required=False, widget=UnfoldBooleanWidget
    )
    assigns_groups = forms.BooleanField(
        label=gettext_lazy("Add people to the groups of the column “groups”"),
        help_text=gettext_lazy("Several titles are separated by semicolons."),
        required=False,
        widget=UnfoldBooleanWidget,
    )
    syncs_groups = forms.BooleanField(
        label=gettext_lazy("Also take people out of all other groups"),
        help_text=gettext_lazy("Groups in which they are by a dynamic rule stay."),
        required=False,
        widget=UnfoldBooleanWidget,
    )
    process_unenrollments = forms.BooleanField(
        label=gettext_lazy("Unenroll them from the unfinished courses of the groups that they leave"),
        required=False,
        widget=UnfoldBooleanWidget,
    )

    def __init__(self, *args: Any, portal: Portal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.portal = portal
        self.row_count = 0
        if not portal.uses_passwords:
            self.fields["how"].choices = [(How.ACTIVE.value, How.ACTIVE.label)]  # type: ignore[attr-defined]
            self.fields["how"].initial = How.ACTIVE
            self.fields["how"].help_text = _("People of this portal come in by single sign-on and get no e-mail.")

    def clean(self) -> dict[str, Any]:
        """Read the whole file once: what is no table is refused before anything is stored."""
        super().clean()
        if file := self.cleaned_data.get("file"):
            try:
                self.row_count = imports.count_rows(self.portal, file, separator=self.chosen_separator)
            except csv_files.Unreadable as refusal:
                self.add_error("file", ValidationError(str(refusal)))
            file.seek(0)
        return self.cleaned_data

    @property
    def chosen_separator(self) -> str:
        """The chosen separator, or an empty text."""
        chosen = self.cleaned_data.get("separator") or ""
        return SEPARATORS[Separator(chosen)] if chosen else ""

    def options(self) -> dict[str, Any]:
        """Return what the job wants to know."""
        chosen = self.cleaned_data
        how = How(chosen["how"])
        status = Membership.Status.PENDING if how == How.PENDING_INVITE else Membership.Status.ACTIVE
        return {
            "phase": "preview",
            "separator": self.chosen_separator,
            "adds_as": status.value,
            "mail": str(MAILS[how]),
            "updates": chosen["updates"],
            "clears_empty": chosen["clears_empty"],
            "assigns_groups": chosen["assigns_groups"],
            "syncs_groups": chosen["syncs_groups"],
            "process_unenrollments": chosen["process_unenrollments"],
        }


class ImportsPeople:
    """Mixed into the admin of users: the upload of a file, and its template."""

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, those of the upload among them."""
        wrap = self.admin_site.admin_view  # type: ignore[attr-defined]
        return [
            path("import/", wrap(self.import_view), name="users_membership_import"),
            path("import/template/", wrap(self.template_view), name="users_membership_import_template"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Show the form on GET; store the file and start its preview on POST."""
        portal = _portal_or_refusal(request)
        form = UploadForm(request.POST or None, request.FILES or None, portal=portal)
        if request.method == "POST" and form.is_valid():
            try:
                return redirect(page_of(_start(request, portal, form)))
            except bulk_jobs.AlreadyRunning:
                messages.warning(request, _("Another file is being worked on. Try again when it is done."))
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "opts": Membership._meta,
            "title": _("Upload users"),
            "form": form,
        }
        return TemplateResponse(request, "users/admin/import.html", context)

    def template_view(self, request: HttpRequest) -> HttpResponseBase:
        """Hand over an empty file with this portal's columns."""
        portal = _portal_or_refusal(request)
        return csv_files.streamed(imports.template(portal), [], name=f"{portal.slug}-template")


def _portal_or_refusal(request: HttpRequest) -> Portal:
    """Return the portal, for its admins. Raises Http404 at the platform host, PermissionDenied."""
    portal = portal_of(request)
    if portal is None:
        raise Http404
    if not administers(request):
        raise PermissionDenied
    return portal


def _start(request: HttpRequest, portal: Portal, form: UploadForm) -> BulkJob:
    """Store the file and let a worker read it. Raises AlreadyRunning."""
    file = form.cleaned_data["file"]
    with transaction.atomic():
        job = bulk_jobs.start(
            portal=portal,
            kind=BulkJob.Kind.IMPORT_USERS,
            requested_by=visitor(request),
            now=timezone.now(),
            options=form.options(),
            files={Purpose.UPLOAD: file.chunks()},
            file_name=file.name[:200],
            total=form.row_count,
        )
        audit.record(
            portal=portal, action="users_file_uploaded", object=job, after={"rows": form.row_count}, request=request
        )
        transaction.on_commit(lambda: tasks.carry_out_bulk_job.delay(job_id=job.pk))
    return job
