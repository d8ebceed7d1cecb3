"""Background jobs with progress, and the files that they take and make: kept in the database for a week."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portals.models import Portal

from .accounts import User


class BulkJob(models.Model):
    """One job that works through many rows of one portal while its requester watches."""

    class Kind(models.TextChoices):
        EXPORT_USERS = "export_users", _("Download of user data")
        IMPORT_USERS = "import_users", _("Upload of users")
        IMPORT_PROGRESS = "import_progress", _("Upload of course progress")

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        REVIEW = "review", _("To be reviewed")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    LIVE = (State.WAITING, State.RUNNING)

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="+", verbose_name=_("portal"))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    state = models.CharField(_("state"), max_length=7, choices=State, default=State.WAITING)
    requested_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("requested by")
    )
    # What the kind of job wants to know; no personal data.
    options = models.JSONField(_("options"), default=dict, blank=True)
    file_name = models.CharField(_("file"), max_length=200, blank=True)
    # Rows: how many there are (null: not known yet), how many were worked through, how many of these failed.
    total = models.PositiveIntegerField(_("rows"), null=True)
    done = models.PositiveIntegerField(_("rows done"), default=0)
    failed = models.PositiveIntegerField(_("rows failed"), default=0)
    # Numbers that the kind of job reports at its end.
    counts = models.JSONField(_("counts"), default=dict, blank=True)
    trouble = models.CharField(_("why it failed"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("requested at"))
    finished_at = models.DateTimeField(_("finished at"), null=True)
    # Whoever holds the lease works; an attempt's number tells a lost worker that another took over.
    lease_expires_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    attempt = models.PositiveIntegerField(default=0)
    # Leases lost in a row without progress.
    lapses = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("upload or download")
        verbose_name_plural = _("uploads and downloads")
        constraints = [
            models.UniqueConstraint(
                fields=["portal", "kind"], condition=Q(state__in=["waiting", "running"]), name="bulk_job_one_live"
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="bulk_job_created")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    @property
    def is_live(self) -> bool:
        """Whether it waits or works."""
        return self.state in self.LIVE

    @property
    def has_download(self) -> bool:
        """Whether there is a finished file to download."""
        return self.kind == self.Kind.EXPORT_USERS and self.state == self.State.DONE


class BulkJobPart(models.Model):
    """A piece of a file of a job: any web process can serve it, and nothing lies on a disk."""

    class Purpose(models.TextChoices):
        UPLOAD = "upload", _("Uploaded file")
        SELECTION = "selection", _("Chosen rows")
        RESULT = "result", _("Result")

    job = models.ForeignKey(BulkJob, on_delete=models.CASCADE, db_index=False, related_name="parts")
    purpose = models.CharField(max_length=9, choices=Purpose)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        verbose_name = _("part of a file")
        verbose_name_plural = _("parts of files")
        constraints = [models.UniqueConstraint(fields=["job", "purpose", "number"], name="bulk_job_part_once")]

    def __str__(self) -> str:
        return f"{self.job_id}: {self.purpose} {self.number}"
