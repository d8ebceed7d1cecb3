"""The session store: every sign-in is a row that says whose it is, from where, and when it was last used."""

import re
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db.models import QuerySet
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from portals import addresses
from portals.models import Portal
from users.models import Session, User

# What a session remembers of its sign-in, and how old "last seen" may get before it is written again.
SIGN_IN = "sign_in"
SEEN_EVERY = timedelta(minutes=10)

# Products by the word that gives them away in the User-Agent; the first that fits counts.
BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


class SessionStore(db.SessionStore):
    """Django's database store with columns for what people want to know about their sign-ins."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Return our model."""
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        """Return the row of the session."""
        row = super().create_model_instance(data)
        sign_in = data.get(SIGN_IN)
        if data.get(SESSION_KEY) and sign_in:
            row.user_id = int(data[SESSION_KEY])  # type: ignore[attr-defined]
            row.portal_id = sign_in["portal"]  # type: ignore[attr-defined]
            row.device, row.address = sign_in["device"], sign_in["address"]  # type: ignore[attr-defined]
            row.signed_in_at = datetime.fromisoformat(sign_in["at"])  # type: ignore[attr-defined]
            row.last_seen_at = datetime.fromisoformat(sign_in["seen"])  # type: ignore[attr-defined]
        return row


def note_visit(request: HttpRequest, now: datetime) -> None:
    """Note that the session is in use, which also prolongs it; written every ten minutes at most."""
    sign_in = request.session.get(SIGN_IN)
    if sign_in and now - datetime.fromisoformat(sign_in["seen"]) >= SEEN_EVERY:
        request.session[SIGN_IN] = {**sign_in, "seen": now.isoformat()}


def sign_ins_of(user: User, *, now: datetime) -> QuerySet[Session]:
    """Return the account's sign-ins that still work, the latest seen first."""
    rows = Session.objects.filter(user=user, expire_date__gt=now)
    return rows.select_related("portal").order_by("-last_seen_at", "session_key")


def handle(session: Session) -> str:
    """Return a name for a sign-in that may stand on a page: unlike its key, it opens nothing."""
    return salted_hmac("users.sessions handle", session.session_key, algorithm="sha256").hexdigest()[:32]


def end_one(user: User, handle_: str, *, now: datetime) -> bool:
    """End the one sign-in of the account with this name; False when there is none."""
    for session in sign_ins_of(user, now=now):
        if constant_time_compare(handle(session), handle_):
            session.delete()
            return True
    return False


def end_all(*, user_ids: list[int], portal: Portal | None = None, but: str | None = None) -> int:
    """End all sign-ins of accounts, or those at one portal, except the session with the key `but`; return how many."""
    rows = Session.objects.filter(user__in=user_ids)
    if portal:
        rows = rows.filter(portal=portal)
    return rows.exclude(session_key=but or "").delete()[0]


def device_of(user_agent: str) -> str:
    """Return browser and system in words ("Firefox, Windows"), an empty text when unknown."""
    found = [
        next((name for word, name in known if re.search(rf"\b{re.escape(word)}", user_agent)), "")
        for known in (BROWSERS, SYSTEMS)
    ]
    return ", ".join(filter(None, found))


@receiver(user_logged_in)
def describe(*, request: HttpRequest, **_: Any) -> None:
    """Note in a fresh session where it was begun and when."""
    portal, now = getattr(request, "portal", None), timezone.now().isoformat()
    request.session[SIGN_IN] = {
        "at": now,
        "seen": now,
        "portal": portal.pk if portal else None,
        "device": device_of(request.META.get("HTTP_USER_AGENT", "")),
        "address": addresses.shortened(addresses.address_of(request)),
    }
