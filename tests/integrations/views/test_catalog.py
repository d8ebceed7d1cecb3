"""Settings > Integrations."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from integrations import providers
from tests.factories.integrations import ConnectionFactory

from .conftest import ROOT, text_of


class TestCatalogPage:
    def test_shows_a_provider_that_is_not_connected(self, portal_admin):
        page = text_of(portal_admin.get(ROOT))

        assert "HR Integrations Gusto Not connected" in page
        assert "Set up Gusto" in page

    @pytest.mark.parametrize(
        ("state", "badge"),
        [("active", "Active"), ("needs_reconnecting", "Needs reconnecting"), ("quarantined", "Paused after trouble")],
    )
    def test_shows_the_state_and_who_connected_when(self, portal_admin, portal, admin, state, badge):
        # Midnight in London is still the day before in Denver.
        ConnectionFactory(
            portal=portal, state=state, connected_by=admin, connected_at=datetime(2026, 9, 2, tzinfo=ZoneInfo("UTC"))
        )

        page = text_of(portal_admin.get(ROOT))

        assert f"Gusto {badge}" in page
        assert "Connected by Robin Vale on Sept. 1, 2026, 6 p.m." in page

    def test_tells_whom_to_ask_for_what_is_not_turned_on(self, portal_admin, portal):
        portal.enabled_integrations = []
        portal.save()

        page = text_of(portal_admin.get(ROOT))

        assert "Gusto is not turned on for this portal." in page
        assert "Set up Gusto" not in page

    def test_lists_only_what_is_installed(self, portal_admin, monkeypatch):
        assert "CRM HubSpot Not connected" in text_of(portal_admin.get(ROOT))
        monkeypatch.delitem(providers._registry, "hubspot")
        assert "CRM" not in text_of(portal_admin.get(ROOT))

        monkeypatch.delitem(providers._registry, "gusto")
        assert "This installation has no integrations." in text_of(portal_admin.get(ROOT))

    def test_costs_the_same_connected_or_not(self, portal, queries):
        before = queries(ROOT)
        ConnectionFactory(portal=portal)

        assert queries(ROOT) == before <= 8
