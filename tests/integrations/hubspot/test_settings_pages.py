"""Who may open the pages that only HubSpot's connections have."""

from http import HTTPStatus

import pytest
from django.urls import reverse

from integrations.hubspot import settings_urls
from tests.factories.integrations import ConnectionFactory
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory, OperatorFactory

pytestmark = pytest.mark.django_db

POST_ONLY = {"progress_check", "progress_compare", "progress_retry_all", "progress_retry", "settle_merge"}
METHODS = ("get", "post")


def address(pattern):
    values = {"strategy": "properties"}
    return reverse(
        f"hubspot:{pattern.name}", kwargs={name: values.get(name, 1) for name in pattern.pattern.regex.groupindex}
    )


@pytest.fixture
def portal():
    return PortalFactory(enabled_integrations=["hubspot"])


@pytest.fixture
def connection(portal):
    return ConnectionFactory(portal=portal, provider="hubspot", record_type="contacts", external_account_id="77")


@pytest.mark.parametrize("pattern", settings_urls.urlpatterns, ids=lambda pattern: pattern.name)
class TestEveryPage:
    def test_asks_strangers_to_sign_in(self, portal, connection, portal_client, pattern):
        colleague = AdminFactory(portal=PortalFactory(realm=portal.realm)).user

        for client in (
            portal_client(portal),
            portal_client(portal, colleague),
            portal_client(portal, AdminFactory().user),
        ):
            for method in METHODS:
                answer = getattr(client, method)(address(pattern))
                assert answer.url == f"/sign-in/?next={address(pattern)}"

    @pytest.mark.parametrize("role", ["learner", "manager", "instructor"])
    def test_refuses_whoever_is_no_admin(self, portal, connection, portal_client, pattern, role):
        someone = MembershipFactory(portal=portal, role=role, status="active").user

        for method in METHODS:
            answer = getattr(portal_client(portal, someone), method)(address(pattern))
            assert answer.status_code == HTTPStatus.FORBIDDEN

    def test_does_not_exist_at_the_platform_host(self, connection, portal_client, pattern):
        assert portal_client(None, OperatorFactory()).get(address(pattern)).status_code == HTTPStatus.NOT_FOUND

    def test_leads_to_the_way_to_connect_before_there_is_a_connection(self, portal, portal_client, pattern):
        client = portal_client(portal, AdminFactory(portal=portal).user)

        answer = client.get(address(pattern))

        assert answer.status_code in (HTTPStatus.FOUND, HTTPStatus.METHOD_NOT_ALLOWED)

    def test_says_so_where_hubspot_is_not_turned_on(self, portal, connection, portal_client, pattern):
        portal.enabled_integrations = []
        portal.save()

        answer = portal_client(portal, AdminFactory(portal=portal).user).post(address(pattern))

        assert answer.status_code in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)

    def test_shows_itself_or_acts_on_post_only(self, portal, connection, portal_client, pattern):
        answer = portal_client(portal, AdminFactory(portal=portal).user).get(address(pattern))

        if pattern.name in POST_ONLY:
            assert answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED
        else:
            assert answer.status_code in (HTTPStatus.OK, HTTPStatus.NOT_FOUND)


class TestScopeAndSafety:
    def test_asks_nothing_about_mails_that_no_sync_sends(self, portal, connection, portal_client):
        client = portal_client(portal, AdminFactory(portal=portal).user)
        address = reverse("integrations:safety_settings", args=["hubspot"])

        page = client.get(address)

        assert "mails-title" not in page.content.decode()
        assert "brake-title" in page.content.decode()
