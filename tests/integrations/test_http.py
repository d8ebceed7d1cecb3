"""The door to the network, against a real server that misbehaves as told."""

import json
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from integrations.http import (
    Api,
    AuthorizationLost,
    Door,
    OneToken,
    ProviderUnavailable,
    RecordMissing,
    Refusal,
    RequestRejected,
    harden,
    is_safe_address,
)
from integrations.rate_limits import retry_after

JSON = {"Content-Type": "application/json"}


class Scripted:
    """A server that gives the next of its answers, the last one again and again."""

    def __init__(self):
        self.answers = []
        self.requests = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                script.requests.append((self.command, self.path, dict(self.headers), body))
                answer = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
                status, headers, content = answer
                if status == 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
                self.close_connection = len(content) != int(headers.get("Content-Length", len(content)))

            do_POST = do_PATCH = do_GET  # noqa: N815

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def gives(self, status, content=b"{}", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, {**JSON, **named}, content))
        return self

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server():
    scripted = Scripted()
    yield scripted
    scripted.stop()


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def api(server, pauses):
    made = Api(server.url, label="Acme", bearer=OneToken("token-1"), pause=pauses.append, max_body_bytes=10_000)
    yield made
    made.close()


class TwoTokens:
    """Renews once."""

    def __init__(self):
        self.refused = []
        self.is_lost = False

    def token(self, refused=""):
        self.refused.append(refused)
        return "renewed" if refused else "first"

    def lost(self):
        self.is_lost = True


class TestGet:
    def test_returns_the_body_and_sends_the_token(self, server, api):
        server.gives(200, b'{"a": 1}', X_Page="3")

        answer = api.get("/v1/things", {"page": 3})

        assert json.loads(answer.body) == {"a": 1}
        assert answer.headers["x-page"] == "3"
        method, path, headers, _body = server.requests[0]
        assert (method, path) == ("GET", "/v1/things?page=3")
        assert headers["Authorization"] == "Bearer token-1"

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_tries_again_after_a_passing_trouble(self, server, api, pauses, status):
        server.gives(status).gives(status).gives(200)

        assert api.get("/").status == 200

        assert len(server.requests) == 3
        assert len(pauses) == 2
        assert pauses[0] <= 0.5
        assert pauses[1] <= 1.0

    def test_gives_up_after_five_tries(self, server, api, pauses):
        server.gives(503)

        with pytest.raises(ProviderUnavailable) as trouble:
            api.get("/")

        assert len(server.requests) == 5
        assert trouble.value.status == 503

    def test_tries_again_when_the_connection_breaks(self, server, api):
        server.gives(0).gives(200)

        assert api.get("/").status == 200

    def test_does_not_take_a_cut_answer_for_a_whole_one(self, server, api):
        server.gives(200, b'[{"a": 1}', Content_Length="400").gives(200, b"[]")

        assert api.get("/").body == b"[]"

    def test_does_not_take_a_page_of_a_proxy_for_an_answer(self, server, api):
        server.gives(200, b"<html>", Content_Type="text/html").gives(200, b"[]")

        assert api.get("/").body == b"[]"

    def test_waits_as_long_as_it_is_asked_to(self, server, api, pauses):
        server.gives(429, Retry_After="12").gives(200)

        api.get("/")

        assert sum(pauses) == 12

    def test_keeps_the_lease_alive_in_long_waits(self, server, pauses):
        beats = []
        api = Api(server.url, label="Acme", pause=pauses.append, keep_alive=lambda: beats.append(len(pauses)))
        server.gives(429, Retry_After="12").gives(200)

        api.get("/")

        assert pauses == [5, 5, 2]
        assert beats == [0, 1, 2]

    def test_leaves_a_wait_that_is_too_long_to_the_caller(self, server, api, pauses):
        server.gives(429, Retry_After="90")

        with pytest.raises(ProviderUnavailable) as trouble:
            api.get("/")

        assert trouble.value.retry_after == 90
        assert pauses == []

    def test_waits_little_more_than_a_minute_in_all(self, server, api, pauses):
        server.gives(429, Retry_After="40")

        with pytest.raises(ProviderUnavailable):
            api.get("/")

        assert sum(pauses) == 40
        assert len(server.requests) == 2

    def test_renews_a_refused_token_once(self, server, pauses):
        bearer = TwoTokens()
        server.gives(401, b"").gives(200)

        Api(server.url, label="Acme", bearer=bearer, pause=pauses.append).get("/")

        assert bearer.refused == ["", "first"]
        assert server.requests[1][2]["Authorization"] == "Bearer renewed"
        assert not bearer.is_lost

    def test_gives_up_when_the_renewed_token_is_refused_too(self, server, pauses):
        bearer = TwoTokens()
        server.gives(401, b"")

        with pytest.raises(AuthorizationLost):
            Api(server.url, label="Acme", bearer=bearer, pause=pauses.append).get("/")

        assert len(server.requests) == 2
        assert bearer.is_lost

    @pytest.mark.parametrize(
        ("status", "category", "error"),
        [
            (404, "not_found", RecordMissing),
            (404, "deprecated_endpoint", RequestRejected),
            (403, "missing_oauth_scopes", RequestRejected),
            (406, "invalid_api_version", RequestRejected),
            (422, "invalid_parameter", RequestRejected),
        ],
    )
    def test_tells_refusals_apart_and_does_not_repeat_them(self, server, api, status, category, error):
        server.gives(status, json.dumps({"errors": [{"category": category}]}).encode(), X_Request_Id="abc-1")

        with pytest.raises(error) as refusal:
            api.get("/")

        assert len(server.requests) == 1
        assert (refusal.value.status, refusal.value.request_id) == (status, "abc-1")
        assert category in str(refusal.value)

    def test_does_not_take_a_missing_route_for_a_missing_record(self, server, api):
        server.gives(404, b"<html>", Content_Type="text/html")

        with pytest.raises(RequestRejected):
            api.get("/")

    def test_refuses_an_answer_without_an_end(self, server, api):
        server.gives(200, b"x" * 20_000)

        with pytest.raises(RequestRejected, match="larger than 10000 bytes"):
            api.get("/")

        assert len(server.requests) == 1

    def test_does_not_follow_a_redirect(self, server, api):
        server.gives(302, Location="/elsewhere")

        with pytest.raises(RequestRejected, match="redirect"):
            api.get("/")

        assert len(server.requests) == 1

    def test_reports_a_server_that_is_not_there(self, server, pauses):
        server.stop()

        with pytest.raises(ProviderUnavailable):
            Api(server.url, label="Acme", pause=pauses.append).get("/")

        assert len(pauses) == 4

    def test_names_no_token_address_or_payload_in_its_errors(self, server, api, caplog):
        caplog.set_level("DEBUG", logger="integrations")
        server.gives(422, b'{"errors": [{"category": "x", "message": "ada@example.com"}]}', X_Request_Id="1\r\n 2")

        with pytest.raises(RequestRejected) as refusal:
            api.get("/v1/people", {"email": "ada@example.com"})

        for text in (str(refusal.value), caplog.text):
            assert "token-1" not in text
            assert "ada@example.com" not in text


