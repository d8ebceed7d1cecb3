"""The members of groups follow what happens to the courses of their groups, however many they are."""

from datetime import UTC, datetime, timedelta

import pytest

from portals import definitions
from tests.factories.portals import GroupCourseFactory, GroupFactory, PortalFactory
from tests.factories.users import MembershipFactory
from users import group_courses, progress, receivers, tasks
from users.group_courses import Change, Followed, follow, follow_publication
from users.models import Enrollment, GroupMembership

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=10)


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def group(portal):
    return GroupFactory(portal=portal)


@pytest.fixture
def learner(portal, group):
    """A member of the group."""
    membership = MembershipFactory(portal=portal)
    put(membership, group)
    return membership


@pytest.fixture
def large(monkeypatch):
    """Two members are many, and a batch."""
    monkeypatch.setattr(group_courses, "LARGE", 1)
    monkeypatch.setattr(group_courses, "BATCH", 2)


def put(membership, *groups):
    for group in groups:
        GroupMembership.objects.create(group=group, membership=membership, created_at=NOW)


def put_on(group, **terms):
    """Put a course on a group and let its members follow."""
    row = GroupCourseFactory(group=group, **terms)
    follow(Change(group.pk, added=[row.course_id]), now=NOW)
    return row


def taken_off(group, course, *, unenroll=True):
    return follow(Change(group.pk, removed=[course.pk], unenroll=unenroll), now=LATER)


class TestFollow:
    def test_enrolls_present_members_in_the_added_course_only(self, learner, group):
        GroupCourseFactory(group=group)
        added = GroupCourseFactory(group=group).course

        assert follow(Change(group.pk, added=[added.pk]), now=NOW) == Followed(enrolled=1)
        assert learner.enrollments.get().course == added

    def test_passes_over_those_who_are_not_in_the_group(self, portal, group):
        MembershipFactory(portal=portal)
        added = GroupCourseFactory(group=group).course

        assert follow(Change(group.pk, added=[added.pk]), now=NOW) == Followed()

    def test_starts_finished_courses_again_once(self, learner, group):
        row = put_on(group, reenroll_completed=True)
        progress.record(enrollment=learner.enrollments.get(), status="passed", percent=100, now=NOW)
        change = Change(group.pk, added=[row.course_id])

        assert follow(change, now=LATER).enrolled == 1
        progress.record(enrollment=learner.enrollments.get(), status="passed", percent=100, now=LATER)
        assert follow(change, now=LATER).enrolled == 0
        assert learner.enrollments.get().status == "passed"

    def test_tightens_changed_terms_without_starting_anything_again(self, portal, learner, group, heard):
        finisher = MembershipFactory(portal=portal)
        put(finisher, group)
        row = put_on(group)
        progress.record(enrollment=finisher.enrollments.get(), status="passed", percent=100, now=NOW)
        heard.clear()
        row.is_required = row.reenroll_completed = True
        row.save()

        assert follow(Change(group.pk, changed=[row.course_id]), now=LATER) == Followed()

        assert learner.enrollments.get().is_required
        assert finisher.enrollments.get().status == "passed"
        assert heard == [learner.enrollments.get().pk]

    def test_takes_the_unfinished_course_from_the_members(self, learner, group):
        lost, kept = put_on(group), put_on(group)
        lost.delete()

        assert taken_off(group, lost.course) == Followed(unenrolled=1)
        assert learner.enrollments.get().course == kept.course

    def test_lets_them_finish_if_that_was_chosen(self, learner, group):
        lost = put_on(group)
        lost.delete()

        assert taken_off(group, lost.course, unenroll=False) == Followed()
        assert learner.enrollments.exists()

    def test_keeps_what_another_group_grants(self, learner, portal, group):
        lost = put_on(group)
        other = GroupCourseFactory(group__portal=portal, course=lost.course).group
        put(learner, other)
        lost.delete()

        assert taken_off(group, lost.course) == Followed()
        assert learner.enrollments.get().source_group == other

    @pytest.mark.usefixtures("large")
    def test_takes_two_statements_for_every_batch(self, portal, group, statements_run):
        for _ in range(5):
            put(MembershipFactory(portal=portal), group)
        added = GroupCourseFactory(group=group).course

        assert follow(Change(group.pk, added=[added.pk]), now=NOW).enrolled == 5
        assert len(statements_run) == 3


class TestFollowPublication:
    def test_enrolls_the_members_of_all_groups(self, portal, learner, group):
        course = GroupCourseFactory(group=group).course
        other = GroupCourseFactory(group__portal=portal, course=course).group
        put(learner, other)
        put(MembershipFactory(portal=portal), other)

        assert follow_publication(course.pk, now=NOW).enrolled == 2

    def test_does_not_start_finished_courses_again(self, learner, group):
        course = put_on(group, reenroll_completed=True).course
        progress.record(enrollment=learner.enrollments.get(), status="passed", percent=100, now=NOW)

        assert follow_publication(course.pk, now=LATER).enrolled == 0


@pytest.mark.usefixtures("large")
class TestLargeGroups:
    @pytest.fixture
    def members(self, portal, group):
        people = [MembershipFactory(portal=portal) for _ in range(3)]
        for person in people:
            put(person, group)
        return people

    def test_follow_after_the_commit(self, members, group, tasks_at_once, django_capture_on_commit_callbacks):
        added = GroupCourseFactory(group=group).course

        with django_capture_on_commit_callbacks(execute=True):
            said = definitions.announce_courses(group_id=group.pk, added=[added.pk])
            assert not Enrollment.objects.exists()

        assert "in the background" in said[0]
        assert Enrollment.objects.count() == 3

    def test_follow_a_publication_after_the_commit(
        self, members, group, tasks_at_once, django_capture_on_commit_callbacks
    ):
        course = GroupCourseFactory(group=group).course

        with django_capture_on_commit_callbacks(execute=True):
            said = definitions.announce_published(course)
            assert not Enrollment.objects.exists()

        assert "in the background" in said[0]
        assert Enrollment.objects.count() == 3

    def test_change_nothing_when_the_task_runs_twice(self, members, group, heard):
        row = GroupCourseFactory(group=group, reenroll_completed=True)
        change = {"group_id": group.pk, "added": [row.course_id], "changed": [], "removed": [], "unenroll": False}

        tasks.follow_group_courses(**change, asked_at=NOW.isoformat())
        progress.record(enrollment=members[0].enrollments.get(), status="passed", percent=100, now=LATER)
        heard.clear()
        tasks.follow_group_courses(**change, asked_at=NOW.isoformat())

        assert heard == []
        assert members[0].enrollments.get().status == "passed"


class TestSmallGroups:
    def test_follow_at_once_and_say_so(self, learner, group):
        added = GroupCourseFactory(group=group).course

        assert definitions.announce_courses(group_id=group.pk, added=[added.pk]) == ["1 enrollment began."]
        assert (
            receivers.follow_group_courses(group_id=group.pk, added=[added.pk], changed=[], removed=[], unenroll=False)
            == ""
        )
