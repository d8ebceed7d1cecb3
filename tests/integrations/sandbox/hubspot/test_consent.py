"""The consent page, as an admin's browser meets it."""

from urllib.parse import parse_qs, urlsplit

import pytest

from integrations.sandbox.hubspot.app import CLIENT_ID, DEFAULT_CALLBACK, REQUIRED_SCOPES

LINK = {
    "client_id": CLIENT_ID,
    "redirect_uri": DEFAULT_CALLBACK,
    "scope": " ".join(REQUIRED_SCOPES),
    "optional_scope": "crm.objects.users.read crm.schemas.custom.read automation",
    "state": "opaque",
}
ENTERPRISE, PROFESSIONAL, FREE = "4455667", "5566778", "6677889"


@pytest.fixture
def decide(browser):
    """Post the page's form and return what the browser is sent back with."""

    def decide(decision, account=ENTERPRISE, **changes):
        fields = LINK | changes | {"account": account, "decision": decision}
        answer = browser.post("/hubspot/oauth/authorize", data=fields, allow_redirects=False)
        assert answer.status_code == 302
        location = answer.headers["Location"]
        assert location.startswith(f"{DEFAULT_CALLBACK}?")
        return {key: values[0] for key, values in parse_qs(urlsplit(location).query).items()}

    return decide


class TestConsentPage:
    def test_offers_the_accounts_and_names_what_is_asked(self, browser):
        answer = browser.get("/hubspot/oauth/authorize", params=LINK)

        assert answer.status_code == 200
        assert "Larkfield Academy" in answer.text
        assert "Read contacts" in answer.text
        assert "See which custom objects there are" in answer.text

    def test_has_the_account_of_its_address_chosen(self, browser):
        answer = browser.get(f"/hubspot/oauth/{PROFESSIONAL}/authorize", params=LINK)

        assert f'<option value="{PROFESSIONAL}" selected>' in answer.text

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"client_id": "somebody"}, "client id is wrong"),
            ({"redirect_uri": "https://elsewhere.example/"}, "does not match"),
            ({"redirect_uri": f"{DEFAULT_CALLBACK}?more=1"}, "does not match"),
            ({"scope": "oauth crm.objects.contacts.read"}, "crm.objects.contacts.write"),
            ({"scope": f"{LINK['scope']} crm.objects.deals.read"}, "crm.objects.deals.read"),
            ({"optional_scope": "tickets"}, "tickets"),
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_is_an_error_page_for_a_wrong_link(self, browser, method, changes, problem):
        link = LINK | changes
        carried = {"params": link} if method == "GET" else {"data": link | {"account": ENTERPRISE}}

        answer = browser.request(method, "/hubspot/oauth/authorize", allow_redirects=False, **carried)

        assert answer.status_code == 400
        assert "Location" not in answer.headers
        assert problem in answer.text

    def test_accepts_registered_addresses_only(self, browser, hubspot):
        hubspot.register_redirects(["https://rollcall.example.com/callback/"])

        assert browser.get("/hubspot/oauth/authorize", params=LINK).status_code == 400


class TestDecision:
    def test_approve_grants_what_the_account_has(self, decide, app_without_account):
        back = decide("approve")

        scopes = app_without_account.exchange(back["code"]).json()["scopes"]

        assert back["state"] == "opaque"
        assert set(scopes) == {*REQUIRED_SCOPES, *LINK["optional_scope"].split()}

    def test_approve_leaves_out_optional_scopes_that_the_plan_lacks(self, decide, app_without_account):
        code = decide("approve", account=FREE)["code"]

        assert set(app_without_account.exchange(code).json()["scopes"]) == {*REQUIRED_SCOPES, "crm.objects.users.read"}

    def test_without_the_optional_scopes_grants_the_required_ones(self, decide, app_without_account):
        code = decide("approve_required")["code"]

        assert set(app_without_account.exchange(code).json()["scopes"]) == set(REQUIRED_SCOPES)

    def test_for_a_plan_that_lacks_a_required_scope_asks_for_another_account(self, browser):
        link = LINK | {"scope": f"{LINK['scope']} automation", "account": FREE, "decision": "approve"}

        answer = browser.post("/hubspot/oauth/authorize", data=link, allow_redirects=False)

        assert answer.status_code == 422
        assert "automation" in answer.text

    def test_needs_an_account(self, browser):
        answer = browser.post("/hubspot/oauth/authorize", data=LINK | {"decision": "approve"}, allow_redirects=False)

        assert answer.status_code == 422

    def test_deny_sends_the_refusal_back(self, decide):
        back = decide("deny")

        assert back["error"] == "access_denied"
        assert back["error_description"]
        assert back["state"] == "opaque"
        assert "code" not in back
