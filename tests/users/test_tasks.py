"""Tasks do their one thing, and nothing more the second time."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from portals import definitions
from portals.models import DynamicRule
from tests.factories.portals import DynamicRuleFactory, GroupCourseFactory, GroupFactory, PortalFactory
from tests.factories.users import InvitationFactory, MembershipFactory
from users import tasks
from users.models import Enrollment, GroupMembership, Invitation

pytestmark = pytest.mark.django_db


class TestSendInvitations:
    def test_sends_once(self, smtp):
        InvitationFactory()

        tasks.send_invitations()
        tasks.send_invitations()

        assert len(smtp) == 1


class TestAnswerLinkRequest:
    def test_puts_a_link_into_the_outbox(self):
        learner = MembershipFactory()

        tasks.answer_link_request(portal_id=learner.portal_id, email=learner.user.email)

        assert Invitation.objects.get().membership == learner

    def test_survives_a_portal_that_is_gone(self):
        tasks.answer_link_request(portal_id=0, email="robin@example.com")

        assert not Invitation.objects.exists()


class TestEndAccessAfterLastDay:
    def test_ends_access_once(self):
        leaver = MembershipFactory(last_day=timezone.localdate() - timedelta(days=3))

        tasks.end_access_after_last_day()
        leaver.refresh_from_db()
        ended_at = leaver.ended_at
        tasks.end_access_after_last_day()

        leaver.refresh_from_db()
        assert (leaver.status, leaver.ended_at) == ("ended", ended_at)


class TestRegroupEveryone:
    @pytest.fixture
    def asked(self, monkeypatch):
        calls = []
        monkeypatch.setattr(tasks.regroup_portal, "delay", lambda **ids: calls.append(ids))
        return calls

    def test_asks_once_for_each_portal_with_rules(self, asked):
        portal = PortalFactory(time_zone="UTC")
        DynamicRuleFactory.create_batch(2, group__portal=portal)
        DynamicRuleFactory(state=DynamicRule.State.DRAFT)

        with time_machine.travel(datetime(2026, 3, 9, 0, 20, tzinfo=UTC)):
            tasks.regroup_everyone()

        assert asked == [{"portal_id": portal.pk}]

    def test_takes_each_portal_when_a_day_begins_there(self, asked):
        denver = DynamicRuleFactory(group__portal__time_zone="America/Denver").group.portal
        tokyo = DynamicRuleFactory(group__portal__time_zone="Asia/Tokyo").group.portal

        for hour in range(24):
            with time_machine.travel(datetime(2026, 3, 9, hour, 20, tzinfo=UTC)):
                before = len(asked)
                tasks.regroup_everyone()
                portals = [call["portal_id"] for call in asked[before:]]
                assert portals == {6: [denver.pk], 7: [denver.pk], 15: [tokyo.pk], 16: [tokyo.pk]}.get(hour, [])


@pytest.mark.django_db(transaction=True)
class TestRegroupPortal:
    def test_groups_everyone_once(self):
        learner = MembershipFactory()
        DynamicRuleFactory(group__portal=learner.portal)

        tasks.regroup_portal(portal_id=learner.portal_id)
        tasks.regroup_portal(portal_id=learner.portal_id)

        assert GroupMembership.objects.get().membership == learner


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("tasks_at_once")
class TestReceivers:
    def test_a_saved_rule_takes_effect(self):
        learner = MembershipFactory()
        group = GroupFactory(portal=learner.portal)

        definitions.save_rule(group=group, blocks=[])

        assert GroupMembership.objects.get().group == group

    def test_a_course_put_on_a_group_enrolls_its_members(self):
        learner = MembershipFactory()
        group = GroupFactory(portal=learner.portal)
        course = GroupCourseFactory(group=group).course
        definitions.save_rule(group=group, blocks=[])
        Enrollment.objects.all().delete()

        definitions.announce_courses(group_id=group.pk, added=[course.pk])
        assert Enrollment.objects.get().course == course

        group.group_courses.all().delete()
        definitions.announce_courses(group_id=group.pk, removed=[course.pk])
        assert Enrollment.objects.exists()

        definitions.announce_courses(group_id=group.pk, removed=[course.pk], unenroll=True)
        assert not Enrollment.objects.exists()

    def test_a_published_course_enrolls_the_members_of_its_groups(self):
        learner = MembershipFactory()
        group = GroupFactory(portal=learner.portal)
        definitions.save_rule(group=group, blocks=[])
        course = GroupCourseFactory(group=group).course

        definitions.announce_published(course)

        assert Enrollment.objects.get().course == course
