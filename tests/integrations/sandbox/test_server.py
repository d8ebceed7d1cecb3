"""The server: connections, malformed requests, starting and stopping."""

import socket
from http.client import HTTPConnection

import pytest
import requests

from integrations.sandbox.server import HOST, start
from tests.integrations.sandbox.conftest import Browser


def exchange(sandbox, text):
    """Send raw bytes and return the status line of the answer."""
    with socket.create_connection((HOST, sandbox.port), timeout=60) as connection:
        connection.sendall(text)
        return connection.makefile("rb").readline()


class TestServer:
    def test_keeps_a_connection_open(self, sandbox):
        connection = HTTPConnection(HOST, sandbox.port, timeout=60)
        sockets = []
        for _ in range(2):
            connection.request("GET", "/_control/state")
            connection.getresponse().read()
            sockets.append(connection.sock)
        connection.close()

        assert sockets[0] is sockets[1] is not None

    @pytest.mark.parametrize(
        "headers", [b"Content-Length: x", b"Content-Length: 99999999", b"Transfer-Encoding: chunked"]
    )
    def test_refuses_a_body_of_unknown_length(self, sandbox, headers):
        request = b"POST /oauth/token HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\n"

        assert b" 400 " in exchange(sandbox, request)

    def test_refuses_a_control_body_that_is_no_object(self, browser):
        answer = browser.post("/_control/hire", json=["Noor"])

        assert answer.status_code == 422

    def test_runs_beside_another_one(self, browser):
        with start(people=10) as other, Browser(other.url) as other_browser:
            state = other_browser.get("/_control/state").json()

        assert state["companies"][0]["people"] == 10
        assert browser.get("/_control/state").json()["companies"][0]["people"] == 50

    def test_is_gone_after_stop(self):
        with start() as sandbox, Browser(sandbox.url) as browser:
            browser.get("/_control/state")
            sandbox.stop()

            with pytest.raises(requests.ConnectionError):
                browser.get("/_control/state")

    def test_says_when_the_port_is_taken(self, sandbox):
        with pytest.raises(OSError, match="in use"):
            start(port=sandbox.port)
