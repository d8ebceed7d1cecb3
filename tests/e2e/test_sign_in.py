"""Signing in with a second factor in a real browser, on a phone-sized screen, in light and dark."""

import re

import pytest
from playwright.sync_api import expect

from config import demo_data
from tests.e2e.conftest import ADMIN
from tests.e2e.pages import fits, width_of
from tests.users.codes import code_of
from users import second_factors
from users.models import User

pytestmark = pytest.mark.browser_context_args(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)


class TestSecondFactor:
    def test_is_set_up_by_a_scan_and_asked_for_at_the_next_sign_in(self, page, portal, sign_in):
        nora = User.objects.get(email=ADMIN)
        sign_in(page)
        page.get_by_role("link", name="Security").tap()
        page.get_by_role("link", name="Second factor").tap()
        page.get_by_role("link", name="Set up").tap()
        page.get_by_label("Your present password").fill(demo_data.ADMIN_PASSWORD)
        page.get_by_role("button", name="Continue").tap()

        picture = page.get_by_alt_text("QR code")
        expect(picture).to_be_visible()
        assert width_of(picture) > 100
        assert fits(page)
        page.get_by_label("Code from the app").fill(code_of(second_factors.device_to_confirm(nora)))
        page.get_by_role("button", name="Turn on").tap()

        expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
        assert fits(page)
        expect(page.get_by_text(re.compile("^[a-z2-7]{4}-[a-z2-7]{4}$"))).to_have_count(10)
        page.get_by_role("link", name="I have kept them").tap()
        page.wait_for_url(portal.url("/admin/"))
        page.goto(portal.url("/"))
        page.get_by_role("button", name="Sign out").tap()

        page.get_by_label("E-mail address").fill(ADMIN)
        page.get_by_label("Password").fill(demo_data.ADMIN_PASSWORD)
        page.get_by_role("button", name="Sign in").tap()
        expect(page.get_by_role("heading", name="Your code")).to_be_visible()
        assert fits(page)
        page.get_by_label("Code").fill(code_of(second_factors.device(nora)))
        page.get_by_role("button", name="Continue").tap()

        expect(page.get_by_role("heading", name="My courses")).to_be_visible()

    def test_is_asked_of_admins_before_anything_else_where_the_portal_says_so(self, page, portal, sign_in):
        portal.admins_need_second_factor = True
        portal.save()
        sign_in(page)

        page.goto(portal.url("/admin/users/membership/"))

        expect(page.get_by_text("asks everyone who uses its admin pages")).to_be_visible()
        expect(page.get_by_role("link", name="Set up")).to_be_visible()


class TestSignIns:
    def test_are_listed_and_ended(self, page, other_page, portal, sign_in):
        elsewhere = other_page(user_agent="Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0")
        sign_in(elsewhere)
        sign_in(page)

        page.get_by_role("link", name="Security").tap()
        expect(page.get_by_text("This device")).to_be_visible()
        assert fits(page)
        expect(page.get_by_text("This device")).to_have_count(1)
        page.get_by_role("button", name="Sign out Firefox, Windows").tap()

        expect(page.get_by_text("That device is signed out.")).to_be_visible()
        elsewhere.goto(portal.url("/"))
        expect(elsewhere.get_by_role("button", name="Sign in")).to_be_visible()
