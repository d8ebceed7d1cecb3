"""The address at the platform host to which providers send browsers back."""

from django.urls import path

from integrations.views import consent

app_name = "integrations_public"

urlpatterns = [
    path("<slug:provider>/callback/", consent.CallbackView.as_view(), name="callback"),
]
