"""Lock the pair of network address and account after too many wrong passwords; django-axes does the counting."""

from datetime import datetime
from typing import Any

from axes.handlers.cache import AxesCacheHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_client_cache_keys
from axes.signals import user_locked_out
from django.conf import settings
from django.core.cache import cache
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone


class CacheHandler(AxesCacheHandler):
    """Counts in the shared cache, whichever the settings name at the moment."""

    def __init__(self) -> None:
        self.cache = cache


def account_key(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Return the account that someone tries, whether or not it exists: the realm and the address."""
    portal = getattr(request, "portal", None)
    email = str((credentials or {}).get("email") or "").strip().lower()
    # The line break keeps the account apart from the network address that axes appends.
    return f"{portal.realm_id if portal else 'platform'}:{email}\n"


def locked_until(request: HttpRequest, email: str) -> datetime | None:
    """Return until when this account is locked for this visitor, None when it is not."""
    credentials = {"email": email}
    if AxesProxyHandler.is_allowed(request, credentials):
        return None
    return cache.get(_until_key(request, credentials)) or timezone.now() + settings.AXES_COOLOFF_TIME


def too_many_requests(
    request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponse:
    """Return the page that says when to try again with the status of a locked door."""
    response = response or HttpResponse()
    response.status_code = 429
    return response


@receiver(user_locked_out)
def remember_until(*, request: HttpRequest, **_: Any) -> None:
    """Note when the lock opens; tries at the locked door do not move that moment."""
    cool_off = settings.AXES_COOLOFF_TIME
    credentials = request.axes_credentials  # type: ignore[attr-defined]
    cache.add(_until_key(request, credentials), timezone.now() + cool_off, timeout=cool_off.total_seconds())


def _until_key(request: HttpRequest, credentials: dict[str, Any]) -> str:
    return f"locked-until:{get_client_cache_keys(request, credentials)[0]}"
