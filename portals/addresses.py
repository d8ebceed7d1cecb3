"""The network address of a visitor, as far as the proxies in front of us can be trusted."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str | None:
    """Return the visitor's network address; None when it cannot be known.

    Each proxy appends who spoke to it to X-Forwarded-For, so only as many entries as there are proxies, counted from
    the right, were written by our own; whatever stands to their left the visitor may have made up.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.PROXY_COUNT:
        hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(hops) >= settings.PROXY_COUNT:
            address = hops[-settings.PROXY_COUNT]
    return _plain(address.strip())


def client_network(request: HttpRequest) -> str | None:
    """Return what counts as one place when tries are counted: an IPv4 address, or a whole IPv6 /64 network."""
    return _network(address_of(request), v4=32, v6=64)


def shortened(address: str | None) -> str:
    """Return an address without its last part, fit to be kept and shown; an empty text for none."""
    return _network(address, v4=24, v6=48) or ""


def _plain(address: str) -> str | None:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def _network(address: str | None, *, v4: int, v6: int) -> str | None:
    if not address:
        return None
    length = v4 if "." in address else v6
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    return str(network.network_address) if length == 32 else str(network)
