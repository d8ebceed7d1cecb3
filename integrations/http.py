"""The one door to the network: time-outs, bounded answers, retries, and four kinds of failure."""

from __future__ import annotations

import ipaddress
import logging
import os
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
import requests
from django.utils.translation import gettext_lazy as _
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from integrations.rate_limits import Limit, NoLimit, retry_after

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
MAX_BODY_BYTES = 20 * 1024 * 1024

MAX_TRIES = 5
# How long a call waits in all when it is asked to, a little more than the minute of Gusto's limit; who must wait
# longer comes back later.
LONGEST_WAIT_SECONDS = 65.0
# Waits are cut into slices, so that a run can renew its lease meanwhile.
SLICE_SECONDS = 5.0
FIRST_BACK_OFF_SECONDS = 0.5

# 423: locked by too many writes; 477: the account is being moved; 52x: the edge could not reach the provider (HubSpot,
# "Error handling").
WORTH_A_RETRY = frozenset({408, 423, 425, 429, 477, 500, 502, 503, 504, 521, 523, 524})
# Refused before anything was done, so that even what must not happen twice may be sent again.
NOTHING_DONE = frozenset({423, 429, 477})
# How providers say in an answer of 404 that it is the record that is missing.
MISSING = frozenset({"", "not_found", "object_not_found"})

Response = requests.Response

logger = logging.getLogger(__name__)


class ProviderError(Exception):
    """A call to a provider failed. The text is for logs: it holds no token, address or payload."""

    # The sentence for an admin.
    explanation = _("The other system could not be used.")

    def __init__(self, message: str, *, status: int = 0, request_id: str = "") -> None:
        super().__init__(f"{message} (request {request_id})" if request_id else message)
        self.status = status
        self.request_id = request_id


