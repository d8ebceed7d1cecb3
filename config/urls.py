"""Which app answers which path."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/settings/integrations/", include("integrations.urls")),
    path("integrations/", include("integrations.callback_urls")),
    path("admin/", admin.site.urls),
    path("", include("users.urls")),
]
