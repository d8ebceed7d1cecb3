"""What an identity provider posted, kept for the moment until the browser comes back to the portal by itself.

A browser does not send the portal's cookies along with a form that another site posts. So the answer is checked when
it arrives, and used one redirect later, when the session says whether this browser had asked for it.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from typing import Any

from django.core.cache import cache

from portals import sealing
from portals.models import Portal

SECONDS_KEPT = 120


@dataclass(frozen=True, slots=True)
class Arrival:
    """An answer: a proved assertion as plain values, or the reason of its refusal.

    `request_id` is the request that it answers; proved only along with an assertion.
    """

    request_id: str
    relay_state: str
    reason: str = ""
    assertion: dict[str, Any] | None = None


def keep(portal: Portal, arrival: Arrival) -> str:
    """Return the token under which the arrival is found, once and for two minutes."""
    token = secrets.token_urlsafe(32)
    key = _key(portal, token)
    cache.set(key, sealing.seal(json.dumps(asdict(arrival)), place=key), timeout=SECONDS_KEPT)
    return token


def take(portal: Portal, token: str) -> Arrival | None:
    """Return the arrival of a token and forget it; None when there is none (any more)."""
    key = _key(portal, token)
    sealed = cache.get(key)
    # Deleting tells which of two requests at the same moment was first.
    if sealed is None or not cache.delete(key):
        return None
    return Arrival(**json.loads(sealing.unseal(sealed, place=key)))


def _key(portal: Portal, token: str) -> str:
    return f"saml-arrival:{portal.pk}:{token}"
