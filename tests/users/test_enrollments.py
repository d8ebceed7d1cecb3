"""Who is enrolled in what, by hand and through groups, and how far they have come."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.factories.portals import CourseFactory, GroupCourseFactory, GroupFactory, PortalFactory
from tests.factories.users import MembershipFactory
from users import signals
from users.enrollments import (
    EnrollmentRefused,
    ProgressRefused,
    enroll,
    enroll_group_courses,
    enroll_missed,
    enroll_new_members,
    enroll_published,
    record_progress,
    unenroll,
    unenroll_after_leaving,
    unenroll_group_courses,
)
from users.models import Enrollment, GroupMembership

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=10)


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def learner(portal):
    return MembershipFactory(portal=portal)


@pytest.fixture
def group(portal):
    return GroupFactory(portal=portal)


@pytest.fixture
def heard():
    """The ids of enrollments that were announced from now on."""
    ids = []

    def listen(enrollment_ids, **_):
        ids.extend(enrollment_ids)

    signals.enrollments_changed.connect(listen)
    yield ids
    signals.enrollments_changed.disconnect(listen)


def put(membership, *groups):
    """Make someone a member without enrolling them."""
    for group in groups:
        GroupMembership.objects.create(group=group, membership=membership, created_at=NOW)


def join(membership, *groups, now=NOW):
    put(membership, *groups)
    return enroll_new_members(pairs=([membership.pk] * len(groups), [group.pk for group in groups]), now=now)


def leave(membership, group):
    GroupMembership.objects.filter(group=group, membership=membership).delete()
    return unenroll_after_leaving(pairs=([membership.pk], [group.pk]))


def finish(enrollment, status="completed"):
    return record_progress(enrollment=enrollment, status=status, percent=100, now=NOW)


class TestEnrollNewMembers:
    def test_enrolls_in_every_course_of_the_group(self, learner, group, heard):
        courses = {GroupCourseFactory(group=group).course for _ in range(2)}

        assert join(learner, group) == 2
        assert {row.course for row in learner.enrollments.all()} == courses
        assert set(heard) == set(learner.enrollments.values_list("pk", flat=True))

    def test_counts_days_from_the_portals_calendar_day(self, group, learner):
        group.portal.time_zone = "Asia/Tokyo"
        group.portal.save()
        GroupCourseFactory(group=group, due_days=30, is_required=True)

        join(learner, group)

        enrollment = learner.enrollments.get()
        assert enrollment.due_on == date(2026, 5, 1)
        assert (enrollment.is_required, enrollment.source_group, enrollment.enrolled_at) == (True, group, NOW)

    def test_takes_the_strictest_terms_of_several_groups(self, learner, portal):
        strict, early = GroupFactory(portal=portal), GroupFactory(portal=portal)
        course = GroupCourseFactory(group=strict, is_required=True, due_days=30).course
        GroupCourseFactory(group=early, course=course, due_days=7)

        assert join(learner, strict, early) == 1
        assert (learner.enrollments.get().is_required, learner.enrollments.get().due_on) == (True, date(2026, 4, 7))

    def test_tightens_an_enrollment_that_is_there(self, learner, portal, heard):
        lax, strict = GroupFactory(portal=portal), GroupFactory(portal=portal)
        course = GroupCourseFactory(group=lax, due_days=30).course
        GroupCourseFactory(group=strict, course=course, due_days=7, is_required=True)
        join(learner, lax)

        assert join(learner, strict) == 0

        enrollment = learner.enrollments.get()
        assert (enrollment.is_required, enrollment.due_on) == (True, date(2026, 4, 7))
        assert (enrollment.source_group, enrollment.version) == (lax, 2)
        assert heard == [enrollment.pk] * 2

    def test_never_loosens_an_enrollment_that_is_there(self, learner, portal):
        required, early = GroupFactory(portal=portal), GroupFactory(portal=portal)
        earliest = GroupFactory(portal=portal)
        course = GroupCourseFactory(group=early, due_days=7).course
        GroupCourseFactory(group=required, course=course, due_days=30, is_required=True)
        GroupCourseFactory(group=earliest, course=course, due_days=3)

        join(learner, early)

        join(learner, required)
        assert (learner.enrollments.get().is_required, learner.enrollments.get().due_on) == (True, date(2026, 4, 7))
        join(learner, earliest)
        assert (learner.enrollments.get().is_required, learner.enrollments.get().due_on) == (True, date(2026, 4, 3))

    def test_changes_nothing_the_second_time(self, learner, group, heard):
        GroupCourseFactory(group=group, due_days=30, is_required=True)
        join(learner, group)
        heard.clear()

        assert enroll_new_members(pairs=([learner.pk], [group.pk]), now=LATER) == 0
        assert heard == []

    @pytest.mark.parametrize("status", ["draft", "archived"])
    def test_passes_over_courses_that_are_not_published(self, learner, group, status):
        GroupCourseFactory(group=group, course__status=status)

        assert join(learner, group) == 0

    @pytest.mark.parametrize("status", ["pending", "ended"])
    def test_passes_over_people_without_access(self, portal, group, status):
        GroupCourseFactory(group=group)

        assert join(MembershipFactory(portal=portal, status=status), group) == 0

    @pytest.mark.parametrize("status", ["completed", "passed", "failed"])
    def test_starts_finished_courses_again_where_the_group_says_so(self, learner, group, status):
        course = GroupCourseFactory(group=group, reenroll_completed=True, due_days=5).course
        finish(enroll(membership=learner, course=course, now=NOW), status)

        assert join(learner, group, now=LATER) == 1

        enrollment = learner.enrollments.get()
        assert (enrollment.status, enrollment.percent, enrollment.completed_at) == ("not_started", 0, None)
        assert (enrollment.enrolled_at, enrollment.due_on) == (LATER, date(2026, 4, 15))

    def test_leaves_finished_courses_alone_otherwise(self, learner, group):
        course = GroupCourseFactory(group=group).course
        done = finish(enroll(membership=learner, course=course, now=NOW))

        assert join(learner, group) == 0

        done.refresh_from_db()
        assert (done.status, done.percent) == ("completed", 100)

    def test_runs_one_statement(self, portal, group, statements_run):
        GroupCourseFactory(group=group)
        people = [MembershipFactory(portal=portal).pk for _ in range(10)]

        assert enroll_new_members(pairs=(people, [group.pk] * 10), now=NOW) == 10
        assert len(statements_run) == 1


class TestUnenrollAfterLeaving:
    @pytest.mark.parametrize("status", ["not_started", "in_progress"])
    def test_takes_unfinished_courses_away(self, learner, group, status, heard):
        GroupCourseFactory(group=group)
        join(learner, group)
        Enrollment.objects.update(status=status)
        gone = learner.enrollments.get().pk
        heard.clear()

        assert leave(learner, group) == 1
        assert not learner.enrollments.exists()
        assert heard == [gone]

    @pytest.mark.parametrize("status", ["completed", "passed", "failed", "pending_review"])
    def test_keeps_what_is_finished_or_under_review(self, learner, group, status):
        GroupCourseFactory(group=group)
        join(learner, group)
        Enrollment.objects.update(status=status)

        assert leave(learner, group) == 0
        assert learner.enrollments.exists()

    def test_keeps_what_was_enrolled_by_hand(self, learner, group):
        course = GroupCourseFactory(group=group).course
        enroll(membership=learner, course=course, now=NOW)
        join(learner, group)

        assert leave(learner, group) == 0

    def test_keeps_what_another_group_grants_and_says_so(self, learner, portal, group):
        other = GroupFactory(portal=portal)
        course = GroupCourseFactory(group=group).course
        GroupCourseFactory(group=other, course=course)
        join(learner, group, other)

        assert leave(learner, group) == 0
        assert learner.enrollments.get().source_group == other
        assert leave(learner, other) == 1

    def test_leaves_the_source_as_it_is_while_that_group_grants_the_course(self, learner, portal):
        first, source, left = (GroupFactory(portal=portal) for _ in range(3))
        course = GroupCourseFactory(group=first).course
        for group in (source, left):
            GroupCourseFactory(group=group, course=course)
        put(learner, first)
        for group in (source, left):
            join(learner, group)

        leave(learner, left)

        assert learner.enrollments.get().source_group == source

    def test_keeps_the_courses_of_others(self, portal, learner, group):
        GroupCourseFactory(group=group)
        stayer = MembershipFactory(portal=portal)
        join(learner, group)
        join(stayer, group)

        assert leave(learner, group) == 1
        assert stayer.enrollments.exists()


class TestEnrollMissed:
    def test_enrolls_in_what_groups_got_meanwhile(self, portal, group):
        returner = MembershipFactory(portal=portal)
        put(returner, group)
        missed = GroupCourseFactory(group=group).course

        assert enroll_missed(membership_ids=[returner.pk], now=NOW) == 1
        assert returner.enrollments.get().course == missed

    def test_does_not_start_finished_courses_again(self, learner, group):
        GroupCourseFactory(group=group, reenroll_completed=True)
        join(learner, group)
        finish(learner.enrollments.get())

        assert enroll_missed(membership_ids=[learner.pk], now=NOW) == 0

    def test_passes_over_people_who_are_not_back(self, portal, group):
        leaver = MembershipFactory(portal=portal, status="ended")
        put(leaver, group)
        GroupCourseFactory(group=group)

        assert enroll_missed(membership_ids=[leaver.pk], now=NOW) == 0


class TestEnrollGroupCourses:
    def test_enrolls_present_members_in_the_added_course_only(self, learner, group):
        put(learner, group)
        GroupCourseFactory(group=group)
        added = GroupCourseFactory(group=group).course

        assert enroll_group_courses(group_id=group.pk, course_ids=[added.pk], now=NOW) == 1
        assert learner.enrollments.get().course == added

    def test_passes_over_those_who_are_not_in_the_group(self, learner, group):
        added = GroupCourseFactory(group=group).course

        assert enroll_group_courses(group_id=group.pk, course_ids=[added.pk], now=NOW) == 0


class TestEnrollPublished:
    def test_enrolls_the_members_of_all_its_groups(self, portal, group):
        other = GroupFactory(portal=portal)
        course = GroupCourseFactory(group=group).course
        GroupCourseFactory(group=other, course=course)
        put(MembershipFactory(portal=portal), group, other)
        put(MembershipFactory(portal=portal), other)

        assert enroll_published(course_id=course.pk, now=NOW) == 2

    def test_does_not_start_finished_courses_again(self, learner, group):
        course = GroupCourseFactory(group=group, reenroll_completed=True).course
        join(learner, group)
        finish(learner.enrollments.get())

        assert enroll_published(course_id=course.pk, now=NOW) == 0


class TestUnenrollGroupCourses:
    def test_takes_the_unfinished_course_from_the_members(self, learner, group):
        lost, kept = GroupCourseFactory(group=group), GroupCourseFactory(group=group)
        join(learner, group)
        lost.delete()

        assert unenroll_group_courses(group_id=group.pk, course_ids=[lost.course_id]) == 1
        assert learner.enrollments.get().course == kept.course

    def test_keeps_what_another_group_grants(self, portal, learner, group):
        lost = GroupCourseFactory(group=group)
        other = GroupCourseFactory(group__portal=portal, course=lost.course).group
        join(learner, group, other)
        lost.delete()

        assert unenroll_group_courses(group_id=group.pk, course_ids=[lost.course_id]) == 0


class TestEnroll:
    def test_enrolls_by_hand(self, learner, heard):
        course = CourseFactory(portal=learner.portal)

        enrollment = enroll(membership=learner, course=course, now=NOW, is_required=True, due_on=date(2026, 5, 1))

        assert (enrollment.source_group, enrollment.status, enrollment.enrolled_at) == (None, "not_started", NOW)
        assert heard == [enrollment.pk]

    @pytest.mark.parametrize("status", ["pending", "ended"])
    def test_refuses_someone_without_access(self, portal, status):
        self.refuses(MembershipFactory(portal=portal, status=status), CourseFactory(portal=portal), "no_access")

    @pytest.mark.parametrize("status", ["draft", "archived"])
    def test_refuses_a_course_that_is_not_published(self, learner, status):
        self.refuses(learner, CourseFactory(portal=learner.portal, status=status), "not_published")

    def test_refuses_a_course_of_another_portal(self, learner):
        self.refuses(learner, CourseFactory(), "other_portal")

    def test_refuses_a_second_time(self, learner, heard):
        course = CourseFactory(portal=learner.portal)
        enroll(membership=learner, course=course, now=NOW)

        self.refuses(learner, course, "already_enrolled")
        assert len(heard) == 1

    def refuses(self, membership, course, reason):
        with pytest.raises(EnrollmentRefused) as refusal:
            enroll(membership=membership, course=course, now=NOW)

        assert refusal.value.reason == reason


class TestUnenroll:
    def test_takes_the_course_away(self, learner, heard):
        enrollment = enroll(membership=learner, course=CourseFactory(portal=learner.portal), now=NOW)

        unenroll(enrollment=enrollment)

        assert not learner.enrollments.exists()
        assert heard == [enrollment.pk, enrollment.pk]

    def test_refuses_what_is_finished_also_by_a_stale_row(self, learner):
        stale = enroll(membership=learner, course=CourseFactory(portal=learner.portal), now=NOW)
        finish(stale)

        with pytest.raises(EnrollmentRefused):
            unenroll(enrollment=stale)

        assert learner.enrollments.exists()


class TestRecordProgress:
    @pytest.fixture
    def enrollment(self, learner):
        return enroll(membership=learner, course=CourseFactory(portal=learner.portal), now=NOW)

    def test_notes_when_it_was_started_and_completed(self, enrollment):
        started = record_progress(enrollment=enrollment, status="in_progress", percent=40, now=NOW)
        assert (started.started_at, started.completed_at, started.version) == (NOW, None, 2)

        done = record_progress(enrollment=enrollment, status="passed", percent=100, now=LATER)
        assert (done.started_at, done.completed_at, done.version) == (NOW, LATER, 3)

        graded = record_progress(enrollment=enrollment, status="failed", percent=100, now=LATER + timedelta(days=1))
        assert (graded.started_at, graded.completed_at, graded.version) == (NOW, LATER, 4)

    def test_announces_each_change_once(self, enrollment, heard):
        record_progress(enrollment=enrollment, status="in_progress", percent=40, now=NOW)
        same = record_progress(enrollment=enrollment, status="in_progress", percent=40, now=LATER)

        assert heard == [enrollment.pk]
        assert same.version == 2

    @pytest.mark.parametrize(("status", "percent"), [("in_progress", 101), ("in_progress", -1), ("lost", 50)])
    def test_refuses_what_cannot_be(self, enrollment, status, percent):
        with pytest.raises(ProgressRefused):
            record_progress(enrollment=enrollment, status=status, percent=percent, now=NOW)

    @pytest.mark.parametrize("status", ["not_started", "in_progress", "pending_review"])
    def test_refuses_to_reopen_a_finished_course(self, enrollment, status):
        finish(enrollment)

        with pytest.raises(ProgressRefused):
            record_progress(enrollment=enrollment, status=status, percent=10, now=LATER)

        enrollment.refresh_from_db()
        assert enrollment.status == "completed"
