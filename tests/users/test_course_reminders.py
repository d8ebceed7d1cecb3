"""Reminders of courses: when, to whom, once each, and one mail for several courses."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.factories.portals import CourseFactory, PortalFactory
from tests.factories.users import MembershipFactory
from users import course_reminders, enrollments
from users.models import Enrollment, Membership, Notice

pytestmark = pytest.mark.django_db

# Nine in the morning where the portal is.
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
TODAY = date(2026, 3, 2)


@pytest.fixture
def portal():
    return PortalFactory(name="North Academy", time_zone="Europe/Berlin")


@pytest.fixture
def learner(portal):
    return MembershipFactory(portal=portal)


@pytest.fixture
def course(portal):
    return CourseFactory(portal=portal, title="Fire safety", first_reminder_days=7, second_reminder_days=1)


def take(learner, course, due_on, **fields):
    return Enrollment.objects.create(
        membership=learner, course=course, due_on=due_on, enrolled_at=NOW - timedelta(days=30), **fields
    )


def remind(*, days=0, hours=0):
    return course_reminders.put_into_outbox(now=NOW + timedelta(days=days, hours=hours))


class TestPutIntoOutbox:
    def test_reminds_twice_and_no_more(self, learner, course):
        take(learner, course, TODAY + timedelta(days=8))

        assert [remind(days=days) for days in range(11)] == [0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0]

    def test_says_what_is_due_and_where(self, learner, course, portal):
        take(learner, course, date(2026, 3, 5))

        remind()

        mail = Notice.objects.get()
        assert (mail.kind, mail.address, mail.link) == ("course_due", learner.user.email, portal.url("/"))
        assert mail.subject == "North Academy: 1 course is due soon"
        assert mail.text == "“Fire safety” is due on March 5, 2026."

    def test_sends_one_mail_for_several_courses(self, learner, course, portal):
        other = CourseFactory(portal=portal, title="Data protection", first_reminder_days=14)
        take(learner, course, TODAY + timedelta(days=1))
        take(learner, other, TODAY + timedelta(days=10))

        assert remind() == 1
        assert [line[1:5] for line in Notice.objects.get().text.splitlines()] == ["Fire", "Data"]
        assert remind(hours=1) == 0

    def test_skips_the_first_when_the_second_is_due(self, learner, course):
        take(learner, course, TODAY)

        assert [remind(), remind(hours=1)] == [1, 0]

    @pytest.mark.parametrize("hour", [-2, 10])
    def test_lets_people_sleep(self, learner, course, hour):
        take(learner, course, TODAY)

        assert remind(hours=hour) == 0

    @pytest.mark.parametrize("status", ["completed", "passed", "failed", "pending_review"])
    def test_leaves_those_alone_who_have_done_their_part(self, learner, course, status):
        take(learner, course, TODAY, status=status)

        assert remind() == 0

    @pytest.mark.parametrize("status", ["pending", "ended"])
    def test_writes_to_nobody_without_access(self, learner, course, status):
        take(learner, course, TODAY)
        Membership.objects.update(status=status)

        assert remind() == 0

    def test_writes_to_nobody_who_lost_the_access_above(self, portal, course, learner):
        top = PortalFactory(realm=portal.realm)
        portal.parent = top
        portal.save()
        MembershipFactory(portal=top, user=learner.user, status="ended")
        take(learner, course, TODAY)

        assert remind() == 0

    def test_writes_nothing_about_what_is_overdue_or_undated(self, learner, course):
        take(learner, course, TODAY - timedelta(days=1))
        take(MembershipFactory(portal=course.portal), course, None)

        assert remind() == 0

    def test_is_off_unless_the_course_wants_it(self, learner, portal):
        take(learner, CourseFactory(portal=portal), TODAY)
        take(learner, CourseFactory(portal=portal, first_reminder_days=7, status="archived"), TODAY)

        assert remind() == 0

    def test_begins_anew_with_the_course(self, learner, course):
        taken = take(learner, course, TODAY, status="completed", reminder=2)
        due_on = TODAY + timedelta(days=1)

        enrollments.enroll(course=course, membership_ids=[learner.pk], now=NOW, due_on=due_on, reenrolls=True)

        taken.refresh_from_db()
        assert taken.reminder == 0
        assert remind() == 1

    def test_costs_the_same_for_any_number_of_people(self, course, django_assert_num_queries):
        def fill(number):
            for _ in range(number):
                take(MembershipFactory(portal=course.portal), course, TODAY)

        fill(2)
        with django_assert_num_queries(9):
            assert remind() == 2
        fill(20)
        with django_assert_num_queries(9):
            assert remind() == 20
