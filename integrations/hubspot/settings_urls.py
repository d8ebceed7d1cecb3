"""Pages that only HubSpot's connections have, under /admin/settings/integrations/hubspot/.

Every view gets `provider`, as those of the shared pages do.
"""

from django.urls import URLPattern

app_name = "hubspot"

urlpatterns: list[URLPattern] = [
    # Workflow actions and received calls
    # Progress
    # Linking and events
    # Set-up guide
]
