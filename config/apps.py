"""The project itself as an app (for its commands), and the admin with our own site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConfigConfig(AppConfig):
    name = "config"


class RollcallAdminConfig(AdminConfig):
    default_site = "config.admin_site.RollcallAdminSite"
    default = False
