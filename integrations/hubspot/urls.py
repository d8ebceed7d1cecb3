"""HubSpot's addresses at the platform host, under /integrations/hubspot/."""

from django.urls import URLPattern, path

from integrations.hubspot.models import WorkflowCall
from integrations.hubspot.views import actions, card, webhooks

app_name = "hubspot_public"

urlpatterns: list[URLPattern] = [
    # Workflow actions
    path("actions/user-invite/", actions.ActionView.as_view(kind=WorkflowCall.Kind.INVITE), name="user_invite"),
    path("actions/user-add/", actions.ActionView.as_view(kind=WorkflowCall.Kind.ADD), name="user_add"),
    path("actions/options/portal/", actions.PortalOptions.as_view(), name="portal_options"),
    path("actions/options/group/", actions.GroupOptions.as_view(), name="group_options"),
    # Events
    path("webhooks/", webhooks.WebhookView.as_view(), name="webhooks"),
    # The card on HubSpot's record pages
    path("card/enrollments/", card.enrollments, name="card"),
]
