"""Consent, tokens and their rotation, revocation."""

from urllib.parse import parse_qs, urlsplit

import pytest

from integrations.sandbox.world import CLIENT_ID, DEFAULT_CALLBACK
from tests.integrations.sandbox.conftest import CREDENTIALS

LINK = {
    "client_id": CLIENT_ID,
    "redirect_uri": DEFAULT_CALLBACK,
    "response_type": "code",
    "state": "a&b",
}
SIGN_IN = {"user_id": "ines@harborpine.example", "password": "any"}


def decide(browser, **fields):
    """Send the consent form; return the answer and the query of the address it leads to."""
    response = browser.post("/oauth/authorize", data=LINK | SIGN_IN | fields, allow_redirects=False)
    return response, parse_qs(urlsplit(response.headers.get("Location", "")).query)


class TestConsentPage:
    def test_names_the_companies_and_what_will_be_read(self, browser):
        page = browser.get("/oauth/authorize", params=LINK)

        assert page.status_code == 200
        assert "Harbor &amp; Pine Outfitters LLC" in page.text
        assert "Juniper Works Inc" in page.text
        assert 'value="a&amp;b"' in page.text

    def test_sends_an_allowing_admin_back_with_code_and_state(self, browser, world, stranger):
        response, query = decide(browser, company=world.company.uuid, decision="allow")

        assert response.status_code == 302
        assert response.headers["Location"].startswith(DEFAULT_CALLBACK + "?")
        assert query["state"] == ["a&b"]
        exchange = stranger.token_request(
            grant_type="authorization_code", code=query["code"][0], redirect_uri=DEFAULT_CALLBACK
        )
        assert exchange.status_code == 200

    def test_sends_a_denying_admin_back_with_an_error(self, browser, world):
        response, query = decide(browser, decision="deny")

        assert response.status_code == 302
        assert query == {"error": ["access_denied"], "state": ["a&b"]}
        assert world.grants.living() == 0

    def test_asks_again_without_a_password(self, browser):
        response, _ = decide(browser, password="", decision="allow")

        assert response.status_code == 422
        assert "Location" not in response.headers

    def test_refuses_an_unknown_company(self, browser):
        response, _ = decide(browser, company="nobody", decision="allow")

        assert response.status_code == 422

    @pytest.mark.parametrize(
        "wrong",
        [
            {"client_id": "somebody-else"},
            {"redirect_uri": "http://localhost:8000/elsewhere/"},
            {"redirect_uri": f"{DEFAULT_CALLBACK}#part"},
            {"redirect_uri": f"javascript://x{urlsplit(DEFAULT_CALLBACK).path}"},
            {"redirect_uri": ""},
        ],
    )
    def test_shows_an_error_page_for_a_wrong_link(self, browser, wrong):
        for answer in (
            browser.get("/oauth/authorize", params=LINK | wrong, allow_redirects=False),
            decide(browser, decision="allow", **wrong)[0],
            decide(browser, decision="deny", **wrong)[0],
        ):
            assert answer.status_code == 400
            assert "Location" not in answer.headers

    def test_accepts_only_registered_addresses_once_there_are_some(self, browser, world):
        world.register_redirects(uris=["https://portal.example/integrations/gusto/callback/"])

        assert browser.get("/oauth/authorize", params=LINK).status_code == 400

    def test_refuses_another_response_type(self, browser):
        answer = browser.get("/oauth/authorize", params=LINK | {"response_type": "token"}, allow_redirects=False)

        assert "error=unsupported_response_type" in answer.headers["Location"]


class TestCode:
    def test_is_good_once(self, stranger, world):
        fields = {
            "grant_type": "authorization_code",
            "code": world.authorize(),
            "redirect_uri": DEFAULT_CALLBACK,
        }

        first, second = stranger.token_request(**fields), stranger.token_request(**fields)

        assert first.status_code == 200
        assert second.status_code == 400
        assert second.json()["error"] == "invalid_grant"

    def test_lives_ten_minutes(self, stranger, world):
        code = world.authorize()
        world.advance_clock(seconds=601)

        answer = stranger.token_request(grant_type="authorization_code", code=code, redirect_uri=DEFAULT_CALLBACK)

        assert answer.json()["error"] == "invalid_grant"

    def test_is_bound_to_its_redirect_address(self, stranger, world):
        answer = stranger.token_request(
            grant_type="authorization_code",
            code=world.authorize(),
            redirect_uri="http://other.example/integrations/gusto/callback/",
        )

        assert answer.json()["error"] == "invalid_grant"


