"""The project itself as an app (for its commands), and the admin with our own site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.core.exceptions import ImproperlyConfigured


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        """Load the Celery application, so that a task called anywhere finds the broker."""
        from config import celery  # noqa: F401


class RollcallAdminConfig(AdminConfig):
    default_site = "config.admin_site.RollcallAdminSite"
    default = False

    def ready(self) -> None:
        """Load every app's admin, then refuse to start when one of them is open to foreign portals."""
        super().ready()
        from django.contrib import admin

        from config import third_party_admin  # noqa: F401
        from portals.checks import unguarded

        if faults := list(unguarded(admin.site)):
            raise ImproperlyConfigured("\n".join(faults))
