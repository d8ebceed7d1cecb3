"""Signs of life: that a task went from the scheduler through the broker to a worker and into the database."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Heartbeat(models.Model):
    """When a job last went through end to end, by the database's clock."""

    # The round trip of an ordinary job.
    WORKER = "worker"

    name = models.CharField(_("name"), max_length=20, unique=True)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("sign of life")
        verbose_name_plural = _("signs of life")

    def __str__(self) -> str:
        return self.name
