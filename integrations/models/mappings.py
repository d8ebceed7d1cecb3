"""Which attribute of a provider fills which custom field."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portals.models import CustomField, CustomFieldChoice

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
    fallback_attribute = models.CharField(
        _("otherwise"), max_length=100, blank=True, help_text=_("Used when the attribute is empty.")
    )
    # As text, as the provider would give it; used when the attributes are empty.
    default = models.CharField(_("default"), max_length=200, blank=True)
    custom_field = models.ForeignKey(
        CustomField, on_delete=models.PROTECT, related_name="mappings", verbose_name=_("custom field")
    )
    when_empty = models.CharField(
        _("when the attribute is empty"), max_length=5, choices=WhenEmpty, default=WhenEmpty.CLEAR
    )
    # The last read found that the provider does not have one of the attributes any more; the values stay as they are.
    is_broken = models.BooleanField(_("attribute is gone"), default=False)

    class Meta:
        verbose_name = _("field mapping")
        verbose_name_plural = _("field mappings")
        constraints = [
            models.UniqueConstraint(fields=["connection", "custom_field"], name="mapping_one_source_per_field"),
        ]

    def __str__(self) -> str:
        return self.attribute.replace("_", " ")

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that are looked at, in order."""
        return tuple(filter(None, (self.attribute, self.fallback_attribute)))


class ChoiceAlias(models.Model):
    """A value of the provider that stands for a choice of the custom field."""

    mapping = models.ForeignKey(
        FieldMapping, on_delete=models.CASCADE, related_name="aliases", verbose_name=_("field mapping")
    )
    value = models.CharField(_("value at the provider"), max_length=200)
    choice = models.ForeignKey(
        CustomFieldChoice, on_delete=models.CASCADE, related_name="aliases", verbose_name=_("choice")
    )

    class Meta:
        verbose_name = _("alias of a choice")
        verbose_name_plural = _("aliases of choices")
        constraints = [models.UniqueConstraint(fields=["mapping", "value"], name="alias_once")]

    def __str__(self) -> str:
        return f"{self.value}: {self.choice_id}"
