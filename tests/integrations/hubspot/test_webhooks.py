"""HubSpot's events: signed or refused, stored once in a few statements, taken up by a worker."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from integrations import tasks as shared_tasks
from integrations.hubspot import signatures, tasks
from integrations.hubspot.webhooks import Kind, events_of
from integrations.models import WebhookEvent
from tests.factories.integrations import ConnectionFactory, ExternalIdentityFactory
from tests.factories.portals import PortalFactory
from tests.factories.users import MembershipFactory
from users.models import Membership

ACCOUNT = 4455667
AT = 1763699990123


def event(what="contact.propertyChange", object_id=901, **more):
    """Return one event as HubSpot sends it."""
    common = {"eventId": 2001, "subscriptionId": 770001, "portalId": ACCOUNT, "appId": 1122334, "occurredAt": AT}
    return {**common, "subscriptionType": what, "attemptNumber": 0, "objectId": object_id, **more}


def events(*rows):
    return events_of(json.dumps(rows).encode())


@pytest.fixture
def connection(db):
    return ConnectionFactory(
        provider="hubspot", record_type="contacts", external_account_id=str(ACCOUNT), connected_at=timezone.now()
    )


@pytest.fixture
def link():
    """Link a new learner to a record."""

    def make(connection, record_id="901", **membership):
        learner = MembershipFactory(portal=connection.portal, **membership)
        return ExternalIdentityFactory(
            connection=connection, external_id=record_id, membership=learner, snapshot={"key": record_id}
        )

    return make


@pytest.fixture
def send(client, settings):
    """Send a body as HubSpot does, signed unless told otherwise; return the answer's status."""
    settings.HUBSPOT_CLIENT_SECRET = "the application's secret"
    path = reverse("hubspot_public:webhooks")

    def make(body, *, secret="the application's secret", age=0, host=settings.PLATFORM_DOMAIN):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = signatures.Request("POST", f"{settings.PLATFORM_SCHEME}://{settings.PLATFORM_DOMAIN}{path}", raw)
        moment = str(int(timezone.now().timestamp() * 1000) - age)
        headers = {
            "host": host,
            "X-HubSpot-Signature-v3": signatures.v3(secret, signed, moment),
            "X-HubSpot-Request-Timestamp": moment,
        }
        return client.post(path, raw, content_type="application/json", headers=headers).status_code

    return make


class TestEventsOf:
    def test_knows_a_change_of_a_contact(self):
        (found,) = events(event(propertyName="department", propertyValue="sales"))

        assert (found.kind, found.account_id, found.person_id) == ("person", str(ACCOUNT), "901")
        assert (found.record_type, found.only_linked) == ("contacts", True)

    @pytest.mark.parametrize("name", ["0-115", "user"])
    def test_knows_a_change_of_a_user(self, name):
        (found,) = events(event("object.propertyChange", 207838823235, objectTypeId=name))

        assert (found.record_type, found.person_id) == ("users", "207838823235")

    def test_reads_either_name_of_the_type(self):
        row = event()
        row["eventType"] = row.pop("subscriptionType")

        assert events(row)[0].kind == "person"

    @pytest.mark.parametrize(
        ("what", "kind"),
        [
            ("contact.deletion", Kind.DELETED),
            ("contact.restore", Kind.RESTORED),
            ("contact.privacyDeletion", Kind.PRIVACY),
        ],
    )
    def test_knows_what_happens_to_a_record(self, what, kind):
        assert events(event(what))[0].kind == kind

    def test_refuses_what_is_nested_without_end(self):
        with pytest.raises(ValueError, match="RecursionError"):
            events_of(b'[{"propertyValue":' + b"[" * 5000 + b"]" * 5000 + b"}]")

    @pytest.mark.parametrize(("new", "survivor"), [(1203, "1203"), (None, "901")])
    def test_knows_which_record_is_left_of_a_merge(self, new, survivor):
        more = {"newObjectId": new} if new else {}
        (found,) = events(event("contact.merge", primaryObjectId=901, mergedObjectIds=[955], **more))

        assert found.person_id == survivor
        assert found.details["primary"] == "901"
        assert set(found.details["ids"]) == {"901", "955", survivor}

    @pytest.mark.parametrize("what", ["contact.creation", "company.deletion", "deal.propertyChange", "", "contact"])
    def test_passes_over_the_rest(self, what):
        assert events(event(what)) == []

    def test_tells_a_repeated_event_from_another(self):
        first, again = events(event(), event(attemptNumber=3))
        others = events(event(eventId=9), event(object_id=902), event(occurredAt=AT + 1), event(propertyName="city"))

        assert first.id == again.id
        assert len({first.id, *(one.id for one in others)}) == 5

    def test_leaves_out_a_broken_one(self):
        broken = event()
        del broken["objectId"]

        assert len(events(broken, event(occurredAt=10**18), "nothing", event())) == 1

    @pytest.mark.parametrize("broken", [rb"\ud83d", rb"\ude00", b"\xff"])
    def test_reads_what_came_with_half_a_character(self, broken):
        body = json.dumps([event(propertyValue="Maya")] * 2).encode().replace(b"Maya", b"Ma" + broken, 1)

        assert len(events_of(body)) == 2

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", json.dumps([event()] * 101).encode()])
    def test_refuses_what_is_no_delivery(self, body):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever the decoder says
            events_of(body)


