"""A contact's way through the product: from a workflow in HubSpot to a course on the contact's page, and out again."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from config import demo_portals
from integrations.models import Connection
from integrations.sandbox.hubspot import app, directory
from portals.models import Portal
from tests.flows.conftest import PASSWORD, link_in
from tests.workers import forget_tasks, wait_until
from users.models import Membership

from .conftest import ADMIN
from .pages import fits

ANA = "ana.silva@example.org"
WIDTHS = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


@pytest.fixture
def hubspot(sandbox, settings, portal):
    """The sandbox's HubSpot: the settings name it, and it finds the product at the live server."""
    settings.HUBSPOT_API_URL = sandbox.url
    settings.HUBSPOT_AUTHORIZE_URL = f"{sandbox.url}/hubspot/oauth/authorize"
    settings.HUBSPOT_APP_ID = str(app.APP_ID)
    settings.HUBSPOT_CLIENT_ID, settings.HUBSPOT_CLIENT_SECRET = app.CLIENT_ID, app.CLIENT_SECRET
    settings.HUBSPOT_APP_OBJECT_SCOPES = list(app.APP_OBJECT_SCOPES)
    sandbox.world.hubspot.set_target(f"http://{settings.PLATFORM_DOMAIN}/integrations/hubspot/")
    return sandbox.world.hubspot


@pytest.fixture
def customers(portal):
    """The demo's portal for customers."""
    demo_portals.populate(portal, now=timezone.now())
    return Portal.objects.get(slug="customers")


@pytest.fixture
def learner_page(other_page):
    """A browser of the learner's own."""
    return other_page(viewport=WIDTHS["phone"])


class TestHubSpot:
    @pytest.mark.parametrize("width", WIDTHS)
    def test_shows_a_contacts_course_and_forgets_the_contact_on_request(
        self, page, learner_page, customers, hubspot, sandbox, start_worker, smtp, width
    ):
        forget_tasks()
        start_worker()
        page.set_viewport_size(WIDTHS[width])
        self.sign_in(page, customers)

        self.connect(page, customers, sandbox)
        self.run_invite_action(page, customers, hubspot, sandbox)
        self.accept_and_finish(learner_page, smtp)
        self.look_at_the_contact(page, customers, hubspot, sandbox)
        self.delete_for_privacy(page, customers, sandbox)

    def sign_in(self, page, customers):
        page.goto(customers.url("/sign-in/"))
        page.get_by_label("E-mail address").fill(ADMIN)
        page.get_by_label("Password").fill(demo_portals.ADMIN_PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(customers.url("/"))

    def connect(self, page, customers, sandbox):
        page.goto(customers.url("/admin/settings/integrations/"))
        page.get_by_role("link", name="Set up HubSpot").click()
        expect(page.get_by_role("button", name="+ Connect")).to_be_visible()
        assert fits(page)
        page.get_by_label("Contact records").check()
        page.get_by_role("button", name="+ Connect").click()

        expect(page).to_have_url(re.compile(rf"^{re.escape(sandbox.url)}/hubspot/oauth/authorize\?"))
        page.get_by_label("HubSpot account").select_option(index=0)
        page.get_by_role("button", name="Connect app").click()
        page.get_by_role("button", name="Finish").click()

        expect(page.get_by_text(re.compile(r"is connected\."))).to_be_visible()
        assert fits(page)

    def run_invite_action(self, page, customers, hubspot, sandbox):
        page.goto(f"{sandbox.url}/")
        page.get_by_role("link", name="Larkfield Academy").first.click()
        page.get_by_role("link", name="Ana Silva").click()
        page.get_by_role("link", name="User Invite Action").click()
        page.get_by_label("Portal", exact=True).select_option(value=f"prt_{customers.pk}")
        page.get_by_role("button", name="Next").click()
        page.get_by_label("Group (optional)").select_option(
            value=f"grp_{customers.groups.get(title=demo_portals.HOTELS).pk}"
        )
        page.get_by_role("button", name="Run").click()
        expect(page.get_by_text(re.compile("User invite: ")).first).to_be_visible()
        # The sandbox's page waits a few seconds for the product's answer, and does not follow what comes later.
        wait_until(lambda: "outcome" in hubspot.outbound.workflows.newest(1)[0].outputs)
        page.reload()
        expect(page.get_by_text(re.compile("outcome invited")).first).to_be_visible()

        page.goto(customers.url("/admin/settings/integrations/hubspot/calls/"))
        expect(page.get_by_text("Ana Silva")).to_be_visible()
        assert fits(page)
        page.goto(customers.url("/admin/users/pendinguser/"))
        expect(page.get_by_role("link", name="Ana Silva")).to_be_visible()

    def accept_and_finish(self, page, smtp):
        wait_until(lambda: any(mail["To"] == ANA for mail in smtp))
        page.goto(link_in(next(mail for mail in smtp if mail["To"] == ANA)))
        page.get_by_label(re.compile("^New password:?$")).fill(PASSWORD)
        page.get_by_label("New password confirmation").fill(PASSWORD)
        page.get_by_role("button", name="Save and continue").click()
        page.get_by_role("link", name="Furniture in heavy use").click()
        page.get_by_role("button", name="Start").click()
        page.get_by_role("button", name="Mark as complete").click()
        expect(page.get_by_text("You have completed this course.")).to_be_visible()

    def look_at_the_contact(self, page, customers, hubspot, sandbox):
        def is_told():
            known = hubspot.account
            with hubspot.lock:
                found = directory.associated(known, known.contacts, known.contacts.get("901"))
                return any("completed" in record.properties.values() for _, records in found for record in records)

        wait_until(is_told)
        page.goto(f"{sandbox.url}/accounts/{hubspot.account.id}/contacts/901")
        # HubSpot's own records, whatever the card says.
        told = page.locator("section").filter(has=page.get_by_role("heading", name="Course enrollments", level=2))
        expect(told.get_by_role("cell", name="Completed", exact=True).first).to_be_visible()
        expect(told.get_by_role("cell", name="Furniture in heavy use")).to_be_visible()
        expect(page.get_by_role("heading", name="Harbor & Pine Customers: active")).to_be_visible()
        page.goto(customers.url("/admin/settings/integrations/hubspot/progress/"))
        where = page.get_by_role("region", name="Where progress goes")
        expect(where.locator("strong").get_by_text("Course enrollments of the app")).to_be_visible()
        assert fits(page)

    def delete_for_privacy(self, page, customers, sandbox):
        connection = Connection.objects.get()
        page.goto(f"{sandbox.url}/accounts/{connection.external_account_id}/contacts/901")
        page.locator("summary", has_text="Delete").click()
        page.get_by_role("button", name="Delete for privacy").click()
        wait_until(connection.privacy_receipts.exists)

        page.goto(customers.url("/admin/settings/integrations/hubspot/privacy/"))
        receipt = connection.privacy_receipts.get()
        expect(page.get_by_text(receipt.reference)).to_be_visible()
        expect(page.get_by_text("Ana Silva")).to_have_count(0)
        assert fits(page)
        learner = Membership.objects.get(portal=customers, user__email=ANA)
        assert (learner.status, learner.external_identities.exists()) == ("active", False)
        assert learner.enrollments.filter(status="completed").exists()
