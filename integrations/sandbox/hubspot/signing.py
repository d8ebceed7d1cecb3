"""Signatures of what HubSpot sends (page "Validating requests"), and the ways in which they can be wrong."""

import base64
import hashlib
import hmac
import re
from enum import StrEnum

# Version 3 signs the address with these escapes read and every other one left as it is.
_READ_ESCAPES = {f"%{ord(letter):02X}": letter for letter in ":/?@!$'()*,;"}
_ESCAPE = re.compile("|".join(_READ_ESCAPES), re.IGNORECASE)
_TOO_OLD_MILLISECONDS = 6 * 60 * 1000  # receivers refuse what is older than five minutes


class Flaw(StrEnum):
    """What can be wrong with a signed request on demand."""

    NONE = ""
    WRONG_SIGNATURE = "wrong_signature"
    OLD_TIMESTAMP = "old_timestamp"
    OTHER_SCHEME = "http_uri"
    UNSIGNED = "unsigned"


def v1(secret: str, body: bytes) -> str:
    """Return the hexadecimal signature of a webhook."""
    return hashlib.sha256(secret.encode() + body).hexdigest()


def v2(secret: str, method: str, uri: str, body: bytes) -> str:
    """Return the hexadecimal signature of a workflow action, an option list or a card's call."""
    return hashlib.sha256(f"{secret}{method}{uri}".encode() + body).hexdigest()


def v3(secret: str, method: str, uri: str, body: bytes, timestamp: str) -> str:
    """Return the base64 signature with a time, in milliseconds since the epoch; `uri` is signed as it is given."""
    message = f"{method}{uri}".encode() + body + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()


def read_uri(uri: str) -> str:
    """Return the address as version 3 signs it."""
    return _ESCAPE.sub(lambda match: _READ_ESCAPES[match[0].upper()], uri)


def headers(
    secret: str,
    method: str,
    uri: str,
    body: bytes,
    *,
    milliseconds: int,
    companion: str = "v2",
    flaw: Flaw = Flaw.NONE,
) -> dict[str, str]:
    """Return the headers of one request: version 3, and version 1 or 2 as its `companion`."""
    if flaw is Flaw.UNSIGNED:
        return {}
    if flaw is Flaw.WRONG_SIGNATURE:
        secret += " of somebody else"
    if flaw is Flaw.OTHER_SCHEME:
        scheme, _, rest = uri.partition("://")
        uri = f"{'https' if scheme == 'http' else 'http'}://{rest}"
    if flaw is Flaw.OLD_TIMESTAMP:
        milliseconds -= _TOO_OLD_MILLISECONDS
    timestamp = str(milliseconds)
    older = v1(secret, body) if companion == "v1" else v2(secret, method, uri, body)
    return {
        "X-HubSpot-Signature": older,
        "X-HubSpot-Signature-Version": companion,
        "X-HubSpot-Signature-v3": v3(secret, method, read_uri(uri), body, timestamp),
        "X-HubSpot-Request-Timestamp": timestamp,
    }
