"""Tokens against the sandbox, which rotates them as Gusto does."""

import json
import threading
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connections, transaction
from django.utils import timezone

from integrations import oauth
from integrations.gusto.provider import application
from integrations.http import AuthorizationLost, Door, ProviderUnavailable, RequestRejected
from integrations.models import Connection, Grant

CALLBACK = "http://localhost:8000/integrations/gusto/callback/"


@pytest.fixture
def connection(connect):
    return connect()


def stored_tokens(connection):
    return oauth.tokens(Grant.objects.get(connections=connection))


def let_expire(connection, *, seconds_left=0):
    Grant.objects.filter(connections=connection).update(expires_at=timezone.now() + timedelta(seconds=seconds_left))


def exchanges(world):
    return world.calls.counters().get("POST /oauth/token", {"total": 0})["total"]


class TestAuthorizeUrl:
    def test_names_us_the_callback_and_the_state(self, sandbox):
        address = urlsplit(oauth.authorize_url(application(), state="s-1", redirect_uri=CALLBACK))

        assert f"{address.scheme}://{address.netloc}{address.path}" == f"{sandbox.url}/oauth/authorize"
        assert parse_qs(address.query) == {
            "client_id": ["rollcall-sandbox"],
            "redirect_uri": [CALLBACK],
            "response_type": ["code"],
            "state": ["s-1"],
        }


class TestExchange:
    def test_returns_the_token_answer(self, world):
        code = world.authorize(redirect_uri=CALLBACK)

        answer = oauth.exchange(application(), code=code, redirect_uri=CALLBACK)

        assert answer["access_token"]
        assert answer["refresh_token"]
        assert answer["expires_in"] == 7200

    @pytest.mark.parametrize(
        "part",
        [
            {"access_token": None},
            {"access_token": ""},
            {"access_token": "a\r\nb"},
            {"access_token": "\ud800"},
            {"refresh_token": 1},
            {"expires_in": "soon"},
            {"expires_in": float("nan")},
            {"expires_in": 10**30},
            {"scope": 0},
            {"scope": "a\0b"},
        ],
    )
    def test_does_not_use_an_answer_with_something_else_in_it(self, world, monkeypatch, part):
        send = Door.send

        def changed(door, *args, **options):
            response = send(door, *args, **options)
            response._content = json.dumps({**response.json(), **part}).encode()
            return response

        monkeypatch.setattr(Door, "send", changed)
        code = world.authorize(redirect_uri=CALLBACK)

        with pytest.raises(ProviderUnavailable):
            oauth.exchange(application(), code=code, redirect_uri=CALLBACK)

    def test_takes_an_empty_error_for_none(self, world, monkeypatch):
        send = Door.send

        def changed(door, *args, **options):
            response = send(door, *args, **options)
            response._content = json.dumps({**response.json(), "error": None}).encode()
            return response

        monkeypatch.setattr(Door, "send", changed)
        code = world.authorize(redirect_uri=CALLBACK)

        assert oauth.exchange(application(), code=code, redirect_uri=CALLBACK)["access_token"]

    def test_refuses_a_code_the_second_time(self, world):
        code = world.authorize(redirect_uri=CALLBACK)
        oauth.exchange(application(), code=code, redirect_uri=CALLBACK)

        with pytest.raises(AuthorizationLost):
            oauth.exchange(application(), code=code, redirect_uri=CALLBACK)

    def test_does_not_blame_the_customer_for_our_wrong_secret(self, world, settings):
        settings.GUSTO_CLIENT_SECRET = "wrong"
        code = world.authorize(redirect_uri=CALLBACK)

        with pytest.raises(RequestRejected, match="InvalidClient"):
            oauth.exchange(application(), code=code, redirect_uri=CALLBACK)

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            ("429", ProviderUnavailable),
            ("500", ProviderUnavailable),
            ("502", ProviderUnavailable),
            ("503", ProviderUnavailable),
            ("drop", ProviderUnavailable),
            ("truncate", ProviderUnavailable),
            ("not_json", ProviderUnavailable),
            ("oversize", RequestRejected),
            ("redirect", RequestRejected),
            ("401", RequestRejected),
        ],
    )
    def test_survives_what_may_come_back(self, world, fault, error):
        code = world.authorize(redirect_uri=CALLBACK)
        world.set_fault(fault, path="/oauth/token", size=1_000_000)

        with pytest.raises(error) as trouble:
            oauth.exchange(application(), code=code, redirect_uri=CALLBACK)

        assert code not in str(trouble.value)
        # No redirect was followed and nothing was tried again: a code works once.
        assert world.calls.counters() == {"POST /oauth/token": {"total": 1, **_status(world)}}

    def test_logs_no_token(self, world, caplog):
        caplog.set_level("DEBUG")
        code = world.authorize(redirect_uri=CALLBACK)

        answer = oauth.exchange(application(), code=code, redirect_uri=CALLBACK)

        for secret in (code, answer["access_token"], answer["refresh_token"], "rollcall-sandbox-secret"):
            assert secret not in caplog.text


