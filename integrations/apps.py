"""Everything that talks to another system."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = _("Integrations")

    def ready(self) -> None:
        """Make the system checks known, and say which values of a person follow a provider."""
        from integrations import checks, receivers  # noqa: F401
        from users import custom_data

        custom_data.add_keeper(receivers.kept_by_provider)
