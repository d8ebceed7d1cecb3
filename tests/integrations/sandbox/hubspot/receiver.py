"""A stand-in for the application: takes what HubSpot sends, checks nothing, and answers what it was told to."""

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BASE_PATH = "/integrations/hubspot/"


@dataclass(frozen=True)
class Received:
    """One request; header names are lower-case."""

    method: str
    path: str
    query: str
    headers: dict
    body: bytes

    def json(self):
        """Return what the body holds."""
        return json.loads(self.body)


class Receiver:
    """Runs until stopped; `answers` gives status and JSON per path below the base; of a list each serves once."""

    def __init__(self):
        self.received = []
        self.answers = {}
        # Until this is set nothing is answered; requests wait a moment at most.
        self.is_awake = threading.Event()
        self.is_awake.set()
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        """Return where HubSpot finds the application."""
        return f"http://localhost:{self._server.server_port}{BASE_PATH}"

    def at(self, path):
        """Return what came to a path below the base."""
        with self._arrived:
            return [one for one in self.received if one.path == BASE_PATH + path]

    def stop(self):
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def take(self, received):
        """Note a request and return the answer to it."""
        with self._arrived:
            self.received.append(received)
            answer = self.answers.get(received.path.removeprefix(BASE_PATH), (204, None))
            if isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
        return answer

    def _handler(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                path, _, query = self.path.partition("?")
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers.get("content-length", 0)))
                receiver.is_awake.wait(1)
                status, content = receiver.take(Received(self.command, path, query, headers, body))
                text = b"" if content is None else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = answer  # noqa: N815

            def log_message(self, format, *args):  # noqa: A002
                """Keep the tests quiet."""

        return Handler
