"""Mapping HubSpot's properties in a browser: several values, a trial on a real contact, a property that is gone."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from integrations import connecting
from integrations.models import FieldMapping
from integrations.sandbox.hubspot import app
from tests.factories.integrations import ExternalIdentityFactory
from tests.factories.portals import CustomFieldFactory
from tests.factories.users import MembershipFactory

from .pages import fits

ANA = "901"
MAPPING = "/admin/settings/integrations/hubspot/mapping/"
WIDTHS = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


@pytest.fixture
def hubspot(sandbox, settings):
    """The sandbox's HubSpot, which the settings name."""
    settings.HUBSPOT_API_URL = sandbox.url
    settings.HUBSPOT_CLIENT_ID, settings.HUBSPOT_CLIENT_SECRET = app.CLIENT_ID, app.CLIENT_SECRET
    return sandbox.world.hubspot


@pytest.fixture
def connection(portal, hubspot):
    """A connection of the demo's portal with one linked contact."""
    portal.enabled_integrations = [*portal.enabled_integrations, "hubspot"]
    portal.save()
    code = hubspot.authorize(redirect_uri=connecting.redirect_uri("hubspot"))
    made = connecting.connect_by_code(
        portal=portal, provider="hubspot", code=code, now=timezone.now(), record_type="contacts"
    )
    ana = MembershipFactory(portal=portal, user__email="ana.silva@example.org")
    ExternalIdentityFactory(connection=made, external_id=ANA, membership=ana)
    return made


@pytest.fixture
def spoken(portal):
    """A field that holds several choices, not all of which HubSpot knows."""
    return CustomFieldFactory(
        portal=portal, label="Spoken", type="string_choice", choices=["english", "portuguese"], is_multiple=True
    )


@pytest.mark.parametrize("width", WIDTHS)
class TestMapping:
    def test_tries_several_values_on_a_contact_before_they_are_saved(
        self, page, portal, connection, spoken, sign_in, width
    ):
        page.set_viewport_size(WIDTHS[width])
        sign_in(page)
        page.goto(portal.url(MAPPING))

        page.get_by_role("button", name="Add new mapping").click()
        page.get_by_label(re.compile("Select attribute, row 1")).select_option("languages")
        page.get_by_label(re.compile("Select CUD field, row 1")).select_option(str(spoken.pk))
        page.get_by_label("Name, address or id").fill("ana.silva@example.org")
        page.get_by_role("button", name="Try", exact=True).click()

        row = page.get_by_role("row").filter(has_text="english;portuguese")
        expect(row).to_contain_text("english; portuguese")
        assert fits(page)

        page.get_by_role("button", name="Save changes").click()
        expect(page.get_by_text("Values of “Languages” that are no choice of “Spoken”")).to_be_visible()
        expect(page.get_by_text("german (German)")).to_be_visible()
        assert fits(page)

    def test_says_that_a_property_is_gone(self, page, portal, connection, spoken, sign_in, hubspot, width):
        FieldMapping.objects.create(connection=connection, attribute="languages", custom_field=spoken, is_broken=True)
        hubspot.account.contacts.definitions["languages"].archived_at = "2026-11-20T00:00:00.000Z"
        page.set_viewport_size(WIDTHS[width])
        sign_in(page)

        page.goto(portal.url("/admin/settings/integrations/hubspot/"))
        expect(page.get_by_text("HubSpot does not have the attribute of these fields any more")).to_be_visible()
        assert fits(page)
        page.get_by_role("link", name="Map your data").last.click()

        expect(page.get_by_text("The fields keep their values")).to_be_visible()
        assert fits(page)
