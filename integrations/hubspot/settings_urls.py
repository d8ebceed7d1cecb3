"""Pages that only HubSpot's connections have, under /admin/settings/integrations/hubspot/."""

from django.urls import URLPattern

app_name = "hubspot"

urlpatterns: list[URLPattern] = [
    # Workflow actions and received calls
    # Progress
    # Linking and events
    # Set-up guide
]