class TestCall:
    def test_sends_json_with_the_token(self, server, api):
        server.gives(200)

        api.call("PATCH", "/things", body={"a": 1}, is_repeatable=False)

        method, path, headers, body = server.requests[0]
        assert (method, path, json.loads(body)) == ("PATCH", "/things", {"a": 1})
        assert headers["Authorization"] == "Bearer token-1"

    @pytest.mark.parametrize("status", [423, 477, 500, 503, 521, 524])
    def test_is_repeated_after_a_passing_trouble(self, server, api, status):
        server.gives(status).gives(200)

        api.call("POST", "/", body={})

        assert [body for _method, _path, _headers, body in server.requests] == [b"{}", b"{}"]

    @pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
    def test_that_must_not_happen_twice_is_left_to_the_caller(self, server, api, status):
        server.gives(status)

        with pytest.raises(ProviderUnavailable):
            api.call("POST", "/", body={}, is_repeatable=False)

        assert len(server.requests) == 1

    def test_that_must_not_happen_twice_is_not_repeated_when_the_connection_breaks(self, server, api):
        server.gives(0).gives(200)

        with pytest.raises(ProviderUnavailable):
            api.call("POST", "/", body={}, is_repeatable=False)

        assert len(server.requests) == 1

    @pytest.mark.parametrize("status", [423, 429, 477])
    def test_that_was_refused_before_anything_was_done_is_repeated_all_the_same(self, server, api, status):
        server.gives(status).gives(200)

        assert api.call("POST", "/", body={}, is_repeatable=False).status == 200

    def test_renews_a_refused_token_even_if_it_must_not_happen_twice(self, server, pauses):
        bearer = TwoTokens()
        server.gives(401, b"").gives(200)

        Api(server.url, label="Acme", bearer=bearer, pause=pauses.append).call("POST", "/", is_repeatable=False)

        assert server.requests[1][2]["Authorization"] == "Bearer renewed"


