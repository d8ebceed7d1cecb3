"""Who is enrolled in what, by hand and through groups, and how far they have come."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.factories.portals import CourseFactory, GroupCourseFactory, GroupFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users import progress
from users.enrollments import (
    Enrolled,
    EnrollmentRefused,
    Unenrolled,
    enroll,
    enroll_added,
    enroll_missed,
    enroll_new_members,
    unenroll,
    unenroll_after_leaving,
)
from users.models import AuditEntry, Enrollment, GroupMembership

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


def by_hand(membership, course=None):
    course = course or CourseFactory(portal=membership.portal)
    enroll(course=course, membership_ids=[membership.pk], now=NOW)
    return membership.enrollments.get(course=course)


def finish(enrollment, status="completed"):
    return progress.record(enrollment=enrollment, status=status, percent=100, now=NOW)


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
        finish(by_hand(learner, course), status)

        assert join(learner, group, now=LATER) == 1

        enrollment = learner.enrollments.get()
        assert (enrollment.status, enrollment.percent, enrollment.completed_at) == ("not_started", 0, None)
        assert (enrollment.enrolled_at, enrollment.due_on) == (LATER, date(2026, 4, 15))

    def test_leaves_finished_courses_alone_otherwise(self, learner, group):
        course = GroupCourseFactory(group=group).course
        done = finish(by_hand(learner, course))

        assert join(learner, group) == 0

        done.refresh_from_db()
        assert (done.status, done.percent) == ("completed", 100)

    def test_runs_one_statement(self, portal, group, statements_run):
        GroupCourseFactory(group=group)
        people = [MembershipFactory(portal=portal).pk for _ in range(10)]

        assert enroll_new_members(pairs=(people, [group.pk] * 10), now=NOW) == 10
        assert len(statements_run) == 1


class TestEnrollAdded:
    def test_enrolls_in_every_published_course_of_the_groups(self, portal, learner, group, heard):
        other = GroupFactory(portal=portal)
        shared = GroupCourseFactory(group=group, due_days=30, is_required=False).course
        GroupCourseFactory(group=other, course=shared, due_days=7, is_required=True)
        GroupCourseFactory(group=other, course__status="archived")
        put(learner, group, other)

        assert enroll_added(portal=portal, pairs=([learner.pk] * 2, [group.pk, other.pk]), now=NOW) == 1
        (enrollment,) = learner.enrollments.all()
        assert (enrollment.course, enrollment.status, enrollment.source_group) == (shared, "not_started", group)
        assert (enrollment.is_required, enrollment.due_on) == (True, portal.today(NOW) + timedelta(days=7))
        assert enrollment.version == 1
        assert list(heard) == [enrollment.pk]

    def test_writes_what_joining_the_groups_would(self, portal, group):
        GroupCourseFactory(group=group, due_days=30, is_required=True)
        joiner, added = (MembershipFactory(portal=portal) for _ in range(2))
        join(joiner, group)
        put(added, group)
        enroll_added(portal=portal, pairs=([added.pk], [group.pk]), now=NOW)

        by_joining, by_adding = (Enrollment.objects.filter(membership=one).values().get() for one in (joiner, added))
        own = {"id", "membership_id"}
        assert {k: v for k, v in by_adding.items() if k not in own} == {
            k: v for k, v in by_joining.items() if k not in own
        }

    def test_asks_nothing_of_the_database_for_nobody(self, portal, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert enroll_added(portal=portal, pairs=([], []), now=NOW) == 0


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
        by_hand(learner, course)
        join(learner, group)

        assert leave(learner, group) == 0

    def test_keeps_what_was_enrolled_by_hand_afterwards(self, learner, group):
        course = GroupCourseFactory(group=group).course
        join(learner, group)
        by_hand(learner, course)

        assert leave(learner, group) == 0
        assert learner.enrollments.get().source_group is None

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


class TestComingBackToACourse:
    @pytest.fixture
    def begun(self, learner, group):
        """A course of the group in which the learner has come half way, and which they lost with the group."""
        link = GroupCourseFactory(group=group, course__portal=group.portal, course__status="published")
        join(learner, group)
        progress.record(enrollment=learner.enrollments.get(), status="in_progress", percent=40, now=NOW)
        leave(learner, group)
        return link.course

    def test_goes_on_where_the_learner_was(self, learner, group, begun):
        assert not learner.enrollments.exists()

        join(learner, group, now=LATER)

        enrollment = learner.enrollments.get()
        assert (enrollment.status, enrollment.percent, enrollment.started_at) == ("in_progress", 40, NOW)
        assert enrollment.enrolled_at == LATER
        assert not learner.former_enrollments.exists()

    def test_goes_on_by_hand_too(self, learner, begun):
        assert by_hand(learner, begun).percent == 40

    def test_keeps_the_latest_progress(self, learner, group, begun):
        join(learner, group)
        progress.record(enrollment=learner.enrollments.get(), status="in_progress", percent=60, now=LATER)
        leave(learner, group)

        assert learner.former_enrollments.get().percent == 60

    def test_begins_anew_for_whoever_had_not_begun(self, learner, group):
        GroupCourseFactory(group=group, course__portal=group.portal, course__status="published")
        join(learner, group)
        leave(learner, group)
        assert not learner.former_enrollments.exists()

        join(learner, group)

        assert learner.enrollments.get().status == "not_started"

    def test_is_nobody_elses(self, portal, group, begun):
        colleague = MembershipFactory(portal=portal)

        join(colleague, group)

        assert colleague.enrollments.get().percent == 0


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


class TestEnroll:
    @pytest.fixture
    def course(self, portal):
        return CourseFactory(portal=portal)

    def test_enrolls_by_hand(self, learner, course, heard):
        done = enroll(course=course, membership_ids=[learner.pk], now=NOW, is_required=True, due_on=date(2026, 5, 1))

        enrollment = learner.enrollments.get()
        assert done == Enrolled(begun=1, had_it=0, without_access=0)
        assert (enrollment.source_group, enrollment.status, enrollment.enrolled_at) == (None, "not_started", NOW)
        assert (enrollment.is_required, enrollment.due_on) == (True, date(2026, 5, 1))
        assert heard == [enrollment.pk]

    @pytest.mark.parametrize("status", ["pending", "ended"])
    def test_passes_over_people_without_access(self, portal, course, status):
        outsider = MembershipFactory(portal=portal, status=status)

        assert enroll(course=course, membership_ids=[outsider.pk], now=NOW) == Enrolled(0, 0, 1)

    def test_passes_over_people_of_another_portal(self, course):
        stranger = MembershipFactory()

        assert enroll(course=course, membership_ids=[stranger.pk], now=NOW) == Enrolled(0, 0, 1)
        assert not stranger.enrollments.exists()

    @pytest.mark.parametrize("status", ["draft", "archived"])
    def test_refuses_a_course_that_is_not_published(self, learner, portal, status):
        with pytest.raises(EnrollmentRefused):
            enroll(course=CourseFactory(portal=portal, status=status), membership_ids=[learner.pk], now=NOW)

        assert not learner.enrollments.exists()

    def test_changes_nothing_the_second_time(self, learner, course, heard):
        enroll(course=course, membership_ids=[learner.pk], now=NOW)
        heard.clear()

        assert enroll(course=course, membership_ids=[learner.pk], now=LATER) == Enrolled(0, 1, 0)
        assert heard == []

    def test_tightens_the_terms_of_someone_who_has_the_course(self, learner, course):
        enroll(course=course, membership_ids=[learner.pk], now=NOW, due_on=date(2026, 5, 1))

        enroll(course=course, membership_ids=[learner.pk], now=NOW, is_required=True, due_on=date(2026, 6, 1))

        assert (learner.enrollments.get().is_required, learner.enrollments.get().due_on) == (True, date(2026, 5, 1))

    @pytest.mark.parametrize(("reenrolls", "status"), [(True, "not_started"), (False, "completed")])
    def test_starts_a_finished_course_again_only_if_asked_to(self, learner, course, reenrolls, status):
        enroll(course=course, membership_ids=[learner.pk], now=NOW)
        finish(learner.enrollments.get())

        done = enroll(course=course, membership_ids=[learner.pk], now=LATER, reenrolls=reenrolls)

        again = learner.enrollments.get()
        assert (done.begun, again.status) == (int(reenrolls), status)
        assert again.version == (3 if reenrolls else 2)

    def test_is_in_the_trail_of_the_person(self, learner, course):
        actor = AdminFactory(portal=learner.portal).user

        enroll(course=course, membership_ids=[learner.pk], now=NOW, actor_id=actor.pk)

        entry = AuditEntry.objects.get()
        assert (entry.portal, entry.actor_id, entry.action) == (learner.portal, actor.pk, "enrolled")
        assert (entry.object_type, entry.object_id) == ("users.membership", learner.pk)
        assert entry.after["course"] == course.title

    def test_runs_one_statement_for_many(self, portal, course, statements_run):
        people = [MembershipFactory(portal=portal).pk for _ in range(10)]

        assert enroll(course=course, membership_ids=people, now=NOW).begun == 10
        assert len(statements_run) == 1


class TestUnenroll:
    @pytest.fixture
    def enrollment(self, learner):
        return by_hand(learner)

    @pytest.mark.parametrize("status", ["not_started", "in_progress"])
    def test_takes_an_unfinished_course_away(self, learner, enrollment, status, heard):
        Enrollment.objects.update(status=status)

        assert unenroll(enrollment_ids=[enrollment.pk], now=NOW) == Unenrolled(removed=1, kept=0)
        assert not learner.enrollments.exists()
        assert heard == [enrollment.pk]

    @pytest.mark.parametrize("status", ["completed", "passed", "failed", "pending_review"])
    def test_keeps_history(self, learner, enrollment, status, heard):
        Enrollment.objects.update(status=status)

        assert unenroll(enrollment_ids=[enrollment.pk], now=NOW) == Unenrolled(removed=0, kept=1)
        assert learner.enrollments.exists()
        assert heard == []

    def test_removes_history_if_that_is_asked_for(self, learner, enrollment):
        finish(enrollment)

        assert unenroll(enrollment_ids=[enrollment.pk], now=NOW, from_history=True).removed == 1
        assert not learner.enrollments.exists()

    def test_keeps_in_the_trail_what_was_removed(self, learner, enrollment):
        finish(enrollment, "passed")

        unenroll(enrollment_ids=[enrollment.pk], now=NOW, from_history=True)

        entry = AuditEntry.objects.get(action="unenrolled")
        assert entry.object_id == learner.pk
        assert (entry.before["course"], entry.before["status"]) == (enrollment.course.title, "passed")
