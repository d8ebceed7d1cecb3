"""Custom domains: a portal answers at one only after it was seen that the domain leads to this installation.

The proof is where the domain points: whoever can change that owns it, which is more than a request could show, since
its Host header says what the sender likes. Nothing is fetched from the domain.
"""

import socket
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portals.models import Portal


class NotVerified(Exception):
    """The domain does not lead here, or is another portal's; the text is for the admin."""


def is_our_own(domain: str) -> bool:
    """Whether a name is the platform's or one that a portal has by its address."""
    label = domain.removesuffix(f".{settings.PLATFORM_HOST}")
    return domain == settings.PLATFORM_HOST or (label != domain and "." not in label)


def verify(portal: Portal, *, now: datetime) -> None:
    """Let the portal answer at its custom domain if that leads here; raises NotVerified."""
    theirs, ours = addresses_of(portal.custom_domain), addresses_of(settings.PLATFORM_HOST)
    if not theirs:
        raise NotVerified(_("No address is known for this domain yet. A new entry can take some hours to be seen."))
    if not theirs <= ours:
        raise NotVerified(_("The domain leads somewhere else."))
    try:
        with transaction.atomic():
            Portal.objects.filter(pk=portal.pk).update(custom_domain_verified_at=now)
    except IntegrityError:
        raise NotVerified(_("Another portal uses this domain.")) from None
    portal.custom_domain_verified_at = now


def addresses_of(domain: str) -> set[str]:
    """Return the network addresses of a name, none when nobody knows it."""
    # Such names never leave the machine (RFC 6761, section 6.3), but not every resolver knows that.
    if domain == "localhost" or domain.endswith(".localhost"):
        return {"127.0.0.1"}
    try:
        found = socket.getaddrinfo(domain, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return set()
    return {str(address[0]) for *_rest, address in found}
