"""Memberships: one person in one portal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portals.models import Portal
from portals.standing import NOBODY, Level, Permission, Standing

if TYPE_CHECKING:
    from datetime import date

from .accounts import User

# What a manager or instructor may do unless an admin turns it off; everything else an admin has to turn on.
DEFAULT_RIGHTS = {
    "manager": frozenset({Permission.ENROLL.value}),
    "instructor": frozenset({Permission.EDIT_COURSES.value}),
}


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Questions about the people of portals."""

    def learners(self) -> MembershipQuerySet:
        """Return the learners, without staff."""
        return self.filter(role=Membership.Role.LEARNER)

    def pending(self) -> MembershipQuerySet:
        """Return those who have not yet accepted their invitation."""
        return self.filter(status=Membership.Status.PENDING)

    def past_last_day(self, today: date) -> MembershipQuerySet:
        """Return those with access whose last day lies before today."""
        return self.exclude(status=Membership.Status.ENDED).filter(last_day__lt=today)


class Membership(models.Model):
    """One person in one portal, with role, status and custom data."""

    class Role(models.TextChoices):
        LEARNER = "learner", _("Learner")
        MANAGER = "manager", _("Manager")
        INSTRUCTOR = "instructor", _("Instructor")
        ADMIN = "admin", _("Admin")

    class Status(models.TextChoices):
        PENDING = "pending", _("Pending")
        ACTIVE = "active", _("Active")
        ENDED = "ended", _("Access ended")

    class Source(models.TextChoices):
        MANUAL = "manual", _("Added by hand")
        CSV = "csv", _("CSV file")
        GUSTO = "gusto", _("Gusto")
        HUBSPOT = "hubspot", _("HubSpot")
        SSO = "sso", _("Single sign-on")

    # Its index is that of the unique constraint.
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, db_index=False, related_name="memberships", verbose_name=_("account")
    )
    portal = models.ForeignKey(
        Portal, on_delete=models.CASCADE, db_index=False, related_name="memberships", verbose_name=_("portal")
    )
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.LEARNER)
    # A limited admin may not open the portal's settings, its integrations and its single sign-on.
    is_limited = models.BooleanField(
        _("limited admin"),
        default=False,
        db_default=False,
        help_text=_("No access to portal settings, integrations and single sign-on."),
    )
    # The switches of a manager or instructor that are on; null: those that the role has by default.
    permissions = ArrayField(
        models.CharField(max_length=20), verbose_name=_("rights"), null=True, blank=True, default=None
    )
    status = models.CharField(_("status"), max_length=7, choices=Status, default=Status.ACTIVE)
    source = models.CharField(_("source"), max_length=20, choices=Source, default=Source.MANUAL)
    # {"<custom field id>": text, number, ISO date or a list of them}; a missing key is an empty value.
    custom_data = models.JSONField(_("custom user data"), default=dict, blank=True)
    # Ids of custom fields whose value an admin pinned here: no other system writes them.
    pinned_fields = ArrayField(
        models.BigIntegerField(), verbose_name=_("pinned fields"), null=True, blank=True, default=None, editable=False
    )
    last_day = models.DateField(
        _("last day of access"), null=True, blank=True, help_text=_("Access ends after this day.")
    )
    # Who decided on the last day or ended the access: "admin", "manager", "workflow" or a provider's name. A provider
    # takes back only what it did itself.
    ended_by = models.CharField(_("access ended by"), max_length=20, blank=True)
    ended_by_account = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="+",
        verbose_name=_("access ended by"),
    )
    ended_reason = models.CharField(_("reason"), max_length=200, blank=True, db_default="")
    ended_at = models.DateTimeField(_("access ended at"), null=True, blank=True)
    # The groups that the portal's rules put this person into, so that a re-evaluation only compares two lists.
    rule_groups = ArrayField(models.BigIntegerField(), default=list, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"))
    # Since when an admin wants no invitation to be sent: nothing but an admin takes it back, no sync above all.
    invitation_withdrawn_at = models.DateTimeField(_("invitation cancelled at"), null=True, blank=True, editable=False)
    accepted_at = models.DateTimeField(_("invitation accepted at"), null=True, blank=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(fields=["user", "portal"], name="membership_once_per_portal"),
            models.CheckConstraint(
                condition=Q(is_limited=False) | Q(role="admin"), name="membership_limited_is_admin"
            ),
        ]
        indexes = [
            # The order of the list of users, with all that it takes to count through it.
            models.Index(fields=["portal", "created_at", "id"], include=["status"], name="membership_listed"),
            models.Index(fields=["portal", "status"], name="membership_status"),
            models.Index(
                fields=["last_day"],
                condition=Q(last_day__isnull=False) & ~Q(status="ended"),
                name="membership_last_day",
            ),
            GinIndex(fields=["custom_data"], opclasses=["jsonb_path_ops"], name="membership_custom_data"),
        ]

    def __str__(self) -> str:
        return str(self.user)

    @property
    def has_access(self) -> bool:
        """Whether the person may use the portal now."""
        return self.status == self.Status.ACTIVE

    @property
    def pinned_keys(self) -> frozenset[str]:
        """The keys of the custom fields whose value no other system writes."""
        return frozenset(map(str, self.pinned_fields or ()))

    @property
    def rights(self) -> frozenset[str]:
        """The switches that are on."""
        defaults = DEFAULT_RIGHTS.get(self.role, frozenset())
        return defaults if self.permissions is None else frozenset(self.permissions)

    def standing(self) -> Standing:
        """Return what this membership lets its owner do in its portal.

        A manager without a group and an instructor without a course can do no more than a learner.
        """
        if self.status != self.Status.ACTIVE:
            return NOBODY
        if self.role == self.Role.ADMIN:
            return Standing(Level.LIMITED_ADMIN if self.is_limited else Level.FULL_ADMIN)
        if self.role == self.Role.MANAGER:
            return self._as_manager()
        return self._as_instructor() if self.role == self.Role.INSTRUCTOR else NOBODY

    def _as_manager(self) -> Standing:
        groups = dict(self.managed_groups.values_list("group", "can_create_users"))
        if not groups:
            return NOBODY
        teaches = Permission.ACT_AS_INSTRUCTOR in self.rights
        return Standing(
            Level.MANAGER,
            group_ids=frozenset(groups),
            course_ids=self._course_ids() if teaches else frozenset(),
            permissions=self.rights,
            creating_group_ids=frozenset(pk for pk, can_create in groups.items() if can_create),
        )

    def _as_instructor(self) -> Standing:
        courses = self._course_ids()
        if not courses and Permission.CREATE_COURSES not in self.rights:
            return NOBODY
        return Standing(Level.INSTRUCTOR, course_ids=courses, permissions=self.rights)

    def _course_ids(self) -> frozenset[int]:
        return frozenset(self.instructed_courses.values_list("course", flat=True))


class PendingUser(Membership):
    """A membership that waits for its invitation to be accepted; it has a list of its own."""

    class Meta:
        proxy = True
        verbose_name = _("pending user")
        verbose_name_plural = _("pending users")
