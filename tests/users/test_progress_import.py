"""Course progress from a file: what each row would do, doing it once, and rows that cannot be done."""

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from portals.csv_files import Unreadable
from tests.factories.portals import CourseFactory, PortalFactory
from tests.factories.users import MembershipFactory
from users import bulk_jobs, progress_import
from users.bulk_jobs import Purpose
from users.models import BulkJob, Enrollment
from users.progress_file import Kind

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
HEAD = "Email,Course reference,Status,Percent,Score,Completed on"


@pytest.fixture
def portal():
    return PortalFactory(time_zone="America/Denver")


@pytest.fixture
def course(portal):
    return CourseFactory(portal=portal, title="Fire safety", reference="FS-1")


@pytest.fixture
def learner(portal):
    return MembershipFactory(portal=portal, user__email="robin@example.com")


@pytest.fixture
def enrollment(learner, course):
    return Enrollment.objects.create(membership=learner, course=course, enrolled_at=NOW - timedelta(days=9))


def job_of(portal, *lines, head=HEAD, enrolls=False):
    text = "\n".join([head, *lines]).encode()
    return bulk_jobs.start(
        portal=portal,
        kind=BulkJob.Kind.IMPORT_PROGRESS,
        requested_by=None,
        now=NOW,
        options={"phase": "preview", "enrolls": enrolls},
        files={Purpose.UPLOAD: [text]},
        total=len(lines),
    )


def preview(portal, *lines, **options):
    job = job_of(portal, *lines, **options)
    progress_import.carry_out(bulk_jobs.take(job.pk), now=NOW)
    job.refresh_from_db()
    return job


def carry_out(portal, *lines, **options):
    job = preview(portal, *lines, **options)
    bulk_jobs.resume(job, options={"phase": "apply"})
    progress_import.carry_out(bulk_jobs.take(job.pk), now=NOW)
    job.refresh_from_db()
    return job


def kinds(job):
    return [one.kind for one in progress_import.outcomes(job)]


def remark(job):
    (one,) = progress_import.outcomes(job)
    assert one.kind == Kind.ERROR
    return one.remark


class TestPreview:
    def test_says_what_each_row_does_and_changes_nothing(self, portal, enrollment, heard):
        newcomer = MembershipFactory(portal=portal)

        job = preview(
            portal,
            "Robin@Example.com,fs-1,Passed,100,87.5,2026-03-30",
            f"{newcomer.user.email},FS-1,in progress,40,,",
            "nobody@example.com,FS-1,passed,,,",
            enrolls=True,
        )

        assert (job.state, job.done, job.failed) == ("review", 3, 1)
        assert kinds(job) == [Kind.UPDATE, Kind.ENROLL, Kind.ERROR]
        assert job.counts == {"update": 1, "enroll": 1, "error": 1}
        enrollment.refresh_from_db()
        assert (enrollment.status, Enrollment.objects.count(), heard) == ("not_started", 1, [])

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            (",FS-1,passed,,,", "no e-mail address"),
            ("robin@example.com,,passed,,,", "no course"),
            ("robin@example.com,XX-9,passed,,,", "no such course"),
            ("robin@example.com,FS-1,lost,,,", "status is none of"),
            ("robin@example.com,FS-1,,,,", "neither a status nor a percentage"),
            ("robin@example.com,FS-1,,101,,", "whole number from 0 to 100"),
            ("robin@example.com,FS-1,,12.5,,", "whole number from 0 to 100"),
            ("robin@example.com,FS-1,passed,,120,", "score is not a number from 0 to 100"),
            ("robin@example.com,FS-1,passed,,NaN,", "score is not a number from 0 to 100"),
            ("robin@example.com,FS-1,passed,,,31/03/2026", "not written like"),
            ("robin@example.com,FS-1,passed,,,2026-04-01", "in the future"),
            ("robin@example.com,FS-1,passed,,,0001-01-01", "before 1970"),
            ("robin@example.com,FS-1,in progress,50,,2026-03-01", "not finished"),
            ("robin@example.com,FS-1,passed", "as many cells"),
        ],
    )
    def test_explains_a_row_that_cannot_be_done(self, portal, enrollment, line, why):
        assert why in remark(preview(portal, line))

    def test_refuses_people_of_another_portal(self, portal, course):
        stranger = MembershipFactory(portal=PortalFactory(realm=portal.realm))

        job = preview(portal, f"{stranger.user.email},FS-1,passed,,,", enrolls=True)

        assert "Nobody" in remark(job)

    def test_refuses_a_user_id_of_another_portal(self, portal, course):
        stranger = MembershipFactory()

        job = preview(portal, f"{stranger.pk},FS-1,passed", head="User id,Course reference,Status", enrolls=True)

        assert "Nobody" in remark(job)

    def test_refuses_courses_of_another_portal(self, portal, learner):
        CourseFactory(reference="FS-1")

        assert "no such course" in remark(preview(portal, "robin@example.com,FS-1,passed,,,", enrolls=True))

    @pytest.mark.parametrize(("status", "why"), [("pending", "has not accepted"), ("ended", "no access")])
    def test_enrolls_nobody_without_access(self, portal, course, status, why):
        outsider = MembershipFactory(portal=portal, status=status)

        assert why in remark(preview(portal, f"{outsider.user.email},FS-1,passed,,,", enrolls=True))

    def test_enrolls_nobody_in_an_archived_course(self, portal, learner):
        CourseFactory(portal=portal, reference="FS-1", status="archived")

        assert "not published" in remark(preview(portal, "robin@example.com,FS-1,passed,,,", enrolls=True))

    def test_enrolls_nobody_unless_told_to(self, portal, learner, course):
        assert "not enrolled" in remark(preview(portal, "robin@example.com,FS-1,passed,,,"))

    def test_takes_the_first_of_two_rows_about_the_same(self, portal, enrollment):
        line = "robin@example.com,FS-1,passed,,,"

        job = preview(portal, line, line)

        assert kinds(job) == [Kind.UPDATE, Kind.ERROR]
        assert "Line 2" in list(progress_import.outcomes(job))[1].remark

    def test_never_takes_back_what_is_finished(self, portal, enrollment):
        Enrollment.objects.update(status="passed", percent=100)

        assert "does not take that back" in remark(preview(portal, "robin@example.com,FS-1,in progress,50,,"))

    def test_asks_the_same_number_of_questions_for_many_rows(self, portal, course, statements_run):
        people = [MembershipFactory(portal=portal).user.email for _ in range(20)]

        preview(portal, *(f"{email},FS-1,passed,,," for email in people), enrolls=True)

        assert len(statements_run) == 1


