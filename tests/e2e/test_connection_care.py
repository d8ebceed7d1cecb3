"""A connection in trouble in a real browser: the banner, the page of the connection, who is told, and Health."""

import pytest
from playwright.sync_api import expect

from integrations.models import Connection
from tests.e2e.axe import inspected
from tests.e2e.pages import fits

GUSTO = "/admin/settings/integrations/gusto/"


@pytest.fixture
def broken(synced):
    Connection.objects.filter(pk=synced.pk).update(state="quarantined", quarantine="emptied")
    return synced


class TestTrouble:
    @pytest.mark.parametrize("width", [1280, 390])
    def test_is_readable_everywhere(self, page, sign_in, portal, broken, width):
        page.set_viewport_size({"width": width, "height": 900})
        sign_in(page)
        found = []

        for path in ("/admin/users/membership/", GUSTO, f"{GUSTO}reports/"):
            found += inspected(page, portal.url(path))
            assert fits(page), path

        assert found == []
        page.goto(portal.url("/admin/users/membership/"))
        page.get_by_role("link", name="See what to do").click()
        expect(page.get_by_role("heading", name="The daily sync is paused")).to_be_visible()
