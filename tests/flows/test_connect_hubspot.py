"""Add accounts using HubSpot as the source of truth: setting up the integration, in one portal and in several."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import tasks
from integrations.models import Connection, ConsentRequest, ExternalIdentity, Grant
from portals.models import SamlSettings
from tests.factories.integrations import ExternalIdentityFactory
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory

from .conftest import HUBSPOT

pytestmark = pytest.mark.django_db

CATALOG = "/admin/settings/integrations/"


@pytest.fixture
def sub_portal(academy, visit):
    """A second portal of the same realm, for the company's own teams, and the browser of its admin."""
    portal = PortalFactory(
        name="Larkfield Teams", slug="teams", realm=academy.realm, parent=academy, enabled_integrations=["hubspot"]
    )
    return portal, visit(portal).let_in(AdminFactory(portal=portal).user)


class TestFirstTimeSetup:
    def test_leads_from_the_navigation_through_the_consent_to_active(self, enabler, hubspot, sandbox):
        enabler.open("/admin/").follow("Integrations")
        assert "CRM" in enabler.words
        enabler.follow("Set up HubSpot")
        assert "Contact records" in enabler.words
        assert "User records" in enabler.words

        enabler.press("+ Connect", record_type="Contact records")
        assert enabler.address.startswith(f"{sandbox.url}/hubspot/oauth/authorize?")
        assert "Read contacts" in enabler.words
        assert "Read the names of owners" in enabler.words

        enabler.press("Connect app", account="Larkfield Academy")
        assert "Connect larkfield.example?" in enabler.words
        enabler.press("Finish")

        assert "larkfield.example is connected." in enabler.words
        assert "Learners come from Contact records" in enabler.words
        assert "HubSpot Active" in enabler.open(CATALOG).words

    def test_asks_for_users_only_where_learners_are_users(self, enabler, academy, hubspot):
        enabler.open(HUBSPOT).press("+ Connect", record_type="User records")
        required = enabler.words.partition("And, if the account has it:")[0]
        assert "Read users" in required

        enabler.open(academy.url(HUBSPOT)).press("+ Connect", record_type="Contact records")
        required = enabler.words.partition("And, if the account has it:")[0]
        assert "Read users" not in required

    def test_changes_nothing_when_the_admin_cancels(self, enabler, hubspot):
        enabler.open(HUBSPOT).press("+ Connect", record_type="Contact records").press("Cancel")

        assert "HubSpot was not connected" in enabler.words
        assert not Connection.objects.exists()

    def test_works_without_the_optional_permissions_and_says_what_is_missing(self, enabler, hubspot):
        enabler.open(HUBSPOT).press("+ Connect", record_type="Contact records")
        enabler.press("Connect without the optional permissions", account="Larkfield Academy").press("Finish")

        assert "HubSpot connection Active" in enabler.words
        assert "What HubSpot did not allow" in enabler.words
        assert "Progress cannot be kept in a custom object of the account." in enabler.words

        enabler.press("Connect again").press("Connect app", account="Larkfield Academy").press("Finish")
        assert "What HubSpot did not allow" not in enabler.words

    def test_keeps_the_kind_of_records_until_it_is_disconnected(self, enabler, connect_hubspot, academy):
        connection = connect_hubspot(enabler)
        for learner in MembershipFactory.create_batch(2, portal=academy):
            ExternalIdentityFactory(connection=connection, membership=learner)
        assert not enabler.open(HUBSPOT).has_button("+ Connect")

        enabler.open(f"{HUBSPOT}disconnect/").press("Disconnect")
        assert "2 people are linked to the other kind of records." in enabler.words
        connect_hubspot(enabler, "User records")

        assert "Learners come from User records" in enabler.words
        assert not ExternalIdentity.objects.exists()
        assert academy.memberships.filter(role="learner", status="active").count() == 2


class TestSeveralPortals:
    def test_of_one_realm_use_one_account_and_are_set_up_one_by_one(
        self, enabler, sub_portal, connect_hubspot, hubspot
    ):
        _portal, its_admin = sub_portal
        connect_hubspot(enabler)
        assert "+ Connect" in its_admin.open(HUBSPOT).words

        connect_hubspot(its_admin, "User records")

        assert "larkfield.example (used by 1 other portal, too)" in its_admin.words
        assert Grant.objects.count() == 1
        assert sorted(Connection.objects.values_list("record_type", "state")) == [
            ("contacts", "active"),
            ("users", "active"),
        ]

    def test_of_two_realms_cannot(self, enabler, connect_hubspot, visit):
        connect_hubspot(enabler)
        elsewhere = AdminFactory(portal__enabled_integrations=["hubspot"])

        theirs = visit(elsewhere.portal).let_in(elsewhere.user)
        theirs.open(HUBSPOT).press("+ Connect", record_type="Contact records")
        theirs.press("Connect app", account="Larkfield Academy").press("Finish")

        assert theirs.status == 400
        assert "larkfield.example belongs to another organization here" in theirs.words
        assert Connection.objects.get().portal.slug == "larkfield"

    def test_stay_connected_while_one_of_them_leaves(self, enabler, sub_portal, connect_hubspot, hubspot):
        _portal, its_admin = sub_portal
        connect_hubspot(enabler)
        connect_hubspot(its_admin)

        enabler.open(f"{HUBSPOT}disconnect/")
        assert "1 other portal goes on using larkfield.example." in enabler.words
        enabler.press("Disconnect")
        assert hubspot.account.id in hubspot.grants.by_account
        assert "HubSpot Active" in its_admin.open(CATALOG).words

        its_admin.open(f"{HUBSPOT}disconnect/")
        assert "Rollcall is uninstalled there" in its_admin.words
        its_admin.press("Disconnect")
        assert not hubspot.grants.by_account


