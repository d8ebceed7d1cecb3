"""Who is in which group, and whether by hand or by a rule."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portals.models import Group

from .memberships import Membership


class GroupMembership(models.Model):
    """A membership in a group; rules touch only those that rules made."""

    class Origin(models.TextChoices):
        MANUAL = "manual", _("By hand")
        RULE = "rule", _("By rule")

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="members", verbose_name=_("group"))
    membership = models.ForeignKey(
        Membership,
        on_delete=models.CASCADE,
        db_index=False,
        related_name="group_memberships",
        verbose_name=_("user"),
    )
    origin = models.CharField(_("added"), max_length=6, choices=Origin, default=Origin.MANUAL)
    created_at = models.DateTimeField(_("member since"))

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = [models.UniqueConstraint(fields=["membership", "group"], name="group_membership_once")]

    def __str__(self) -> str:
        return f"{self.group_id}: {self.membership_id}"
