"""Everything that talks to another system."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = _("Integrations")

    def ready(self) -> None:
        """Make the system checks known."""
        from integrations import checks  # noqa: F401
