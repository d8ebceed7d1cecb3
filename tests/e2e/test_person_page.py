"""The page of a person in the browser: what can be done fits above it, and opens with the keyboard."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.factories.users import MembershipFactory


@pytest.fixture
def person(portal):
    return MembershipFactory(portal=portal, user__email="maya@harborpine.example")


def opened(page, portal, person):
    page.goto(portal.url(reverse("admin:users_membership_change", args=[person.pk])))


class TestActions:
    @pytest.mark.browser_context_args(viewport={"width": 1280, "height": 900})
    def test_that_are_rarely_needed_open_with_the_keyboard(self, page, portal, person, sign_in):
        sign_in(page)
        opened(page, portal, person)
        more = page.locator(".more-actions > summary")
        delete = page.get_by_role("link", name="Delete permanently")
        expect(more).to_be_visible()
        expect(delete).to_be_hidden()

        more.focus()
        page.keyboard.press("Enter")
        expect(delete).to_be_visible()
        delete.focus()
        page.keyboard.press("Enter")

        expect(page.get_by_text("This cannot be undone.")).to_be_visible()

    @pytest.mark.browser_context_args(viewport={"width": 390, "height": 844}, is_mobile=True)
    def test_are_all_there_on_a_phone(self, page, portal, person, sign_in):
        sign_in(page)
        opened(page, portal, person)

        page.get_by_text("more_horiz").first.click()
        page.locator(".more-actions > summary").click()

        expect(page.get_by_role("link", name="Enroll in a course")).to_be_visible()
        expect(page.get_by_role("link", name="Sign out everywhere")).to_be_visible()
