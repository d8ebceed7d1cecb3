"""The requests that a browser has under way at an identity provider, remembered in its session."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

from portals.models import Portal, SamlSettings
from users import saml

# In the session: the requests under way, and the result of an admin's test.
REQUESTS, TEST_RESULT = "saml_requests", "saml_test"
SECONDS_TO_SIGN_IN = 15 * 60
# Open tabs that may be at the identity provider at the same time.
MOST_REQUESTS = 5


def begin(session: SessionBase, *, portal: Portal, settings: SamlSettings, target: str, is_test: bool = False) -> str:
    """Remember a request in the session and return the address at the identity provider. Raises Refused."""
    url, request_id = saml.start(portal=portal, settings=settings, relay_state=target)
    until = timezone.now().timestamp() + SECONDS_TO_SIGN_IN
    under_way = list(session.get(REQUESTS, {}).items())[1 - MOST_REQUESTS :]
    session[REQUESTS] = {**dict(under_way), request_id: {"target": target, "until": until, "is_test": is_test}}
    return url


def answered(session: SessionBase, request_id: str) -> dict[str, Any] | None:
    """Return what this browser began with a request, which can be answered once; None when it did not, or too late."""
    under_way = dict(session.get(REQUESTS, {}))
    found: dict[str, Any] | None = under_way.pop(request_id, None)
    if found is None:
        return None
    session[REQUESTS] = under_way
    return found if timezone.now().timestamp() < found["until"] else None
