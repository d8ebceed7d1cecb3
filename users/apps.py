"""People, and what happens to them."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class UsersConfig(AppConfig):
    name = "users"
    verbose_name = _("Users")

    def ready(self) -> None:
        """Listen to what admins change."""
        from users import receivers  # noqa: F401
