"""Invitations in the browser: an expired link that helps, mails sent again by the dozen, and what they look like."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tests.e2e.pages import fits
from tests.factories.users import InvitationFactory
from tests.flows.conftest import PASSWORD, link_in
from users import tasks as user_tasks
from users.models import Invitation

MAYA = "maya@harborpine.example"


@pytest.fixture
def mails_to(smtp):
    """Send what waits, and return the mails to an address."""

    def to(address):
        Invitation.objects.filter(state="held").update(state="scheduled")
        user_tasks.send_invitations()
        return [mail for mail in smtp if mail["To"] == address]

    return to


class TestExpiredLink:
    pytestmark = pytest.mark.browser_context_args(viewport={"width": 390, "height": 844}, is_mobile=True)

    @pytest.mark.usefixtures("tasks_at_once")
    def test_sends_a_new_one_that_works(self, page, portal, smtp):
        mail = InvitationFactory(membership__portal=portal, membership__user__email=MAYA)
        mail.membership.user.set_unusable_password()
        mail.membership.user.save()
        user_tasks.send_invitations()
        Invitation.objects.filter(pk=mail.pk).update(expires_at=timezone.now() - timedelta(hours=1))

        answer = page.goto(link_in(smtp[-1]))
        expect(page.get_by_role("heading", name="This link no longer works")).to_be_visible()
        assert fits(page)
        assert MAYA not in answer.text()
        page.get_by_role("button", name="Send me a new link").click()
        expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
        assert fits(page)
        user_tasks.send_invitations()

        assert len(smtp) == 2
        page.goto(link_in(smtp[-1]))
        page.get_by_label(re.compile("^New password:?$")).fill(PASSWORD)
        page.get_by_label("New password confirmation").fill(PASSWORD)
        page.get_by_role("button", name="Save and continue").click()
        expect(page.get_by_text("Welcome to Harbor & Pine Academy.")).to_be_visible()


class TestResendInBulk:
    def test_takes_everyone_that_the_filter_finds(self, page, portal, sign_in, smtp):
        over = timezone.now() - timedelta(hours=1)
        for _ in range(60):
            InvitationFactory(membership__portal=portal, state="sent", expires_at=over, next_try_at=None)
        working = InvitationFactory(
            membership__portal=portal, state="sent", expires_at=over + timedelta(days=2), next_try_at=None
        )
        sign_in(page)

        page.goto(portal.url("/admin/users/pendinguser/?state=expired"))
        page.get_by_role("checkbox", name="Select all").or_(page.locator("#action-toggle")).first.check()
        page.get_by_role("link", name="Select all 60 pending users").click()
        page.locator("select[name=action]").select_option("resend")
        page.get_by_role("button", name="Run").click()
        expect(page.get_by_text("60 invitations will be mailed.")).to_be_visible()
        page.get_by_role("button", name="Send again").click()
        expect(page.get_by_text("60 invitations are on their way.")).to_be_visible()
        user_tasks.send_invitations()

        assert len(smtp) == 60
        working.refresh_from_db()
        assert (working.state, working.times_sent) == ("sent", 0)


class TestMails:
    @pytest.mark.parametrize("width", [1280, 390])
    def test_can_be_looked_at(self, page, portal, sign_in, width):
        page.set_viewport_size({"width": width, "height": 900})
        sign_in(page)

        page.goto(portal.url(f"/admin/users/pendinguser/mails/{portal.pk}/"))
        page.get_by_role("link", name="Reminder").click()

        expect(page.get_by_text("is about to expire").first).to_be_visible()
        mail = page.frame_locator("iframe")
        expect(mail.get_by_role("link", name="Accept the invitation")).to_be_visible()
        assert fits(page)
