"""The pages about a portal's settings as a file, under /admin/settings/file/."""

from django.urls import path

from integrations.views import portal_settings

app_name = "portal_settings"

urlpatterns = [
    path("", portal_settings.FilePage.as_view(), name="file"),
    path("download/", portal_settings.DownloadView.as_view(), name="download"),
    path("copy/", portal_settings.CopyView.as_view(), name="copy"),
]
