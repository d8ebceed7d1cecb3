"""Why a person has these values, groups, courses and mails."""

from datetime import date, timedelta
from http import HTTPStatus

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from portals.models import RuleCondition
from tests.factories.integrations import ExternalIdentityFactory, FieldMappingFactory, SyncRunFactory
from tests.factories.portals import CourseFactory, CustomFieldFactory, DynamicRuleFactory, GroupFactory, PortalFactory
from tests.factories.users import AdminFactory, InvitationFactory, MembershipFactory
from users import audit, grouping
from users.models import Enrollment, GroupMembership

from .conftest import text_of


def page_of(person):
    return reverse("integrations:why", args=[person.pk])


@pytest.fixture
def department(portal):
    return CustomFieldFactory(portal=portal, label="Department", type="string_choice", choices=["Sales"])


@pytest.fixture
def person(portal, department):
    return MembershipFactory(
        portal=portal,
        user__first_name="Maya",
        user__last_name="Okafor",
        source="gusto",
        custom_data={department.key: "Sales"},
    )


@pytest.fixture
def identity(connection, person, department):
    FieldMappingFactory(connection=connection, attribute="department", custom_field=department)
    snapshot = {
        "first_name": "Maya",
        "last_name": "Okafor",
        "work_email": "maya@harbor.example",
        "attributes": {"department": "Sales "},
    }
    return ExternalIdentityFactory(connection=connection, membership=person, external_id="uuid-1", snapshot=snapshot)


@pytest.fixture
def wrote(person):
    """Note in the audit trail that somebody wrote values of the person."""

    def noted(after, *, action="learner_changed", **cause):
        entry = audit.entry(portal_id=person.portal_id, action=action, object=person, at=timezone.now(), after=after)
        for name, value in cause.items():
            setattr(entry, name, value)
        entry.save(force_insert=True)

    return noted


@pytest.fixture
def sales(portal, department):
    group = GroupFactory(portal=portal, title="Sales team")
    rule = DynamicRuleFactory(group=group)
    RuleCondition.objects.create(
        rule=rule, subject="custom_field", custom_field=department, operator="is", operands=["Sales"]
    )
    return group


@pytest.fixture
def join():
    return lambda person, group, origin="rule": GroupMembership.objects.create(
        group=group, membership=person, origin=origin, created_at=timezone.now()
    )


class TestValues:
    def test_name_source_raw_value_and_the_run_that_wrote_them(
        self, portal_admin, connection, person, identity, department, wrote
    ):
        run = SyncRunFactory(connection=connection)
        wrote({"custom_data": {department.key: "Sales"}}, run_id=run.pk)

        response = portal_admin.get(page_of(person))

        page = text_of(response)
        assert "From Gusto" in page
        assert "Gusto id uuid-1" in page
        assert f"Department: “Sales ” Sales Sync {run.pk}" in page
        assert f"/gusto/runs/{run.pk}/" in response.content.decode()
        assert "if empty: clear the field" in page

    def test_name_the_admin_who_wrote_last(self, portal_admin, admin, connection, person, identity, department, wrote):
        wrote({"custom_data": {department.key: "Sales"}}, run_id=SyncRunFactory(connection=connection).pk)
        wrote({"custom_data": {department.key: "Sales"}}, actor_id=admin.pk)

        assert f"Sales {admin.full_name}" in text_of(portal_admin.get(page_of(person)))

    def test_of_someone_who_was_just_added_come_from_that_run(self, portal_admin, connection, person, identity, wrote):
        run = SyncRunFactory(connection=connection)
        wrote({"status": "active", "source": "gusto"}, action="learner_added", run_id=run.pk)

        assert f"Department: “Sales ” Sales Sync {run.pk}" in text_of(portal_admin.get(page_of(person)))

    def test_say_what_could_not_be_taken_over(self, portal_admin, person, identity):
        identity.flaws = [["department", "unknown_choice", "Space"]]
        identity.save()

        assert "“Space”: This value is not among the choices" in text_of(portal_admin.get(page_of(person)))

    def test_tell_pinned_ones(self, portal_admin, person, identity, department):
        person.pinned_fields = [department.pk]
        person.save()

        assert "Pinned: an admin keeps this value" in text_of(portal_admin.get(page_of(person)))

    def test_tell_when_the_last_list_lacked_the_person(self, portal_admin, person, identity):
        identity.times_missing = 1
        identity.save()

        assert "The last complete list did not contain this person." in text_of(portal_admin.get(page_of(person)))

    def test_of_someone_without_a_link_were_entered_here(self, portal_admin, person):
        assert "This person is linked to no other system" in text_of(portal_admin.get(page_of(person)))


class TestGroups:
    def test_name_the_condition_that_fits_and_the_value(self, portal_admin, person, sales, join):
        join(person, sales)

        assert "Sales team : The rule fits:" in (page := text_of(portal_admin.get(page_of(person))))
        assert "Department is Sales: Sales (fits)" in page

    def test_tell_who_added_a_member_by_hand(self, portal_admin, admin, person, sales):
        now = timezone.now()
        grouping.add_members(group=sales, membership_ids=[person.pk], now=now, actor_id=admin.pk)

        page = text_of(portal_admin.get(page_of(person)))
        assert "Sales team : Added by hand, not by a rule." in page
        assert (
            f"{admin.full_name}, {date_format(timezone.localtime(now, person.portal.zone), 'DATETIME_FORMAT')}" in page
        )

    def test_say_when_the_rule_does_not_fit_any_more(self, portal_admin, person, sales, join):
        join(person, sales)
        person.custom_data = {}
        person.save()

        page = text_of(portal_admin.get(page_of(person)))
        assert "does not fit any more" in page
        assert "Department is Sales: empty (does not fit)" in page

    def test_say_when_the_rule_is_no_longer_at_work(self, portal_admin, person, sales, join):
        join(person, sales)
        sales.rule.state = "draft"
        sales.rule.save()

        assert "A rule put the person here that is no longer at work." in text_of(portal_admin.get(page_of(person)))

    def test_with_a_rule_that_takes_others_say_why_not(self, portal_admin, person, sales):
        person.custom_data = {}
        person.save()

        page = text_of(portal_admin.get(page_of(person)))
        assert "Groups with a rule that does not take this person (1)" in page
        assert "Sales team : The rule does not fit." in page

    def test_build_on_each_other(self, portal_admin, portal, person, sales, join):
        everyone = GroupFactory(portal=portal, title="Sales newcomers")
        DynamicRuleFactory(group=everyone, base_group=sales)
        join(person, sales)
        join(person, everyone)

        assert "The rule takes everyone of the group “Sales team”." in text_of(portal_admin.get(page_of(person)))


