"""Who is told by mail when a connection needs somebody."""

import pytest

from tests.factories.users import AdminFactory
from users.models import AuditEntry

from .conftest import ROOT, text_of

PAGE = f"{ROOT}gusto/reports/"


class TestReportsPage:
    def test_shows_who_is_told_of_what(self, portal_admin, connection):
        page = text_of(portal_admin.get(PAGE))

        assert "Who is told" in page
        assert "No sync was completed for 36 hours" in page

    def test_saves_the_answers(self, portal_admin, portal, connection):
        other = AdminFactory(portal=portal)

        portal_admin.post(PAGE, {"to": [other.pk], "wanted": ["quarantine", "held_changes"]})

        connection.refresh_from_db()
        assert connection.report_to == [other.pk]
        assert connection.unwanted_reports == ["silence", "recovery", "held_mails"]
        assert AuditEntry.objects.get(action="reports_changed").after["report_to"] == str(other.pk)

    def test_keeps_the_most_important_mail(self, portal_admin, connection):
        portal_admin.post(PAGE, {})

        connection.refresh_from_db()
        assert "needs_reconnecting" not in connection.unwanted_reports

    @pytest.mark.parametrize("is_limited", [True, False])
    def test_refuses_others_than_the_portals_full_admins(self, portal_admin, portal, connection, is_limited):
        stranger = AdminFactory(portal=portal, is_limited=True) if is_limited else AdminFactory()

        response = portal_admin.post(PAGE, {"to": [stranger.pk]})

        connection.refresh_from_db()
        assert response.status_code == 422
        assert connection.report_to == []

    def test_costs_the_same_for_any_number_of_admins(self, portal, connection, queries):
        before = queries(PAGE)
        AdminFactory.create_batch(5, portal=portal)

        assert queries(PAGE) == before