class ProviderUnavailable(ProviderError):
    """No usable answer; trying again later makes sense, after `retry_after` seconds if that is known."""

    explanation = _("The other system could not be reached or was too busy. It is tried again by itself.")

    def __init__(
        self, message: str, *, status: int = 0, request_id: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.retry_after = retry_after


class AuthorizationLost(ProviderError):
    """The consent is gone; only an admin who connects again can help."""

    explanation = _("The consent was withdrawn or has lapsed. Connect again; nobody loses access because of it.")


class RecordMissing(ProviderError):
    """The record does not exist, or not for this account."""

    explanation = _("The other system does not know this record.")


class RequestRejected(ProviderError):
    """The provider understood and refused; the same request would be refused again."""

    explanation = _("The other system refused the request. The operator of this installation can find out why.")

    def __init__(
        self, message: str, *, status: int = 0, request_id: str = "", category: str = "", detail: str = ""
    ) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.category = category
        # What was wrong with what, in the provider's fixed words and names; no values.
        self.detail = detail


class AnotherAccount(RequestRejected):
    """The provider answered with the records of another account than the connected one."""

    explanation = _("The list belongs to another account than the connected one, so nothing was taken from it.")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an answer that is no success says, as far as it may be told: never a value, an address or a token."""

    category: str = ""
    detail: str = ""
    request_id: str = ""
    # Seconds after which trying again makes sense, where that is known.
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer, whole in memory."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Bearer(Protocol):
    """Knows the access token to use."""

    def token(self, refused: str = "") -> str:
        """Return an access token, another one than the one just refused. Raises AuthorizationLost."""

    def lost(self) -> None:
        """Take note that a renewed token was refused as well."""


class OneToken:
    """A token fresh from an exchange, which nobody renews."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self, refused: str = "") -> str:
        """Return the token. Raises AuthorizationLost when it was refused."""
        if refused:
            raise AuthorizationLost("a fresh token was refused")
        return self._token

    def lost(self) -> None:
        """Note nothing."""


class Door(HTTPAdapter):
    """Where a session's requests leave: limits time and size, follows no redirect, translates failures.

    Mounted on the sessions of libraries too, it holds for calls that we do not make ourselves.
    """

    def __init__(
        self, *, label: str, read_seconds: float = READ_SECONDS, max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        super().__init__(pool_connections=1, pool_maxsize=2)
        self._label = label
        self._time_out = (CONNECT_SECONDS, read_seconds)
        self._max_body_bytes = max_body_bytes

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Return the answer with its body read. Raises ProviderUnavailable, RequestRejected."""
        url = request.url or ""
        if not is_safe_address(url):
            raise RequestRejected(f"{self._label}: only https addresses are used")
        options.update(stream=True, timeout=self._time_out)
        try:
            response = super().send(request, *args, **options)
            # Whoever reads the body next finds it here; requests would read on without a bound.
            response._content = self._body(response)
        except (requests.RequestException, HTTPError, OSError) as error:
            # The original may name more than a log should hold.
            call = f"{request.method} {urlsplit(url).path}"
            raise ProviderUnavailable(f"{self._label}: {type(error).__name__} at {call}") from None
        if response.is_redirect:
            # requests would send the body again, client secret included, on 307 and 308.
            raise RequestRejected(
                f"{self._label}: unexpected redirect",
                status=response.status_code,
                request_id=_request_id(response),
            )
        return response

    def _body(self, response: requests.Response) -> bytes:
        pieces: list[bytes] = []
        room = self._max_body_bytes + 1
        # A cut answer shows only in the read after its last bytes, so read until nothing comes.
        while room > 0 and (piece := response.raw.read(room, decode_content=True)):
            pieces.append(piece)
            room -= len(piece)
        if room <= 0:
            response.close()
            raise RequestRejected(f"{self._label}: answer larger than {self._max_body_bytes} bytes")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Api:
    """Calls to one provider with one grant, over one kept-alive session."""

    def __init__(
        self,
        base_url: str,
        *,
        label: str,
        bearer: Bearer | None = None,
        headers: Mapping[str, str] | None = None,
        limit: Limit | None = None,
        keep_alive: Callable[[], None] = lambda: None,
        pause: Callable[[float], None] = time.sleep,
        max_body_bytes: int = MAX_BODY_BYTES,
        read_refusal: Callable[[Response], Refusal] | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._label = label
        self._read_refusal = read_refusal or refusal_of
        self._bearer = bearer
        self._limit = limit or NoLimit()
        self._keep_alive = keep_alive
        self._pause = pause
        self._session = requests.Session()
        harden(self._session, self._base_url, Door(label=label, max_body_bytes=max_body_bytes))
        self._session.headers.update({"Accept": "application/json", **(headers or {})})

    def close(self) -> None:
        """Let the kept-alive connection go."""
        self._session.close()

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Answer:
        """Return the answer to a GET, tried up to five times. Raises the four errors of this module."""
        return self.call("GET", path, params=params)

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: object = None,
        is_repeatable: bool = True,
    ) -> Answer:
        """Return the answer to a call with the bearer's token, tried up to five times. Raises as `get` does.

        `body` is sent as JSON. What is not repeatable is tried again only when nothing can have been done.
        """
        options: dict[str, Any] = {"params": params}
        if body is not None:
            options["json"] = body
        send = partial(self._try, is_repeatable=is_repeatable)
        bearer = self._bearer
        if bearer is None:
            return self._checked(send(method, path, options, ""))
        token = bearer.token()
        response = send(method, path, options, token)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            response = send(method, path, options, bearer.token(refused=token))
            if response.status_code == HTTPStatus.UNAUTHORIZED:
                bearer.lost()
        return self._checked(response)

    def post(self, path: str, body: Mapping[str, object], *, token: str = "", is_form: bool = False) -> Answer:
        """Return the answer to a POST of JSON or of a form, tried once and with no other token than this.

        Raises as `get` does.
        """
        content = {"data": body} if is_form else {"json": body}
        return self._checked(self._send("POST", path, headers=_authorization(token), **content))

    def put(self, path: str, body: Mapping[str, object], *, token: str = "") -> Answer:
        """Return the answer to a PUT, as `post` does."""
        return self._checked(self._send("PUT", path, json=body, headers=_authorization(token)))

    def _try(
        self, method: str, path: str, options: Mapping[str, Any], token: str, *, is_repeatable: bool
    ) -> requests.Response:
        worth_a_retry = WORTH_A_RETRY if is_repeatable else NOTHING_DONE
        patience = LONGEST_WAIT_SECONDS
        for number in range(1, MAX_TRIES):
            try:
                response = self._send(method, path, headers=_authorization(token), **options)
            except ProviderUnavailable as trouble:
                if not is_repeatable:
                    raise
                logger.warning("try %d: %s", number, trouble)
                self._wait(back_off(number))
                continue
            if response.status_code not in worth_a_retry and not (is_repeatable and _is_foreign_page(response)):
                return response
            wished = self._read_refusal(response).wait
            if wished is not None and wished > patience:
                return response
            patience -= wished or 0.0
            logger.warning("try %d: %s: %d at %s %s", number, self._label, response.status_code, method, path)
            self._wait(back_off(number) if wished is None else wished)
        return self._send(method, path, headers=_authorization(token), **options)

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        if "json" in options:
            # The library's own way takes six times as long, which counts in batches.
            options["data"] = msgspec.json.encode(options.pop("json"))
            options["headers"] = {**options["headers"], "Content-Type": "application/json"}
        while (seconds := self._limit.take()) > 0:
            self._wait(seconds)
        try:
            return self._session.request(method, self._base_url + path, **options)
        finally:
            self._limit.done()

    def _wait(self, seconds: float) -> None:
        while seconds > 0:
            self._keep_alive()
            self._pause(min(seconds, SLICE_SECONDS))
            seconds -= SLICE_SECONDS

    def _checked(self, response: requests.Response) -> Answer:
        failure = failure_of(response, label=self._label, read=self._read_refusal)
        if failure:
            raise failure
        return Answer(status=response.status_code, headers=response.headers, body=response.content)


def failure_of(
    response: Response, *, label: str, read: Callable[[Response], Refusal] | None = None
) -> ProviderError | None:
    """Return what an answer means when it is no success, else None; `read` knows the provider's words."""
    status = response.status_code
    if 200 <= status < 300 and not _is_foreign_page(response):
        return None
    said = (read or refusal_of)(response)
    message = f"{label}: {status} {said.category} {said.detail}".rstrip()
    if status in WORTH_A_RETRY or status >= 500 or status < 300:
        return ProviderUnavailable(message, status=status, request_id=said.request_id, retry_after=said.wait)
    if status == HTTPStatus.UNAUTHORIZED:
        return AuthorizationLost(message, status=status, request_id=said.request_id)
    if status == HTTPStatus.NOT_FOUND and said.category.lower() in MISSING and not _is_html(response):
        return RecordMissing(message, status=status, request_id=said.request_id)
    return RequestRejected(
        message, status=status, request_id=said.request_id, category=said.category, detail=said.detail
    )


def refusal_of(response: Response) -> Refusal:
    """Return what an answer says in the words that most providers share."""
    return Refusal(category=_category(response), request_id=_request_id(response), wait=retry_after(response.headers))


def harden(session: requests.Session, base_url: str, door: Door) -> None:
    """Make every request of a session leave by the door; proxy and certificate settings are read once."""
    environment = session.merge_environment_settings(base_url, {}, None, None, None)
    session.proxies = environment["proxies"]
    session.verify = environment["verify"]
    # Also keeps a .netrc file from replacing the Authorization header.
    session.trust_env = False
    session.adapters.clear()
    session.mount("https://", door)
    session.mount("http://", door)


def is_safe_address(url: str) -> bool:
    """Whether an address is https, or plain http to this very machine where the operator allows that."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return True
    return (
        parts.scheme == "http" and bool(os.environ.get("OAUTHLIB_INSECURE_TRANSPORT")) and _is_loopback(parts.hostname)
    )


def _authorization(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def back_off(number: int) -> float:
    """Return the seconds to wait after the given failed try: exponential with full jitter."""
    return random.uniform(0, FIRST_BACK_OFF_SECONDS * 2 ** (number - 1))  # noqa: S311


def _is_loopback(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def _is_html(response: requests.Response) -> bool:
    return response.headers.get("Content-Type", "").startswith("text/html")


def _is_foreign_page(response: requests.Response) -> bool:
    """Whether a "success" is the page of a proxy or of maintenance: no provider answers a call in HTML."""
    return 200 <= response.status_code < 300 and _is_html(response)


def _request_id(response: requests.Response) -> str:
    # Proxies may stamp the header twice, comma-joined; nothing else of it belongs into a log.
    return re.sub(r"[^\w.,-]", "", response.headers.get("X-Request-Id", ""))[:100]


def _category(response: requests.Response) -> str:
    """Return the provider's fixed word for the error; its message may name people and is left alone."""
    found = re.search(rb'"(?:category|error)"\s*:\s*"([a-z_]{1,60})"', response.content[:4096])
    return found.group(1).decode() if found else ""
