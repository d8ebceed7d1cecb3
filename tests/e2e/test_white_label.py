"""A white-labelled portal at a domain of its own."""

import re

from playwright.sync_api import expect

from config import demo_data
from portals.models import Portal

DOMAIN = "learn.birch.localhost"


class TestOwnDomain:
    def test_is_checked_in_the_settings_and_then_used(self, page, portal, sign_in):
        Portal.objects.filter(pk=portal.pk).update(custom_domain=DOMAIN, accent_color="#2f6b3a")
        sign_in(page)
        page.goto(portal.url(f"/admin/portals/portal/{portal.pk}/change/"))
        expect(page.get_by_text("Not checked yet")).to_be_visible()
        page.get_by_role("link", name="Check the domain").click()
        page.get_by_role("button", name="Check now").click()
        expect(page.get_by_text("The domain works")).to_be_visible()

        portal.refresh_from_db()
        page.goto(portal.url("/sign-in/"))

        expect(page).to_have_url(re.compile(f"^{re.escape(portal.url())}"))
        expect(page).to_have_url(re.compile(re.escape(DOMAIN)))
        page.get_by_label("E-mail address").fill("nora.bell@harborpine.example")
        page.get_by_label("Password").fill(demo_data.ADMIN_PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(portal.url("/"))
        expect(page.locator("header.top")).to_have_css("background-color", "rgb(47, 107, 58)")