class TestWhiteLabelledPortal:
    def test_is_set_up_at_its_platform_address(self, academy, visit, hubspot):
        academy.custom_domain, academy.custom_domain_verified_at = "learn.larkfield.localhost", timezone.now()
        academy.save()
        account = AdminFactory(portal=academy).user
        browser = visit(academy).sign_in(account.email)
        browser.open("http://learn.larkfield.localhost:8000/").sign_in(account.email)

        browser.open(f"http://learn.larkfield.localhost:8000{HUBSPOT}")
        assert "Sign in at larkfield.localhost:8000 once and connect there" in browser.words
        browser.follow("Go on at larkfield.localhost:8000")
        browser.press("+ Connect", record_type="Contact records")
        browser.press("Connect app", account="Larkfield Academy").press("Finish")

        assert browser.address == f"http://larkfield.localhost:8000{HUBSPOT}"
        assert "larkfield.example is connected." in browser.words
        assert "HubSpot Active" in browser.open(f"http://learn.larkfield.localhost:8000{CATALOG}").words

    def test_with_single_sign_on_lets_its_admin_in_there_by_password(self, academy, visit, hubspot):
        academy.custom_domain, academy.custom_domain_verified_at = "learn.larkfield.localhost", timezone.now()
        academy.sign_in_method = "saml"
        academy.save()
        provider = {"entity_id": "https://idp.larkfield.example", "sign_in_url": "https://idp.larkfield.example/in"}
        settings = SamlSettings.objects.create(portal=academy, **provider)
        settings.certificates.create(pem="-", fingerprint="-", expires_at=timezone.now() + timedelta(days=30))
        account = AdminFactory(portal=academy).user
        browser = visit(academy)
        browser.open("http://learn.larkfield.localhost:8000/admin/")
        assert browser.path.startswith("/sign-in/direct/")
        browser.press("Sign in", email=account.email, password="correct horse battery")
        browser.open(f"http://learn.larkfield.localhost:8000{HUBSPOT}").follow("Go on at larkfield.localhost:8000")

        # Not at the identity provider, which would lead back to the portal's own domain.
        assert browser.address.startswith("http://larkfield.localhost:8000/sign-in/direct/?next=")
        browser.press("Sign in", email=account.email, password="correct horse battery")
        browser.press("+ Connect", record_type="Contact records")
        browser.press("Connect app", account="Larkfield Academy").press("Finish")

        assert "larkfield.example is connected." in browser.words


class TestConsentThatGoesWrong:
    def test_a_link_that_is_opened_twice_changes_nothing(self, enabler, connect_hubspot):
        connect_hubspot(enabler)
        before = Connection.objects.values().get()
        link = next(address for address in reversed(enabler.addresses) if "code=" in address)

        enabler.open(link)

        assert enabler.status == 400
        assert "used before" in enabler.words
        assert Connection.objects.values().get() == before

    def test_another_portals_admin_cannot_finish_it(self, enabler, hubspot, visit):
        stranger = AdminFactory(portal__enabled_integrations=["hubspot"])
        enabler.open(HUBSPOT).press("+ Connect", record_type="Contact records")

        theirs = visit(stranger.portal).let_in(stranger.user)
        theirs.open(enabler.address).press("Connect app", account="Larkfield Academy")

        assert "/sign-in/" in theirs.path
        assert not ConsentRequest.objects.exclude(sealed_token="").exists()

    def test_an_app_removed_in_hubspot_asks_to_connect_again_and_nobody_loses_access(
        self, enabler, academy, connect_hubspot, hubspot, tasks_at_once
    ):
        connection = connect_hubspot(enabler)
        learner = MembershipFactory(portal=academy)
        ExternalIdentityFactory(connection=connection, membership=learner, external_id="901")
        hubspot.uninstall()

        enabler.open(HUBSPOT).press("Sync")
        assert "HubSpot needs to be connected again" in enabler.open(HUBSPOT).words

        enabler.press("Connect again").press("Connect app", account="Larkfield Academy").press("Finish")
        assert "HubSpot connection Active" in enabler.words
        learner.refresh_from_db()
        assert learner.status == "active"


class TestDisconnect:
    def test_keeps_people_and_forgets_links_after_thirty_days(self, enabler, academy, connect_hubspot, at, call):
        connection = connect_hubspot(enabler)
        learner = MembershipFactory(portal=academy)
        ExternalIdentityFactory(connection=connection, membership=learner)
        enabler.open(f"{HUBSPOT}disconnect/")
        assert "The links to the records are kept for 30 days." in enabler.words
        enabler.press("Disconnect")

        call(tasks.drop_old_links)
        assert ExternalIdentity.objects.count() == 1
        with at(timezone.now().date() + timedelta(days=32)):
            for _ in range(2):
                call(tasks.drop_old_links)

        assert not ExternalIdentity.objects.exists()
        learner.refresh_from_db()
        assert learner.status == "active"
