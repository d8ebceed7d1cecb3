"""The nightly comparison with what HubSpot really has, and the sweep that starts everything."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.hubspot import tasks
from integrations.hubspot.models import ProgressPush, ProgressTarget, Strategy
from integrations.hubspot.progress import claims, compare, push, storage
from integrations.models import Connection
from integrations.sandbox.hubspot import app
from integrations.sandbox.hubspot.records import Moment
from tests.factories.portals import CourseFactory
from tests.integrations.hubspot.progress.conftest import ANA, BJORN
from users import enrollments, progress
from users.models import Enrollment, Membership

pytestmark = pytest.mark.django_db

PREFIX = f"a{app.APP_ID}_"


@pytest.fixture
def compare_all(connection):
    """Compare everything, as often as it takes; return the target."""

    def now(seconds=30):
        while compare.carry_out(connection.pk, now=timezone.now(), seconds=seconds):
            pass
        return ProgressTarget.objects.get(connection=connection)

    return now


@pytest.fixture
def kind(hub):
    return hub.find_type(app.APP_OBJECT)


@pytest.fixture
def at():
    return Moment.of(timezone.now())


@pytest.fixture
def sent(connection, learner, send):
    """Five courses of one person, which HubSpot has."""
    for number in range(5):
        course = CourseFactory(portal=connection.portal, title=f"Course {number}")
        enrollments.enroll(course=course, membership_ids=[learner.pk], now=timezone.now())
    send()
    return list(learner.enrollments.order_by("pk"))


class TestRecords:
    def test_that_are_right_are_left_alone(self, sent, compare_all):
        assert compare_all().repaired == 0
        assert set(ProgressPush.objects.values_list("state", flat=True)) == {"sent"}

    def test_that_somebody_changed_are_written_again(self, sent, kind, at, compare_all, send, records, key):
        record = next(iter(kind))
        kind.change(record, {f"{PREFIX}status": "completed", f"{PREFIX}percent_complete": "99"}, at)

        assert compare_all().repaired == 1
        send()

        assert {one["status"] for one in records().values()} == {"not_started"}

    def test_that_somebody_deleted_are_written_again(self, sent, kind, at, compare_all, send, records, shown_on):
        for record in list(kind)[::2]:
            kind.archive(record, at)

        assert compare_all().repaired == 3
        send()

        assert len(records()) == 5
        assert len(shown_on(ANA)) == 5

    def test_all_deleted_are_written_again(self, sent, kind, at, compare_all, send, records):
        for record in list(kind):
            kind.archive(record, at)

        assert compare_all().repaired == 5
        send()

        assert len(records()) == 5

    def test_that_somebody_took_off_the_contact_are_shown_again(self, sent, hub, kind, compare_all, shown_on, calls):
        for record in list(kind)[::2]:
            hub.associations.unlink(hub.contacts.type_id, ANA, kind.type_id, record.id)
        written = calls("batch/upsert")

        assert compare_all().repaired == 3

        assert len(shown_on(ANA)) == 5
        assert calls("batch/upsert") == written
        assert set(ProgressPush.objects.values_list("state", flat=True)) == {"sent"}
        assert compare_all().repaired == 0

    def test_that_somebody_gave_another_contact_go_back(self, sent, hub, kind, compare_all, shown_on):
        default = hub.associations.kinds(hub.contacts.type_id, kind.type_id)[0]
        first, second, *_others = list(kind)
        hub.associations.unlink(hub.contacts.type_id, ANA, kind.type_id, first.id)
        for record in (first, second):
            hub.associations.link(hub.contacts.type_id, BJORN, kind.type_id, record.id, {default.type_id})

        assert compare_all().repaired == 2

        assert (len(shown_on(ANA)), shown_on(BJORN)) == (5, [])

    def test_of_a_contact_that_was_merged_unheard_stay_where_they_are(
        self, sent, hub, kind, at, compare_all, shown_on
    ):
        ana, bjorn = hub.contacts.get(ANA), hub.contacts.get(BJORN)
        hub.contacts.merge(bjorn, ana, at, makes_new_id=False)
        hub.associations.move(hub.contacts.type_id, ANA, BJORN)

        assert compare_all().repaired == 5

        assert len(shown_on(BJORN)) == 5

    def test_of_a_contact_that_is_gone_are_left_to_the_outbox(self, sent, hub, at, compare_all, send, push_of):
        hub.contacts.erase(hub.contacts.get(ANA), at)
        hub.associations.forget(hub.contacts.type_id, ANA)

        assert compare_all().repaired == 5
        send()

        assert "NOT_FOUND" in push_of(sent[0]).problem

    def test_of_users_are_on_no_contact(self, connect_hubspot, hub, link, enroll, calls):
        users = connect_hubspot(record_type="users")
        learner = link(users, next(iter(hub.users)).id)
        enroll(learner, CourseFactory(portal=users.portal))
        push.carry_out(users.pk, now=timezone.now(), seconds=30)

        compare.carry_out(users.pk, now=timezone.now(), seconds=30)

        assert ProgressTarget.objects.get(connection=users).compared_at
        assert calls("/crm/associations/") == 0

    def test_of_former_attempts_are_left_alone(self, sent, compare_all, send, records):
        progress.set_results(
            enrollment_ids=[sent[0].pk], status="completed", completed_at=timezone.now(), now=timezone.now()
        )
        send()
        enrollments.enroll(
            course=sent[0].course, membership_ids=[sent[0].membership_id], now=timezone.now(), reenrolls=True
        )
        send()

        assert compare_all().repaired == 0
        assert len(records()) == 6

    def test_that_nobody_knows_are_removed(self, source, connection, sent, kind, compare_all, records):
        client = source.client(connection)
        target = storage.target_of(connection)
        keys = (f"prt_{connection.portal_id}:999", f"prt_{connection.portal_id}:998", "prt_987654:1", "by hand")
        client.batch_upsert(
            app.APP_OBJECT,
            [
                {
                    "idProperty": target.names["enrollment_key"],
                    "id": key,
                    "properties": {
                        target.names["course_name"]: "Old",
                        target.names["status"]: "completed" if key.endswith("998") else "in_progress",
                    },
                }
                for key in keys
            ],
        )

        compare_all()

        left = set(records()) - {f"prt_{connection.portal_id}:{one.pk}" for one in sent}
        # A finished course of the past stays, and what belongs to others.
        assert left == set(keys[1:])

    def test_of_more_than_a_page_are_compared_in_slices(self, connection, hub, link, send, compare_all, kind, at):
        people = [link(connection, record.id) for record in list(hub.contacts)[:30]]
        for _ in range(5):
            course = CourseFactory(portal=connection.portal)
            enrollments.enroll(course=course, membership_ids=[one.pk for one in people], now=timezone.now())
        send()
        everything = list(kind)
        kind.archive(everything[10], at)
        kind.archive(everything[99], at)
        kind.archive(everything[140], at)

        assert compare_all(seconds=0.0001).repaired == 3

    def test_that_grow_overdue_are_written_again(self, sent, compare_all, send, records):
        Enrollment.objects.filter(pk=sent[0].pk).update(due_on=timezone.now().date() - timedelta(days=5))

        assert compare_all().repaired == 1
        send()

        assert sorted(one["is_overdue"] for one in records().values()).count("true") == 1


class TestTheOutbox:
    def test_is_filled_with_what_is_missing(self, sent, compare_all):
        ProgressPush.objects.filter(enrollment_id=sent[0].pk).delete()

        compare_all()

        assert ProgressPush.objects.get(enrollment_id=sent[0].pk).state == "waiting"

    def test_loses_what_went_without_a_word(self, sent, learner, compare_all, send, records):
        Membership.objects.filter(pk=learner.pk).delete()

        compare_all()
        send()

        assert records() == {}
        assert not ProgressPush.objects.exists()

    def test_gives_refused_rows_another_chance(self, sent, compare_all):
        ProgressPush.objects.filter(enrollment_id=sent[0].pk).update(state="failed", tries=claims.MOST_TRIES)

        compare_all()

        row = ProgressPush.objects.get(enrollment_id=sent[0].pk)
        assert (row.state, row.tries) == ("waiting", 0)


class TestPeople:
    @pytest.fixture
    def connection(self, connection):
        target = storage.target_of(connection)
        target.chosen = Strategy.PROPERTIES
        target.save()
        return connection

    def test_whose_numbers_were_changed_are_written_again(self, sent, hub, at, compare_all, send):
        ana = hub.contacts.get(ANA)
        hub.contacts.change(ana, {"rollcall_courses_completed": "77"}, at)

        assert compare_all().repaired == 5
        send()

        assert hub.contacts.get(ANA).properties["rollcall_courses_completed"] == "0"

    def test_that_are_right_are_left_alone(self, sent, connection, link, compare_all):
        link(connection, BJORN)

        assert compare_all().repaired == 0


class TestDue:
    def test_is_once_a_day_in_the_night(self, connection, sent):
        target = storage.target_of(connection)
        checked = target.checked_at

        assert compare.due(now=checked) == []
        assert compare.due(now=checked + timedelta(days=1)) == [connection.pk]

        ProgressTarget.objects.update(compared_at=checked + timedelta(days=1))
        assert compare.due(now=checked + timedelta(days=1)) == []

    def test_is_what_was_begun(self, connection, sent):
        ProgressTarget.objects.update(compared_to="33002 33001")

        assert compare.due(now=timezone.now()) == [connection.pk]

    def test_is_nobody_without_a_storage(self, connection, sent):
        ProgressTarget.objects.update(strategy=Strategy.NONE)

        assert compare.due(now=timezone.now() + timedelta(days=1)) == []


class TestSweep:
    def test_finds_what_nobody_called_for(self, tasks_at_once, course, learner, enroll, records):
        enroll(learner, course)

        tasks.sweep_progress()

        assert len(records()) == 1
        assert push.due() == []

    def test_leaves_broken_connections_alone(self, tasks_at_once, course, learner, enroll, records):
        enroll(learner, course)
        Connection.objects.update(state=Connection.State.NEEDS_RECONNECTING)

        tasks.sweep_progress()

        assert records() == {}

    def test_looks_at_the_storage_once_a_day(self, connection, sent):
        assert push.due() == []

        ProgressTarget.objects.update(checked_at=timezone.now() - timedelta(days=1, minutes=1))

        assert push.due() == [connection.pk]


class TestReceivers:
    def test_call_a_worker_once_for_many_changes(
        self, monkeypatch, django_capture_on_commit_callbacks, connection, course, learner, enroll
    ):
        calls = []
        monkeypatch.setattr(tasks.push_progress, "apply_async", lambda **options: calls.append(options["kwargs"]))

        with django_capture_on_commit_callbacks(execute=True):
            enrollment = enroll(learner, course)
            progress.record(enrollment=enrollment, status="in_progress", percent=5, now=timezone.now())

        assert calls == [{"connection_id": connection.pk}]

    def test_look_once_and_no_further_without_hubspot(self, statements_run, course, learner, enroll):
        Connection.objects.update(provider="gusto")

        enroll(learner, course)
        enroll(learner, CourseFactory(portal=course.portal))

        assert sum("hubspot" in one for one in statements_run) == 1
        assert not ProgressPush.objects.exists()