class TestCarryingOut:
    def test_writes_progress_with_score_and_date(self, portal, enrollment, heard):
        job = carry_out(portal, "robin@example.com,FS-1,passed,,87.5,2026-03-30")

        enrollment.refresh_from_db()
        assert (enrollment.status, enrollment.percent, enrollment.score) == ("passed", 100, Decimal("87.50"))
        assert enrollment.completed_at == portal.midnight(date(2026, 3, 30))
        assert (enrollment.recorded_by, enrollment.version) == ("file", 2)
        assert (job.state, kinds(job), heard) == ("done", [Kind.UPDATE], [enrollment.pk])

    def test_enrolls_by_the_title_of_the_course(self, portal, learner, course):
        carry_out(portal, "robin@example.com,FIRE SAFETY,40", head="Email,Course,Percent", enrolls=True)

        enrollment = learner.enrollments.get()
        assert (enrollment.course, enrollment.status, enrollment.percent) == (course, "in_progress", 40)

    @pytest.mark.parametrize(
        ("percent", "status"), [("0", "not_started"), ("35 %", "in_progress"), ("100", "completed")]
    )
    def test_takes_the_status_from_the_percentage(self, portal, enrollment, percent, status):
        carry_out(portal, f"robin@example.com,FS-1,,{percent},,")

        enrollment.refresh_from_db()
        assert enrollment.status == status

    def test_changes_nothing_the_second_time(self, portal, enrollment, heard):
        line = "robin@example.com,FS-1,passed,,87.5,2026-03-30"
        carry_out(portal, line)
        heard.clear()

        again = carry_out(portal, line)

        enrollment.refresh_from_db()
        assert (kinds(again), enrollment.version, heard) == ([Kind.SAME], 2, [])

    def test_does_the_good_rows_and_lists_the_others(self, portal, enrollment):
        job = carry_out(portal, "nobody@example.com,FS-1,passed,,,", "robin@example.com,FS-1,passed,,,")

        enrollment.refresh_from_db()
        assert enrollment.status == "passed"
        assert (job.done, job.failed, kinds(job)) == (2, 1, [Kind.ERROR, Kind.UPDATE])

    def test_runs_a_handful_of_statements_however_many_rows(self, portal, course, statements_run):
        people = [MembershipFactory(portal=portal).user.email for _ in range(20)]
        job = preview(portal, *(f"{email},FS-1,passed,,," for email in people), enrolls=True)
        bulk_jobs.resume(job, options={"phase": "apply"})
        statements_run.clear()

        progress_import.carry_out(bulk_jobs.take(job.pk), now=NOW)

        # Look, enroll, look again, write.
        assert len(statements_run) == 4
        assert course.enrollments.filter(status="passed").count() == 20


class TestCountRows:
    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("Name,Course,Status\nRobin,A,passed", "Email"),
            ("Email,Status\nrobin@example.com,passed", "Course"),
            ("Email,Course\nrobin@example.com,A", "Status"),
            ("Email,Course,Status\n", "no rows"),
            ("", "empty"),
        ],
    )
    def test_refuses_a_file_that_is_not_about_progress(self, text, why):
        with pytest.raises(Unreadable, match=why):
            progress_import.count_rows(io.BytesIO(text.encode()))

    def test_counts_the_rows_of_a_file_with_semicolons(self):
        file = io.BytesIO("Email;Course;Status\na@example.com;A;passed\n".encode("utf-8-sig"))

        assert progress_import.count_rows(file) == 1
