"""Somebody asks HubSpot to delete their data: what goes, what stays, and that nothing brings it back unasked."""

import json
import threading
from datetime import timedelta
from itertools import permutations

import pytest
from django.db import connection as db_connection
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.engine.records import Person, digest
from integrations.http import RecordMissing
from integrations.hubspot import links, privacy, webhooks
from integrations.hubspot.models import PrivacyReceipt, ProgressPush, RecordAlias, WorkflowCall
from integrations.hubspot.webhooks import Kind
from integrations.models import ExternalIdentity, PlannedChange, SyncRun, Tombstone, WebhookEvent
from integrations.sync import apply, leases, offers
from integrations.sync import run as sync_run
from integrations.sync.batches import Admission, Batch, Context
from integrations.sync.policy import policy_for
from integrations.sync.snapshot import known
from integrations.webhooks import Event, receive_all
from tests.factories.integrations import (
    ConnectionFactory,
    ExternalIdentityFactory,
    PlannedChangeFactory,
    SyncRunFactory,
)
from tests.factories.portals import CourseFactory, GroupFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory, OperatorFactory
from users.models import AuditEntry, Enrollment, GroupMembership

NOW = timezone.now()
ACCOUNT = "77"


def make_connection(account=ACCOUNT, record_type="contacts", **fields):
    return ConnectionFactory(
        provider="hubspot", record_type=record_type, external_account_id=account, connected_at=NOW, **fields
    )


@pytest.fixture
def connection(db):
    return make_connection()


def link(connection, record_id="901", **fields):
    learner = MembershipFactory(portal=connection.portal, status="active", **fields)
    ExternalIdentityFactory(
        connection=connection,
        external_id=record_id,
        membership=learner,
        snapshot={"key": record_id, "first_name": "Ana", "work_email": "ana.silva@example.org"},
    )
    return learner


@pytest.fixture
def learner(connection):
    """A learner whose data of HubSpot lies in every place where it can."""
    learner = link(connection)
    course = CourseFactory(portal=connection.portal)
    enrollment = Enrollment.objects.create(membership=learner, course=course, enrolled_at=NOW, percent=40)
    group = GroupFactory(portal=connection.portal)
    GroupMembership.objects.create(group=group, membership=learner, created_at=NOW)
    ProgressPush.objects.create(
        connection=connection,
        enrollment_id=enrollment.pk,
        membership_id=learner.pk,
        person_key="901",
        is_tried=True,
        next_try_at=NOW,
    )
    RecordAlias.objects.create(
        connection=connection, external_id="955", membership=learner, kind="merged", noted_at=NOW
    )
    for number, record_id in enumerate(["901", "955"]):
        WorkflowCall.objects.create(
            account_id=ACCOUNT,
            callback_id=f"call-{number}",
            connection=connection,
            kind="add",
            record_type="CONTACT",
            record_id=record_id,
            inputs={"portal": f"prt_{connection.portal_id}"},
            answer={"outcome": "created"},
            membership=learner,
            received_at=NOW,
        )
    PlannedChangeFactory(
        run__connection=connection,
        external_id="901",
        person="Ana Silva <ana.silva@example.org>",
        membership_id=learner.pk,
        before={"first_name": "Ana"},
        after={"first_name": "Anabela"},
    )
    tell(event(Kind.MERGED, "1203", ids=["955", "1203"], primary="1203"))
    tell(Event("change", "person", ACCOUNT, NOW, "901", record_type="contacts", only_linked=True))
    return learner


def event(kind, record_id="901", *, at=NOW, name="", **details):
    return Event(
        id=name or f"{kind}-{record_id}-{at:%s}",
        kind=kind,
        account_id=ACCOUNT,
        happened_at=at,
        person_id=record_id,
        record_type="contacts",
        only_linked=kind == Kind.DELETED,
        details={"record_type": "contacts", **details},
    )


def tell(*events):
    return receive_all(provider="hubspot", events=events, now=NOW)


def forget(record_id="901", **options):
    return privacy.forget_record(ACCOUNT, record_id, NOW, **options)


