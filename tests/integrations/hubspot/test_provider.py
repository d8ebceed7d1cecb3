"""HubSpot's consent, against the sandbox: who consented, to what, and how it ends."""

from urllib.parse import parse_qs, urlsplit

import pytest

from integrations import connecting, oauth
from integrations.http import AuthorizationLost, ProviderUnavailable, RequestRejected
from integrations.hubspot import scopes
from integrations.hubspot.provider import client_for
from integrations.models import Connection, Grant
from integrations.sandbox.hubspot.app import APP_OBJECT_SCOPES, CUSTOM_OBJECT_SCOPES
from tests.factories.portals import PortalFactory

pytestmark = pytest.mark.django_db

CALLBACK = "http://localhost:8000/integrations/hubspot/callback/"


def query_of(address):
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def token_calls(hubspot, sandbox):
    return [call for call in sandbox.world.calls.newest() if call.path == "/oauth/2026-09/token"]


class TestAuthorizeUrl:
    def test_leads_to_the_consent_page_with_what_it_checks(self, source, settings):
        address = source.authorize_url(state="s-1", redirect_uri=CALLBACK, record_type="contacts")

        query = query_of(address)
        assert address.startswith(f"{settings.HUBSPOT_AUTHORIZE_URL}?")
        assert query["client_id"] == settings.HUBSPOT_CLIENT_ID
        assert query["redirect_uri"] == CALLBACK
        assert query["state"] == "s-1"
        assert query["response_type"] == "code"

    def test_insists_on_what_the_kind_of_records_needs(self, source):
        contacts = query_of(source.authorize_url(state="s", redirect_uri=CALLBACK, record_type="contacts"))
        users = query_of(source.authorize_url(state="s", redirect_uri=CALLBACK, record_type="users"))

        assert contacts["scope"].split() == list(scopes.REQUIRED)
        assert users["scope"].split() == [*scopes.REQUIRED, "crm.objects.users.read", "crm.objects.users.write"]

    def test_asks_besides_for_what_other_portals_of_the_account_may_use(self, source):
        query = query_of(source.authorize_url(state="s", redirect_uri=CALLBACK, record_type="contacts"))

        optional = query["optional_scope"].split()
        assert {"crm.objects.users.read", "crm.objects.users.write", *APP_OBJECT_SCOPES} <= set(optional)
        assert not set(optional).intersection(query["scope"].split())

    def test_asks_for_no_app_object_that_the_operator_does_not_name(self, source, settings):
        settings.HUBSPOT_APP_OBJECT_SCOPES = []

        query = query_of(source.authorize_url(state="s", redirect_uri=CALLBACK, record_type="contacts"))

        assert "crm.app." not in query["optional_scope"]


class TestAccount:
    def test_is_the_hubspot_account_by_its_number_and_domain(self, connect_hubspot, source, hub):
        access, _refresh = oauth.tokens(connect_hubspot().grant)

        account = source.account(access_token=access)

        assert (account.id, account.name) == (str(hub.id), hub.domain)

    def test_is_not_known_for_a_token_that_has_ended(self, connect_hubspot, source, hubspot):
        access, _refresh = oauth.tokens(connect_hubspot().grant)
        hubspot.uninstall()

        with pytest.raises(RequestRejected, match="no account"):
            source.account(access_token=access)


class TestTokens:
    def test_travel_in_the_body_and_never_in_an_address(self, connect_hubspot, hubspot, sandbox):
        connect_hubspot()

        calls = token_calls(hubspot, sandbox)
        assert [(call.method, call.status, call.query) for call in calls] == [("POST", 200, {})]

    def test_keep_what_was_granted(self, connect_hubspot):
        granted = connect_hubspot().grant.scopes.split()

        assert {*scopes.REQUIRED, *APP_OBJECT_SCOPES} <= set(granted)

    def test_are_renewed_after_half_an_hour(self, connect_hubspot, sandbox):
        connection = connect_hubspot()
        before = oauth.tokens(connection.grant)
        Grant.objects.update(expires_at=connection.connected_at)
        sandbox.world.advance_clock(seconds=1801)

        client_for(connection).account()

        connection.grant.refresh_from_db()
        after = oauth.tokens(connection.grant)
        assert after[0] != before[0]
        assert after[1] == before[1]

    def test_ask_for_a_new_consent_when_the_app_was_uninstalled(self, connect_hubspot, hubspot):
        connection = connect_hubspot()
        neighbour = connect_hubspot(PortalFactory(realm=connection.portal.realm), "users")
        hubspot.uninstall()

        with pytest.raises(AuthorizationLost):
            client_for(connection).account()

        states = set(Connection.objects.values_list("state", flat=True))
        assert states == {Connection.State.NEEDS_RECONNECTING}
        assert "HubSpot no longer accepts the consent" in Connection.objects.get(pk=neighbour.pk).state_reason

    def test_ask_for_a_new_consent_when_the_refresh_token_was_revoked(self, connect_hubspot, hubspot):
        connection = connect_hubspot()
        access, refresh = oauth.tokens(connection.grant)
        hubspot.grants.revoke(refresh)
        hubspot.grants.revoke(access)

        with pytest.raises(AuthorizationLost):
            client_for(connection).account()

        connection.refresh_from_db()
        assert connection.state == Connection.State.NEEDS_RECONNECTING

    def test_stay_good_while_hubspot_is_away(self, connect_hubspot, hubspot):
        connection = connect_hubspot()
        Grant.objects.update(expires_at=connection.connected_at)
        hubspot.set_fault("502", path="/oauth/", times=None)

        with pytest.raises(ProviderUnavailable):
            client_for(connection).account()

        connection.refresh_from_db()
        assert connection.state == Connection.State.ACTIVE


