"""How far people have come: by themselves, set by an admin, and from a file."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.factories.portals import CourseFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users.models import AuditEntry, Enrollment
from users.progress import ProgressRefused, Report, record, set_results, write_reports

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=10)
EARLIER = NOW - timedelta(days=10)


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def enrollment(portal):
    return enrolled(portal)


def enrolled(portal, **fields):
    course = CourseFactory(portal=portal)
    return Enrollment.objects.create(
        membership=MembershipFactory(portal=portal), course=course, enrolled_at=NOW, **fields
    )


class TestRecord:
    def test_notes_when_it_was_started_and_completed(self, enrollment):
        started = record(enrollment=enrollment, status="in_progress", percent=40, now=NOW)
        assert (started.started_at, started.completed_at, started.version) == (NOW, None, 2)

        done = record(enrollment=enrollment, status="passed", percent=100, now=LATER)
        assert (done.started_at, done.completed_at, done.version) == (NOW, LATER, 3)
        assert done.recorded_by == "learner"

        graded = record(enrollment=enrollment, status="failed", percent=100, now=LATER + timedelta(days=1))
        assert (graded.started_at, graded.completed_at, graded.version) == (NOW, LATER, 4)

    def test_announces_each_change_once(self, enrollment, heard):
        record(enrollment=enrollment, status="in_progress", percent=40, now=NOW)
        same = record(enrollment=enrollment, status="in_progress", percent=40, now=LATER)

        assert heard == [enrollment.pk]
        assert same.version == 2

    @pytest.mark.parametrize(("status", "percent"), [("in_progress", 101), ("in_progress", -1), ("lost", 50)])
    def test_refuses_what_cannot_be(self, enrollment, status, percent):
        with pytest.raises(ProgressRefused):
            record(enrollment=enrollment, status=status, percent=percent, now=NOW)

    @pytest.mark.parametrize("status", ["not_started", "in_progress", "pending_review"])
    def test_refuses_to_reopen_a_finished_course(self, enrollment, status):
        record(enrollment=enrollment, status="completed", percent=100, now=NOW)

        with pytest.raises(ProgressRefused):
            record(enrollment=enrollment, status=status, percent=10, now=LATER)

        enrollment.refresh_from_db()
        assert enrollment.status == "completed"


class TestSetResults:
    def give(self, *enrollments, **result):
        answers = {"status": "passed", "completed_at": EARLIER, "now": NOW, **result}
        return set_results(enrollment_ids=[row.pk for row in enrollments], **answers)

    @pytest.mark.parametrize("status", ["completed", "passed", "failed"])
    def test_finishes_what_was_not_started(self, enrollment, status, heard):
        assert self.give(enrollment, status=status, score=Decimal("87.5"), note="On paper") == 1

        enrollment.refresh_from_db()
        assert (enrollment.status, enrollment.percent, enrollment.score) == (status, 100, Decimal("87.50"))
        assert (enrollment.started_at, enrollment.completed_at) == (EARLIER, EARLIER)
        assert (enrollment.recorded_by, enrollment.note, enrollment.version) == ("admin", "On paper", 2)
        assert heard == [enrollment.pk]

    def test_changes_a_result(self, portal):
        failed = enrolled(portal, status="failed", percent=100, started_at=EARLIER, completed_at=EARLIER)

        assert self.give(failed, completed_at=NOW) == 1

        failed.refresh_from_db()
        assert (failed.status, failed.started_at, failed.completed_at) == ("passed", EARLIER, NOW)

    def test_changes_nothing_the_second_time(self, enrollment, heard):
        self.give(enrollment)
        heard.clear()

        assert self.give(enrollment) == 0
        assert heard == []

    @pytest.mark.parametrize("status", ["not_started", "in_progress", "pending_review", "lost"])
    def test_refuses_what_is_no_result(self, enrollment, status):
        with pytest.raises(ProgressRefused):
            self.give(enrollment, status=status)

    def test_is_in_the_trail_of_the_person(self, enrollment):
        actor = AdminFactory(portal=enrollment.course.portal).user

        self.give(enrollment, actor_id=actor.pk)

        entry = AuditEntry.objects.get()
        assert (entry.action, entry.actor_id, entry.object_id) == ("progress_set", actor.pk, enrollment.membership_id)
        assert (entry.before["status"], entry.after["status"]) == ("not_started", "passed")

    def test_runs_one_statement_for_many(self, portal, statements_run):
        many = [enrolled(portal) for _ in range(5)]

        assert self.give(*many) == 5
        assert len(statements_run) == 1


class TestWriteReports:
    def tell(self, enrollment, status, percent, **fields):
        return write_reports(reports=[Report(enrollment.pk, status, percent, **fields)], now=NOW)

    def test_writes_what_the_file_says(self, enrollment, heard):
        assert self.tell(enrollment, "in_progress", 40, score=Decimal(12)) == 1

        enrollment.refresh_from_db()
        assert (enrollment.status, enrollment.percent, enrollment.score) == ("in_progress", 40, 12)
        assert (enrollment.started_at, enrollment.completed_at, enrollment.recorded_by) == (NOW, None, "file")
        assert heard == [enrollment.pk]

    def test_keeps_what_the_file_does_not_say(self, enrollment):
        self.tell(enrollment, "passed", 100, score=Decimal(80), completed_at=EARLIER)

        assert self.tell(enrollment, "passed", 100) == 0
        enrollment.refresh_from_db()
        assert (enrollment.score, enrollment.completed_at) == (80, EARLIER)

    def test_never_reopens_a_finished_course(self, enrollment):
        self.tell(enrollment, "passed", 100)

        assert self.tell(enrollment, "in_progress", 40) == 0
        enrollment.refresh_from_db()
        assert enrollment.status == "passed"
