"""Custom user data: what a portal wants to know about a learner."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from portals.field_types import FieldType

from .realms import Portal


class CustomFieldQuerySet(models.QuerySet["CustomField"]):
    """Questions about custom fields."""

    def offered(self) -> CustomFieldQuerySet:
        """Return the fields that are not archived."""
        return self.filter(is_archived=False)


class CustomField(models.Model):
    """One custom user data (CUD) field; values are kept on the membership, keyed by this row's id."""

    class Type(models.TextChoices):
        STRING = FieldType.STRING.value, _("Text")
        INTEGER = FieldType.INTEGER.value, _("Whole number")
        DECIMAL = FieldType.DECIMAL.value, _("Decimal number")
        DATE = FieldType.DATE.value, _("Date")
        STRING_CHOICE = FieldType.STRING_CHOICE.value, _("Choice of texts")
        INTEGER_CHOICE = FieldType.INTEGER_CHOICE.value, _("Choice of whole numbers")
        DECIMAL_CHOICE = FieldType.DECIMAL_CHOICE.value, _("Choice of decimal numbers")

    portal = models.ForeignKey(
        Portal, on_delete=models.CASCADE, related_name="custom_fields", verbose_name=_("portal")
    )
    label = models.CharField(_("label"), max_length=100)
    type = models.CharField(_("type"), max_length=16, choices=Type.choices, default=FieldType.STRING)
    is_multiple = models.BooleanField(_("several choices allowed"), default=False)
    is_required = models.BooleanField(_("required"), default=False)
    learner_may_edit = models.BooleanField(_("learner may edit"), default=False)
    learner_may_see = models.BooleanField(_("learner may see"), default=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_archived = models.BooleanField(_("archived"), default=False)

    objects = CustomFieldQuerySet.as_manager()

    class Meta:
        verbose_name = _("custom field")
        verbose_name_plural = _("custom user data")
        constraints = [
            models.UniqueConstraint("portal", Lower("label"), name="custom_field_label_once"),
            models.CheckConstraint(
                condition=models.Q(is_multiple=False) | models.Q(type__endswith="choice"),
                name="custom_field_multiple_is_choice",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def is_choice(self) -> bool:
        """Whether values come from the list of choices."""
        return FieldType(self.type).is_choice

    @property
    def key(self) -> str:
        """The key of this field in a membership's custom data."""
        return str(self.pk)

    @property
    def offered_choices(self) -> list[CustomFieldChoice]:
        """The choices in their order, without archived ones; costs no query when choices are prefetched."""
        kept = [choice for choice in self.choices.all() if not choice.is_archived]
        return sorted(kept, key=lambda choice: (choice.position, choice.pk))


class CustomFieldChoice(models.Model):
    """One value that a choice field offers."""

    field = models.ForeignKey(
        CustomField, on_delete=models.CASCADE, related_name="choices", verbose_name=_("custom field")
    )
    value = models.CharField(_("value"), max_length=200)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    # Whoever has the value keeps it, and a sync still knows it; nobody is offered it.
    is_archived = models.BooleanField(_("archived"), default=False)

    class Meta:
        verbose_name = _("choice")
        verbose_name_plural = _("choices")
        constraints = [models.UniqueConstraint(fields=["field", "value"], name="custom_field_choice_once")]

    def __str__(self) -> str:
        return self.value