class TestRevoke:
    def test_takes_the_app_out_of_the_account(self, connect_hubspot, hubspot, hub):
        connection = connect_hubspot()

        assert connecting.disconnect(connection=connection, user=None)

        assert hub.id not in hubspot.grants.by_account
        assert not Grant.objects.exists()

    def test_renews_a_token_that_has_expired_first(self, connect_hubspot, hubspot, hub, sandbox):
        connection = connect_hubspot()
        sandbox.world.advance_clock(seconds=1801)

        assert connecting.disconnect(connection=connection, user=None)

        assert hub.id not in hubspot.grants.by_account

    def test_has_nothing_to_do_when_the_app_is_gone(self, connect_hubspot, hubspot):
        connection = connect_hubspot()
        hubspot.uninstall()

        assert connecting.disconnect(connection=connection, user=None)

    def test_waits_for_the_last_portal_of_the_account(self, connect_hubspot, hubspot, hub):
        connection = connect_hubspot()
        neighbour = connect_hubspot(PortalFactory(realm=connection.portal.realm), "users")

        connecting.disconnect(connection=connection, user=None)

        assert hub.id in hubspot.grants.by_account
        neighbour.refresh_from_db()
        assert neighbour.state == Connection.State.ACTIVE
        assert client_for(neighbour).account().portal_id == hub.id

        connecting.disconnect(connection=neighbour, user=None)
        assert hub.id not in hubspot.grants.by_account

    def test_says_when_hubspot_could_not_be_told(self, connect_hubspot, hubspot):
        connection = connect_hubspot()
        hubspot.set_fault("502", path="/appinstalls/", times=None)

        assert not connecting.disconnect(connection=connection, user=None)
        connection.refresh_from_db()
        assert connection.state == Connection.State.DISCONNECTED


class TestMissingScopes:
    def test_names_what_the_plan_withheld_and_what_that_disables(self, connect_hubspot, source, hubspot):
        hubspot.set_tier("professional")
        hubspot.set_app_objects(enabled=False)
        connection = connect_hubspot()

        missing = {one.scope: str(one.disables) for one in source.missing_scopes(connection)}

        assert set(missing) == {*CUSTOM_OBJECT_SCOPES, *APP_OBJECT_SCOPES}
        assert missing["crm.schemas.custom.read"] == "Progress cannot be kept in a custom object of the account."
        assert missing[APP_OBJECT_SCOPES[0]].startswith("Progress cannot be kept as “Course enrollments”")

    def test_names_what_was_not_agreed_to(self, connect_hubspot, source):
        connection = connect_hubspot(decision="approve_required")

        missing = [one.scope for one in source.missing_scopes(connection)]

        assert missing == [*APP_OBJECT_SCOPES, *scopes.OPTIONAL]

    def test_does_not_miss_what_another_kind_of_records_needs(self, connect_hubspot, source):
        connection = connect_hubspot(decision="approve_required")

        assert not {"crm.objects.users.read"} & {one.scope for one in source.missing_scopes(connection)}

    def test_misses_nothing_where_everything_was_granted(self, connect_hubspot, source):
        assert not source.missing_scopes(connect_hubspot())

    @pytest.mark.parametrize("record_type", ["contacts", "users"])
    def test_has_a_sentence_for_every_scope(self, record_type):
        for one in scopes.missing(record_type, ()):
            assert str(one.disables).endswith(".")
