"""What an account may do in a portal: by its membership there, and by the one in the top-level portal."""

import pytest

from portals.standing import Level, Permission
from tests.factories.portals import CourseFactory, GroupFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory, OperatorFactory
from users.models import CourseInstructor, GroupManager

pytestmark = pytest.mark.django_db


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def sub_portal(portal):
    return PortalFactory(realm=portal.realm, parent=portal)


def manager_of(*groups, can_create_users=False, **fields):
    manager = MembershipFactory(portal=groups[0].portal, role="manager", **fields)
    for group in groups:
        GroupManager.objects.create(membership=manager, group=group, can_create_users=can_create_users)
    return manager


class TestStandingIn:
    def test_is_full_for_admins_and_limited_for_limited_ones(self, portal):
        full, limited = AdminFactory(portal=portal), AdminFactory(portal=portal, is_limited=True)

        assert full.user.standing_in(portal).level == Level.FULL_ADMIN
        assert limited.user.standing_in(portal).level == Level.LIMITED_ADMIN

    def test_is_nothing_for_learners_and_strangers(self, portal):
        learner, stranger = MembershipFactory(portal=portal), AdminFactory()

        for person in (learner, stranger):
            assert person.user.standing_in(portal).level == Level.NONE
        assert stranger.user.standing_in(None).level == Level.NONE

    @pytest.mark.parametrize("status", ["pending", "ended"])
    def test_is_nothing_without_access(self, portal, status):
        admin = AdminFactory(portal=portal, status=status)

        assert admin.user.standing_in(portal).level == Level.NONE

    def test_is_nothing_for_accounts_that_may_not_sign_in(self, portal):
        admin = AdminFactory(portal=portal, user__is_active=False)

        assert admin.user.standing_in(portal).level == Level.NONE

    def test_is_that_of_an_operator_everywhere(self, portal):
        operator = OperatorFactory()

        assert operator.standing_in(portal).level == operator.standing_in(None).level == Level.OPERATOR

    def test_needs_a_group_for_managers(self, portal):
        idle = MembershipFactory(portal=portal, role="manager")
        busy = manager_of(GroupFactory(portal=portal))

        assert idle.user.standing_in(portal).level == Level.NONE
        assert busy.user.standing_in(portal).level == Level.MANAGER

    def test_names_the_groups_of_a_manager(self, portal):
        group, other = GroupFactory(portal=portal), GroupFactory(portal=portal)
        GroupFactory(portal=portal)
        manager = manager_of(group, other)
        GroupManager.objects.filter(group=other).update(can_create_users=True)

        standing = manager.user.standing_in(portal)

        assert standing.group_ids == {group.pk, other.pk}
        assert standing.creating_group_ids == {other.pk}

    def test_lets_managers_enroll_unless_an_admin_turned_it_off(self, portal):
        group = GroupFactory(portal=portal)
        usual, restrained = manager_of(group), manager_of(group, permissions=["mark_complete"])

        assert usual.user.standing_in(portal).may(Permission.ENROLL)
        assert not usual.user.standing_in(portal).may(Permission.MARK_COMPLETE)
        assert restrained.user.standing_in(portal).permissions == {"mark_complete"}

    def test_names_the_courses_of_an_instructor(self, portal):
        course = CourseFactory(portal=portal)
        instructor = MembershipFactory(portal=portal, role="instructor")
        CourseInstructor.objects.create(membership=instructor, course=course)

        standing = instructor.user.standing_in(portal)

        assert (standing.level, standing.course_ids) == (Level.INSTRUCTOR, {course.pk})
        assert standing.may(Permission.EDIT_COURSES)
        assert not standing.may(Permission.CREATE_COURSES)

    def test_gives_courses_to_managers_who_act_as_instructors(self, portal):
        group, course = GroupFactory(portal=portal), CourseFactory(portal=portal)
        plain, teaching = manager_of(group), manager_of(group, permissions=["act_as_instructor"])
        for manager in (plain, teaching):
            CourseInstructor.objects.create(membership=manager, course=course)

        assert plain.user.standing_in(portal).course_ids == frozenset()
        assert teaching.user.standing_in(portal).course_ids == {course.pk}


class TestTopLevelAdmins:
    @pytest.mark.parametrize("is_limited", [True, False])
    def test_are_admins_of_the_same_kind_below(self, portal, sub_portal, is_limited):
        admin = AdminFactory(portal=portal, is_limited=is_limited)

        standing = admin.user.standing_in(sub_portal)

        assert standing.level == (Level.LIMITED_ADMIN if is_limited else Level.FULL_ADMIN)
        assert standing.is_from_above

    def test_cannot_be_lowered_below(self, portal, sub_portal):
        admin = AdminFactory(portal=portal)
        MembershipFactory(portal=sub_portal, user=admin.user, role="learner")

        assert admin.user.standing_in(sub_portal).level == Level.FULL_ADMIN

    def test_of_sub_portals_are_nothing_above(self, portal, sub_portal):
        admin = AdminFactory(portal=sub_portal)

        assert admin.user.standing_in(sub_portal).level == Level.FULL_ADMIN
        assert admin.user.standing_in(portal).level == Level.NONE

    def test_lose_everything_with_their_access(self, portal, sub_portal):
        former = AdminFactory(portal=portal, status="ended")
        AdminFactory(portal=sub_portal, user=former.user)

        assert former.user.standing_in(sub_portal).level == Level.NONE