def _status(world):
    (counts,) = world.calls.counters().values()
    return {status: count for status, count in counts.items() if status != "total"}


class TestAccessToken:
    @pytest.fixture(autouse=True)
    def database(self, transactional_db):
        """Renewing has a transaction of its own."""

    def test_returns_the_stored_one_while_it_is_good(self, world, connection):
        before = exchanges(world)

        token, left = oauth.access_token(connection, application())

        assert token == stored_tokens(connection)[0]
        assert timedelta(seconds=7000) < left < timedelta(seconds=7081)
        assert exchanges(world) == before

    def test_renews_it_two_minutes_before_its_end(self, connection):
        old_access, old_refresh = stored_tokens(connection)
        let_expire(connection, seconds_left=119)

        token, left = oauth.access_token(connection, application())

        access, refresh = stored_tokens(connection)
        assert token == access != old_access
        assert refresh != old_refresh
        assert left > timedelta(seconds=7000)

    def test_renews_a_refused_one_whatever_the_clock_says(self, connection):
        old_access, _refresh = stored_tokens(connection)

        token, _left = oauth.access_token(connection, application(), refused=old_access)

        assert token == stored_tokens(connection)[0] != old_access

    def test_takes_what_somebody_else_renewed(self, world, connection):
        old_access, _refresh = stored_tokens(connection)
        oauth.access_token(connection, application(), refused=old_access)
        before = exchanges(world)

        token, _left = oauth.access_token(connection, application(), refused=old_access)

        assert token == stored_tokens(connection)[0]
        assert exchanges(world) == before

    def test_commits_before_the_new_token_is_used(self, connection, gusto):
        # Gusto ends the old refresh token at the first use of the new access token: a rollback would lose the grant.
        let_expire(connection)

        with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
            oauth.access_token(connection, application())

        token, _left = oauth.access_token(connection, application())
        assert gusto.account(access_token=token).id == connection.external_account_id

    def test_exchanges_once_for_eight_workers_and_keeps_the_chain_alive(self, world, connection, gusto):
        refused = stored_tokens(connection)[0]
        before = exchanges(world)
        found = []

        def renew():
            try:
                found.append(oauth.access_token(connection, application(), refused=refused)[0])
            finally:
                connections.close_all()

        in_parallel(renew, times=8)

        assert len(found) == 8
        assert set(found) == {stored_tokens(connection)[0]}
        assert exchanges(world) == before + 1
        assert gusto.account(access_token=found[0]).id == connection.external_account_id
        for _round in range(3):
            access = stored_tokens(connection)[0]
            token, _left = oauth.access_token(connection, application(), refused=access)
            assert gusto.account(access_token=token).id == connection.external_account_id

    def test_survives_a_crash_between_exchange_and_commit(self, connection, gusto, monkeypatch):
        let_expire(connection)
        monkeypatch.setattr(oauth, "keep", crash)
        with pytest.raises(Crash):
            oauth.access_token(connection, application())
        monkeypatch.undo()

        token, _left = oauth.access_token(connection, application())

        assert gusto.account(access_token=token).id == connection.external_account_id

    def test_asks_for_a_new_consent_when_the_grant_is_gone(self, world, connection):
        world.revoke_grants()
        let_expire(connection)

        with pytest.raises(AuthorizationLost):
            oauth.access_token(connection, application())

        connection.refresh_from_db()
        assert connection.state == Connection.State.NEEDS_RECONNECTING
        assert "Connect again" in connection.state_reason

    def test_does_not_bother_the_provider_once_the_consent_is_gone(self, world, connection):
        world.revoke_grants()
        let_expire(connection)
        with pytest.raises(AuthorizationLost):
            oauth.access_token(connection, application())
        before = exchanges(world)

        with pytest.raises(AuthorizationLost):
            oauth.access_token(connection, application())

        assert exchanges(world) == before

    @pytest.mark.parametrize("fault", ["500", "502", "429", "drop", "401", "redirect"])
    def test_leaves_the_connection_alone_after_a_passing_trouble(self, world, connection, fault):
        let_expire(connection)
        tokens = stored_tokens(connection)
        world.set_fault(fault, path="/oauth/token")

        with pytest.raises((ProviderUnavailable, RequestRejected)):
            oauth.access_token(connection, application())

        connection.refresh_from_db()
        assert connection.state == Connection.State.ACTIVE
        assert stored_tokens(connection) == tokens
        assert oauth.access_token(connection, application())[0]

    def test_comes_back_later_when_another_worker_takes_too_long(self, connection, monkeypatch):
        monkeypatch.setattr(oauth, "LOCK_SECONDS", 0.05)
        let_expire(connection)
        is_locked, may_end = threading.Event(), threading.Event()

        def hold():
            try:
                with transaction.atomic():
                    Grant.objects.select_for_update().get(connections=connection)
                    is_locked.set()
                    may_end.wait(60)
            finally:
                connections.close_all()

        holder = threading.Thread(target=hold, daemon=True)
        holder.start()
        assert is_locked.wait(60)

        with pytest.raises(ProviderUnavailable) as trouble:
            oauth.access_token(connection, application())

        may_end.set()
        holder.join()
        assert trouble.value.retry_after == 0.05

    def test_says_that_a_key_is_missing_instead_of_asking_for_consent(self, connection, settings):
        settings.ROLLCALL_ENCRYPTION_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]

        with pytest.raises(RequestRejected, match="no key opens it"):
            oauth.access_token(connection, application())

        connection.refresh_from_db()
        assert connection.state == Connection.State.ACTIVE

    def test_refuses_a_token_of_another_row(self, connect, connection):
        other = connect(company="Juniper Works Inc")
        Grant.objects.filter(connections=connection).update(
            access_token=Grant.objects.get(connections=other).access_token
        )

        with pytest.raises(RequestRejected, match="another place"):
            oauth.access_token(connection, application())


class TestBearer:
    @pytest.fixture(autouse=True)
    def database(self, transactional_db):
        """Renewing has a transaction of its own."""

    def test_remembers_the_token_between_calls(self, connection, django_assert_num_queries):
        bearer = oauth.Bearer(connection, application())

        with django_assert_num_queries(1):
            assert bearer.token() == bearer.token() == stored_tokens_of(bearer)

    def test_renews_after_a_refusal(self, connection):
        bearer = oauth.Bearer(connection, application())
        first = bearer.token()

        assert bearer.token(refused=first) == stored_tokens(connection)[0] != first

    def test_asks_for_a_new_consent_when_told_that_renewing_did_not_help(self, connection):
        oauth.Bearer(connection, application()).lost()

        connection.refresh_from_db()
        assert connection.state == Connection.State.NEEDS_RECONNECTING


def stored_tokens_of(bearer):
    return bearer._token


class Crash(Exception):
    """The worker dies here."""


def crash(*args):
    raise Crash


def in_parallel(work, *, times):
    threads = [threading.Thread(target=work, daemon=True) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