def everything_stored():
    """Return whatever any table keeps as text, but for what is the learner's own."""
    found = []
    for model in (
        ExternalIdentity,
        RecordAlias,
        WorkflowCall,
        WebhookEvent,
        PlannedChange,
        ProgressPush,
        AuditEntry,
        PrivacyReceipt,
        SyncRun,
    ):
        for row in model.objects.values():
            # Numbers of rows could be anything.
            values = {key: value for key, value in row.items() if key != "id" and not key.endswith("_id")}
            keys = {key: row[key] for key in ("external_id", "person_id", "record_id", "event_id") if key in row}
            found.append(json.dumps({**values, **keys}, default=repr))
    return "\n".join(found)


class TestForgetRecord:
    def test_removes_every_trace_of_the_record_under_all_its_ids(self, learner):
        assert all(text in everything_stored() for text in ('"901"', '"955"', "ana.silva@example.org"))

        assert forget() == 1

        stored = everything_stored()
        assert not any(text in stored for text in ('"901"', '"955"', "ana.silva@example.org", "Anabela"))

    def test_keeps_the_learner_with_groups_courses_and_progress(self, learner):
        forget()

        learner.refresh_from_db()
        assert (learner.status, learner.user.first_name) == ("active", "Robin")
        assert learner.enrollments.get().percent == 40
        assert learner.group_memberships.count() == 1

    def test_has_hubspots_own_records_of_the_person_removed(self, learner):
        forget()

        push = ProgressPush.objects.get()
        assert (push.state, push.person_key) == ("removing", "")

    def test_works_by_any_id_that_the_record_had(self, learner, connection):
        assert forget("955") == 1
        assert not connection.identities.exists()

    def test_reaches_every_portal_of_the_account_and_no_other(self, learner, connection):
        cut = make_connection(state="disconnected")
        same = [link(one) for one in (cut, make_connection())]
        strangers = [link(make_connection(account="88")), link(make_connection(record_type="users"))]

        assert forget() == 3

        assert not ExternalIdentity.objects.filter(membership__in=[learner, *same]).exists()
        assert ExternalIdentity.objects.filter(membership__in=strangers).count() == 2
        assert not Tombstone.objects.filter(portal__in=[one.portal_id for one in strangers]).exists()

    def test_leaves_a_receipt_that_names_nobody(self, learner, connection):
        asked_at = NOW - timedelta(hours=2)

        forget(asked_at=asked_at)

        receipt = connection.privacy_receipts.get()
        assert receipt.asked_at == asked_at
        assert receipt.removed == {"links": 1, "earlier": 1, "calls": 2, "lines": 1, "records": 1}
        assert "901" not in receipt.reference
        assert privacy.receipts_of(connection, "901") == [receipt]
        assert privacy.receipts_of(connection, "902") == []

    def test_tells_in_the_trail_of_the_learner(self, learner):
        forget()

        entry = AuditEntry.objects.get(action="hubspot_link_removed")
        assert (entry.object_id, entry.reason, entry.before, entry.after) == (learner.pk, "hubspot_privacy", {}, {})

    def test_changes_nothing_when_it_is_asked_again(self, learner, connection):
        forget(asked_at=NOW)
        before = everything_stored()

        assert forget(asked_at=NOW) == 0
        assert forget(asked_at=NOW + timedelta(hours=9)) == 0

        assert everything_stored() == before
        assert connection.privacy_receipts.count() == 1

    def test_keeps_no_word_of_a_record_that_nobody_knew(self, connection):
        assert forget("4711") == 0
        assert not PrivacyReceipt.objects.exists()
        assert not Tombstone.objects.exists()

    def test_lets_nothing_happen_that_was_held_for_the_person(self, learner, connection):
        held = PlannedChangeFactory(
            run__connection=connection,
            external_id="901",
            membership_id=learner.pk,
            kind="change_email",
            state="held",
            before={"email": "a@example.com"},
            after={"email": "b@example.com"},
        )

        forget()

        held.refresh_from_db()
        assert (held.state, held.after) == ("skipped", {})

    def test_leaves_a_link_alone_that_a_workflow_made_to_another_record_since(self, connection):
        learner = link(connection, "950")
        RecordAlias.objects.create(
            connection=connection, external_id="901", membership=learner, kind="deleted", noted_at=NOW
        )

        forget("901")

        assert connection.identities.get().external_id == "950"
        assert not RecordAlias.objects.exists()
        assert PrivacyReceipt.objects.get().removed == {"links": 1}


