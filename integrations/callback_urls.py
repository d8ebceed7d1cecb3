"""Addresses outside the admin: where providers send browsers back, and calendars behind a secret link."""

from django.urls import path

from integrations.views import consent, upcoming

app_name = "integrations_public"

urlpatterns = [
    path("calendar/<str:secret>.ics", upcoming.CalendarFeed.as_view(), name="calendar"),
    path("<slug:provider>/callback/", consent.CallbackView.as_view(), name="callback"),
]
