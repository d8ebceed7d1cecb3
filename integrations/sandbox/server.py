"""The sandbox as an HTTP/1.1 server on the loopback address.

`start()` returns a running one with its `url` and `world`; `stop()` or the end of a `with` ends it.
"""

import contextlib
import socket
import sys
import threading
import time
import uuid
from datetime import date
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from integrations.sandbox import state_file
from integrations.sandbox.control import Control
from integrations.sandbox.gusto import Gusto
from integrations.sandbox.hubspot.api import HubSpotApi
from integrations.sandbox.hubspot.state import DEFAULT_CONTACTS
from integrations.sandbox.identity_provider import IdentityProvider
from integrations.sandbox.wire import Malformed, Request, Response, json_response
from integrations.sandbox.world import World

HOST = "127.0.0.1"
_LARGEST_BODY = 1_000_000
_POLL_SECONDS = 0.02  # how soon a stop is noticed


class Application:
    """Sends each request to the stand-in that it is meant for, with the faults that are on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._control = Control(world)
        self._gusto = Gusto(world)
        self._hubspot = HubSpotApi(world.hubspot)
        self._identity_provider = IdentityProvider(world)

    def answer(self, request: Request) -> Response:
        """Answer one request; calls to the control pages are neither spoiled nor recorded."""
        if self._control.is_for(request):
            return self._control.answer(request)
        if self._identity_provider.is_for(request):
            return self._identity_provider.answer(request)
        began = time.perf_counter()
        provider = self._hubspot if self._hubspot.is_for(request) else self._gusto
        request.pattern = provider.pattern(request) or request.pattern
        with self._world.lock:
            fault = self._world.faults.pick(request)
        request.fault = fault.kind if fault else None
        response = provider.replacement(fault) if fault else None
        if response is None:
            response = provider.answer(request)
            if fault:
                fault.spoil(response)
        response.headers.setdefault("X-Request-Id", str(uuid.uuid4()))
        self._record(request, response, time.perf_counter() - began)
        return response

    def _record(self, request: Request, response: Response, seconds: float) -> None:
        with self._world.lock:
            self._world.calls.add(
                at=self._world.clock.now().isoformat(timespec="milliseconds"),
                method=request.method,
                path=request.path,
                pattern=request.pattern,
                query=request.query,
                status=0 if response.is_dropped else response.status,
                milliseconds=round(seconds * 1000, 2),
                grant=request.grant_id,
                fault=request.fault,
            )


class _Server(ThreadingHTTPServer):
    """Remembers its connections, so that stopping ends them too."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], application: Application, world: World) -> None:
        self.application = application
        self.world = world
        self._connections: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing when a client went away; anything else is a fault of the sandbox."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def stop_listening(self) -> None:
        """Wake the loop, which would notice the end of a poll later otherwise, and end it."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.shutdown()

    def close_connections(self) -> None:
        """End what clients keep open."""
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # buffered: an answer leaves in one piece

    def _answer(self) -> None:
        """Read one request and send its answer."""
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= _LARGEST_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._send(json_response({"error": "The length of the body is missing or wrong."}, 400))
            return
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=unquote(parts.path),
            query_text=parts.query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
        )
        try:
            response = self.server.application.answer(request)
        except Malformed as problem:
            response = json_response({"error": str(problem)}, 400)
        self._send(response)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _answer  # noqa: N815

    def _send(self, response: Response) -> None:
        if response.wait_seconds:
            self.server.world.stopping.wait(response.wait_seconds)
        if response.is_dropped:
            self.close_connection = True
            return
        body = response.body
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", response.content_type)
        if response.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        if response.is_cut:
            self.close_connection = True
            body = body[: len(body) // 2]
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def version_string(self) -> str:
        """Return the Server header."""
        return "Sandbox"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep the terminal quiet; the calls are on the control page."""


class Sandbox:
    """A running sandbox; also a context manager that stops it.

    `fresh_because` tells why a state file was not continued; it is empty when it was, or when there was none.
    """

    def __init__(self, world: World, port: int, *, fresh_because: str = "") -> None:
        self.world = world
        self.fresh_because = fresh_because
        self._state_file: state_file.StateFile | None = None
        self._server = _Server((HOST, port), Application(world), world)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """Return the address, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    def keep_state(self, path: Path) -> None:
        """Keep the world's state in this file from now on. Raises OSError when it cannot be written."""
        file = state_file.StateFile(path, self.world)
        file.start()
        self._state_file = file

    def stop(self) -> None:
        """Stop listening, end every connection and save the state; a second call does nothing."""
        self.world.stopping.set()
        self._server.stop_listening()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join()
        if self._state_file:
            self._state_file.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start(
    *,
    port: int = 0,
    people: int = 50,
    seed: int = 1,
    rate_limit: int = 200,
    today: date | None = None,
    state: Path | None = None,
    hub_contacts: int = DEFAULT_CONTACTS,
) -> Sandbox:
    """Start a sandbox; port 0 takes a free one.

    `rate_limit` is in calls per minute and grant of Gusto, 0 for none; `today` sets its calendar; `hub_contacts` is
    how many contacts the main HubSpot account has; `state` is a file from which the world goes on and in which it is
    kept. Raises OSError when the port is taken, and one with a `filename` when the file cannot be used.
    """
    world, fresh_because = state_file.open_world(
        state, people=people, seed=seed, rate_limit=rate_limit, today=today, hub_contacts=hub_contacts
    )
    sandbox = Sandbox(world, port, fresh_because=fresh_because)
    if state:
        try:
            sandbox.keep_state(state)
        except OSError:
            sandbox.stop()
            raise
    return sandbox
