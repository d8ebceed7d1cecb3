"""Which attribute of a provider fills which custom field."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portals.models import CustomField

from .connections import Connection


class FieldMapping(models.Model):
    """Attribute → custom field; a custom field has one source, an attribute may feed several."""

    class WhenEmpty(models.TextChoices):
        CLEAR = "clear", _("Clear the field")
        KEEP = "keep", _("Keep the old value")

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="mappings", verbose_name=_("connection")
    )
    attribute = models.CharField(_("attribute"), max_length=100)
    custom_field = models.ForeignKey(
        CustomField, on_delete=models.PROTECT, related_name="mappings", verbose_name=_("custom field")
    )
    when_empty = models.CharField(
        _("when the attribute is empty"), max_length=5, choices=WhenEmpty, default=WhenEmpty.CLEAR
    )

    class Meta:
        verbose_name = _("field mapping")
        verbose_name_plural = _("field mappings")
        constraints = [
            models.UniqueConstraint(fields=["connection", "custom_field"], name="mapping_one_source_per_field"),
        ]

    def __str__(self) -> str:
        return f"{self.attribute}: {self.custom_field_id}"
