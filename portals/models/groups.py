"""Groups, and the dynamic rules that fill them."""

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from portals.rules import Operator, Subject

from .custom_fields import CustomField
from .realms import Portal


class Group(models.Model):
    """A set of learners; its courses enroll them."""

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="groups", verbose_name=_("portal"))
    title = models.CharField(_("title"), max_length=200)
    description = models.CharField(_("description"), max_length=500, blank=True)
    sso_sync = models.BooleanField(
        _("single sign-on"),
        default=False,
        help_text=_("At each sign-in the identity provider decides who is a member."),
    )

    class Meta:
        verbose_name = _("group")
        verbose_name_plural = _("groups")
        constraints = [models.UniqueConstraint("portal", Lower("title"), name="group_title_once")]

    def __str__(self) -> str:
        return self.title


class DynamicRule(models.Model):
    """Decides by itself who belongs to a group: any block of conditions must hold; without one, everybody."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        ACTIVE = "active", _("Active")
        BROKEN = "broken", _("Broken")

    class OnLeaving(models.TextChoices):
        UNENROLL = "unenroll", _("Unenroll from the group's unfinished courses")
        KEEP = "keep", _("Keep them enrolled")

    group = models.OneToOneField(Group, on_delete=models.CASCADE, related_name="rule", verbose_name=_("group"))
    base_group = models.ForeignKey(
        Group,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="derived_rules",
        verbose_name=_("only people of this group"),
        help_text=_("Empty: everyone in the portal."),
    )
    on_leaving = models.CharField(
        _("people who no longer match"), max_length=10, choices=OnLeaving, default=OnLeaving.UNENROLL
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    # What an admin has built but not run yet, as portals.drafts writes it; the conditions are those that last ran.
    draft = models.JSONField(_("draft"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("dynamic rule")
        verbose_name_plural = _("dynamic rules")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(base_group=None) | ~models.Q(base_group=models.F("group")),
                name="rule_base_is_another_group",
            ),
        ]

    def __str__(self) -> str:
        return self.group.title


class RuleCondition(models.Model):
    """One condition; those with the same block number must all hold."""

    rule = models.ForeignKey(
        DynamicRule, on_delete=models.CASCADE, related_name="conditions", verbose_name=_("dynamic rule")
    )
    block = models.PositiveSmallIntegerField(_("block"), default=1)
    subject = models.CharField(
        _("looks at"), max_length=16, choices=[(subject.value, subject.value) for subject in Subject]
    )
    custom_field = models.ForeignKey(
        CustomField,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="rule_conditions",
        verbose_name=_("custom field"),
    )
    operator = models.CharField(
        _("comparison"), max_length=20, choices=[(operator.value, operator.value) for operator in Operator]
    )
    # A list of texts: none for "is empty", two for "between", several for "is one of".
    operands = models.JSONField(_("values"), default=list, blank=True)

    class Meta:
        verbose_name = _("condition")
        verbose_name_plural = _("conditions")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(subject="custom_field", custom_field__isnull=False)
                | (~models.Q(subject="custom_field") & models.Q(custom_field=None)),
                name="rule_condition_names_its_field",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.operator}"
