"""Records that are merged, deleted and restored in HubSpot: links follow, go and come back, in any order of events."""

from itertools import permutations

import pytest
from django.utils import timezone

from integrations.hubspot import merges, webhooks
from integrations.hubspot.merges import Change, Record
from integrations.hubspot.models import RecordAlias
from integrations.hubspot.webhooks import Kind
from integrations.models import ExternalIdentity, WebhookEvent
from integrations.problems import open_problems
from integrations.webhooks import Event, receive_all
from tests.factories.integrations import ConnectionFactory, ExternalIdentityFactory, PlannedChangeFactory
from tests.factories.users import MembershipFactory
from users.models import AuditEntry

NOW = timezone.now()
ACCOUNT = "77"


@pytest.fixture
def connection(db):
    return ConnectionFactory(provider="hubspot", record_type="contacts", external_account_id=ACCOUNT)


@pytest.fixture
def link():
    """Link a new learner to a record."""

    def make(connection, record_id="901"):
        learner = MembershipFactory(portal=connection.portal, status="active")
        ExternalIdentityFactory(
            connection=connection,
            external_id=record_id,
            membership=learner,
            digest=b"seen",
            snapshot={"key": record_id, "first_name": learner.user.first_name},
        )
        return learner

    return make


def settle(record, earlier=(), *, named=(), primary="", is_restored=False):
    found = Record(record, frozenset(earlier))
    change = Change(ACCOUNT, "contacts", found, frozenset(named), primary)
    merges.settle(change, is_restored=is_restored, now=NOW)


def drop(*record_ids):
    merges.drop(account_id=ACCOUNT, record_type="contacts", record_ids=record_ids, now=NOW)


def record_of(learner):
    return ExternalIdentity.objects.filter(membership=learner, state="linked").values_list("external_id", flat=True)


def aliases(connection):
    return dict(connection.record_aliases.values_list("external_id", "kind"))


class TestSettle:
    def test_lets_the_link_follow_to_a_new_id(self, connection, link):
        learner = link(connection, "901")

        settle("1203", named=["901", "955"], primary="901")

        assert list(record_of(learner)) == ["1203"]
        assert aliases(connection) == {"901": "merged", "955": "merged"}
        # It is read soon, whatever was read under the old id.
        assert bytes(connection.identities.get().digest) == b""
        assert connection.events.get(state="waiting").person_id == "1203"

    def test_lets_the_link_follow_into_the_other_record(self, connection, link):
        learner = link(connection, "955")

        settle("901", named=["901", "955"], primary="901")

        assert list(record_of(learner)) == ["901"]

    def test_lets_it_follow_in_every_portal_of_the_account(self, connection, link):
        other = ConnectionFactory(provider="hubspot", record_type="contacts", external_account_id=ACCOUNT)
        strange = ConnectionFactory(provider="hubspot", record_type="contacts", external_account_id="88")
        users = ConnectionFactory(provider="hubspot", record_type="users", external_account_id=ACCOUNT)
        moved, kept = [link(one, "955") for one in (connection, other)], [link(one, "955") for one in (strange, users)]

        settle("901", named=["955"])

        assert [list(record_of(one)) for one in moved] == [["901"]] * 2
        assert [list(record_of(one)) for one in kept] == [["955"]] * 2

    def test_follows_a_chain_that_only_the_record_remembers(self, connection, link):
        learner = link(connection, "955")

        settle("1300", ["1203", "955"], named=["1203"])

        assert list(record_of(learner)) == ["1300"]

    def test_keeps_two_learners_apart_and_lists_the_one_whose_record_went(self, connection, link):
        primary, merged = link(connection, "901"), link(connection, "955")

        settle("1203", named=["901", "955"], primary="901")

        assert list(record_of(primary)) == ["1203"]
        assert not record_of(merged)
        left = connection.identities.get(external_id="955")
        assert (left.membership, left.reason) == (None, "merged_record")
        assert [(one.cause, one.people) for one in open_problems(connection, NOW)] == [("merged_record", 1)]
        assert AuditEntry.objects.get(action="hubspot_link_removed").object_id == merged.pk
        merged.refresh_from_db()
        assert merged.status == "active"

    def test_prefers_the_learner_who_already_has_the_record_that_is_left(self, connection, link):
        first, second = link(connection, "955"), link(connection, "901")

        settle("901", named=["901", "955"], primary="901")

        assert list(record_of(second)) == ["901"]
        assert not record_of(first)

    def test_changes_nothing_the_second_time(self, connection, link):
        learner = link(connection, "901")
        settle("1203", named=["901", "955"], primary="901")
        before = list(AuditEntry.objects.values_list("pk", flat=True))

        settle("1203", named=["901", "955"], primary="901")

        assert list(record_of(learner)) == ["1203"]
        assert list(AuditEntry.objects.values_list("pk", flat=True)) == before

    def test_brings_a_restored_record_its_link_back(self, connection, link):
        learner = link(connection, "901")
        drop("901")

        settle("901", named=["901"])
        assert not record_of(learner)
        settle("901", named=["901"], is_restored=True)

        assert list(record_of(learner)) == ["901"]
        assert aliases(connection) == {}

    def test_leaves_a_learner_alone_who_has_another_record_by_now(self, connection, link):
        learner = link(connection, "901")
        drop("901")
        ExternalIdentityFactory(connection=connection, external_id="950", membership=learner)

        settle("901", named=["901"], is_restored=True)

        assert list(record_of(learner)) == ["950"]


