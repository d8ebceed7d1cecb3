"""Background work for Gusto's webhooks."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from integrations.gusto import webhooks
from integrations.http import ProviderUnavailable


@shared_task(autoretry_for=(ProviderUnavailable,), retry_backoff=True, max_retries=5)
def verify_subscription() -> None:
    """Prove to Gusto that its verification token arrived."""
    webhooks.verify(now=timezone.now())
