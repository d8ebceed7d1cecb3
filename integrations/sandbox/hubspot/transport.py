"""One request of HubSpot to the application: signed, on this machine only, redirects not followed."""

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from integrations.sandbox.hubspot import signing
from integrations.sandbox.hubspot.signing import Flaw

_LOOPBACK = "127.0.0.1"
_LARGEST_ANSWER = 1_000_000
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the application said; status 0 when nothing came."""

    status: int = 0
    body: bytes = b""

    @property
    def is_good(self) -> bool:
        """Tell whether the request was taken."""
        return 200 <= self.status < 300

    def json(self) -> dict[str, Any]:
        """Return the object in the body, an empty one when there is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Message:
    """One request before it is signed; `seconds` is how long an answer may take."""

    method: str
    url: str
    body: bytes = b""
    companion: str = "v2"
    seconds: float = 15.0
    flaw: Flaw = Flaw.NONE


Post = Callable[[Message, dict[str, str]], Answer]


class Signer(Protocol):
    """What is known of the application when a request to it is signed."""

    client_secret: str


def send(message: Message, signer: Signer, post: Post) -> Answer:
    """Sign a message and send it. Timestamps are real time: receivers compare them with their own clock."""
    headers = signing.headers(
        signer.client_secret,
        message.method,
        message.url,
        message.body,
        milliseconds=int(time.time() * 1000),
        companion=message.companion,
        flaw=message.flaw,
    )
    if message.body:
        headers["Content-Type"] = "application/json; charset=utf-8"
    return post(message, headers)


def post_to(port: int | None = None) -> Post:
    """Return what carries a message to this machine: to the port in its address, or behind a proxy to `port`."""

    def post(message: Message, headers: dict[str, str]) -> Answer:
        parts = urlsplit(message.url)
        if not parts.netloc:
            return Answer()
        # Whatever name stands in the address, nothing leaves this machine.
        where = port or parts.port or _DEFAULT_PORTS.get(parts.scheme, 80)
        connection = http.client.HTTPConnection(_LOOPBACK, where, timeout=message.seconds)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        own = {"Host": parts.netloc, "X-Forwarded-Proto": parts.scheme, "User-Agent": "HubSpot (sandbox)"}
        try:
            connection.request(message.method, target or "/", message.body or None, own | headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(_LARGEST_ANSWER))
        except (OSError, http.client.HTTPException):
            return Answer()
        finally:
            connection.close()

    return post
