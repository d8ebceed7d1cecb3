"""Lets in what HubSpot has signed: the body of a request, or a refusal."""

from __future__ import annotations

import logging

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from integrations.hubspot import signatures

logger = logging.getLogger(__name__)


class Refused(Exception):
    """The request is not let in; `status` is what it is answered with."""

    status = 401


class NotSigned(Refused):
    """There is no signature of HubSpot's, or it is too old."""


class TooLarge(Refused):
    """The body is larger than anything that HubSpot sends."""

    status = 413


def verified_body(request: HttpRequest, *, most_bytes: int) -> bytes:
    """Return the body of a request that HubSpot sent. Raises NotSigned or TooLarge.

    Signatures without a date count only where a setting says so, and never beside a dated one.
    """
    if _length(request) > most_bytes:
        raise TooLarge
    body = request.body
    signed = signatures.Request(request.method or "", _public_uri(request), body)
    if not _is_signed(request, signed):
        logger.warning("%s: the signature is missing, wrong or too old", request.path)
        raise NotSigned
    return body


def _is_signed(request: HttpRequest, signed: signatures.Request) -> bool:
    headers, secret = request.headers, settings.HUBSPOT_CLIENT_SECRET
    if "X-HubSpot-Signature-v3" in headers:
        return signatures.is_v3(
            headers["X-HubSpot-Signature-v3"],
            secret=secret,
            request=signed,
            timestamp=headers.get("X-HubSpot-Request-Timestamp", ""),
            now=int(timezone.now().timestamp() * 1000),
        )
    if not settings.HUBSPOT_ACCEPT_UNDATED_SIGNATURES:
        return False
    is_right = signatures.is_v1 if headers.get("X-HubSpot-Signature-Version") == "v1" else signatures.is_v2
    return is_right(headers.get("X-HubSpot-Signature", ""), secret=secret, request=signed)


def _public_uri(request: HttpRequest) -> str:
    """Return the address as HubSpot called it: a proxy may have changed scheme and host on the way."""
    query = request.META.get("QUERY_STRING", "")
    path = f"{settings.PLATFORM_SCHEME}://{settings.PLATFORM_DOMAIN}{request.path}"
    return f"{path}?{query}" if query else path


def _length(request: HttpRequest) -> int:
    """Return the announced length; a body without one is empty to us."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
