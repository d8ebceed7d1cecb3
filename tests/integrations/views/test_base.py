"""Who may open the integration pages, and which connection they are about."""

from http import HTTPStatus

import pytest
from django.urls import reverse

from integrations import urls
from tests.factories.integrations import ConnectionFactory, ExternalIdentityFactory, SyncRunFactory
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory, OperatorFactory

from .conftest import ROOT, markup_of, text_of

PAGES = [
    "reports",
    "connection",
    "mapping",
    "invite_settings",
    "safety_settings",
    "runs",
    "problems",
    "not_taken_over",
    "disconnect",
    "finish",
]
PROBLEM_PAGES = ["problem", "problem_csv"]
PERSON_PAGES = ["why", "why_not", "why_not_search"]
UPCOMING_PAGES = ["upcoming", "make_calendar_link", "revoke_calendar_link"]
POST_ONLY = ["connect", "sync", "preview", "refresh_attributes", "choice_values"]
ALIAS_PAGES = ["remove_alias"]
RUN_PAGES = ["run", "run_progress", "run_csv", "approve", "reject", "apply_preview", "held_mails", "undo", "restore"]


def every_address(run):
    addresses = [reverse("integrations:catalog")]
    addresses += [reverse(f"integrations:{name}", args=["gusto"]) for name in PAGES + POST_ONLY]
    addresses += [reverse(f"integrations:{name}", args=["gusto", "no_email"]) for name in PROBLEM_PAGES]
    addresses += [reverse(f"integrations:{name}") for name in UPCOMING_PAGES]
    addresses += [reverse(f"integrations:{name}", args=["gusto", 1]) for name in ALIAS_PAGES]
    identity = run.connection.identities.get()
    addresses += [
        reverse("integrations:why_not_search"),
        reverse("integrations:why_not", args=[identity.pk]),
        reverse("integrations:why", args=[identity.membership_id]),
    ]
    return addresses + [reverse(f"integrations:{name}", args=["gusto", run.pk]) for name in RUN_PAGES]


@pytest.fixture
def run(connection):
    ExternalIdentityFactory(connection=connection, membership=MembershipFactory(portal=connection.portal))
    return SyncRunFactory(connection=connection)


class TestSettingsPage:
    def test_covers_every_address_of_these_pages(self):
        names = {pattern.name for pattern in urls.urlpatterns}

        assert names == {
            "catalog",
            "not_taken_over_csv",
            *PAGES,
            *POST_ONLY,
            *RUN_PAGES,
            *PROBLEM_PAGES,
            *PERSON_PAGES,
            *ALIAS_PAGES,
            *UPCOMING_PAGES,
        }

    def test_asks_strangers_to_sign_in(self, portal, run, portal_client):
        for address in every_address(run):
            response = portal_client(portal).get(address)

            assert response.status_code == HTTPStatus.FOUND, address
            assert response.url == f"/sign-in/?next={address}"

    def test_takes_a_polling_page_to_the_sign_in_page(self, portal, run, portal_client):
        address = reverse("integrations:run_progress", args=["gusto", run.pk])

        response = portal_client(portal).get(address, headers={"HX-Request": "true"})

        assert response["HX-Redirect"] == "/sign-in/"
        assert not response.content

    @pytest.mark.parametrize("role", ["learner", "manager", "instructor"])
    def test_refuses_whoever_is_no_admin(self, portal, run, portal_client, role):
        someone = MembershipFactory(portal=portal, role=role).user

        for address in every_address(run):
            assert portal_client(portal, someone).get(address).status_code == HTTPStatus.FORBIDDEN, address

    def test_refuses_an_admin_of_another_portal(self, portal, run, portal_client):
        strangers = [AdminFactory(portal=PortalFactory(realm=portal.realm)).user, AdminFactory().user]

        for address in every_address(run):
            for stranger in strangers:
                for method in ("get", "post"):
                    response = getattr(portal_client(portal, stranger), method)(address)

                    # Such an account is not signed in here at all.
                    assert response.url == f"/sign-in/?next={address}", (method, address)

    def test_refuses_an_admin_who_learns_here(self, portal, run, portal_client):
        stranger = AdminFactory(portal=PortalFactory(realm=portal.realm)).user
        MembershipFactory(portal=portal, user=stranger)

        for address in every_address(run):
            for method in ("get", "post"):
                response = getattr(portal_client(portal, stranger), method)(address)

                assert response.status_code == HTTPStatus.FORBIDDEN, (method, address)

    def test_refuses_an_admin_whose_access_has_ended(self, portal, portal_client):
        former = AdminFactory(portal=portal, status="ended").user

        assert portal_client(portal, former).get(ROOT).url.startswith("/sign-in/")

    def test_does_not_exist_at_the_platform_host(self, run, portal_client):
        operator = OperatorFactory()

        for address in every_address(run):
            assert portal_client(None, operator).get(address).status_code == HTTPStatus.NOT_FOUND, address

    def test_is_kept_by_no_browser_or_proxy(self, portal_admin, run):
        for address in every_address(run):
            response = portal_admin.get(address)

            assert "no-store" in response["Cache-Control"], address

    def test_lets_the_operator_in_at_a_portal(self, portal, run, portal_client):
        assert portal_client(portal, OperatorFactory()).get(ROOT).status_code == HTTPStatus.OK