class TestRefusals:
    def test_are_read_in_the_words_of_the_provider(self, server, pauses):
        server.gives(400, b"whatever")
        api = Api(
            server.url,
            label="Acme",
            pause=pauses.append,
            read_refusal=lambda response: Refusal("NO_GOOD", "shoe_size", "r-1", 3.0),
        )

        with pytest.raises(RequestRejected) as refusal:
            api.get("/")

        error = refusal.value
        assert (error.category, error.detail, error.request_id) == ("NO_GOOD", "shoe_size", "r-1")

    def test_may_say_how_long_to_wait(self, server, pauses):
        server.gives(429).gives(200)

        Api(server.url, label="Acme", pause=pauses.append, read_refusal=lambda response: Refusal(wait=3.0)).get("/")

        assert sum(pauses) == 3


class TestPost:
    def test_sends_a_form_where_that_is_asked_for(self, server, api):
        server.gives(200)

        api.post("/", {"token": "t"}, is_form=True)

        _method, _path, headers, body = server.requests[0]
        assert (headers["Content-Type"], body) == ("application/x-www-form-urlencoded", b"token=t")

    def test_sends_json_without_a_token(self, server, api):
        server.gives(200)

        api.post("/oauth/revoke", {"token": "t"})

        method, _path, headers, body = server.requests[0]
        assert (method, json.loads(body)) == ("POST", {"token": "t"})
        assert "Authorization" not in headers

    def test_is_not_repeated(self, server, api):
        server.gives(500)

        with pytest.raises(ProviderUnavailable):
            api.post("/", {})

        assert len(server.requests) == 1


class TestDoor:
    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_holds_for_the_sessions_of_libraries(self, server, status):
        session = requests.Session()
        harden(session, server.url, Door(label="Acme"))
        server.gives(status, Location="/elsewhere")

        with pytest.raises(RequestRejected, match="redirect"):
            session.post(server.url, data={"client_secret": "hidden"})

        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("url", "is_safe"),
        [
            ("https://api.example.com/v1", True),
            ("http://127.0.0.1:8001/v1", True),
            ("http://localhost:8001/v1", True),
            ("http://[::1]:8001/v1", True),
            ("http://api.example.com/v1", False),
            ("http://127.0.0.1.example.com/v1", False),
            ("http://localhost@example.com/", False),
            ("ftp://127.0.0.1/", False),
            ("", False),
        ],
    )
    def test_lets_only_safe_addresses_out(self, monkeypatch, url, is_safe):
        monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")

        assert is_safe_address(url) is is_safe

    def test_wants_https_everywhere_unless_told_otherwise(self, monkeypatch, server):
        monkeypatch.delenv("OAUTHLIB_INSECURE_TRANSPORT", raising=False)

        with pytest.raises(RequestRejected, match="https"):
            Api(server.url, label="Acme").get("/")

        assert server.requests == []

    def test_ignores_a_netrc_file(self, server, api, monkeypatch, tmp_path):
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        server.gives(200)

        api.get("/")

        assert server.requests[0][2]["Authorization"] == "Bearer token-1"


class TestRetryAfter:
    def test_reads_seconds(self):
        assert retry_after({"Retry-After": "7"}) == 7
        assert retry_after({"Retry-After": " 1.5 "}) == 1.5

    def test_reads_a_date_by_the_servers_own_clock(self):
        sent = datetime(2020, 1, 1, tzinfo=UTC)
        headers = {
            "Date": format_datetime(sent, usegmt=True),
            "Retry-After": format_datetime(sent + timedelta(seconds=20), usegmt=True),
        }

        assert retry_after(headers) == 20

    def test_falls_back_to_the_reset_of_the_limit(self):
        headers = {"Date": "Wed, 01 Jan 2020 00:00:00 GMT", "X-RateLimit-Reset": "2020-01-01T00:00:09+00:00"}

        assert retry_after(headers) == 9

    @pytest.mark.parametrize("text", ["", "soon", "-5", "1e9", "٣"])
    def test_makes_nothing_of_nonsense(self, text):
        assert retry_after({"Retry-After": text}) is None

    def test_never_waits_for_the_past(self):
        assert retry_after({"Retry-After": "Wed, 01 Jan 2020 00:00:00 GMT"}) == 0