class TestMarks:
    def test_refuse_to_link_the_learner_by_address(self, learner, connection):
        bystander = MembershipFactory(portal=connection.portal)

        forget()

        assert offers.refused(connection, [learner, bystander]) == {learner.pk}

    def test_refuse_the_address_in_the_other_portals_too(self, learner):
        other = make_connection()
        same = MembershipFactory(portal=other.portal, user__email=learner.user.email.upper())

        forget()

        assert offers.refused(other, [same]) == {same.pk}


class TestEvents:
    @pytest.mark.parametrize("order", list(permutations([Kind.DELETED, Kind.PRIVACY, Kind.MERGED])))
    def test_may_come_in_any_order_and_twice(self, learner, connection, order, monkeypatch):
        connection.grant = None
        monkeypatch.setattr(webhooks, "_working_connection", lambda *args: connection)
        monkeypatch.setattr(webhooks, "client_for", lambda connection: NobodyThere())
        more = {"ids": ["901", "955"], "primary": "901"}
        events = [event(kind, name=kind, **(more if kind == Kind.MERGED else {})) for kind in order]

        for one in [*events, *reversed(events)]:
            tell(one)
            webhooks.take_up_records(now=NOW)

        stored = everything_stored()
        assert not connection.identities.exists()
        assert not any(text in stored for text in ('"901"', '"955"', "ana.silva@example.org"))
        assert connection.privacy_receipts.count() == 1

    def test_that_come_late_change_nothing(self, learner, connection):
        forget()
        before = ExternalIdentity.objects.count(), AuditEntry.objects.count()

        tell(
            Event("late", "person", ACCOUNT, NOW, "901", record_type="contacts", only_linked=True),
            event(Kind.DELETED, name="late deletion"),
            event(Kind.RESTORED, name="late restoration"),
            event(Kind.PRIVACY, name="late privacy"),
        )
        webhooks.take_up_records(now=NOW)

        assert (ExternalIdentity.objects.count(), AuditEntry.objects.count()) == before
        assert '"901"' not in everything_stored()


class NobodyThere:
    """A HubSpot that no longer has the record."""

    def record(self, *args, **kwargs):
        raise RecordMissing("gone")

    def close(self):
        pass


def read_page(connection, *keys):
    """Return what a sync holds in its hands after it has read people, and before it writes them."""
    policy = policy_for(connection)
    people = [Person(key, first_name="Read", last_name="Before", work_email=f"{key}@example.com") for key in keys]
    digests = {one.key: digest(one, policy.version) for one in people}
    run = SyncRunFactory(connection=connection, trigger="schedule", state="running")
    context = Context(connection, run.pk, policy, NOW.date(), NOW, admission=Admission.LINKED)
    return context, Batch(people, known(connection, list(keys)), digests)


