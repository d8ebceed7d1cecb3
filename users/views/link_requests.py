"""Asking for a new link: how often, and the same answer for everyone."""

from datetime import timedelta

from portals.addresses import client_network
from portals.hosts import PortalRequest
from portals.models import Portal
from users import tasks
from users.throttles import Throttle

# Mails to one address of a portal, and requests from one network address.
LINKS_PER_ADDRESS = Throttle("links-per-address", limit=3, period=timedelta(hours=1))
LINKS_PER_VISITOR = Throttle("links-per-visitor", limit=20, period=timedelta(hours=1))


def ask_for_link(*, request: PortalRequest, portal: Portal, email: str) -> None:
    """Let a worker find out whether there is anyone to write to, unless too many asked already."""
    email = email.lower()
    if LINKS_PER_VISITOR.take(client_network(request)) and LINKS_PER_ADDRESS.take(portal.pk, email):
        tasks.answer_link_request.delay(portal_id=portal.pk, email=email)
