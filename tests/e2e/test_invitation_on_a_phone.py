"""An invitation on a phone: the link, a password, the courses, and no sideways scrolling."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from integrations.models import InviteSettings
from integrations.sync import mails
from tests.e2e.pages import fits
from tests.factories.users import InvitationFactory
from tests.flows.conftest import PASSWORD, link_in
from users import invitations
from users import tasks as user_tasks

pytestmark = pytest.mark.browser_context_args(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)


class TestInvitationOnAPhone:
    def test_leads_from_the_mail_to_a_finished_course(self, page, synced, portal, smtp):
        invitations.release(mails.held(synced.runs.get()), now=timezone.now())
        user_tasks.send_invitations()
        mail = next(mail for mail in smtp if mail["To"] == "maya@harborpine.example")

        page.goto(link_in(mail))
        assert fits(page)
        page.get_by_label(re.compile("^New password:?$")).fill(PASSWORD)
        page.get_by_label("New password confirmation").fill(PASSWORD)
        page.get_by_role("button", name="Save and continue").tap()

        expect(page.get_by_text("Welcome to Harbor & Pine Academy.")).to_be_visible()
        assert fits(page)
        page.get_by_role("link", name="Talking about wood").tap()
        expect(page.get_by_role("heading", name="Talking about wood")).to_be_visible()
        assert fits(page)
        page.get_by_role("button", name="Start").tap()
        page.get_by_role("button", name="Mark as complete").tap()

        expect(page.get_by_text("You have completed this course.")).to_be_visible()
        page.get_by_role("link", name="Profile").tap()
        expect(page.get_by_text("Sales")).to_be_visible()
        assert fits(page)

    def test_can_be_declined(self, page, portal, smtp):
        mail = InvitationFactory(membership__portal=portal, membership__user__email="maya@harborpine.example")
        user_tasks.send_invitations()

        page.goto(link_in(smtp[-1]))
        page.get_by_text("I do not want to join").tap()
        expect(page.get_by_role("button", name="Decline the invitation")).to_be_visible()
        assert fits(page)
        page.get_by_role("button", name="Decline the invitation").tap()

        expect(page.get_by_role("heading", name="Invitation declined")).to_be_visible()
        assert fits(page)
        mail.refresh_from_db()
        assert mail.state == "rejected"

    def test_is_told_apart_from_a_link_that_no_longer_works(self, page, portal):
        page.goto(portal.url("/invitation/nonsense/"))

        expect(page.get_by_role("heading", name="This link no longer works")).to_be_visible()
        expect(page.get_by_role("button", name="Send me a new link")).to_be_visible()
        assert fits(page)


class TestAdminOnAPhone:
    def test_reads_the_outcome_of_a_sync_without_scrolling_sideways(self, page, synced, portal, sign_in):
        InviteSettings.objects.update(how="active")
        sign_in(page)

        for path in ("", "mapping/", "invites/", "people/", "runs/", f"runs/{synced.runs.get().pk}/"):
            page.goto(portal.url(f"/admin/settings/integrations/gusto/{path}"))
            assert fits(page), path
