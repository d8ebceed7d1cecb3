"""The demo has people in every state that the product knows, and all of its doors open."""

from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from config import demo_data, demo_people, demo_portals
from integrations.models import Connection, SyncRun
from integrations.sandbox.server import start
from integrations.sandbox.world import CLIENT_ID, CLIENT_SECRET
from portals.models import DynamicRule, Portal, SamlSettings
from tests.flows.browser import Browser
from users.models import (
    AuditEntry,
    BulkJob,
    DeletionRequest,
    Enrollment,
    GroupMembership,
    Invitation,
    Membership,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def harbor():
    demo_data.seed()
    return Portal.objects.get(slug="harbor")


def states(rows, name):
    return set(rows.values_list(name, flat=True))


class TestPopulate:
    @pytest.fixture
    def sign_ins(self, harbor):
        return demo_people.populate(harbor, now=timezone.now())

    def test_shows_every_role_and_status(self, harbor, sign_ins):
        people = Membership.objects.filter(portal=harbor)

        assert states(people, "role") == set(Membership.Role.values)
        assert states(people, "status") == set(Membership.Status.values)
        assert states(people.filter(role="admin"), "is_limited") == {True, False}
        assert people.get(status="ended").ended_reason == "The season is over."
        assert DeletionRequest.objects.count() == 1

    def test_shows_courses_in_every_status(self, harbor, sign_ins):
        assert states(Enrollment.objects.all(), "status") == set(Enrollment.Status.values)

    def test_shows_invitations_in_every_state_that_a_page_lists(self, harbor, sign_ins):
        mails = Invitation.objects.filter(kind="invite")

        assert states(mails, "state") == {"scheduled", "held", "sent", "failed", "cancelled"}
        assert {mail.has_expired(timezone.now()) for mail in mails.filter(state="sent")} == {True, False}

    def test_fills_every_group_but_the_draft(self, harbor, sign_ins):
        filled = GroupMembership.objects.values("group")

        assert states(harbor.groups.exclude(pk__in=filled), "title") == {"Drivers"}
        assert DynamicRule.objects.get(state="draft").draft

    def test_has_a_download_and_an_upload_to_be_reviewed(self, harbor, sign_ins):
        upload = BulkJob.objects.get(kind="import_users")

        assert BulkJob.objects.get(kind="export_users").has_download
        assert (upload.state, upload.failed) == ("review", 2)

    def test_tells_the_trail_who_did_it(self, harbor, sign_ins):
        assert AuditEntry.objects.filter(portal=harbor, action="access_ended").get().actor_id

    def test_changes_nothing_the_second_time(self, harbor, sign_ins):
        count = Membership.objects.count()

        assert demo_people.populate(harbor, now=timezone.now()) == sign_ins
        assert Membership.objects.count() == count


class TestOtherPortals:
    @pytest.fixture
    def sign_ins(self, harbor):
        return demo_portals.populate(harbor, now=timezone.now())

    def test_include_one_at_its_own_domain(self, sign_ins):
        birch = Portal.objects.get(slug="birch")

        assert birch.url().startswith(f"http://{demo_portals.BIRCH_DOMAIN}")
        assert birch.logo_digest

    def test_include_a_sub_portal_with_signed_links(self, harbor, sign_ins):
        dealers = Portal.objects.get(slug="dealers")

        assert dealers.parent == harbor
        assert dealers.signed_link_settings.is_complete

    def test_include_one_that_waits_for_hubspot(self, harbor, sign_ins):
        customers = Portal.objects.get(slug="customers")

        assert (customers.parent, customers.enabled_integrations) == (harbor, ["hubspot"])
        assert customers.sign_in_method == Portal.SignInMethod.PASSWORD
        assert states(customers.groups, "title") == {"Everyone", demo_portals.HOTELS}
        assert states(customers.memberships.filter(role="learner"), "user__first_name") == {"Dana", "Piet"}

    def test_change_nothing_the_second_time(self, harbor, sign_ins):
        assert demo_portals.populate(harbor, now=timezone.now()) == sign_ins
        assert Portal.objects.count() == 5


class TestSignIns:
    def test_open_their_pages(self, harbor):
        entries = [
            *demo_data.seed(),
            *demo_people.populate(harbor, now=timezone.now()),
            *demo_portals.populate(harbor, now=timezone.now()),
        ]

        pages = [opened(entry) for entry in entries]

        assert {page.status for page in pages} == {200}
        for entry, page in zip(entries, pages, strict=True):
            assert page.address.startswith(entry.url)


def opened(entry):
    """Open the address of an entry in a browser of its own, and sign in as it says."""
    browser = Browser(urlsplit(entry.url).netloc).open(entry.url)
    browser.press("Sign in", email=entry.email, password=entry.password)
    return browser.open(entry.url)


class TestConnectJuniper:
    @pytest.fixture
    def juniper(self, harbor):
        demo_portals.populate(harbor, now=timezone.now())
        return Portal.objects.get(slug="juniper")

    @pytest.fixture
    def sandbox(self, settings):
        with start(people=12, seed=1) as running:
            settings.GUSTO_API_URL = running.url
            settings.GUSTO_CLIENT_ID, settings.GUSTO_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
            yield running

    def test_brings_people_from_gusto_who_sign_in_by_saml(self, juniper, sandbox):
        demo_portals.connect_juniper(juniper, sandbox_url=sandbox.url, now=timezone.now())

        learner = juniper.memberships.filter(role="learner", status="active").earliest("pk").user
        browser = Browser(juniper.host).open(juniper.url())
        browser.press("Sign in", email=learner.email).press("Continue")
        assert (browser.address, browser.status) == (juniper.url(), 200)
        assert SyncRun.objects.get().state == "completed"
        assert learner.full_name in demo_portals.other_ways()[0]

    def test_takes_the_new_key_over_at_the_next_start_and_connects_once(self, juniper, sandbox):
        demo_portals.connect_juniper(juniper, sandbox_url=sandbox.url, now=timezone.now())

        with start(people=12, seed=1) as restarted:
            demo_portals.connect_juniper(juniper, sandbox_url=restarted.url, now=timezone.now())
            assert SamlSettings.objects.get().entity_id.startswith(restarted.url)
        assert Connection.objects.count() == SamlSettings.objects.get().certificates.count() == 1