class TestProviderPage:
    @pytest.mark.parametrize("name", POST_ONLY)
    def test_acts_on_post_only(self, portal_admin, connection, name):
        response = portal_admin.get(reverse(f"integrations:{name}", args=["gusto"]))

        assert response.status_code == HTTPStatus.METHOD_NOT_ALLOWED

    def test_knows_only_installed_providers(self, portal_admin, connection):
        assert portal_admin.get(f"{ROOT}workday/").status_code == HTTPStatus.NOT_FOUND

    @pytest.mark.parametrize("name", PAGES)
    def test_explains_a_provider_that_is_not_turned_on(self, portal_admin, portal, connection, name):
        portal.enabled_integrations = []
        portal.save()

        response = portal_admin.get(reverse(f"integrations:{name}", args=["gusto"]))

        assert response.status_code == HTTPStatus.FORBIDDEN
        assert "Gusto is not turned on for this portal" in text_of(response)

    def test_changes_nothing_while_the_provider_is_not_turned_on(self, portal_admin, portal, connection, started):
        portal.enabled_integrations = []
        portal.save()

        for name in ("sync", "disconnect", "mapping", "invite_settings", "connect"):
            response = portal_admin.post(reverse(f"integrations:{name}", args=["gusto"]))
            assert response.status_code == HTTPStatus.FORBIDDEN, name

        connection.refresh_from_db()
        assert connection.state == "active"
        assert not started

    @pytest.mark.parametrize(
        "name", ["mapping", "invite_settings", "runs", "problems", "not_taken_over", "disconnect"]
    )
    def test_sends_those_who_never_connected_to_connect(self, portal_admin, name):
        response = portal_admin.get(reverse(f"integrations:{name}", args=["gusto"]), follow=True)

        assert response.redirect_chain == [(f"{ROOT}gusto/", HTTPStatus.FOUND)]
        assert "Connect Gusto first." in text_of(response)

    def test_never_shows_another_portals_connection(self, portal_admin, connection):
        other = ConnectionFactory(external_account_name="Copper Kettle", external_account_id="c2")
        run = SyncRunFactory(connection=other)

        assert "Copper Kettle" not in text_of(portal_admin.get(f"{ROOT}gusto/"))
        for name in RUN_PAGES:
            address = reverse(f"integrations:{name}", args=["gusto", run.pk])
            for method in ("get", "post"):
                response = getattr(portal_admin, method)(address)
                assert response.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}, address

    def test_marks_the_open_tab(self, portal_admin, connection):
        page = markup_of(portal_admin.get(f"{ROOT}gusto/mapping/"))

        assert page.count('aria-current="page"') == 1
        assert '/mapping/" aria-current="page">Map your data<' in page
