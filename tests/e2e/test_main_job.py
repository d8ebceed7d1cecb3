"""From signing in to a finished sync, as a portal's admin does it; a real Celery worker does the work."""

import re

from playwright.sync_api import expect

from tests.workers import forget_tasks
from users.models import Membership

from .conftest import ADMIN


class TestMainJob:
    def test_ends_with_everyone_from_gusto_in_the_portal(self, page, sign_in, portal, sandbox, start_worker, smtp):
        forget_tasks()
        start_worker()

        sign_in(page)
        page.get_by_role("link", name="Admin", exact=True).click()
        page.get_by_role("link", name=re.compile("Integrations$")).click()
        page.get_by_role("link", name="Set up Gusto").click()
        page.get_by_role("button", name="+ Connect").click()

        expect(page).to_have_url(re.compile(rf"^{re.escape(sandbox.url)}/oauth/authorize\?"))
        page.get_by_role("button", name="Allow").click()
        expect(page.get_by_role("heading", name="Connect Harbor & Pine Outfitters LLC?")).to_be_visible()
        page.get_by_role("button", name="Finish").click()
        expect(page.get_by_text("Harbor & Pine Outfitters LLC is connected.")).to_be_visible()

        page.get_by_role("navigation", name="Gusto").get_by_role("link", name="Map your data").click()
        page.get_by_role("button", name="Add new mapping").click()
        page.get_by_label("Select attribute, row 1").select_option(label="Department")
        page.get_by_label("Select CUD field, row 1").select_option(label="Department (Choice of texts)")
        page.get_by_role("button", name="Save changes").click()
        expect(page.get_by_text("The next sync takes the values over for everyone.")).to_be_visible()

        page.get_by_role("navigation", name="Gusto").get_by_role("link", name="Invite configuration").click()
        page.get_by_label("When they are added to Gusto").check()
        page.get_by_label("Create as pending user and send invitation email").check()
        page.get_by_role("button", name="Save changes").click()
        expect(page.get_by_text("Saved. It applies to people who are added")).to_be_visible()

        page.get_by_role("navigation", name="Gusto").get_by_role("link", name="Overview").click()
        progress = page.locator("#progress")
        # Gusto answers nothing until somebody has seen that the sync runs.
        with sandbox.world.lock:
            page.get_by_role("button", name="Sync", exact=True).click()
            expect(progress.get_by_role("progressbar")).to_be_visible()
        # The page is not loaded again: its live part follows the run.
        expect(progress.get_by_text("Completed")).to_be_visible()
        expect(progress.get_by_role("link", name="Invited")).to_contain_text(re.compile(r"2\d"))

        page.get_by_role("link", name=re.compile("Pending users$")).click()
        expect(page.get_by_role("link", name="Maya Okafor")).to_be_visible()
        maya = Membership.objects.get(user__email="maya@harborpine.example")
        assert maya.custom_data == {portal.custom_fields.get(label="Department").key: "Sales"}
        assert Membership.objects.filter(portal=portal, user__email=ADMIN, role="admin").exists()
