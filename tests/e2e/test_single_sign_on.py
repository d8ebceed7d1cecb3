"""Signing in by SAML and by a signed link in a real browser, whose rules for cookies and forms count here."""

from datetime import timedelta

import pytest
import requests
from django.utils import timezone
from playwright.sync_api import expect

from config import demo_data
from portals import saml_metadata
from portals.models import Portal, SamlSettings, SignedLinkSettings
from tests.factories.users import MembershipFactory
from users import signed_links

from .conftest import ADMIN

MAYA = "maya@harborpine.example"


@pytest.fixture
def learner(portal):
    return MembershipFactory(portal=portal, user__email=MAYA)


@pytest.fixture
def saml(portal, sandbox):
    """The portal's learners sign in at the sandbox's identity provider."""
    settings = SamlSettings(portal=portal, sign_out_url=f"{sandbox.url}/")
    metadata = requests.get(f"{sandbox.url}/idp/metadata", timeout=60).content
    saml_metadata.take_over(settings, saml_metadata.read(metadata))
    Portal.objects.filter(pk=portal.pk).update(sign_in_method="saml")
    return settings


class TestSaml:
    def test_leads_in_and_out(self, page, portal, saml, learner):
        page.goto(portal.url("/profile/"))
        page.get_by_label("Or another e-mail address").fill(MAYA)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Continue").click()

        page.wait_for_url(portal.url("/profile/"))
        expect(page.get_by_text(MAYA).first).to_be_visible()

        # The page leads there by itself, soon. An answer without content leaves it in place, to be looked at.
        page.route(saml.sign_out_url, lambda route: route.fulfill(status=204))
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
        page.unroute(saml.sign_out_url)
        page.reload()
        page.wait_for_url(saml.sign_out_url)

    def test_refuses_with_a_number(self, page, portal, saml):
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(portal.url("/"))
        page.get_by_label("Or another e-mail address").fill("stranger@example.com")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Continue").click()

        expect(page.get_by_role("heading", name="You could not be signed in")).to_be_visible()
        expect(page.get_by_role("link", name="I run this portal")).to_be_visible()


class TestSignedLink:
    def test_leads_in(self, page, portal, learner):
        settings = SignedLinkSettings.objects.create(portal=portal, landing_path="/profile/")
        Portal.objects.filter(pk=portal.pk).update(sign_in_method="signed_link")
        now = timezone.now()
        signed_links.rotate(settings=settings, secret=signed_links.new_secret(), overlap=timedelta(0), now=now)

        page.goto(signed_links.example(portal=portal, settings=settings, membership=learner, now=now))

        expect(page).to_have_url(portal.url("/profile/"))
        expect(page.get_by_text(MAYA).first).to_be_visible()


class TestAdminPages:
    def test_are_reached_by_the_direct_address(self, page, portal, saml):
        page.goto(portal.url("/admin/"))
        page.get_by_label("E-mail address").fill(ADMIN)
        page.get_by_label("Password").fill(demo_data.ADMIN_PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(portal.url("/admin/"))

        page.goto(portal.url("/admin/portals/samlsettings/overview/"))

        expect(page.get_by_role("link", name="Test sign-in")).to_be_visible()
