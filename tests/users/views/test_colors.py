"""The portal's colours as a style sheet."""

import pytest

from tests.factories.portals import PortalFactory

pytestmark = pytest.mark.django_db


class TestPortalColors:
    def test_carries_the_portals_accent(self, portal_client):
        page = portal_client(PortalFactory(accent_color="#ffee00")).get("/portal.css")

        assert page["Content-Type"] == "text/css"
        assert "--accent: #ffee00; --on-accent: #000000;" in page.text

    def test_has_colours_for_the_platform_too(self, portal_client):
        assert "--accent: #256188;" in portal_client(None).get("/portal.css").text
