"""The inbox of providers' events: once each, late ones harmless, and only the provider's own token is believed."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from integrations import webhooks
from integrations.gusto.signatures import is_signed
from integrations.gusto.webhooks import event_of
from integrations.models import Connection, SyncRun, WebhookEvent, WebhookSubscription
from integrations.webhooks import Event, Kind
from tests.factories.integrations import ConnectionFactory

NOW = timezone.now()
BODY = (
    b'{"uuid":"e-1","event_type":"%s","resource_type":"Company","resource_uuid":"c-1",'
    b'"entity_type":"Employee","entity_uuid":"p-1","timestamp":1784131800,"new_key":1}'
)

NESTED = b'"new_key":' + b"[" * 5000 + b"]" * 5000


@pytest.fixture
def connection(db):
    return ConnectionFactory(connected_at=NOW - timedelta(days=1), last_complete_sync_at=NOW)


def event(connection, kind=Kind.PERSON, id_="e-1", happened_at=NOW, person="p-1"):
    return Event(id_, kind, connection.external_account_id, happened_at, person)


def receive(one):
    return webhooks.receive(provider="gusto", event=one, now=NOW)


class TestIsSigned:
    def test_takes_the_signature_of_these_bytes_only(self):
        assert is_signed(b"", "f9e66e179b6747ae54108f82f8ade8b3c25d76fd30afde6c395822c530196169", "secret")
        assert not is_signed(b"", "F9E66E179B6747AE54108F82F8ADE8B3C25D76FD30AFDE6C395822C530196169", "secret")
        assert not is_signed(b" ", "f9e66e179b6747ae54108f82f8ade8b3c25d76fd30afde6c395822c530196169", "secret")

    def test_believes_nobody_without_a_secret(self):
        assert not is_signed(b"", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", "")


class TestEventOf:
    @pytest.mark.parametrize(
        "kind", [b"employee.created", b"employee.terminated_effective", b"employee.termination_effective"]
    )
    def test_knows_what_is_about_a_person(self, kind):
        found = event_of(BODY % kind)

        assert (found.kind, found.account_id, found.person_id) == (Kind.PERSON, "c-1", "p-1")

    def test_knows_the_end_of_a_consent(self):
        assert event_of(BODY % b"company.deprovisioned").kind is Kind.CONSENT_ENDED

    @pytest.mark.parametrize("kind", [b"employee.deleted", b"company.updated", b"payroll.paid"])
    def test_passes_over_the_rest(self, kind):
        assert event_of(BODY % kind) is None

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", BODY.replace(b"1784131800", b"-1") % b"x", b"\xff"])
    def test_refuses_what_is_no_event(self, body):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever the decoder says
            event_of(body)

    def test_refuses_what_is_nested_without_end(self):
        with pytest.raises(ValueError, match="nested"):
            event_of(BODY.replace(b'"new_key":1', NESTED) % b"x")


class TestWebhookView:
    def test_refuses_unsigned_bodies_nested_without_end(self, client, db):
        body = b'{"verification_token":"somebody",%s}' % NESTED

        response = client.post(
            reverse("gusto:webhooks"), body, content_type="application/json", headers={"host": "localhost:8000"}
        )

        assert response.status_code == 400


class TestReceive:
    def test_keeps_an_event_once(self, connection):
        assert receive(event(connection))
        assert not receive(event(connection))
        assert WebhookEvent.objects.count() == 1

    def test_keeps_nothing_of_accounts_that_nobody_uses(self, connection):
        Connection.objects.update(state="disconnected")

        assert not receive(event(connection))
        assert not WebhookEvent.objects.exists()


class TestTakeUp:
    def test_gives_all_people_to_one_run(self, connection):
        for number in range(3):
            receive(event(connection, id_=f"e-{number}", person=f"p-{number}"))

        (run_id,) = webhooks.take_up(now=NOW)

        run = SyncRun.objects.get(pk=run_id)
        assert (run.trigger, run.cursor, run.events.count()) == ("event", {"phase": "reported"}, 3)
        assert webhooks.take_up(now=NOW) == []

    def test_leaves_the_first_sync_to_the_admin(self, connection):
        Connection.objects.update(last_complete_sync_at=None)
        receive(event(connection))

        assert webhooks.take_up(now=NOW) == []
        assert WebhookEvent.objects.get().state == "ignored"

    def test_tries_the_people_of_a_failed_run_again_for_a_while(self, connection):
        receive(event(connection))
        webhooks.take_up(now=NOW)
        SyncRun.objects.update(state="failed", finished_at=NOW)

        assert webhooks.take_up(now=NOW + timedelta(minutes=1)) == []
        assert len(webhooks.take_up(now=NOW + timedelta(minutes=11))) == 1
        SyncRun.objects.update(state="failed", finished_at=NOW)
        assert webhooks.take_up(now=NOW + timedelta(minutes=61)) == []

    def test_asks_for_a_new_consent(self, connection):
        receive(event(connection, Kind.CONSENT_ENDED))

        webhooks.take_up(now=NOW)

        connection.refresh_from_db()
        assert connection.state == "needs_reconnecting"

    def test_passes_over_the_end_of_a_consent_that_was_renewed_since(self, connection):
        receive(event(connection, Kind.CONSENT_ENDED, happened_at=NOW - timedelta(days=2)))

        webhooks.take_up(now=NOW)

        connection.refresh_from_db()
        assert connection.state == "active"


class TestForgetOld:
    def test_keeps_what_may_still_be_repeated(self, connection):
        receive(event(connection))

        webhooks.forget_old(now=NOW + timedelta(days=59))
        assert WebhookEvent.objects.exists()
        webhooks.forget_old(now=NOW + timedelta(days=61))
        assert not WebhookEvent.objects.exists()


@pytest.mark.django_db
class TestKeepCandidate:
    def test_believes_a_token_only_while_one_is_waited_for(self):
        assert not webhooks.keep_candidate(provider="gusto", token="stranger's")

        webhooks.open_subscription(provider="gusto", external_id="s-1", now=NOW)
        assert webhooks.keep_candidate(provider="gusto", token="stranger's")
        assert webhooks.secret("gusto") == ""

        webhooks.confirm(provider="gusto", external_id="s-1", token="gusto's", now=NOW)
        assert webhooks.secret("gusto") == "gusto's"
        assert not webhooks.keep_candidate(provider="gusto", token="stranger's")
        assert "gusto's" not in WebhookSubscription.objects.get().token

    def test_keeps_the_last_few(self):
        webhooks.open_subscription(provider="gusto", external_id="s-1", now=NOW)
        for number in range(9):
            webhooks.keep_candidate(provider="gusto", token=f"token {number}")

        assert webhooks.candidates("gusto") == ("s-1", [f"token {number}" for number in (8, 7, 6, 5, 4)])
