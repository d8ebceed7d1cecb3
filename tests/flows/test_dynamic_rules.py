"""An admin builds a rule for a group, looks at its effect, runs it, and people join and leave by themselves."""

import pytest

from portals.models import DynamicRule
from tests.factories.portals import CustomFieldFactory, GroupCourseFactory, GroupFactory
from tests.factories.users import MembershipFactory
from users import custom_data, grouping, tasks
from users.models import Enrollment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once")]


@pytest.fixture
def department(portal):
    return CustomFieldFactory(
        portal=portal, label="Department", type="string_choice", choices=["Sales", "Legal", "People"]
    )


@pytest.fixture
def group(portal):
    return GroupFactory(portal=portal, title="Sellers")


@pytest.fixture
def course(group):
    return GroupCourseFactory(group=group, course__title="Talking about wood").course


@pytest.fixture
def seller(portal, department):
    return MembershipFactory(portal=portal, user__first_name="Ada", custom_data={department.key: "Sales"})


@pytest.fixture
def lawyer(portal, department):
    return MembershipFactory(portal=portal, user__first_name="Ben", custom_data={department.key: "Legal"})


@pytest.fixture
def builder(admin, group):
    return admin.open(f"/admin/portals/group/{group.pk}/change/").follow("Build a rule")


def members(group):
    return {row.membership.user.first_name: row.origin for row in group.members.select_related("membership__user")}


def build(builder, department, value):
    """Build a rule of one condition, without scripts, as far as its preview."""
    builder.press("Add a condition")
    builder.press("Show the comparisons and values of the chosen fields", **{"row-0-looks_at": "Department"})
    return builder.press("Preview", **{"row-0-operator": "is", "row-0-value": value})


def change_department(person, department, value, now):
    custom_data.set_values(membership=person, values={department.key: value})
    grouping.regroup(portal_id=person.portal_id, membership_ids=[person.pk], now=now)


class TestBuildingARule:
    def test_shows_the_effect_first_and_changes_nobody(self, builder, department, group, course, seller, lawyer):
        build(builder, department, "Sales")

        assert "Department is Sales" in builder.words
        assert "Joining: 1. Leaving: 0. Enrollments that begin: 1." in builder.words
        assert "Ben" not in builder.words
        assert "Ada" in builder.words
        assert members(group) == {}

    def test_lets_people_in_and_out_once_it_runs(
        self, builder, department, group, course, seller, lawyer, django_capture_on_commit_callbacks
    ):
        build(builder, department, "Sales").press("Run the rule")
        assert members(group) == {"Ada": "rule"}
        assert Enrollment.objects.get().membership == seller

        for person, value in ((seller, "People"), (lawyer, "Sales")):
            change_department(person, department, value, person.created_at)

        assert members(group) == {"Ben": "rule"}
        assert Enrollment.objects.get().membership == lawyer

    def test_keeps_courses_where_the_admin_says_so(self, builder, department, group, course, seller):
        build(builder, department, "Sales").press("Run the rule", on_leaving="Keep them enrolled")

        change_department(seller, department, "People", seller.created_at)

        assert members(group) == {}
        assert Enrollment.objects.get().membership == seller

    def test_says_what_is_wrong_and_keeps_what_was_entered(self, builder, group):
        builder.press("Add a condition")
        builder.press("Preview", **{"row-0-value": "no domain at all"})

        assert "Enter the part of the address after the @" in builder.words
        assert "no domain at all" in builder.source
        assert not DynamicRule.objects.exists()


class TestARunningRule:
    @pytest.fixture
    def running(self, builder, department, group, seller, lawyer):
        return build(builder, department, "Sales").press("Run the rule")

    def test_shows_the_effect_of_a_change_before_it_counts(self, running, group, department):
        running.open(f"/admin/portals/group/{group.pk}/rule/")
        running.press("Preview", **{"row-0-value": "Legal"})
        assert "Joining: 1. Leaving: 1." in running.words
        tasks.regroup_portal(portal_id=group.portal_id)
        assert members(group) == {"Ada": "rule"}

        running.press("Run the rule")

        assert members(group) == {"Ben": "rule"}

    def test_rests_when_it_is_deactivated(self, running, group, department, seller):
        running.open(f"/admin/portals/group/{group.pk}/rule/").follow("Deactivate the rule").press("Deactivate")

        change_department(seller, department, "People", seller.created_at)

        assert members(group) == {"Ada": "rule"}

    def test_runs_a_second_time_without_effect(self, running, group):
        running.open(f"/admin/portals/group/{group.pk}/rule/preview/").press("Run the rule again")

        assert members(group) == {"Ada": "rule"}

    def test_breaks_when_its_field_is_archived_and_changes_nobody(self, running, group, department, seller):
        running.open(f"/admin/portals/customfield/{department.pk}/change/").follow("Archive").press("Archive")

        tasks.regroup_portal(portal_id=group.portal_id)
        running.open(f"/admin/portals/group/{group.pk}/rule/")

        assert "Broken." in running.words
        assert "This field is archived" in running.words
        assert members(group) == {"Ada": "rule"}


class TestSyncAllUsers:
    def test_hands_members_by_hand_over_to_the_rule(self, builder, department, group, seller, lawyer):
        grouping.add_members(group=group, membership_ids=[lawyer.pk], now=lawyer.created_at)
        build(builder, department, "Sales").press("Run the rule")
        assert members(group) == {"Ada": "rule", "Ben": "manual"}

        builder.open(f"/admin/portals/group/{group.pk}/change/").follow("Sync all users")
        assert "1 of them does not match the rule and leaves the group." in builder.words
        builder.press("Sync all users")

        assert members(group) == {"Ada": "rule"}
