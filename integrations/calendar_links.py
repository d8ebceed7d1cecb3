"""Secret links to the calendar of starts and departures: made, renewed, revoked, and whom they are good for."""

from __future__ import annotations

import secrets
from datetime import datetime
from hashlib import sha256

from django.db import transaction
from django.http import HttpRequest

from integrations.models import CalendarLink
from portals.models import Portal
from users import audit
from users.models import User


@transaction.atomic
def make(*, portal: Portal, user: User, now: datetime, request: HttpRequest) -> str:
    """Return the secret of an account's new link, which takes the place of the one before; it is stored nowhere."""
    secret = secrets.token_urlsafe(32)
    link, _is_new = CalendarLink.objects.update_or_create(
        portal=portal, user=user, defaults={"digest": _digest(secret), "created_at": now}
    )
    audit.record(portal=portal, action="calendar_link_made", object=link, request=request)
    return secret


@transaction.atomic
def revoke(*, portal: Portal, user: User, request: HttpRequest) -> bool:
    """Take an account's link back; whether there was one."""
    link = CalendarLink.objects.select_for_update().filter(portal=portal, user=user).first()
    if link is None:
        return False
    audit.record(portal=portal, action="calendar_link_revoked", object=link, request=request)
    link.delete()
    return True


def owner_of(*, portal: Portal, secret: str) -> User | None:
    """Return whose link the secret is good for: someone who is an admin of the portal today."""
    links = CalendarLink.objects.select_related("user").filter(portal=portal, digest=_digest(secret))
    link = links.first()
    return link.user if link and link.user.is_active and link.user.administers(portal) else None


def _digest(secret: str) -> str:
    return sha256(secret.encode(errors="replace")).hexdigest()