class TestToken:
    def test_is_handed_out_for_a_form_body_too(self, sandbox, browser):
        fields = CREDENTIALS | {
            "grant_type": "authorization_code",
            "code": sandbox.world.authorize(),
            "redirect_uri": DEFAULT_CALLBACK,
        }

        answer = browser.post("/oauth/token", data=fields)

        assert answer.status_code == 200
        assert answer.json()["expires_in"] == 7200
        assert "employees:read" in answer.json()["scope"]

    @pytest.mark.parametrize(
        ("fields", "status", "error"),
        [
            ({"client_secret": "wrong"}, 401, "invalid_client"),
            ({"client_id": "wrong"}, 401, "invalid_client"),
            ({"grant_type": "password"}, 400, "unsupported_grant_type"),
            ({}, 400, "invalid_request"),
            ({"grant_type": "authorization_code", "code": "x"}, 400, "invalid_request"),
            ({"grant_type": "refresh_token", "refresh_token": "x"}, 400, "invalid_grant"),
        ],
    )
    def test_is_refused(self, stranger, fields, status, error):
        answer = stranger.token_request(**fields)

        assert answer.status_code == status
        assert answer.json()["error"] == error

    def test_is_refused_with_the_secret_in_the_url(self, sandbox, browser):
        answer = browser.post("/oauth/token", params=CREDENTIALS, json={"grant_type": "system_access"})

        assert answer.status_code == 400
        assert CREDENTIALS["client_secret"] not in str(sandbox.world.calls.newest())

    def test_is_refused_with_basic_authentication(self, browser):
        answer = browser.post(
            "/oauth/token",
            auth=tuple(CREDENTIALS.values()),
            json={"grant_type": "system_access"},
        )

        assert answer.status_code == 401

    def test_is_refused_for_a_body_that_is_no_json(self, browser):
        answer = browser.post("/oauth/token", data=b"[1", headers={"Content-Type": "application/json"})

        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_request"

    def test_of_the_application_opens_no_company(self, application):
        token = application.token_request(grant_type="system_access").json()["access_token"]

        assert application.employees(token=token).status_code == 403


class TestAccessToken:
    def test_expires_after_two_hours(self, application, world):
        world.advance_clock(seconds=7201)

        answer = application.get("/v1/token_info")

        assert answer.status_code == 401
        assert answer.json()["errors"][0]["category"] == "invalid_token"
        assert "invalid_token" in answer.headers["WWW-Authenticate"]

    def test_belongs_to_one_company(self, stranger, world):
        stranger.connect("Juniper Works Inc")

        assert stranger.company_uuid != world.company.uuid
        assert stranger.get(f"/v1/companies/{world.company.uuid}").status_code == 404
        assert stranger.get(f"/v1/employees/{world.find('Maya Okafor').uuid}").status_code == 404


class TestRefresh:
    def test_keeps_the_old_token_until_the_new_one_is_used(self, stranger):
        old = stranger.connect()["refresh_token"]

        lost_answer = stranger.refresh(old)
        repeated = stranger.refresh(old)

        assert lost_answer.status_code == repeated.status_code == 200
        stranger.token = repeated.json()["access_token"]
        assert stranger.get("/v1/token_info").status_code == 200
        assert stranger.refresh(old).json()["error"] == "invalid_grant"

    def test_ends_the_old_pair_with_the_first_use_of_the_new_one(self, stranger):
        first = stranger.connect()
        second = stranger.refresh(first["refresh_token"]).json()

        assert stranger.get("/v1/token_info", token=first["access_token"]).status_code == 200
        assert stranger.get("/v1/token_info", token=second["access_token"]).status_code == 200
        assert stranger.get("/v1/token_info", token=first["access_token"]).status_code == 401
        assert stranger.refresh(second["refresh_token"]).status_code == 200

    def test_works_after_the_access_token_has_expired(self, stranger, world):
        pair = stranger.connect()
        world.advance_clock(days=30)

        assert stranger.refresh(pair["refresh_token"]).status_code == 200


class TestRevocation:
    def test_ends_the_grant_for_good(self, stranger, browser):
        pair = stranger.connect()

        answer = browser.post("/oauth/revoke", json=CREDENTIALS | {"token": pair["access_token"]})

        assert answer.status_code == 200
        assert stranger.get("/v1/token_info").status_code == 401
        assert stranger.refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"

    def test_leaves_another_grant_of_the_company_alone(self, application, browser):
        kept, dropped = application.token, application.connect()["access_token"]

        browser.post("/oauth/revoke", json=CREDENTIALS | {"token": dropped})

        assert application.get("/v1/token_info", token=kept).status_code == 200

    def test_needs_the_secret(self, application, browser):
        answer = browser.post(
            "/oauth/revoke",
            json={"client_id": CLIENT_ID, "client_secret": "wrong", "token": application.token},
        )

        assert answer.status_code == 401
        assert application.get("/v1/token_info").status_code == 200

    def test_by_disconnecting_ends_every_grant_of_the_company(self, application, browser):
        first = application.token
        application.connect()
        system = application.token_request(grant_type="system_access").json()["access_token"]
        url = f"/v1/companies/{application.company_uuid}/disconnect_app_integration"

        assert browser.post(url, headers={"Authorization": f"Bearer {first}"}).status_code == 403
        assert browser.post(url, headers={"Authorization": f"Bearer {system}"}).status_code == 204
        assert application.get("/v1/token_info").status_code == 401
        assert application.get("/v1/token_info", token=first).status_code == 401

    def test_by_the_customer_shows_as_401_and_invalid_grant(self, stranger, world):
        pair = stranger.connect()

        assert world.revoke_grants() == 1
        assert stranger.get("/v1/token_info").status_code == 401
        assert stranger.refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"
