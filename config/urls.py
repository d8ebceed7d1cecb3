"""Which app answers which path."""

from django.contrib import admin
from django.urls import include, path

from config import outages
from integrations.views import health

handler500 = outages.failed

urlpatterns = [
    # Before the shared pages, which take any provider's name.
    path(
        "admin/settings/integrations/hubspot/", include("integrations.hubspot.settings_urls"), {"provider": "hubspot"}
    ),
    path("admin/settings/integrations/", include("integrations.urls")),
    path("admin/settings/file/", include("integrations.portal_urls")),
    path("integrations/gusto/", include("integrations.gusto.urls")),
    path("integrations/hubspot/", include("integrations.hubspot.urls")),
    path("integrations/", include("integrations.callback_urls")),
    path("admin/health/", health.page, name="health_page"),
    path("admin/", admin.site.urls),
    path("health/", health.report, name="health"),
    path("", include("users.urls")),
]
