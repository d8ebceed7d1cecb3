"""Gusto tells of changes by itself: over real HTTP, from the sandbox's HR department to the portal."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from integrations import tasks
from integrations.models import Connection, SyncRun, WebhookEvent, WebhookSubscription
from users.models import Membership

from .conftest import sync_and_release_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once")]

LEAVERS = ["Maya Okafor", "Wei Zhang", "Joy Delgado", "Yuki Desai"]


@pytest.fixture
def address(live_server, settings):
    """Where the sandbox reaches the platform."""
    return f"http://{settings.PLATFORM_HOST}:{live_server.thread.port}{reverse('gusto:webhooks')}"


@pytest.fixture
def told(connection, world, address):
    """A portal whose first sync is done and that gets events; the function waits until all were delivered."""
    sync_and_release_now(connection)
    call_command("gusto_webhooks", "subscribe", url=address)
    assert world.webhooks.wait_until_quiet()
    return world.webhooks.wait_until_quiet


def event_runs():
    return SyncRun.objects.filter(trigger="event")


class TestEvents:
    def test_are_on_after_the_handshake(self, told):
        assert WebhookSubscription.objects.get().state == "verified"

    def test_bring_a_newcomer_in_within_a_moment(self, told, world, smtp):
        world.hire("Noor", "Ahmadi", work_email="noor@harborpine.example")
        assert told()

        assert Membership.objects.get(user__email="noor@harborpine.example").status == "pending"
        assert event_runs().get().totals["seen"] == 1
        assert smtp[-1]["To"] == "noor@harborpine.example"

    def test_take_a_new_name_over(self, told, world, people):
        world.rename("Maya Okafor", "Maya", "Okafor-Lind")
        assert told()

        assert people("Maya Okafor-Lind")

    def test_end_the_access_of_a_leaver(self, told, world, today, people):
        world.terminate("Maya Okafor", today - timedelta(days=1))
        assert told()

        assert people("Maya Okafor").status == "ended"

    def test_trip_the_brake_when_many_leave_one_after_the_other(self, told, world, today):
        for name in LEAVERS:
            world.terminate(name, today - timedelta(days=1))
            assert told()

        assert Membership.objects.filter(status="ended").count() < len(LEAVERS)
        assert event_runs().filter(totals__held__gte=1).exists()

    def test_that_come_twice_change_nothing_more(self, told, world):
        world.repeat_webhooks(3)
        world.hire("Noor", "Ahmadi", work_email="noor@harborpine.example")
        assert told()

        assert WebhookEvent.objects.count() == 1
        assert event_runs().count() == 1

    def test_leave_alone_who_was_deleted_in_gusto(self, told, world, people):
        world.remove("Maya Okafor")
        assert told()

        assert people("Maya Okafor").status == "pending"
        assert not event_runs().exists()

    def test_wait_while_a_sync_is_running(self, told, world, connection):
        run = SyncRun.objects.create(connection=connection, trigger="manual", created_at=timezone.now())
        world.hire("Noor", "Ahmadi", work_email="noor@harborpine.example")
        assert told()
        assert WebhookEvent.objects.get().state == "waiting"

        SyncRun.objects.filter(pk=run.pk).update(state="completed")
        tasks.take_up_events()

        assert Membership.objects.filter(user__email="noor@harborpine.example").exists()

    def test_ask_for_a_new_consent_when_the_old_one_ended(self, told, world, connection):
        world.revoke_grants()
        assert told()

        connection.refresh_from_db()
        assert connection.state == Connection.State.NEEDS_RECONNECTING
        assert "Gusto reports that the connection was removed there" in connection.state_reason
        assert not Membership.objects.filter(status="ended").exists()

    def test_read_the_list_when_everybody_changed(self, told, world, monkeypatch, sandbox):
        monkeypatch.setattr("integrations.webhooks.MANY_PEOPLE", 3)
        SyncRun.objects.create(connection=Connection.objects.get(), trigger="manual", created_at=timezone.now())
        world.change_every(1, title="Shipmate")
        assert told()
        SyncRun.objects.filter(state="queued").update(state="completed")
        world.clear_calls()

        tasks.take_up_events()

        paths = [call.path for call in world.calls.newest(100)]
        assert any(path.endswith("/employees") for path in paths)
        assert not any(path.startswith("/v1/employees/") for path in paths)


class TestAddress:
    @pytest.fixture
    def post(self, told, client, settings):
        def send(body, **headers):
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            return client.post(
                reverse("gusto:webhooks"),
                raw,
                content_type="application/json",
                headers={"host": settings.PLATFORM_DOMAIN, **headers},
            ).status_code

        return send

    def test_takes_nothing_that_is_not_signed(self, post):
        assert post({"verification_token": "some other token"}) == 401
        assert post({"uuid": "1"}) == 401
        assert post({"uuid": "1"}, x_gusto_signature="0" * 64) == 401
        assert post(b"{", x_gusto_signature="é") == 401
        assert post(b"{") == 400
        assert post(b"x" * 20_000) == 413
        assert not WebhookEvent.objects.exists()

    def test_is_the_platforms_own(self, told, portal, portal_client):
        assert portal_client(portal).post(reverse("gusto:webhooks")).status_code == 404
        assert portal_client(None).get(reverse("gusto:webhooks")).status_code == 405