class TestAddress:
    def test_takes_only_what_hubspot_signed_a_moment_ago(self, connection, link, send):
        link(connection)

        assert send([event()], secret="somebody else's") == 401
        assert send([event()], age=301_000) == 401
        assert not WebhookEvent.objects.exists()
        assert send([event()]) == 200
        assert WebhookEvent.objects.get().connection == connection

    def test_refuses_what_it_cannot_read(self, connection, send):
        assert send(b"{") == 400
        assert send([]) == 400
        assert send(b"x" * (2 * 1024 * 1024 + 1)) == 413

    def test_is_the_platforms_own(self, connection, send, client, settings):
        assert send([event()], host=connection.portal.platform_host) == 404
        path = reverse("hubspot_public:webhooks")
        assert client.get(path, headers={"host": settings.PLATFORM_DOMAIN}).status_code == 405

    def test_drops_events_of_accounts_that_nobody_uses(self, connection, link, send):
        link(connection)

        assert send([event(portalId=1), event("contact.privacyDeletion", portalId=1)]) == 200
        assert not WebhookEvent.objects.exists()

    def test_keeps_an_event_once_for_each_portal_of_the_account(self, connection, link, send):
        other = ConnectionFactory(provider="hubspot", record_type="contacts", external_account_id=str(ACCOUNT))
        for one in (connection, other):
            link(one)

        for attempt in range(3):
            assert send([event(attemptNumber=attempt)] * 2) == 200

        assert set(WebhookEvent.objects.values_list("connection", flat=True)) == {connection.pk, other.pk}
        assert WebhookEvent.objects.count() == 2

    def test_sorts_a_delivery_of_several_accounts(self, connection, link, send):
        other = ConnectionFactory(provider="hubspot", record_type="contacts", external_account_id="88")
        link(connection)
        link(other)

        assert send([event(), event(portalId=88)]) == 200

        assert {one.account_id: one.connection_id for one in WebhookEvent.objects.all()} == {
            str(ACCOUNT): connection.pk,
            "88": other.pk,
        }

    def test_keeps_nothing_about_records_that_nobody_is_linked_to(self, connection, link, send):
        link(connection, "905")
        users = ConnectionFactory(
            provider="hubspot", record_type="users", external_account_id=str(ACCOUNT), portal=PortalFactory()
        )
        link(users, "901")

        send([event(object_id=901), event("contact.deletion", 901)])

        assert not WebhookEvent.objects.exists()

    def test_takes_a_hundred_events_in_one_statement(
        self, connection, link, send, statements_run, django_assert_num_queries
    ):
        link(connection)

        with django_assert_num_queries(0):
            send([event(eventId=number) for number in range(100)])

        assert len(statements_run) == 1
        assert WebhookEvent.objects.count() == 100


@pytest.fixture
def linked(connect_hubspot):
    """A portal that is connected with the sandbox's account, and a learner who is linked to its first contact."""
    connection = connect_hubspot()
    learner = MembershipFactory(portal=connection.portal, user__email="ana.silva@example.org", status="active")
    ExternalIdentityFactory(connection=connection, external_id="901", membership=learner, snapshot={"key": "901"})
    return learner


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("tasks_at_once")
class TestTakeUp:
    @pytest.fixture
    def deliver(self, hubspot, live_server, settings):
        """Have the sandbox send its events here, and wait until they were taken."""
        port = live_server.thread.port
        hubspot.repeat_at_once()
        hubspot.set_target(f"{settings.PLATFORM_SCHEME}://{settings.PLATFORM_DOMAIN}/integrations/hubspot/", port=port)

        def wait():
            assert hubspot.wait_until_quiet()
            return hubspot

        return wait

    def test_brings_a_new_name_to_the_learner_before_any_sync(self, linked, hubspot, deliver):
        hubspot.change_contact("901", firstname="Anabela")
        deliver()

        linked.user.refresh_from_db()
        assert linked.user.first_name == "Anabela"

    def test_does_so_once_however_often_and_in_whatever_order_it_is_told(self, linked, hubspot, deliver):
        hubspot.set_webhooks(copies=3, shuffle=True)
        hubspot.change_contact("901", firstname="Anabela", lastname="Souza")
        deliver()

        linked.user.refresh_from_db()
        assert linked.user.full_name == "Anabela Souza"
        assert WebhookEvent.objects.count() == 2

    def test_brings_nobody_in(self, linked, hubspot, deliver):
        hubspot.change_contact("902", firstname="Nobody's")
        deliver()
        shared_tasks.take_up_events()

        assert Membership.objects.count() == 1
        assert linked.external_identities.count() == 1

    def test_waits_while_hubspot_does_not_answer(self, linked, hubspot, deliver, world):
        hubspot.set_fault("503", times=20)
        hubspot.delete_contact("901")
        deliver()
        assert linked.external_identities.exists()

        world.clear_faults()
        tasks.take_up_records()

        assert not linked.external_identities.exists()
        assert WebhookEvent.objects.get(kind=Kind.DELETED).person_id == ""

    def test_forgets_events_with_the_others(self, linked, hubspot, deliver):
        hubspot.change_contact("901", firstname="Anabela")
        deliver()
        WebhookEvent.objects.update(received_at=timezone.now() - timedelta(days=61))

        shared_tasks.take_up_events()

        assert not WebhookEvent.objects.exists()