class TestDrop:
    def test_ends_the_link_and_leaves_the_account(self, connection, link):
        learner = link(connection, "901")

        drop("901")
        drop("901")

        learner.refresh_from_db()
        assert learner.status == "active"
        assert not connection.identities.exists()
        assert aliases(connection) == {"901": "deleted"}
        assert AuditEntry.objects.filter(action="hubspot_link_removed", reason="hubspot_deleted").count() == 1

    def test_lets_nothing_happen_any_more_that_was_held(self, connection, link):
        learner = link(connection, "901")
        held = PlannedChangeFactory(
            run__connection=connection, external_id="901", membership_id=learner.pk, kind="clear", state="held"
        )

        drop("901")

        held.refresh_from_db()
        assert held.state == "skipped"


@pytest.mark.django_db(transaction=True)
class TestEvents:
    """The same through HubSpot's sandbox, whatever the order in which its events arrive."""

    @pytest.fixture
    def linked(self, connect_hubspot, link):
        connection = connect_hubspot()
        return connection, link(connection, "901"), link(connection, "902")

    @pytest.fixture
    def told(self, hubspot):
        """Put what HubSpot would send into the inbox in a given order, and take it up after each event."""
        hubspot.outbound.webhooks.url = ""

        def deliver(events):
            for event in events:
                receive_all(provider="hubspot", events=[event], now=timezone.now())
                webhooks.take_up_records(now=timezone.now())

        return deliver

    def make(self, hub, kind, record_id, second, **details):
        details = {"record_type": "contacts", **details}
        return Event(
            id=f"{kind}-{record_id}",
            kind=kind,
            account_id=str(hub.id),
            happened_at=NOW.replace(second=second),
            person_id=record_id,
            record_type="contacts",
            only_linked=kind == Kind.DELETED,
            details=details,
        )

    @pytest.mark.parametrize("makes_new_id", [True, False])
    def test_of_a_merge_move_the_link(self, linked, hubspot, hub, told, makes_new_id):
        _connection, ana, _bjorn = linked
        left = hubspot.merge_contacts("903", "901", makes_new_id=makes_new_id)
        merge = self.make(hub, Kind.MERGED, left.id, 1, primary="903", ids=["901", "903", left.id])

        told([merge, self.make(hub, Kind.DELETED, "901", 2), merge])

        assert list(record_of(ana)) == [left.id]
        assert set(WebhookEvent.objects.filter(connection=None).values_list("person_id", "state")) <= {
            ("", "taken"),
            ("", "ignored"),
        }

    def test_of_a_deletion_and_a_restoration_come_to_the_same_in_any_order(self, linked, hubspot, hub, told):
        _connection, ana, _bjorn = linked
        hubspot.delete_contact("901")
        hubspot.restore_contact("901")
        events = [
            self.make(hub, Kind.DELETED, "901", 1),
            self.make(hub, Kind.RESTORED, "901", 2),
        ]

        for order in permutations(events):
            told(order)
            WebhookEvent.objects.all().delete()
            assert list(record_of(ana)) == ["901"]

    def test_of_a_restoration_bring_the_link_back(self, linked, hubspot, hub, told):
        _connection, ana, _bjorn = linked
        hubspot.delete_contact("901")
        told([self.make(hub, Kind.DELETED, "901", 1)])
        assert not record_of(ana)

        hubspot.restore_contact("901")
        told([self.make(hub, Kind.RESTORED, "901", 2)])

        assert list(record_of(ana)) == ["901"]
        assert not RecordAlias.objects.exists()

    def test_about_strangers_are_not_even_looked_up(self, linked, hubspot, hub, told, world):
        world.clear_calls()

        told([self.make(hub, Kind.MERGED, "920", 1, primary="920", ids=["920", "921"])])

        assert not world.calls.newest(10)
        assert WebhookEvent.objects.get().state == "taken"