class TestCourses:
    def test_come_through_a_group_or_by_hand(self, portal_admin, admin, portal, person, sales, wrote):
        for title, group in (("Negotiating", sales), ("First aid", None)):
            course = CourseFactory(portal=portal, title=title)
            Enrollment.objects.create(membership=person, course=course, source_group=group, enrolled_at=timezone.now())
        wrote({"course": "First aid", "required": False}, action="enrolled", actor_id=admin.pk)

        page = text_of(portal_admin.get(page_of(person)))

        assert "Negotiating (Not started): Through the group “Sales team”." in page
        assert f"First aid (Not started): Enrolled by hand. {admin.full_name}" in page


class TestMails:
    def test_tell_their_history(self, portal_admin, portal):
        invitation = InvitationFactory(
            membership=MembershipFactory(portal=portal, status="pending"), state="failed", failure="mailbox unknown"
        )

        page = text_of(portal_admin.get(page_of(invitation.membership)))

        assert "Could not be sent" in page
        assert "mailbox unknown" in page


class TestAccess:
    def test_says_who_ended_it_and_why(self, portal_admin, admin, person):
        person.status, person.ended_by, person.ended_by_account = "ended", "admin", admin
        person.ended_reason, person.last_day = "Contract over", date(2026, 1, 31)
        person.save()

        page = text_of(portal_admin.get(page_of(person)))

        assert f"{admin.full_name} (Admin): Contract over" in page
        assert "Jan. 31, 2026" in page

    def test_says_that_the_provider_set_the_last_day(self, portal_admin, person, identity):
        person.ended_by, person.last_day = "gusto", timezone.localdate() + timedelta(days=3)
        person.save()

        assert "Decided by Gusto" in text_of(portal_admin.get(page_of(person)))


class TestWalls:
    def test_hide_people_of_another_portal(self, portal_admin):
        stranger = MembershipFactory()

        assert portal_admin.get(page_of(stranger)).status_code == HTTPStatus.NOT_FOUND

    def test_hide_the_page_from_admins_of_another_portal(self, person, portal_client):
        elsewhere = PortalFactory(realm=person.portal.realm)
        stranger = AdminFactory(portal=elsewhere).user

        assert portal_client(elsewhere, stranger).get(page_of(person)).status_code == HTTPStatus.NOT_FOUND

    def test_show_managers_their_people_without_what_hr_told(
        self, portal, person, identity, sales, join, portal_client
    ):
        secret = GroupFactory(portal=portal, title="Works council")
        join(person, secret, "manual")
        join(person, sales)
        manager = MembershipFactory(portal=portal, role="manager")
        manager.managed_groups.create(group=sales)

        response = portal_client(portal, manager.user).get(page_of(person))

        page = text_of(response)
        assert "Sales team" in page
        assert "From Gusto" not in page
        assert "uuid-1" not in page
        assert "Works council" not in page

    def test_hide_others_from_managers(self, portal, person, sales, portal_client):
        manager = MembershipFactory(portal=portal, role="manager")
        manager.managed_groups.create(group=sales)

        assert portal_client(portal, manager.user).get(page_of(person)).status_code == HTTPStatus.NOT_FOUND

    def test_show_limited_admins_no_raw_values(self, portal, person, identity, portal_client):
        limited = AdminFactory(portal=portal, is_limited=True).user

        response = portal_client(portal, limited).get(page_of(person))

        assert response.status_code == HTTPStatus.OK
        assert "From Gusto" not in text_of(response)


class TestLinks:
    def test_lead_here_from_the_page_of_a_person(self, portal_admin, person):
        for status, kind in (("active", "membership"), ("pending", "pendinguser")):
            person.status = status
            person.save()
            page = portal_admin.get(reverse(f"admin:users_{kind}_change", args=[person.pk])).content.decode()
            assert page_of(person) in page


class TestQueries:
    def test_are_the_same_for_any_number_of_rows(self, portal, person, identity, sales, join, queries, wrote, admin):
        join(person, sales)
        wrote({"first_name": "Maya"}, actor_id=admin.pk)
        before = queries(page_of(person))
        for number in range(5):
            group = GroupFactory(portal=portal)
            join(person, group, "manual")
            field = CustomFieldFactory(portal=portal)
            FieldMappingFactory(connection=identity.connection, attribute=f"a{number}", custom_field=field)
            course = CourseFactory(portal=portal)
            Enrollment.objects.create(membership=person, course=course, source_group=group, enrolled_at=timezone.now())
            InvitationFactory(membership=person, state="cancelled")
            wrote({"first_name": f"Maya {number}"}, run_id=SyncRunFactory(connection=identity.connection).pk)

        # The names of runs are asked for only when there is one.
        assert queries(page_of(person)) <= before + 1 <= 24
