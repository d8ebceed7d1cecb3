"""The overview of a connection: connect, disconnect, sync."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.utils import timezone
from django.utils.dateformat import time_format

from integrations.models import ConsentRequest, SyncRun
from tests.factories.integrations import (
    ConnectionFactory,
    ExternalIdentityFactory,
    FieldMappingFactory,
    InviteSettingsFactory,
    PlannedChangeFactory,
    SyncRunFactory,
)
from tests.factories.portals import CustomFieldFactory
from tests.factories.users import MembershipFactory
from users.models import AuditEntry

from .conftest import ROOT, text_of

PAGE = f"{ROOT}gusto/"


class TestConnectionPage:
    def test_says_what_connecting_needs_and_brings(self, portal_admin):
        page = text_of(portal_admin.get(PAGE))

        assert "+ Connect" in page
        assert "A Gusto account with Full Access" in page
        assert "What Rollcall receives from Gusto" in page
        assert "Disconnect" not in page

    def test_shows_the_connection(self, portal_admin, connection, admin):
        connection.connected_by, connection.connected_at = admin, timezone.now()
        connection.next_due_at = timezone.now() + timedelta(hours=9)
        connection.save()

        page = text_of(portal_admin.get(PAGE))

        assert "Gusto connection Active" in page
        assert "Company Harbor & Pine" in page
        assert "by Robin Vale" in page
        assert "Last complete sync None yet" in page
        assert "(America/Denver)" in page

    def test_counts_who_is_linked_and_why_others_are_not(self, portal_admin, portal, connection):
        ExternalIdentityFactory.create_batch(3, connection=connection)
        ExternalIdentityFactory.create_batch(2, connection=connection, state="skipped", reason="inactive")
        ExternalIdentityFactory(connection=connection, state="failed", reason="no_email")

        response = portal_admin.get(PAGE)

        page = text_of(response)
        assert "3 people are linked to users of this portal. 3 people are not taken over:" in page
        assert "The person is inactive in the connected system. (2)" in page
        assert f"{PAGE}people/?reason=no_email" in response.content.decode()

    def test_leads_through_the_first_set_up(self, portal_admin, connection):
        page = text_of(portal_admin.get(PAGE))

        assert "First-time setup ✓ Connect (done)" in page
        assert "2 Map your data" in page
        assert "3 Invite configuration" in page
        assert "4 Preview, then sync" in page

    def test_ticks_what_is_done(self, portal_admin, portal, connection):
        FieldMappingFactory(connection=connection, custom_field=CustomFieldFactory(portal=portal))
        portal_admin.post(f"{PAGE}invites/", {"when": "added", "how": "active", "address": "work_first"})
        SyncRunFactory(connection=connection, state="failed")

        page = text_of(portal_admin.get(PAGE))

        assert "Map your data (done)" in page
        assert "Invite configuration (done)" in page
        assert "Preview, then sync (done)" in page

    def test_takes_defaults_for_no_choice(self, portal_admin, connection):
        InviteSettingsFactory(connection=connection)

        assert "Invite configuration (done)" not in text_of(portal_admin.get(PAGE))

    def test_ends_the_set_up_with_the_first_complete_sync(self, portal_admin, connection):
        connection.last_complete_sync_at = timezone.now()
        connection.save()

        assert "First-time setup" not in text_of(portal_admin.get(PAGE))

    @pytest.mark.parametrize(
        ("state", "headline"),
        [("needs_reconnecting", "Gusto needs to be connected again"), ("quarantined", "The daily sync is paused")],
    )
    def test_says_why_it_is_broken_and_offers_the_way_out(self, portal_admin, connection, state, headline):
        connection.state, connection.state_reason = state, "The consent was withdrawn."
        connection.save()

        page = text_of(portal_admin.get(PAGE))

        assert headline in page
        assert "The consent was withdrawn." in page
        assert "Connect again" in page
        assert "Mappings, settings and learners stay as they are." in page
        assert "Next daily sync Paused" in page

    def test_says_what_reconnecting_keeps(self, portal_admin, connection):
        connection.state = "disconnected"
        connection.save()

        page = text_of(portal_admin.get(PAGE))

        assert "This portal was connected to Harbor & Pine before." in page
        assert "+ Connect" in page

    def test_points_at_what_waits_for_approval(self, portal_admin, connection):
        run = SyncRunFactory(connection=connection)
        PlannedChangeFactory.create_batch(4, run=run, kind="end_access", state="held")

        response = portal_admin.get(PAGE)

        assert "4 changes wait for your approval" in text_of(response)
        assert f"{PAGE}runs/{run.pk}/?show=held#changes" in response.content.decode()

    def test_shows_when_the_next_manual_sync_is_possible(self, portal_admin, portal, connection):
        connection.last_manual_sync_at = timezone.now() - timedelta(minutes=20)
        connection.save()

        page = text_of(portal_admin.get(PAGE))

        free_at = (connection.last_manual_sync_at + timedelta(hours=1)).astimezone(portal.zone)
        assert f"Sync (possible from {time_format(free_at, 'P')})" in page

    def test_offers_the_sync_again_after_an_hour(self, portal_admin, connection):
        connection.last_manual_sync_at = timezone.now() - timedelta(minutes=61)
        connection.save()

        assert "possible from" not in text_of(portal_admin.get(PAGE))

    def test_leads_to_the_running_sync(self, portal_admin, connection):
        run = SyncRunFactory(connection=connection, state="running")

        response = portal_admin.get(PAGE)

        assert "Watch the running sync" in text_of(response)
        assert f'href="{PAGE}runs/{run.pk}/"' in response.content.decode()

    def test_costs_the_same_for_any_number_of_people(self, connection, queries):
        run = SyncRunFactory(connection=connection)
        PlannedChangeFactory(run=run, state="held")
        before = queries(PAGE)
        for reason in ("inactive", "left", "no_email"):
            ExternalIdentityFactory.create_batch(10, connection=connection, state="skipped", reason=reason)
        PlannedChangeFactory.create_batch(10, run=run, state="held")

        assert queries(PAGE) == before <= 23


class TestConnectView:
    def test_goes_to_the_providers_consent_page(self, portal_admin, portal, admin):
        response = portal_admin.post(f"{PAGE}connect/")

        assert response.status_code == HTTPStatus.FOUND
        assert response.url.startswith("https://gusto.example/oauth/authorize?state=")
        request = ConsentRequest.objects.get()
        assert (request.portal, request.user, request.provider) == (portal, admin, "gusto")

    def test_wants_the_token_of_our_own_form(self, portal, admin, portal_client):
        response = portal_client(portal, admin, enforce_csrf_checks=True).post(f"{PAGE}connect/")

        assert response.status_code == HTTPStatus.FORBIDDEN
        assert not ConsentRequest.objects.exists()


class TestDisconnectPage:
    @pytest.fixture(autouse=True)
    def people(self, portal, connection):
        learners = MembershipFactory.create_batch(2, portal=portal, source="gusto")
        for learner in learners:
            ExternalIdentityFactory(connection=connection, membership=learner)
        FieldMappingFactory(connection=connection, custom_field=CustomFieldFactory(portal=portal))

    def test_asks_with_numbers(self, portal_admin, connection):
        page = text_of(portal_admin.get(f"{PAGE}disconnect/"))

        assert "Disconnect Gusto?" in page
        assert "2 linked learners keep account, groups, courses and progress." in page
        assert "1 field mapping and the other settings are kept" in page
        connection.refresh_from_db()
        assert connection.is_connected

    def test_asks_the_same_in_the_dialog_of_the_overview(self, portal_admin):
        page = portal_admin.get(PAGE).content.decode()

        dialog = page[page.index("<dialog") : page.index("</dialog>")]
        assert "2 linked learners keep account" in dialog
        assert f'action="{PAGE}disconnect/"' in dialog

    def test_disconnects_and_keeps_everything_else(self, portal_admin, portal, connection):
        response = portal_admin.post(f"{PAGE}disconnect/", follow=True)

        assert "Gusto is disconnected. Your settings are kept." in text_of(response)
        connection.refresh_from_db()
        assert connection.state == "disconnected"
        assert connection.mappings.count() == 1
        assert connection.identities.filter(membership__status="active").count() == 2
        assert AuditEntry.objects.filter(action="disconnect", portal=portal).count() == 1

    def test_does_nothing_when_pressed_twice(self, portal_admin, connection):
        portal_admin.post(f"{PAGE}disconnect/")

        assert portal_admin.post(f"{PAGE}disconnect/").status_code == HTTPStatus.FOUND
        assert AuditEntry.objects.filter(action="disconnect").count() == 1


class TestSyncView:
    def test_starts_a_run_and_shows_it(self, portal_admin, connection, admin, started):
        response = portal_admin.post(f"{PAGE}sync/")

        run = SyncRun.objects.get()
        assert response.url == f"{PAGE}runs/{run.pk}/"
        assert (run.connection, run.trigger, run.requested_by) == (connection, "manual", admin)
        connection.refresh_from_db()
        assert connection.last_manual_sync_at

    def test_tells_the_workers_after_the_commit(
        self, portal_admin, connection, monkeypatch, django_capture_on_commit_callbacks
    ):
        ids = []
        monkeypatch.setattr("integrations.tasks.sync_connection.delay", lambda *, run_id: ids.append(run_id))
        with django_capture_on_commit_callbacks() as waiting:
            portal_admin.post(f"{PAGE}sync/")
        assert not ids

        for tell in waiting:
            tell()

        assert ids == [SyncRun.objects.get().pk]

    def test_says_when_the_next_one_is_possible(self, portal_admin, portal, connection, started):
        connection.last_manual_sync_at = timezone.now() - timedelta(minutes=20)
        connection.save()

        page = text_of(portal_admin.post(f"{PAGE}sync/", follow=True))

        free_at = (connection.last_manual_sync_at + timedelta(hours=1)).astimezone(portal.zone)
        assert f"You can sync manually once per hour: from {time_format(free_at, 'P')} " in page
        assert not SyncRun.objects.exists()

    def test_shows_the_run_that_is_under_way(self, portal_admin, connection, started):
        running = SyncRunFactory(connection=connection, state="running")

        response = portal_admin.post(f"{PAGE}sync/")

        assert response.url == f"{PAGE}runs/{running.pk}/"
        assert SyncRun.objects.count() == 1
        connection.refresh_from_db()
        assert connection.last_manual_sync_at is None

    def test_is_possible_in_quarantine(self, portal_admin, connection, started):
        connection.state, connection.quarantine = "quarantined", "emptied"
        connection.save()

        portal_admin.post(f"{PAGE}sync/")

        assert SyncRun.objects.get().state == "queued"

    @pytest.mark.parametrize("state", ["needs_reconnecting", "disconnected"])
    def test_wants_a_working_connection(self, portal_admin, connection, started, state):
        connection.state = state
        connection.save()

        page = text_of(portal_admin.post(f"{PAGE}sync/", follow=True))

        assert "Connect Gusto first." in page
        assert not SyncRun.objects.exists()

    def test_starts_nothing_for_another_portals_connection(self, portal_admin, started):
        ConnectionFactory(external_account_id="c2")

        portal_admin.post(f"{PAGE}sync/")

        assert not SyncRun.objects.exists()


class TestCare:
    def test_says_what_a_quarantine_is_about_and_when_it_is_tried_again(self, portal_admin, connection):
        connection.state, connection.quarantine = "quarantined", "emptied"
        connection.next_due_at = timezone.now() + timedelta(hours=6)
        connection.save()

        page = text_of(portal_admin.get(PAGE))

        assert "The list of people was empty, although there were people before." in page
        assert "Check in the other system whether the people are still there." in page
        assert "It is tried again by itself on" in page
        assert "Nobody loses access because of it." in page
        assert "Connect again" not in page

    def test_says_when_trying_has_stopped(self, portal_admin, connection):
        connection.state, connection.quarantine = "quarantined", "emptied"
        connection.save()

        assert "Now it waits for a sync by hand." in text_of(portal_admin.get(PAGE))

    def test_sounds_the_alarm_when_nothing_was_completed_for_long(self, portal_admin, connection):
        connection.connected_at = connection.last_complete_sync_at = timezone.now() - timedelta(hours=37)
        connection.save()

        assert "No sync has been completed for 36 hours" in text_of(portal_admin.get(PAGE))

    def test_shows_the_last_trouble_and_who_is_told(self, portal_admin, connection, admin):
        run = SyncRunFactory(connection=connection, state="partial", trouble="The list was empty.")
        SyncRunFactory(connection=connection)

        page = text_of(portal_admin.get(PAGE))

        assert f"Last trouble The list was empty. ( Run {run.pk}" in page
        assert f"Told by mail of trouble {admin}" in page

    def test_never_calls_a_run_running_whose_worker_is_gone(self, portal_admin, connection):
        SyncRunFactory(connection=connection, state="running", lease_expires_at=timezone.now() - timedelta(seconds=5))

        page = text_of(portal_admin.get(PAGE))

        assert "Interrupted; goes on soon" in page
        assert "Running" not in page
