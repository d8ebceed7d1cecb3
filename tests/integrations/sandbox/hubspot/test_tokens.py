"""Codes, tokens, introspection, revocation and uninstalling."""

import pytest

from integrations.sandbox.hubspot.app import APP_ID, CLIENT_ID, REQUIRED_SCOPES
from tests.integrations.sandbox.hubspot.conftest import CREDENTIALS

DETAILS = "/account-info/2026-09/details"
UNINSTALL = "/appinstalls/2026-09/external-install"


class TestCode:
    def test_gives_tokens_that_know_their_account(self, app_without_account, account):
        body = app_without_account.install(scopes=REQUIRED_SCOPES)

        assert body["hub_id"] == account.id
        assert body["expires_in"] == 1800
        assert body["token_type"] == "bearer"
        assert body["scopes"] == sorted(REQUIRED_SCOPES)

    def test_is_good_once(self, app_without_account, hubspot):
        code = hubspot.authorize()
        app_without_account.exchange(code)

        answer = app_without_account.exchange(code)

        assert answer.status_code == 400
        assert answer.json()["status"] == "BAD_AUTH_CODE"
        assert answer.json()["error"] == "invalid_grant"

    def test_expires(self, app_without_account, hubspot, world):
        code = hubspot.authorize()
        world.advance_clock(seconds=600)

        assert app_without_account.exchange(code).json()["status"] == "BAD_AUTH_CODE"

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"redirect_uri": "http://localhost:8000/other/"}, "MISMATCH_REDIRECT_URI_AUTH_CODE"),
            ({"client_id": "somebody"}, "BAD_CLIENT_ID"),
            ({"client_secret": "guessed"}, "BAD_CLIENT_SECRET"),
            ({"code": "na1-unknown"}, "BAD_AUTH_CODE"),
            ({"grant_type": "password"}, "BAD_GRANT_TYPE"),
        ],
    )
    def test_is_refused_with(self, app_without_account, hubspot, changes, status):
        answer = app_without_account.exchange(hubspot.authorize(), **changes)

        assert answer.status_code == 400
        assert answer.json()["status"] == status

    def test_counts_in_a_form_only(self, app_without_account, hubspot):
        fields = CREDENTIALS | {"grant_type": "authorization_code", "code": hubspot.authorize()}
        post = app_without_account.browser.post

        assert post("/oauth/2026-09/token", json=fields).status_code == 400
        assert post("/oauth/2026-09/token", params=fields).status_code == 400


class TestRefreshToken:
    def test_gives_another_access_token_and_stays_the_same(self, app):
        body = app.refresh().json()

        assert body["access_token"] != app.token
        assert body["refresh_token"] == app.refresh_token
        assert app.get(DETAILS).status_code == 200

    def test_stays_the_same_when_the_app_is_approved_again(self, app):
        before = app.refresh_token

        assert app.install(scopes=REQUIRED_SCOPES)["refresh_token"] == before

    @pytest.mark.parametrize("changes", [{"refresh_token": "na1-unknown"}, {"client_id": "x"}, {"client_secret": "x"}])
    def test_is_refused_with_one_status_for_everything(self, app, changes):
        answer = app.refresh(**changes)

        assert answer.status_code == 400
        assert answer.json()["status"] == "BAD_REFRESH_TOKEN"

    def test_ends_when_it_is_revoked_without_uninstalling(self, app):
        assert app.oauth("token/revoke", token=app.refresh_token).status_code == 200

        assert app.refresh().json()["status"] == "BAD_REFRESH_TOKEN"
        assert app.get(DETAILS).status_code == 200


class TestAccessToken:
    def test_expires_after_half_an_hour(self, app, world):
        world.advance_clock(seconds=1842)

        answer = app.get(DETAILS)

        assert answer.status_code == 401
        assert answer.json()["category"] == "EXPIRED_AUTHENTICATION"
        assert "expired 42 second(s) ago" in answer.json()["message"]
        assert answer.json()["context"]["expire time"]

    @pytest.mark.parametrize("token", ["", "unknown"])
    def test_is_needed(self, app, token):
        app.token = token

        assert app.get(DETAILS).json()["category"] == "INVALID_AUTHENTICATION"

    def test_ends_when_it_is_revoked(self, app):
        app.oauth("token/revoke", token=app.token)

        assert app.get(DETAILS).status_code == 401


class TestIntrospection:
    @pytest.mark.parametrize("field", ["token", "access_token"])
    def test_tells_whose_token_it_is(self, app, account, field):
        body = app.oauth("token/introspect", **{field: app.token}).json()

        assert body["active"] is True
        assert body["hub_id"] == account.id
        assert body["hub_domain"] == account.domain
        assert body["user"] == account.admin.email
        assert body["app_id"] == APP_ID
        assert body["client_id"] == CLIENT_ID
        assert 1790 <= body["expires_in"] <= 1800

    def test_knows_refresh_tokens(self, app):
        body = app.oauth("token/introspect", refresh_token=app.refresh_token).json()

        assert body["token_use"] == "refresh_token"
        assert "expires_in" not in body

    def test_says_no_more_of_an_unknown_token(self, app):
        assert app.oauth("token/introspect", token="unknown").json() == {"active": False}

    def test_is_for_the_app_only(self, app):
        assert app.oauth("token/introspect", token=app.token, client_secret="guessed").status_code == 400


class TestAccountDetails:
    def test_describe_the_account(self, app, account):
        body = app.get(DETAILS).json()

        assert body["portalId"] == account.id
        assert body["uiDomain"] == "app-eu1.hubspot.com"
        assert body["timeZone"] == "Europe/Dublin"
        assert body["utcOffset"] in ("+00:00", "+01:00")

    def test_are_of_the_account_that_installed_the_app(self, app):
        app.install(account="Small Boat Studio")

        assert app.get(DETAILS).json()["portalId"] == 6677889


class TestUninstall:
    def test_ends_every_token_of_the_account(self, app):
        answer = app.delete(UNINSTALL)

        assert (answer.status_code, answer.text) == (204, "")
        assert app.get(DETAILS).status_code == 401
        assert app.refresh().json()["status"] == "BAD_REFRESH_TOKEN"

    def test_leaves_other_accounts_alone(self, app, hubspot):
        first = app.token
        app.install(account="Small Boat Studio")
        hubspot.uninstall("Small Boat Studio")

        assert app.get(DETAILS).status_code == 401
        app.token = first
        assert app.get(DETAILS).status_code == 200

    def test_is_over_when_the_app_is_approved_again(self, app):
        before = app.refresh_token
        app.delete(UNINSTALL)

        app.install()

        assert app.refresh_token != before
        assert app.get(DETAILS).status_code == 200


class TestCallRecord:
    def test_names_the_endpoint_and_the_account_but_no_token(self, app, world, account):
        app.get(DETAILS)

        call = world.calls.newest(1)[0]

        assert call.pattern == "/account-info/{version}/details"
        assert call.grant == account.id
        assert app.token not in str(world.calls.newest())
