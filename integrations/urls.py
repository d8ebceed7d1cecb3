"""The portal admin's integration pages, under /admin/settings/integrations/."""

from django.urls import path

from integrations.views import (
    approvals,
    catalog,
    choice_values,
    connection,
    consent,
    invite_settings,
    mails,
    mapping,
    people,
    previews,
    problems,
    runs,
    safety_settings,
    why,
    why_not,
)

app_name = "integrations"

urlpatterns = [
    path("", catalog.CatalogPage.as_view(), name="catalog"),
    path("people/missing/", why_not.WhyNotSearch.as_view(), name="why_not_search"),
    path("people/missing/<int:identity_id>/", why_not.WhyNotPage.as_view(), name="why_not"),
    path("people/<int:membership_id>/why/", why.WhyPage.as_view(), name="why"),
    path("<slug:provider>/", connection.ConnectionPage.as_view(), name="connection"),
    path("<slug:provider>/connect/", connection.ConnectView.as_view(), name="connect"),
    path("<slug:provider>/finish/", consent.FinishView.as_view(), name="finish"),
    path("<slug:provider>/disconnect/", connection.DisconnectPage.as_view(), name="disconnect"),
    path("<slug:provider>/sync/", connection.SyncView.as_view(), name="sync"),
    path("<slug:provider>/mapping/", mapping.MappingPage.as_view(), name="mapping"),
    path("<slug:provider>/mapping/refresh/", mapping.RefreshView.as_view(), name="refresh_attributes"),
    path("<slug:provider>/mapping/values/", choice_values.ChoiceValuesView.as_view(), name="choice_values"),
    path(
        "<slug:provider>/mapping/aliases/<int:alias_id>/remove/",
        choice_values.RemoveAliasView.as_view(),
        name="remove_alias",
    ),
    path("<slug:provider>/scope/", safety_settings.SafetySettingsPage.as_view(), name="safety_settings"),
    path("<slug:provider>/invites/", invite_settings.InviteSettingsPage.as_view(), name="invite_settings"),
    path("<slug:provider>/people/", people.NotTakenOverPage.as_view(), name="not_taken_over"),
    path("<slug:provider>/people/csv/", people.NotTakenOverDownload.as_view(), name="not_taken_over_csv"),
    path("<slug:provider>/problems/", problems.ProblemsPage.as_view(), name="problems"),
    path("<slug:provider>/problems/<slug:cause>/", problems.ProblemPage.as_view(), name="problem"),
    path("<slug:provider>/problems/<slug:cause>/csv/", problems.ProblemDownload.as_view(), name="problem_csv"),
    path("<slug:provider>/runs/", runs.RunsPage.as_view(), name="runs"),
    path("<slug:provider>/runs/<int:run_id>/", runs.RunPage.as_view(), name="run"),
    path("<slug:provider>/runs/<int:run_id>/progress/", runs.RunProgress.as_view(), name="run_progress"),
    path("<slug:provider>/runs/<int:run_id>/csv/", runs.RunDownload.as_view(), name="run_csv"),
    path("<slug:provider>/runs/<int:run_id>/approve/", approvals.ApprovePage.as_view(), name="approve"),
    path("<slug:provider>/runs/<int:run_id>/reject/", approvals.RejectPage.as_view(), name="reject"),
    path("<slug:provider>/runs/<int:run_id>/apply/", previews.ApplyPreviewPage.as_view(), name="apply_preview"),
    path("<slug:provider>/runs/<int:run_id>/mails/", mails.HeldMailsPage.as_view(), name="held_mails"),
    path("<slug:provider>/preview/", previews.PreviewView.as_view(), name="preview"),
]
