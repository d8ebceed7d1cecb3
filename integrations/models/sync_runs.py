"""Sync runs: what a sync read, planned and did."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from users.models import User

from .connections import Connection


class SyncRun(models.Model):
    """One execution of a sync; also its lease, so that a dead worker's run is picked up by another."""

    class Trigger(models.TextChoices):
        SCHEDULE = "schedule", _("Daily sync")
        MANUAL = "manual", _("Started by an admin")
        COMMAND = "command", _("Started by an operator")
        RETRY = "retry", _("Tried again")
        APPROVAL = "approval", _("Approved changes")
        PREVIEW = "preview", _("Preview")
        PLAN = "plan", _("Applied a preview")
        UNDO = "undo", _("Undid a sync")
        RESTORE = "restore", _("Gave access back")
        EVENT = "event", _("Reported by the provider")
        ACTION = "action", _("Asked for by workflows")
        LINKING = "linking", _("Looked for learners to link")

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting to start")
        RUNNING = "running", _("Running")
        COMPLETED = "completed", _("Completed")
        PARTIAL = "partial", _("Completed in part")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Stopped")

    LIVE = (State.QUEUED, State.RUNNING)
    # Triggers of runs that read the whole list and act on it.
    WHOLE = (Trigger.SCHEDULE, Trigger.MANUAL, Trigger.COMMAND, Trigger.RETRY)
    # Triggers of runs that only say what could be done.
    PREVIEWS = (Trigger.PREVIEW, Trigger.LINKING)
    # Triggers of runs that take back what their origin did.
    TAKING_BACK = (Trigger.UNDO, Trigger.RESTORE)

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, db_index=False, related_name="runs", verbose_name=_("connection")
    )
    trigger = models.CharField(_("started"), max_length=10, choices=Trigger)
    requested_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("started by")
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    # The run whose plan this one carries out or takes back.
    origin = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="followers", verbose_name=_("of run")
    )
    # The portal's calendar day of a daily sync, and of what workflows asked for that day: one of each per connection.
    local_day = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(_("requested at"))
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    # Lease: the worker that holds `attempt` may write until the lease lapses; every claim counts it up.
    attempt = models.PositiveIntegerField(default=0)
    # Leases lost in a row without any progress; the third ends the run.
    lapses = models.PositiveSmallIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    # The policy in force when the run began, and the place that it has reached.
    policy = models.JSONField(default=dict, editable=False)
    cursor = models.JSONField(default=dict, editable=False)
    # {"seen": 812, "add": 3, …}: people read, and changes by kind and outcome.
    totals = models.JSONField(_("totals"), default=dict)
    # Digest of the lines that wait for a person; an answer names it, so that it is about what was seen.
    plan_hash = models.CharField(max_length=32, blank=True, editable=False)
    # What ended or troubled the run, as a sentence for the admin.
    trouble = models.CharField(_("trouble"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("sync run")
        verbose_name_plural = _("sync runs")
        constraints = [
            models.UniqueConstraint(
                fields=["connection"], condition=Q(state__in=["queued", "running"]), name="run_one_live"
            ),
            models.UniqueConstraint(
                fields=["connection", "local_day"],
                condition=Q(local_day__isnull=False) & ~Q(trigger="action"),
                name="run_one_per_day",
            ),
            models.UniqueConstraint(
                fields=["connection", "local_day"],
                condition=Q(local_day__isnull=False, trigger="action"),
                name="run_one_of_actions_per_day",
            ),
            # A plan is carried out once; what a run did is taken back once.
            models.UniqueConstraint(
                fields=["origin", "trigger"],
                condition=Q(trigger__in=["plan", "undo", "restore"]) & ~Q(state="failed"),
                name="run_origin_used_once",
            ),
        ]
        indexes = [
            models.Index(fields=["connection", "-created_at"], name="run_history"),
            models.Index(fields=["lease_expires_at"], condition=Q(state__in=["queued", "running"]), name="run_lapsed"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def is_live(self) -> bool:
        """Whether the run waits or works."""
        return self.state in self.LIVE

    @property
    def is_interrupted(self) -> bool:
        """Whether the run's worker has stopped answering; another one takes over within a minute."""
        lapsed = self.lease_expires_at is not None and self.lease_expires_at < timezone.now()
        return self.state == self.State.RUNNING and lapsed

    @property
    def state_label(self) -> str | Promise:
        """The state in words; "Running" only while somebody works on it."""
        return _("Interrupted; goes on soon") if self.is_interrupted else self.State(self.state).label

    @property
    def is_preview(self) -> bool:
        """Whether the run only says what a sync would do."""
        return self.trigger in self.PREVIEWS

    @property
    def takes_back(self) -> bool:
        """Whether the run takes back what another one did."""
        return self.trigger in self.TAKING_BACK

    @property
    def reads_everyone(self) -> bool:
        """Whether the run reads the provider's whole list and brings it in line."""
        return self.trigger in self.WHOLE


class PlannedChange(models.Model):
    """One line of a run's plan. Plain ids: a line is written in bulk and outlives what it speaks of."""

    class State(models.TextChoices):
        PLANNED = "planned", _("Planned")
        APPLIED = "applied", _("Done")
        HELD = "held", _("Held for approval")
        REJECTED = "rejected", _("Rejected")
        SKIPPED = "skipped", _("Skipped")
        FAILED = "failed", _("Failed")
        UNDONE = "undone", _("Undone")

    run = models.ForeignKey(
        SyncRun,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="changes",
        verbose_name=_("run"),
    )
    external_id = models.CharField(_("id at the provider"), max_length=64)
    # Name and address as the provider gave them, for people who are in no list of ours.
    person = models.CharField(_("person"), max_length=330, blank=True)
    membership_id = models.BigIntegerField(_("user"), null=True, blank=True)
    # A value of engine.changes.Kind and, for a skip, failure or hold, of engine.changes.Reason.
    kind = models.CharField(_("change"), max_length=12)
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State)
    before = models.JSONField(_("before"), default=dict)
    after = models.JSONField(_("after"), default=dict)
    # What follows in the portal, known for the lines of a preview: {"joins": [group ids], "leaves": …,
    # "enrolls": [course ids], "unenrolls": …, "mail": "invite"}.
    consequences = models.JSONField(_("consequences"), null=True)
    # The person as read (engine.records.Person), kept with a preview's line so that it can be applied as it stands.
    source = models.JSONField(null=True, editable=False)
    # What the line changed of its learner, with groups, courses and mails: {part: [before, after]} (users.traces).
    trace = models.JSONField(null=True, editable=False)
    # [[attribute, code, value], …]: values of this person that could not be taken over.
    warnings = models.JSONField(_("warnings"), default=list)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        indexes = [models.Index(fields=["run", "kind", "state"], name="change_run_kind")]

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id}"


class SyncPage(models.Model):
    """A page of the provider's list as last processed: equal bytes under equal settings need no second look."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, db_index=False, related_name="pages")
    number = models.PositiveIntegerField()
    fingerprint = models.BinaryField(max_length=16)
    # The identities on the page as a flat list of first and last ids of closed ranges.
    identity_ranges = models.JSONField(default=list)
    people = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "number"], name="sync_page_once")]

    def __str__(self) -> str:
        return f"{self.connection_id}: {self.number}"
