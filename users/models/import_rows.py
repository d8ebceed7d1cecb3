"""What each row of an uploaded file of users does: the preview, and afterwards what became of it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from .bulk_jobs import BulkJob
from .memberships import Membership


class ImportRow(models.Model):
    """One row of the file, planned and then carried out; deleted with its job."""

    class Kind(models.TextChoices):
        ADD = "add", _("Create")
        INVITE = "invite", _("Invite")
        UPDATE = "update", _("Update")
        END_ACCESS = "end_access", _("End access")
        UNCHANGED = "unchanged", _("Unchanged")
        SKIP = "skip", _("Skip")
        ERROR = "error", _("Error")

    class State(models.TextChoices):
        PLANNED = "planned", _("Planned")
        HELD = "held", _("Held for approval")
        APPLIED = "applied", _("Done")
        REFUSED = "refused", _("Changed since the preview")
        NOTHING = "nothing", _("Nothing to do")

    job = models.ForeignKey(BulkJob, on_delete=models.CASCADE, db_index=False, related_name="rows")
    line = models.PositiveIntegerField(_("line"))
    email = models.CharField(_("e-mail address"), max_length=300, blank=True)
    kind = models.CharField(_("what happens"), max_length=10, choices=Kind)
    state = models.CharField(_("state"), max_length=7, choices=State)
    membership = models.ForeignKey(
        Membership, null=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("user")
    )
    # What users.import_plan read in the row, so that it can be planned again right before it is carried out.
    entry = models.JSONField(default=dict)
    before = models.JSONField(_("before"), default=dict)
    after = models.JSONField(_("after"), default=dict)
    # [code, what it is about, value]: users.import_texts has a sentence for each code.
    problems = models.JSONField(_("remarks"), default=list)
    applied_at = models.DateTimeField(_("done at"), null=True)

    class Meta:
        verbose_name = _("row of a file")
        verbose_name_plural = _("rows of files")
        constraints = [models.UniqueConstraint(fields=["job", "line"], name="import_row_once")]

    def __str__(self) -> str:
        return f"{self.job_id}: {self.line}"
