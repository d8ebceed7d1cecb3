"""Pure: was a request sent by HubSpot? (Page "Validating requests": signatures v1 to v3 with the client secret.)"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

# A dated signature that is older, or that much ahead of our clock, is refused; milliseconds.
MOST_AGE = 300_000

# Escapes that are undone before version 3 is computed; all others stay as they are.
_DECODED = {
    "3A": ":",
    "2F": "/",
    "3F": "?",
    "40": "@",
    "21": "!",
    "24": "$",
    "27": "'",
    "28": "(",
    "29": ")",
    "2A": "*",
    "2C": ",",
    "3B": ";",
}
_ESCAPE = re.compile(f"%({'|'.join(_DECODED)})", re.IGNORECASE)
# Milliseconds have 13 digits until the year 2286.
_TIMESTAMP = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Request:
    """What is signed of a request: its method, its public address with the query as received, its bytes."""

    method: str
    uri: str
    body: bytes


def v1(secret: str, request: Request) -> str:
    """Return the signature of version 1, which covers the body alone."""
    return hashlib.sha256(secret.encode() + request.body).hexdigest()


def v2(secret: str, request: Request) -> str:
    """Return the signature of version 2."""
    return hashlib.sha256(f"{secret}{request.method}{request.uri}".encode() + request.body).hexdigest()


def v3(secret: str, request: Request, timestamp: str) -> str:
    """Return the signature of version 3 for the address as it stands; `timestamp` is the header's text."""
    message = f"{request.method}{request.uri}".encode() + request.body + timestamp.encode()
    return base64.b64encode(hmac.digest(secret.encode(), message, hashlib.sha256)).decode()


def decoded(uri: str) -> str:
    """Return an address with the escapes undone that version 3 undoes."""
    return _ESCAPE.sub(lambda found: _DECODED[found[1].upper()], uri)


def is_v1(signature: str, *, secret: str, request: Request) -> bool:
    """Whether the signature of version 1 is right; it has no date, so a copy is as good as the original."""
    return bool(secret) and _is_same(v1(secret, request), signature)


def is_v2(signature: str, *, secret: str, request: Request) -> bool:
    """Whether the signature of version 2 is right; it has no date, so a copy is as good as the original."""
    return bool(secret) and _is_same(v2(secret, request), signature)


def is_v3(signature: str, *, secret: str, request: Request, timestamp: str, now: int) -> bool:
    """Whether the signature of version 3 is right and its date close to `now` (milliseconds).

    Some senders sign the address without undoing any escape: either form will do.
    """
    if not secret or not _TIMESTAMP.fullmatch(timestamp) or abs(now - int(timestamp)) > MOST_AGE:
        return False
    forms = dict.fromkeys((decoded(request.uri), request.uri))
    expected = [v3(secret, Request(request.method, uri, request.body), timestamp) for uri in forms]
    return any(_is_same(one, signature) for one in expected)


def _is_same(expected: str, signature: str) -> bool:
    """Compare in constant time, whatever characters were sent."""
    return hmac.compare_digest(expected.encode(), signature.encode(errors="replace"))
