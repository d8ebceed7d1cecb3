"""Gusto's addresses at the platform host, under /integrations/gusto/."""

from django.urls import path

from integrations.gusto import views

app_name = "gusto"

urlpatterns = [path("webhooks/", views.WebhookView.as_view(), name="webhooks")]
