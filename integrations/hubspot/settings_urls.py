"""Pages that only HubSpot's connections have, under /admin/settings/integrations/hubspot/.

Every view gets `provider`, as those of the shared pages do.
"""

from django.urls import URLPattern, path

from integrations.hubspot.views import calls, linking, privacy, progress

app_name = "hubspot"

urlpatterns: list[URLPattern] = [
    # Workflow actions and received calls
    path("workflows/", calls.WorkflowsPage.as_view(), name="workflows"),
    path("calls/", calls.CallsPage.as_view(), name="calls"),
    path("calls/<int:call_id>/", calls.CallPage.as_view(), name="call"),
    path("calls/<int:call_id>/replay/", calls.ReplayPage.as_view(), name="replay"),
    # Progress
    path("progress/", progress.ProgressPage.as_view(), name="progress"),
    path("progress/check/", progress.CheckView.as_view(), name="progress_check"),
    path("progress/compare/", progress.CompareView.as_view(), name="progress_compare"),
    path("progress/retry/", progress.RetryView.as_view(), name="progress_retry_all"),
    path("progress/retry/<int:push_id>/", progress.RetryView.as_view(), name="progress_retry"),
    path("progress/storage/<slug:strategy>/", progress.StoragePage.as_view(), name="progress_storage"),
    # Linking and events
    path("linking/", linking.LinkingPage.as_view(), name="linking"),
    path("linking/merged/<int:identity_id>/", linking.SettleMergeView.as_view(), name="settle_merge"),
    path("privacy/", privacy.PrivacyPage.as_view(), name="privacy"),
    # Set-up guide
]