class TestARunningSync:
    def test_links_nobody_again_whom_it_read_before(self, learner, connection):
        other = link(connection, "902")
        context, batch = read_page(connection, "901", "902")

        forget()
        apply.batch(context, batch, finish=lambda result: None)

        assert list(connection.identities.values_list("external_id", flat=True)) == ["902"]
        learner.user.refresh_from_db()
        other.user.refresh_from_db()
        assert (learner.user.first_name, other.user.first_name) == ("Robin", "Read")
        assert '"901"' not in everything_stored()

    def test_adds_nobody_of_an_old_page(self, connection):
        context, batch = read_page(connection, "901")

        apply.batch(context, batch, finish=lambda result: None)

        assert not connection.identities.exists()
        assert not connection.portal.memberships.exists()

    def test_goes_on_with_what_was_waiting_in_the_inbox(self, learner, connection):
        run = leases.claim(connection=connection, trigger=SyncRun.Trigger.EVENT, now=NOW)
        connection.events.update(state="taken", run=run)
        SyncRun.objects.filter(pk=run.pk).update(cursor={"phase": "reported"})

        forget()

        assert sync_run.carry_out(run_id=run.pk).state == "completed"

    @pytest.mark.django_db(transaction=True)
    def test_is_waited_for_while_it_writes(self, connection):
        link(connection)
        context, batch = read_page(connection, "901")
        is_writing, may_end, forgotten = threading.Event(), threading.Event(), threading.Event()

        def write(result):
            is_writing.set()
            may_end.wait(60)

        def sync():
            apply.batch(context, batch, finish=write)
            connections.close_all()

        def delete():
            forget()
            forgotten.set()
            connections.close_all()

        threads = [threading.Thread(target=sync), threading.Thread(target=delete)]
        threads[0].start()
        assert is_writing.wait(60)
        threads[1].start()
        assert not forgotten.wait(0.5)
        may_end.set()
        for one in threads:
            one.join()

        assert not ExternalIdentity.objects.exists()
        assert not PlannedChange.objects.exclude(person="", after={}).exists()

    @pytest.mark.django_db(transaction=True)
    def test_waits_for_a_deletion_that_is_under_way(self, connection):
        link(connection)
        context, batch = read_page(connection, "901")
        done = threading.Event()

        def sync():
            apply.batch(context, batch, finish=lambda result: None)
            done.set()
            connections.close_all()

        with transaction.atomic():
            links.locked_connections(ACCOUNT, "contacts")
            thread = threading.Thread(target=sync)
            thread.start()
            assert not done.wait(0.5)
            forget()
        thread.join()

        assert not ExternalIdentity.objects.exists()


class TestPage:
    URL = "/admin/settings/integrations/hubspot/privacy/"

    @pytest.fixture
    def connection(self, db):
        return make_connection(portal=PortalFactory(enabled_integrations=["hubspot"]))

    @pytest.fixture
    def admin(self, connection, portal_client):
        return portal_client(connection.portal, AdminFactory(portal=connection.portal).user)

    def test_says_what_will_be_there(self, admin):
        assert "HubSpot has not asked to delete anybody yet" in admin.get(self.URL).content.decode()

    def test_lists_what_was_removed_without_saying_of_whom(self, admin, learner, connection):
        forget()

        page = admin.get(self.URL).content.decode()

        assert connection.privacy_receipts.get().reference in page
        assert "the link to the record, its earlier ids, 1 record of course progress in HubSpot" in page
        assert not any(text in page for text in (">901<", "ana.silva", learner.user.email))

    def test_finds_a_receipt_by_the_id_of_the_record(self, admin, learner, connection):
        forget()
        reference = connection.privacy_receipts.get().reference

        assert reference in admin.post(self.URL, {"record": " 901 "}).content.decode()
        for other in ("902", "", "9\x0002"):
            page = admin.post(self.URL, {"record": other}).content.decode()
            assert reference not in page
            assert "There is no receipt for this record" in page

    def test_shows_no_receipt_of_another_portal(self, admin, connection):
        link(make_connection())
        forget()

        assert "has not asked" in admin.get(self.URL).content.decode()
        assert "There is no receipt" in admin.post(self.URL, {"record": "901"}).content.decode()

    def test_is_for_full_admins_of_the_portal(self, connection, portal_client):
        portal = connection.portal
        manager = MembershipFactory(portal=portal, role="manager", status="active").user

        assert portal_client(portal).get(self.URL).status_code == 302
        assert portal_client(portal, AdminFactory().user).get(self.URL).status_code == 302
        assert portal_client(portal, manager).get(self.URL).status_code == 403
        assert portal_client(None, OperatorFactory()).get(self.URL).status_code == 404

    def test_costs_the_same_however_many_there_are(self, admin, connection):
        def count(receipts):
            for number in range(receipts):
                digest = bytes([receipts, number] * 8)
                connection.privacy_receipts.create(digest=digest, asked_at=NOW, done_at=NOW, removed={"links": 1})
            admin.get(self.URL)
            with CaptureQueriesContext(db_connection) as queries:
                admin.get(self.URL)
            return len(queries)

        assert count(1) == count(5)
