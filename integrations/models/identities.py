"""External identities: which record of a provider is which membership."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from users.models import Membership

from .connections import Connection


class ExternalIdentity(models.Model):
    """One person of a provider as a portal last saw them, linked to a membership or not, with the reason."""

    class State(models.TextChoices):
        LINKED = "linked", _("Linked")
        SKIPPED = "skipped", _("Skipped")
        FAILED = "failed", _("Failed")

    connection = models.ForeignKey(
        Connection,
        on_delete=models.CASCADE,
        db_index=False,
        related_name="identities",
        verbose_name=_("connection"),
    )
    external_id = models.CharField(_("id at the provider"), max_length=64)
    # Its index is that of the unique constraint.
    membership = models.ForeignKey(
        Membership,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="external_identities",
        verbose_name=_("user"),
    )
    state = models.CharField(_("state"), max_length=7, choices=State)
    # A value of engine.changes.Reason: why the person is not linked, or what is wrong.
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    # Digest of everything a sync would use of the person; equal means there is nothing to do.
    digest = models.BinaryField(max_length=16)
    # The person as JSON, only with the attributes that are mapped (engine.records.Person).
    snapshot = models.JSONField(_("last snapshot"), default=dict)
    # [[attribute, code, value], …]: values of this person that could not be taken over; null without any.
    flaws = models.JSONField(_("refused values"), null=True)
    # {kind of change: its values} that an admin rejected: not proposed again until the source says something else.
    rejected = models.JSONField(_("rejected changes"), null=True)
    # Day from which the person must be looked at again although the source did not change.
    due_on = models.DateField(_("look again on"), null=True, blank=True)
    # Complete reads in a row without this person.
    times_missing = models.PositiveSmallIntegerField(_("times missing"), default=0)

    class Meta:
        verbose_name = _("external identity")
        verbose_name_plural = _("external identities")
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_id"], name="identity_once"),
            models.UniqueConstraint(
                fields=["membership", "connection"],
                condition=Q(membership__isnull=False),
                name="identity_one_person_per_membership",
            ),
        ]
        indexes = [
            models.Index(fields=["connection", "due_on"], condition=Q(due_on__isnull=False), name="identity_due"),
            models.Index(fields=["connection", "state"], condition=~Q(state="linked"), name="identity_not_linked"),
            models.Index(fields=["connection"], condition=Q(flaws__isnull=False), name="identity_flawed"),
            models.Index(
                fields=["connection"],
                condition=Q(reason__in=["unreadable", "could_not_be_saved"]),
                name="identity_broken",
            ),
            # Open problems: who is left out and why, and who was not in the last list.
            models.Index(fields=["connection", "reason"], condition=~Q(reason=""), name="identity_reason"),
            models.Index(fields=["connection"], condition=Q(times_missing__gt=0), name="identity_missing"),
        ]

    def __str__(self) -> str:
        return self.external_id
