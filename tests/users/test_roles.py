"""What limited admins, managers, instructors and top-level admins find in the admin, and what they are refused."""

import pytest
from django.contrib.admin import helpers
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from portals.models import Course, CustomField, Group, Portal
from tests.admin_pages import errors, page, save
from tests.factories.portals import (
    CourseFactory,
    CustomFieldFactory,
    DynamicRuleFactory,
    GroupFactory,
    PortalFactory,
)
from tests.factories.users import AdminFactory, InvitationFactory, MembershipFactory, OperatorFactory, UserFactory
from users.models import (
    AuditEntry,
    CourseInstructor,
    Enrollment,
    GroupManager,
    GroupMembership,
    Invitation,
    Membership,
    PendingUser,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def sub_portal(portal):
    return PortalFactory(realm=portal.realm, parent=portal)


@pytest.fixture
def admin(portal):
    return AdminFactory(portal=portal)


@pytest.fixture
def group(portal):
    return GroupFactory(portal=portal, title="Warehouse")


def member_of(group, **fields):
    member = MembershipFactory(portal=group.portal, **fields)
    GroupMembership.objects.create(group=group, membership=member, created_at=timezone.now())
    return member


@pytest.fixture
def member(group):
    return member_of(group, user__first_name="Mia", user__last_name="Berg")


@pytest.fixture
def outsider(portal):
    return MembershipFactory(portal=portal, user__first_name="Otto", user__last_name="Far")


@pytest.fixture
def manager(group):
    manager = MembershipFactory(portal=group.portal, role="manager", user__last_name="Boss")
    GroupManager.objects.create(membership=manager, group=group)
    return manager


@pytest.fixture
def as_admin(portal_client, admin):
    return portal_client(admin.portal, admin.user)


@pytest.fixture
def as_limited(portal_client, portal, admin):
    return portal_client(portal, AdminFactory(portal=portal, is_limited=True).user)


@pytest.fixture
def as_manager(portal_client, manager):
    return portal_client(manager.portal, manager.user)


def listed(client, model, **query):
    return set(client.get(page(model, "changelist"), query).context["cl"].result_list)


def act(client, model, action, *rows, **answers):
    chosen = {"action": action, helpers.ACTION_CHECKBOX_NAME: [row.pk for row in rows]}
    return client.post(page(model, "changelist"), {**chosen, "confirmed": "1", **answers}, follow=True)


def change(client, person, **changes):
    return save(client, page(Membership, "change", person.pk), **changes)


def add(client, **changes):
    person = {"first_name": "Ada", "last_name": "New", "email": "ada@example.com", "how": "active"}
    return save(client, page(Membership, "add"), **{**person, **changes})


def links(client):
    """Return the pages that the navigation offers."""
    groups = client.get(reverse("admin:index"), follow=True).context["sidebar_navigation"]
    return {str(item["title"]) for group in groups for item in group["items"]}


class TestRoles:
    @pytest.mark.parametrize("role", ["manager", "instructor", "admin", "learner"])
    def test_are_given_by_admins(self, as_admin, outsider, role):
        change(as_admin, outsider, role=role)

        outsider.refresh_from_db()
        assert outsider.role == role

    def test_come_with_their_groups_on_the_page(self, as_admin, manager, portal):
        other = GroupFactory(portal=portal)

        change(as_admin, manager, **{"managed_groups-TOTAL_FORMS": "2", "managed_groups-1-group": other.pk})

        assert set(manager.managed_groups.values_list("group__title", flat=True)) == {"Warehouse", other.title}
        assert AuditEntry.objects.filter(action="responsibilities_changed", object_id=manager.pk).exists()

    def test_refuse_groups_of_another_portal(self, as_admin, manager):
        stranger = GroupFactory()

        response = change(
            as_admin, manager, **{"managed_groups-TOTAL_FORMS": "2", "managed_groups-1-group": stranger.pk}
        )

        assert response.status_code == 200
        assert manager.managed_groups.count() == 1

    def test_come_with_their_courses_on_the_page(self, as_admin, portal):
        instructor, course = MembershipFactory(portal=portal, role="instructor"), CourseFactory(portal=portal)

        change(
            as_admin, instructor, **{"instructed_courses-TOTAL_FORMS": "1", "instructed_courses-0-course": course.pk}
        )

        assert CourseInstructor.objects.get().course == course

    def test_take_groups_away_when_they_end(self, as_admin, manager):
        change(as_admin, manager, role="learner")

        assert not GroupManager.objects.exists()

    def test_have_switches(self, as_admin, manager):
        change(as_admin, manager, rights=["mark_complete", "move_groups"])

        manager.refresh_from_db()
        assert manager.permissions == ["mark_complete", "move_groups"]
        assert AuditEntry.objects.get(action="role_changed").after["permissions"] == ["mark_complete", "move_groups"]

    def test_refuse_limits_for_anyone_but_admins(self, as_admin, outsider):
        response = change(as_admin, outsider, role="manager", is_limited="on")

        assert "Only admins can be limited" in errors(response)


class TestLimitedAdmins:
    def test_find_no_settings_in_the_navigation(self, as_limited, as_admin):
        settings = {"Portal settings", "Integrations"}

        assert settings <= links(as_admin)
        assert not settings & links(as_limited)
        assert "Users" in links(as_limited)

    def test_cannot_open_or_change_settings(self, as_limited, portal):
        for url in (page(Portal, "change", portal.pk), reverse("integrations:catalog")):
            assert as_limited.get(url).status_code in {302, 403, 404}
            assert as_limited.post(url, {"name": "Mine"}).status_code in {302, 403, 404}

        portal.refresh_from_db()
        assert portal.name != "Mine"

    @pytest.mark.parametrize("role", ["learner", "manager", "instructor"])
    def test_add_people_below_them(self, as_limited, role):
        add(as_limited, role=role)

        assert Membership.objects.get(user__email="ada@example.com").role == role

    def test_add_admins_of_their_own_kind_only(self, as_limited):
        refused = add(as_limited, role="admin")
        add(as_limited, role="admin", is_limited="on")

        assert "rights that you have yourself" in errors(refused)
        assert Membership.objects.get(user__email="ada@example.com").is_limited

    def test_cannot_lift_anyone_above_them(self, as_limited, outsider):
        response = change(as_limited, outsider, role="admin")

        assert "rights that you have yourself" in errors(response)
        outsider.refresh_from_db()
        assert outsider.role == "learner"

    def test_see_but_do_not_change_full_admins(self, as_limited, admin):
        assert admin in listed(as_limited, Membership)
        response = as_limited.post(page(Membership, "change", admin.pk), {"role": "learner", "email": "x@example.com"})

        assert response.status_code == 403
        assert Membership.objects.get(pk=admin.pk).role == "admin"

    @pytest.mark.parametrize("action", ["end_access", "send_password_link"])
    def test_do_not_decide_about_full_admins(self, as_limited, admin, portal, action):
        AdminFactory(portal=portal)

        response = act(as_limited, Membership, action, admin)

        assert "more rights" in response.content.decode()
        for name in (action, "end_sign_ins"):
            assert as_limited.post(reverse(f"admin:users_membership_{name}", args=[admin.pk]), {}).status_code == 403
        admin.refresh_from_db()
        assert admin.status == "active"
        assert not Invitation.objects.exists()

    def test_do_not_give_former_full_admins_their_access_back(self, as_limited, portal):
        former = AdminFactory(portal=portal, status="ended", ended_by="admin")

        act(as_limited, Membership, "restore_access", former)

        former.refresh_from_db()
        assert former.status == "ended"

    def test_do_not_withdraw_the_invitations_of_full_admins(self, as_limited, portal):
        invitation = InvitationFactory(membership=AdminFactory(portal=portal, status="pending"), state="sent")

        response = act(as_limited, PendingUser, "cancel", invitation.membership, counted="1")

        assert "more rights" in response.content.decode()
        invitation.refresh_from_db()
        assert invitation.state == "sent"


class TestManagers:
    def test_land_on_their_people(self, as_manager):
        response = as_manager.get(reverse("admin:index"), follow=True)

        assert response.redirect_chain[-1][0] == page(Membership, "changelist")
        assert not links(as_manager) & {"Custom user data", "Audit trail", "Portal settings", "Integrations"}

    def test_have_no_way_in_without_a_group(self, portal_client, portal):
        idle = MembershipFactory(portal=portal, role="manager")

        assert portal_client(portal, idle.user).get(page(Membership, "changelist")).status_code in {302, 403}

    def test_see_the_people_of_their_groups_only(self, as_manager, member, outsider):
        assert listed(as_manager, Membership) == {member}
        assert "Far" not in as_manager.get(page(Membership, "changelist"), {"q": "Otto"}).content.decode()
        assert as_manager.get(page(Membership, "change", outsider.pk)).status_code == 404

    def test_see_a_member_of_two_groups_once(self, as_manager, manager, member):
        second = GroupFactory(portal=member.portal)
        GroupManager.objects.create(membership=manager, group=second)
        GroupMembership.objects.create(group=second, membership=member, created_at=timezone.now())

        rows = as_manager.get(page(Membership, "changelist")).context["cl"].result_list
        assert [row.pk for row in rows] == [member.pk]

    def test_see_pending_people_of_their_groups(self, as_manager, group, portal):
        waiting = member_of(group, status="pending")
        MembershipFactory(portal=portal, status="pending")

        assert {row.pk for row in listed(as_manager, PendingUser)} == {waiting.pk}

    def test_do_not_see_other_groups_of_their_people(self, as_manager, member):
        secret = GroupFactory(portal=member.portal, title="Works council")
        GroupMembership.objects.create(group=secret, membership=member, created_at=timezone.now())

        shown = as_manager.get(page(Membership, "change", member.pk)).content.decode()
        assert "Warehouse" in shown
        assert "Works council" not in shown
        assert "Works council" not in as_manager.get(page(Membership, "changelist")).content.decode()

    def test_change_names_and_addresses(self, as_manager, member):
        change(as_manager, member, first_name="Maria", email="maria@example.com")

        member.user.refresh_from_db()
        assert (member.user.first_name, member.user.email) == ("Maria", "maria@example.com")

    def test_change_no_roles(self, as_manager, member):
        change(as_manager, member, role="admin", is_limited="on", rights=["enroll"])

        member.refresh_from_db()
        assert (member.role, member.is_limited, member.permissions) == ("learner", False, None)

    def test_set_what_learners_may_set_themselves(self, as_manager, member, portal):
        open_field = CustomFieldFactory(portal=portal, learner_may_edit=True)
        closed_field = CustomFieldFactory(portal=portal)

        change(as_manager, member, **{f"custom_{open_field.pk}": "M", f"custom_{closed_field.pk}": "9"})

        member.refresh_from_db()
        assert member.custom_data == {open_field.key: "M"}

    def test_end_access_and_give_it_back(self, as_manager, manager, member):
        act(as_manager, Membership, "end_access", member, reason="Season is over")

        member.refresh_from_db()
        assert (member.status, member.ended_by, member.ended_reason) == ("ended", "manager", "Season is over")
        assert member.ended_by_account == manager.user

        act(as_manager, Membership, "restore_access", member)

        member.refresh_from_db()
        assert (member.status, member.ended_by, member.ended_reason) == ("active", "", "")

    def test_set_the_last_day(self, as_manager, member):
        change(as_manager, member, last_day="2099-01-31")

        member.refresh_from_db()
        assert (str(member.last_day), member.ended_by) == ("2099-01-31", "manager")

    def test_mail_links_to_set_a_password(self, as_manager, member):
        act(as_manager, Membership, "send_password_link", member)

        assert Invitation.objects.get().kind == "reset"

    @pytest.mark.parametrize("action", ["end_access", "restore_access", "send_password_link"])
    def test_reach_nobody_else_by_posted_ids(self, as_manager, outsider, action):
        act(as_manager, Membership, action, outsider)
        url = reverse(f"admin:users_membership_{action}", args=[outsider.pk])

        assert as_manager.post(url, {}).status_code == 404
        outsider.refresh_from_db()
        assert outsider.status == "active"
        assert not Invitation.objects.exists()

    @pytest.mark.parametrize("role", ["manager", "instructor", "admin"])
    def test_do_not_decide_about_staff_in_their_groups(self, as_manager, group, role):
        colleague = member_of(group, role=role)

        response = act(as_manager, Membership, "end_access", colleague)

        assert "more rights" in response.content.decode()
        assert as_manager.post(page(Membership, "change", colleague.pk), {}).status_code == 403

    def test_add_nobody_unless_they_may(self, as_manager):
        assert as_manager.get(page(Membership, "add")).status_code == 403
        assert as_manager.post(page(Membership, "add"), {"email": "ada@example.com"}).status_code == 403

    def test_add_learners_to_groups_in_which_they_may(self, as_manager, group, portal):
        GroupManager.objects.update(can_create_users=True)
        closed = GroupFactory(portal=portal)

        refused = add(as_manager, group=closed.pk)
        add(as_manager, group=group.pk, role="admin")

        assert "group" in refused.context["adminform"].form.errors
        newcomer = Membership.objects.get(user__email="ada@example.com")
        assert newcomer.role == "learner"
        assert newcomer.group_memberships.get().group == group

    def test_move_people_only_when_they_may(self, as_manager, manager, member, portal):
        other, foreign = GroupFactory(portal=portal), GroupFactory(portal=portal)
        GroupManager.objects.create(membership=manager, group=other)

        act(as_manager, Membership, "add_to_group", member, group=other.pk)
        assert member.group_memberships.count() == 1

        Membership.objects.filter(pk=manager.pk).update(permissions=["move_groups"])
        act(as_manager, Membership, "add_to_group", member, group=foreign.pk)
        assert member.group_memberships.count() == 1

        act(as_manager, Membership, "add_to_group", member, group=other.pk)
        assert member.group_memberships.count() == 2

    def test_enroll_unless_it_is_turned_off(self, as_manager, manager, member, group):
        course = CourseFactory(portal=member.portal)
        group.group_courses.create(course=course)
        Membership.objects.filter(pk=manager.pk).update(permissions=[])

        act(as_manager, Membership, "enroll_in_course", member, course=course.pk)
        assert not Enrollment.objects.exists()

        Membership.objects.filter(pk=manager.pk).update(permissions=None)
        act(as_manager, Membership, "enroll_in_course", member, course=course.pk)
        assert Enrollment.objects.get().membership == member

    def test_delete_for_good_only_when_they_may(self, as_manager, manager, member):
        url = reverse("admin:users_membership_delete_permanently", args=[member.pk])
        answer = {"email": member.user.email}

        assert as_manager.post(url, answer).status_code == 403
        Membership.objects.filter(pk=manager.pk).update(permissions=["delete_users"])
        as_manager.post(url, answer)

        assert not Membership.objects.filter(pk=member.pk).exists()

    def test_get_no_definitions(self, as_manager, portal):
        field = CustomFieldFactory(portal=portal)

        assert as_manager.get(page(CustomField, "changelist")).status_code == 403
        assert as_manager.get(page(CustomField, "change", field.pk)).status_code == 403
        assert as_manager.get(page(AuditEntry, "changelist")).status_code == 403
        assert as_manager.post(page(Group, "add"), {"title": "Mine"}).status_code == 403

    def test_cost_a_fixed_number_of_queries(self, as_manager, group):
        counts = []
        for _ in range(2):
            for _ in range(5):
                member_of(group, status="ended", ended_by="admin", ended_by_account=UserFactory())
            with CaptureQueriesContext(connection) as queries:
                as_manager.get(page(Membership, "changelist"))
            counts.append(len(queries))

        assert counts[0] == counts[1] < 15


class TestInstructors:
    @pytest.fixture
    def course(self, portal):
        return CourseFactory(portal=portal, title="First aid")

    @pytest.fixture
    def instructor(self, course):
        instructor = MembershipFactory(portal=course.portal, role="instructor")
        CourseInstructor.objects.create(membership=instructor, course=course)
        return instructor

    @pytest.fixture
    def as_instructor(self, portal_client, instructor):
        return portal_client(instructor.portal, instructor.user)

    def test_see_the_progress_of_their_courses_only(self, as_instructor, course, outsider):
        other = CourseFactory(portal=course.portal)
        own = Enrollment.objects.create(membership=outsider, course=course, enrolled_at=timezone.now())
        Enrollment.objects.create(membership=outsider, course=other, enrolled_at=timezone.now())

        assert listed(as_instructor, Enrollment) == {own}
        assert listed(as_instructor, Course) == {course}

    def test_do_not_see_profiles(self, as_instructor, outsider):
        assert as_instructor.get(page(Membership, "changelist")).status_code == 403
        assert as_instructor.get(page(Membership, "change", outsider.pk)).status_code == 404
        assert as_instructor.get(page(PendingUser, "changelist")).status_code == 403
        assert links(as_instructor) == {"Courses", "Progress"}

    def test_edit_their_courses_unless_it_is_turned_off(self, as_instructor, instructor, course):
        save(as_instructor, page(Course, "change", course.pk), title="First aid I")
        course.refresh_from_db()
        assert course.title == "First aid I"

        Membership.objects.filter(pk=instructor.pk).update(permissions=[])
        assert as_instructor.post(page(Course, "change", course.pk), {"title": "Mine"}).status_code == 403

    def test_create_courses_only_when_they_may(self, as_instructor, instructor):
        assert as_instructor.get(page(Course, "add")).status_code == 403

        Membership.objects.filter(pk=instructor.pk).update(permissions=["create_courses"])
        assert as_instructor.get(page(Course, "add")).status_code == 200


class TestTopLevelAdmins:
    def test_work_in_sub_portals_without_being_on_the_list(self, portal_client, admin, sub_portal):
        local = AdminFactory(portal=sub_portal)
        client = portal_client(sub_portal, admin.user)

        assert listed(client, Membership) == {local}

    def test_sign_in_at_sub_portals(self, portal_client, admin, sub_portal):
        client = portal_client(sub_portal)

        client.post("/sign-in/", {"email": admin.user.email, "password": "correct horse battery"})

        assert client.get(reverse("admin:index")).status_code == 200

    def test_are_shown_below_when_asked_for(self, as_admin, admin, sub_portal):
        url = reverse("admin:users_membership_show_below", args=[admin.pk])
        everyone = DynamicRuleFactory(group__portal=sub_portal, state="active").group

        as_admin.post(url, {"portals": [sub_portal.pk]})

        shown = Membership.objects.get(portal=sub_portal, user=admin.user)
        assert (shown.role, shown.status) == ("admin", "active")
        assert [row.group for row in shown.group_memberships.all()] == [everyone]

    def test_are_hidden_again_and_stay_admins(self, as_admin, admin, sub_portal):
        shown = AdminFactory(portal=sub_portal, user=admin.user)

        as_admin.post(reverse("admin:users_membership_hide_below", args=[admin.pk]), {"portals": [sub_portal.pk]})

        assert not Membership.objects.filter(pk=shown.pk).exists()
        assert admin.user.administers(sub_portal)
        assert AuditEntry.objects.filter(portal=sub_portal, action="admin_hidden", object_id=shown.pk).exists()

    def test_are_not_hidden_where_they_have_courses(self, as_admin, admin, sub_portal):
        shown = AdminFactory(portal=sub_portal, user=admin.user)
        Enrollment.objects.create(
            membership=shown, course=CourseFactory(portal=sub_portal), enrolled_at=timezone.now()
        )

        response = as_admin.post(
            reverse("admin:users_membership_hide_below", args=[admin.pk]), {"portals": [sub_portal.pk]}
        )

        assert "unenroll them first" in response.content.decode()
        assert Membership.objects.filter(pk=shown.pk).exists()

    def test_are_not_shown_in_strange_portals(self, as_admin, admin):
        stranger = PortalFactory(realm=admin.portal.realm)

        as_admin.post(reverse("admin:users_membership_show_below", args=[admin.pk]), {"portals": [stranger.pk]})

        assert not Membership.objects.filter(portal=stranger).exists()

    def test_are_out_of_reach_for_admins_of_sub_portals(self, portal_client, admin, sub_portal):
        shown = AdminFactory(portal=sub_portal, user=admin.user)
        local = AdminFactory(portal=sub_portal)
        client = portal_client(sub_portal, local.user)

        act(client, Membership, "end_access", shown)

        assert client.post(page(Membership, "change", shown.pk), {"role": "learner"}).status_code == 403
        shown.refresh_from_db()
        assert (shown.role, shown.status) == ("admin", "active")

    def test_cannot_be_lowered_in_a_sub_portal(self, portal_client, admin, sub_portal):
        shown = AdminFactory(portal=sub_portal, user=admin.user)
        colleague = AdminFactory(portal=admin.portal)

        response = change(portal_client(sub_portal, colleague.user), shown, role="learner")

        assert "top-level portal" in errors(response)

    def test_create_all_kinds_of_admins(self, portal_client, admin, sub_portal):
        for portal in (admin.portal, sub_portal):
            client = portal_client(portal, admin.user)
            add(client, role="admin", email=f"full@{portal.slug}.example")
            add(client, role="admin", is_limited="on", email=f"limited@{portal.slug}.example")

        assert Membership.objects.filter(role="admin", user__email__contains="@portal-").count() == 4


class TestCascade:
    @pytest.fixture
    def below(self, sub_portal, outsider):
        return MembershipFactory(portal=sub_portal, user=outsider.user)

    def signed_in(self, client, person):
        credentials = {"email": person.user.email, "password": "correct horse battery"}
        client.post("/sign-in/", credentials)
        return client.get("/").status_code == 200

    def test_shuts_people_out_of_sub_portals(self, portal_client, as_admin, outsider, below):
        visitor = portal_client(below.portal, below.user)
        assert visitor.get("/").status_code == 200

        act(as_admin, Membership, "end_access", outsider)

        assert visitor.get("/").status_code == 302
        assert not self.signed_in(portal_client(below.portal), below)
        below.refresh_from_db()
        assert below.status == "active"

    def test_ends_with_the_access_above(self, portal_client, as_admin, outsider, below):
        act(as_admin, Membership, "end_access", outsider)
        act(as_admin, Membership, "restore_access", outsider)

        assert self.signed_in(portal_client(below.portal), below)

    def test_does_not_go_upwards(self, portal_client, admin, outsider, below):
        act(portal_client(below.portal, admin.user), Membership, "end_access", below)

        assert not self.signed_in(portal_client(below.portal), below)
        assert self.signed_in(portal_client(outsider.portal), outsider)

    def test_is_told_before_and_shown_after(self, portal_client, as_admin, admin, outsider, below):
        chosen = {"action": "end_access", helpers.ACTION_CHECKBOX_NAME: [outsider.pk]}
        question = as_admin.post(page(Membership, "changelist"), chosen).content.decode()
        act(as_admin, Membership, "end_access", outsider)
        shown = portal_client(below.portal, admin.user).get(page(Membership, "change", below.pk)).content.decode()

        assert "1 sub-portal" in question
        assert "Access ended in the top-level portal" in shown


class TestEnding:
    def test_says_who_and_why(self, as_admin, admin, outsider):
        act(as_admin, Membership, "end_access", outsider, reason="Left for Oslo")

        for url in (page(Membership, "changelist"), page(Membership, "change", outsider.pk)):
            shown = as_admin.get(url).content.decode()
            assert "Left for Oslo" in shown
            assert admin.user.full_name in shown
        assert AuditEntry.objects.get(action="access_ended").reason == "Left for Oslo"


class TestKnownElsewhere:
    @pytest.fixture
    def known(self, portal):
        return MembershipFactory(portal=PortalFactory(realm=portal.realm), user__email="ada@example.com")

    def test_can_only_be_invited(self, as_admin, known, portal):
        refused = add(as_admin, role="learner")
        add(as_admin, role="learner", how="pending_invite")

        assert "only be invited" in errors(refused)
        assert Membership.objects.get(portal=portal, user=known.user).status == "pending"

    def test_can_be_added_where_the_portal_allows_it(self, as_admin, known, portal):
        Portal.objects.filter(pk=portal.pk).update(may_add_people_known_elsewhere=True)

        add(as_admin, role="learner")

        added = Membership.objects.get(portal=portal, user=known.user)
        assert (added.status, added.role) == ("active", "learner")

    def test_are_not_asked_about_at_the_other_portal(self, as_admin, known):
        Portal.objects.filter(pk=known.portal_id).update(may_add_people_known_elsewhere=True)

        assert "only be invited" in errors(add(as_admin, role="learner"))


class TestRequiredData:
    def test_are_asked_for_when_adding_someone(self, as_admin, portal):
        field = CustomFieldFactory(portal=portal, is_required=True)

        refused = add(as_admin, role="learner")
        add(as_admin, role="learner", **{f"custom_{field.pk}": "Sales"})

        assert "required" in errors(refused)
        assert Membership.objects.get(user__email="ada@example.com").custom_data == {field.key: "Sales"}


class TestOperators:
    def test_see_everyone_whatever_their_role(self, portal_client, admin, manager, member):
        found = listed(portal_client(None, OperatorFactory()), Membership)

        assert {admin, manager, member} <= found


class TestInvitationsOfManagers:
    def test_are_those_of_their_groups(self, as_manager, group, portal):
        own, foreign = member_of(group, status="pending"), MembershipFactory(portal=portal, status="pending")
        for person in (own, foreign):
            InvitationFactory(membership=person, state="sent")

        act(as_manager, PendingUser, "cancel", own, foreign, counted="1")

        assert Invitation.objects.get(membership=own).state == "cancelled"
        assert Invitation.objects.get(membership=foreign).state == "sent"
