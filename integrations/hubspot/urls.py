"""HubSpot's addresses at the platform host, under /integrations/hubspot/."""

from django.urls import URLPattern, path

from integrations.hubspot.views import card

app_name = "hubspot_public"

urlpatterns: list[URLPattern] = [
    # Workflow actions
    # Events
    # The card on HubSpot's record pages
    path("card/enrollments/", card.enrollments, name="card"),
]
