"""Sending what waits: records, contacts that show them, refusals, pauses, lost answers, slow workers."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from integrations.hubspot.models import ProgressPush, ProgressTarget
from integrations.hubspot.progress import claims, lanes, push, queue, reading
from integrations.models import Connection, ExternalIdentity
from integrations.sandbox.hubspot import app
from tests.factories.portals import CourseFactory, GroupCourseFactory, GroupFactory
from tests.integrations.hubspot.progress.conftest import ANA, BJORN
from users import enrollments, progress
from users.models import Enrollment, Membership

pytestmark = pytest.mark.django_db

UPSERT = f"/crm/objects/2026-09/{app.APP_OBJECT}/batch/upsert"
ASSOCIATE = "batch/associate/default"


class TestARecord:
    def test_says_what_the_course_and_the_learner_are(self, connection, course, learner, enroll, send, records, key):
        due_on = timezone.now().date() + timedelta(days=3)
        enrollment = enroll(learner, course, is_required=True, due_on=due_on)

        send()

        values = records()[key(enrollment)]
        today = connection.portal.today(timezone.now()).isoformat()
        assert values | {"course_id": f"crs_{course.pk}"} == values
        assert values["course_name"] == "Safety basics"
        assert values["course_reference"] == "SAFE-1"
        assert values["portal_id"] == f"prt_{connection.portal_id}"
        assert values["portal_name"] == connection.portal.name
        assert values["learner_id"] == f"lrn_{learner.pk}"
        assert values["learner_name"] == "Robin Vale"
        assert (values["status"], values["progress"], values["percent_complete"]) == (
            "not_started",
            "not_started",
            "0",
        )
        assert (values["is_required"], values["is_overdue"]) == ("true", "false")
        assert (values["enrolled_on"], values["due_on"]) == (today, due_on.isoformat())
        assert "completed_on" not in values

    def test_is_shown_on_the_contact(self, course, learner, enroll, send, shown_on, key):
        enrollment = enroll(learner, course)

        send()

        assert shown_on(ANA) == [key(enrollment)]
        assert shown_on(BJORN) == []

    @pytest.mark.parametrize(
        ("status", "percent", "simple"),
        [
            ("in_progress", 40, "in_progress"),
            ("completed", 100, "completed"),
            ("passed", 100, "completed"),
            ("failed", 100, "in_progress"),
            ("pending_review", 90, "in_progress"),
        ],
    )
    def test_follows_the_progress(self, course, learner, enroll, send, records, key, status, percent, simple):
        enrollment = enroll(learner, course)
        send()

        progress.record(enrollment=enrollment, status=status, percent=percent, now=timezone.now())
        send()

        values = records()[key(enrollment)]
        assert (values["status"], values["progress"], values["percent_complete"]) == (status, simple, str(percent))
        assert ("completed_on" in values) == (status in reading.FINISHED)

    def test_names_score_and_group(self, connection, course, learner, enroll, send, records, key):
        group = GroupFactory(portal=connection.portal, title="New starters")
        GroupCourseFactory(group=group, course=course)
        now = timezone.now()
        enrollments.enroll_new_members(pairs=([learner.pk], [group.pk]), now=now)
        enrollment = learner.enrollments.get()
        progress.set_results(
            enrollment_ids=[enrollment.pk], status="passed", completed_at=now, now=now, score=Decimal("87.50")
        )

        send()

        values = records()[key(enrollment)]
        assert (values["score"], values["group_name"]) == ("87.5", "New starters")

    def test_of_a_new_name_is_written_again(self, course, learner, enroll, send, records, key):
        enrollment = enroll(learner, course)
        send()
        learner.user.first_name = "Kim"
        learner.user.save()

        queue.renamed([learner.pk])
        send()

        assert records()[key(enrollment)]["learner_name"] == "Kim Vale"


class TestAnUnfinishedCourseThatIsTakenAway:
    def test_disappears_from_hubspot_and_from_the_outbox(self, course, learner, enroll, send, records):
        enrollment = enroll(learner, course)
        send()

        enrollments.unenroll(enrollment_ids=[enrollment.pk], now=timezone.now())
        send()

        assert records() == {}
        assert not ProgressPush.objects.exists()

    def test_costs_no_call_when_hubspot_never_heard_of_it(self, course, learner, enroll, send, calls):
        enrollment = enroll(learner, course)
        enrollments.unenroll(enrollment_ids=[enrollment.pk], now=timezone.now())

        send()

        assert calls("/batch/") == 0
        assert not ProgressPush.objects.exists()

    def test_is_found_by_its_key_after_a_lost_answer(self, hubspot, course, learner, enroll, send, records, push_of):
        enrollment = enroll(learner, course)
        hubspot.set_fault("lose_reply", path=UPSERT, times=5)
        send()
        assert push_of(enrollment).record_id is None
        assert len(records()) == 1
        ProgressTarget.objects.update(paused_until=None)

        enrollments.unenroll(enrollment_ids=[enrollment.pk], now=timezone.now())
        send()

        assert records() == {}
        assert not ProgressPush.objects.exists()


class TestAFinishedCourseThatIsTakenAway:
    def test_stays_in_hubspot(self, course, learner, enroll, send, records, push_of):
        enrollment = enroll(learner, course)
        progress.record(enrollment=enrollment, status="completed", percent=100, now=timezone.now())
        send()

        enrollments.unenroll(enrollment_ids=[enrollment.pk], now=timezone.now(), from_history=True)
        send()

        assert len(records()) == 1
        assert push_of(enrollment).state == "kept"

    def test_goes_with_the_person(self, connection, course, learner, enroll, send, records):
        enrollment = enroll(learner, course)
        progress.record(enrollment=enrollment, status="completed", percent=100, now=timezone.now())
        send()
        enrollments.unenroll(enrollment_ids=[enrollment.pk], now=timezone.now(), from_history=True)
        send()

        queue.withdraw(connection, [learner.pk])
        send()

        assert records() == {}


class TestACourseThatIsBegunAgain:
    @pytest.fixture
    def begun_again(self, course, learner, enroll, send):
        enrollment = enroll(learner, course)
        progress.record(enrollment=enrollment, status="completed", percent=100, now=timezone.now())
        send()
        return enroll(learner, course, reenrolls=True)

    def test_has_a_record_beside_the_finished_one(self, begun_again, send, records, shown_on, key):
        send()

        statuses = {name: (one["status"], "completed_on" in one) for name, one in records().items()}
        assert statuses == {
            key(begun_again): ("completed", True),
            f"{key(begun_again)}:2": ("not_started", False),
        }
        assert shown_on(ANA) == sorted(statuses)

    def test_is_followed_in_its_own_record(self, begun_again, send, records, key):
        send()
        progress.record(enrollment=begun_again, status="in_progress", percent=30, now=timezone.now())

        send()

        told = {name: one["percent_complete"] for name, one in records().items()}
        assert told == {key(begun_again): "100", f"{key(begun_again)}:2": "30"}
        assert sorted(ProgressPush.objects.values_list("attempt", "state")) == [(1, "kept"), (2, "sent")]

    def test_and_taken_away_unfinished_leaves_the_finished_record(self, begun_again, send, records, key):
        send()

        enrollments.unenroll(enrollment_ids=[begun_again.pk], now=timezone.now())
        send()

        assert list(records()) == [key(begun_again)]

    def test_goes_with_the_person(self, connection, learner, begun_again, send, records):
        send()

        queue.withdraw(connection, [learner.pk])
        send()

        assert records() == {}
        assert not ProgressPush.objects.exists()


class TestAnUnlinkedPerson:
    def test_disappears_with_everything(self, connection, course, learner, enroll, send, records):
        enrollment = enroll(learner, course)
        progress.record(enrollment=enrollment, status="completed", percent=100, now=timezone.now())
        send()
        ExternalIdentity.objects.all().delete()

        queue.withdraw(connection, [learner.pk])
        send()

        assert records() == {}
        assert not ProgressPush.objects.exists()

    def test_who_comes_back_is_written_anew(self, connection, course, learner, link, enroll, send, shown_on, key):
        enrollment = enroll(learner, course)
        send()
        ExternalIdentity.objects.all().delete()
        queue.withdraw(connection, [learner.pk])
        send()

        link(connection, BJORN, learner)
        queue.people(connection, [learner.pk])
        send()

        assert (shown_on(ANA), shown_on(BJORN)) == ([], [key(enrollment)])


class TestAPersonWhoseRecordWasMerged:
    def test_is_shown_on_the_record_that_is_left(self, connection, course, learner, enroll, send, shown_on, key):
        enrollment = enroll(learner, course)
        send()
        ExternalIdentity.objects.update(external_id=BJORN)

        queue.people(connection, [learner.pk])
        send()

        assert shown_on(BJORN) == [key(enrollment)]


class TestSomeoneWhoHasYetToAccept:
    def test_is_never_spoken_of(self, connection, course, link, send, records, calls):
        invited = link(connection, status="pending")
        Enrollment.objects.create(membership=invited, course=course, enrolled_at=timezone.now())

        queue.people(connection, [invited.pk])
        queue.fill(connection)
        send()

        assert not ProgressPush.objects.exists()
        assert calls("/batch/") == 0

    def test_again_is_left_as_hubspot_has_them(self, course, learner, enroll, send, records, key, push_of):
        enrollment = enroll(learner, course)
        send()
        Membership.objects.update(status="pending")
        Enrollment.objects.update(percent=70, status="in_progress")

        queue.changed([enrollment.pk])
        send()

        assert push_of(enrollment).state == "withheld"
        assert records()[key(enrollment)]["percent_complete"] == "0"

    def test_is_reported_once_they_have(self, connection, course, link, send, shown_on, key):
        invited = link(connection, status="pending")
        enrollment = Enrollment.objects.create(membership=invited, course=course, enrolled_at=timezone.now())
        Membership.objects.update(status="active")

        queue.admitted([invited.pk])
        send()

        assert shown_on() == [key(enrollment)]


class TestSomeoneWhoseAccessEnded:
    def test_stays_as_they_were(self, course, learner, enroll, send, records, push_of):
        enrollment = enroll(learner, course)
        send()
        Membership.objects.update(status="ended")

        queue.admitted([learner.pk])
        queue.changed([enrollment.pk])
        send()

        assert len(records()) == 1
        assert push_of(enrollment).state == "sent"


class TestManyRows:
    def test_take_one_call_for_a_hundred_and_one_for_all_contacts(
        self, connection, course, link, enroll, send, records, calls, hub
    ):
        people = [link(connection, record.id) for record in list(hub.contacts)[:50]]
        courses = [CourseFactory(portal=connection.portal) for _ in range(5)]
        for one in courses:
            enrollments.enroll(course=one, membership_ids=[person.pk for person in people], now=timezone.now())

        send()

        assert len(records()) == 250
        assert (calls(UPSERT), calls(ASSOCIATE)) == (3, 1)
        assert not ProgressPush.objects.exclude(state="sent").exists()

    def test_changed_many_times_are_sent_once(self, course, learner, enroll, send, records, calls, key):
        enrollment = enroll(learner, course)
        for percent in (10, 20, 30):
            progress.record(enrollment=enrollment, status="in_progress", percent=percent, now=timezone.now())

        send()

        assert calls(UPSERT) == 1
        assert records()[key(enrollment)]["percent_complete"] == "30"

    def test_that_did_not_change_are_not_sent(self, connection, course, learner, enroll, send, calls, push_of):
        enrollment = enroll(learner, course)
        send()

        queue.people(connection, [learner.pk])
        send()

        assert calls(UPSERT) == 1
        assert push_of(enrollment).state == "sent"


class TestABadRow:
    @pytest.fixture
    def rows(self, connection, link, hub):
        courses = [CourseFactory(portal=connection.portal, title=f"Course {number}") for number in range(4)]
        person = link(connection)
        for one in courses:
            enrollments.enroll(course=one, membership_ids=[person.pk], now=timezone.now())
        # HubSpot's admin removes an option that one of the rows needs.
        name = f"a{app.APP_ID}_status"
        kind = hub.find_type(app.APP_OBJECT)
        old = kind.definition(name)
        kind.define(old.changed(options=[one for one in old.options if one["value"] != "passed"]))
        bad = person.enrollments.order_by("pk")[2]
        progress.set_results(enrollment_ids=[bad.pk], status="passed", completed_at=timezone.now(), now=timezone.now())
        return bad

    def test_does_not_stop_the_others(self, rows, send, records, push_of):
        send()

        assert len(records()) == 3
        assert ProgressPush.objects.filter(state="sent").count() == 3
        waiting = push_of(rows)
        assert (waiting.state, waiting.tries) == ("waiting", 1)
        assert waiting.next_try_at > timezone.now()

    def test_is_listed_with_what_is_wrong_after_some_tries(self, rows, send, due_again, push_of):
        for _ in range(claims.MOST_REFUSALS):
            send()
            due_again()

        refused = push_of(rows)
        assert refused.state == "failed"
        assert "INVALID_OPTION" in refused.problem
        assert "status" in refused.problem
        assert "passed" not in refused.problem

    def test_is_sent_when_it_changes(self, rows, send, due_again, push_of, records):
        for _ in range(claims.MOST_REFUSALS):
            send()
            due_again()

        progress.set_results(
            enrollment_ids=[rows.pk], status="completed", completed_at=timezone.now(), now=timezone.now()
        )
        send()

        assert push_of(rows).state == "sent"
        assert len(records()) == 4


class TestAContactThatIsGone:
    def test_is_listed_and_does_not_stop_the_others(self, connection, course, link, enroll, send, due_again, push_of):
        gone, other = link(connection, "99999999"), link(connection, BJORN)
        lost, fine = enroll(gone, course), enroll(other, course)

        for _ in range(claims.MOST_REFUSALS):
            send()
            due_again()

        assert push_of(fine).state == "sent"
        assert push_of(lost).state == "failed"
        assert "NOT_FOUND" in push_of(lost).problem


class TestALostAnswer:
    @pytest.mark.parametrize("path", [UPSERT, "/crm/associations/"])
    def test_makes_nothing_twice(self, hubspot, course, learner, enroll, send, records, shown_on, key, path):
        enrollment = enroll(learner, course)
        hubspot.set_fault("lose_reply", path=path, times=2)

        send()

        assert list(records()) == [key(enrollment)]
        assert shown_on() == [key(enrollment)]
        assert ProgressPush.objects.get().state == "sent"


class TestTrouble:
    def test_pauses_as_long_as_hubspot_asks(self, hubspot, course, learner, enroll, send, push_of):
        enrollment = enroll(learner, course)
        hubspot.set_fault("477", path="/crm/objects/", times=None, retry_after="7200")

        send()

        target = ProgressTarget.objects.get()
        assert target.paused_until > timezone.now() + timedelta(minutes=115)
        assert push_of(enrollment).state == "waiting"
        assert push_of(enrollment).tries == 0
        assert push_of(enrollment).claimed_by is None
        assert push.due() == []

    def test_pauses_longer_each_time(self, hubspot, course, learner, enroll, send):
        enroll(learner, course)
        hubspot.set_fault("503", path=UPSERT, times=None)
        pauses = []
        for _ in range(4):
            send()
            target = ProgressTarget.objects.get()
            pauses.append(target.paused_until)
            ProgressTarget.objects.update(paused_until=None)

        assert target.failures_in_a_row == 4
        assert pauses[-1] > timezone.now() + timedelta(seconds=50)

    def test_that_is_over_is_forgotten(self, hubspot, course, learner, enroll, send, records):
        enroll(learner, course)
        hubspot.set_fault("503", path=UPSERT, times=5)
        send()
        ProgressTarget.objects.update(paused_until=None)

        send()

        target = ProgressTarget.objects.get()
        assert (target.failures_in_a_row, target.paused_until) == (0, None)
        assert len(records()) == 1

    def test_stops_at_a_consent_that_is_gone(self, hubspot, course, learner, enroll, send, connection, push_of):
        enrollment = enroll(learner, course)
        send()
        progress.record(enrollment=enrollment, status="in_progress", percent=10, now=timezone.now())
        Connection.objects.update(state=Connection.State.NEEDS_RECONNECTING)

        assert not send()

        assert push_of(enrollment).state == "waiting"


class TestAChangeWhileItIsSent:
    def test_is_sent_afterwards(self, monkeypatch, course, learner, enroll, send, records, key, push_of):
        enrollment = enroll(learner, course)
        read = reading.read

        def overtaken(ids):
            rows = read(ids)
            monkeypatch.setattr(reading, "read", read)
            progress.record(enrollment=enrollment, status="in_progress", percent=55, now=timezone.now())
            return rows

        monkeypatch.setattr(reading, "read", overtaken)

        send()

        assert push_of(enrollment).state == "sent"
        assert records()[key(enrollment)]["percent_complete"] == "55"


class TestWorkers:
    def test_take_different_rows(self, connection, course, learner, link, enroll):
        enroll(learner, course)
        enroll(link(connection, BJORN), course)

        first, second = claims.Claims(connection.pk), claims.Claims(connection.pk)

        assert len(first.take_rows(1)) == 1
        assert len(second.take_rows()) == 1
        assert claims.Claims(connection.pk).take_rows() == {}

    def test_that_died_are_followed_by_others(self, connection, course, learner, enroll):
        enroll(learner, course)
        claims.Claims(connection.pk).take_rows()
        ProgressPush.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))

        assert len(claims.Claims(connection.pk).take_rows()) == 1

    def test_that_slept_for_too_long_stop(self, monkeypatch, connection, course, learner, enroll):
        monkeypatch.setattr(claims, "RENEW_SECONDS", 0.0)
        enroll(learner, course)
        sleeper = claims.Claims(connection.pk)
        sleeper.take_rows()
        ProgressPush.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
        claims.Claims(connection.pk).take_rows()

        with pytest.raises(claims.ClaimLost):
            sleeper.renew()

    def test_are_only_a_few_at_a_time(self, connection, course, learner, enroll, send, records):
        enroll(learner, course)
        push.storage.target_of(connection)
        taken = [lanes.enter(f"connection-{connection.pk}") for _ in range(lanes.LANES)]

        send()
        assert records() == {}

        taken[0].leave()
        send()
        assert len(records()) == 1
