"""What HubSpot says of a linked person reaches the portal: custom user data, groups, courses, names and addresses."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import tasks
from integrations.models import ExternalIdentity, FieldMapping, SyncRun
from portals import definitions
from portals.rules import Condition, Operator, Subject
from tests.factories.integrations import ExternalIdentityFactory, FieldMappingFactory
from tests.factories.portals import CourseFactory, CustomFieldFactory, GroupCourseFactory, GroupFactory
from tests.factories.users import MembershipFactory
from users.models import AuditEntry, Enrollment, GroupMembership, Invitation, Membership

from .conftest import HUBSPOT, sync_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once", "smtp")]

ANA, BJORN = "901", "902"


@pytest.fixture
def connection(contacts):
    return contacts


@pytest.fixture
def linked(connection, academy, hubspot):
    """Make a learner of a contact, as a workflow does."""

    def make(key, **account):
        told = hubspot.account.contacts.get(key).properties
        account = {
            "user__email": told["email"].lower(),
            "user__first_name": told["firstname"],
            "user__last_name": told["lastname"],
            **account,
        }
        learner = MembershipFactory(portal=academy, **account)
        ExternalIdentityFactory(connection=connection, external_id=key, membership=learner)
        return learner

    return make


@pytest.fixture
def ana(linked):
    return linked(ANA)


@pytest.fixture
def department(academy):
    return CustomFieldFactory(
        portal=academy, label="Department", type="string_choice", choices=["sales", "support", "operations"]
    )


@pytest.fixture
def mapped(connection, department):
    """The field for departments is filled by HubSpot; how that is set up is told in TestMapYourData."""
    FieldMappingFactory(connection=connection, attribute="department", custom_field=department)


@pytest.fixture
def group_for(department):
    """Make a group whose rule takes the people of a department, with a course."""

    def make(value, course):
        group = GroupFactory(portal=department.portal, title=f"Everyone in {value}")
        GroupCourseFactory(group=group, course=CourseFactory(portal=group.portal, title=course))
        is_there = Condition(Subject.CUSTOM_FIELD, Operator.IS, (value,), field_key=department.key)
        definitions.save_rule(group=group, blocks=[[is_there]])
        return group

    return make


@pytest.fixture
def night(connection, at, call):
    """Let the nights pass until the given one, counted from today."""

    def pass_by(number=1):
        day = connection.portal.today(timezone.now()) + timedelta(days=number)
        for hour in (0, 6, 12, 23):
            with at(day, hour=hour, zone="UTC"):
                call(tasks.sync_due_connections)
        return SyncRun.objects.filter(connection=connection).latest("pk")

    return pass_by


def add_mapping(browser, attribute, field):
    """Add one row to the table and save."""
    browser.open(HUBSPOT).follow("Map your data").press("Add new mapping")
    row = FieldMapping.objects.count()
    answers = {f"rows-{row}-attribute": attribute, f"rows-{row}-custom_field": field}
    return browser.press("Save changes", **answers)


def sync(browser):
    """Select Sync on the page of HubSpot, and return the browser at the page of the run."""
    return browser.open(HUBSPOT).press("Sync")


def groups_of(learner):
    return [one.group.title for one in learner.group_memberships.select_related("group").order_by("group__title")]


def everything():
    """Return all that a sync could do, to compare before and after."""
    rows = [Membership, Invitation, GroupMembership, Enrollment, AuditEntry, ExternalIdentity]
    return [sorted(map(repr, model.objects.values_list())) for model in rows]


class TestPropertyChange:
    def test_reaches_custom_user_data_groups_and_courses_by_night(
        self, enabler, ana, department, group_for, hubspot, night
    ):
        group_for("sales", "Selling with heart"), group_for("support", "Answering with care")
        add_mapping(enabler, "Department", "Department (Choice of texts)")
        sync(enabler)
        ana.refresh_from_db()
        assert ana.custom_data == {department.key: "sales"}
        assert groups_of(ana) == ["Everyone in sales"]

        hubspot.change_contact(ANA, department="support")
        run = night()

        ana.refresh_from_db()
        assert (run.trigger, run.state, run.totals["update"]) == ("schedule", "completed", 1)
        assert ana.custom_data == {department.key: "support"}
        assert groups_of(ana) == ["Everyone in support"]
        assert "Answering with care" in [str(one.course) for one in ana.enrollments.all()]

    def test_does_nothing_the_second_time(self, ana, mapped, hubspot, night, connection):
        sync_now(connection)
        hubspot.change_contact(ANA, department="support")
        night(1)
        before = everything()

        run = night(2)

        assert everything() == before
        assert run.totals["unchanged"] == run.totals["seen"] == 1

    def test_is_explained_with_its_source(self, enabler, ana, department, group_for, connection):
        group_for("sales", "Selling with heart")
        add_mapping(enabler, "Department", "Department (Choice of texts)")
        sync_now(connection)

        page = enabler.open(f"/admin/settings/integrations/people/{ana.pk}/why/")

        assert "HubSpot" in page.words
        assert "Department: “sales” sales Sync" in page.words
        assert "Department is sales: sales (fits)" in page.words

    def test_leaves_people_alone_whom_nobody_linked(self, ana, mapped, academy, connection):
        stranger = MembershipFactory(portal=academy, user__email="bjorn.astrom@example.org")

        sync_now(connection)

        stranger.refresh_from_db()
        assert stranger.custom_data == {}
        assert Membership.objects.filter(portal=academy, role="learner").count() == 2

    def test_empties_what_was_emptied(self, ana, mapped, hubspot, night, connection):
        sync_now(connection)
        hubspot.change_contact(ANA, department="")

        night()

        ana.refresh_from_db()
        assert ana.custom_data == {}

    def test_is_not_possible_in_the_portal_itself(self, enabler, ana, mapped):
        page = enabler.open(f"/admin/users/membership/{ana.pk}/change/")

        assert "Kept by HubSpot: change it there." in page.words

    def test_of_names_is_followed(self, ana, hubspot, night):
        hubspot.change_contact(ANA, lastname="Silva Ramos")

        night()

        ana.user.refresh_from_db()
        assert ana.user.last_name == "Silva Ramos"


class TestMapYourData:
    def test_offers_the_properties_of_the_account_with_those_it_made_itself_apart(
        self, enabler, connection, department
    ):
        page = enabler.open(HUBSPOT).follow("Map your data").press("Add new mapping")

        assert "Contact owner: name" in page.words
        assert "Date of birth" not in page.words
        assert "Dietary needs" not in page.words

    def test_lists_options_that_are_no_choices_in_the_words_of_hubspot(self, enabler, ana, mapped):
        page = enabler.open(HUBSPOT).follow("Map your data")

        assert "Values of “Department” that are no choice of “Department”" in page.words
        assert "r_and_d (Research & Development)" in page.words

    def test_takes_several_values_into_a_field_that_allows_several(self, enabler, ana, academy, connection):
        languages = ["english", "german", "portuguese", "spanish"]
        CustomFieldFactory(portal=academy, label="Mother tongue", type="string_choice", choices=languages)
        spoken = CustomFieldFactory(
            portal=academy, label="Spoken", type="string_choice", choices=languages, is_multiple=True
        )
        add_mapping(enabler, "Languages", "Mother tongue (Choice of texts)")
        assert "“Languages” may have several values at once." in enabler.words

        add_mapping(enabler, "Languages", "Spoken (Choice of texts)")
        sync_now(connection)

        ana.refresh_from_db()
        assert ana.custom_data == {spoken.key: ["english", "portuguese"]}

    def test_takes_the_owner_over_by_name(self, enabler, linked, academy, hubspot, connection):
        owned = next(record for record in hubspot.account.contacts if record.properties.get("hubspot_owner_id"))
        owner = hubspot.account.owners[owned.properties["hubspot_owner_id"]]
        learner = linked(owned.id)
        looked_after_by = CustomFieldFactory(portal=academy, label="Looked after by")

        add_mapping(enabler, "Contact owner: name", "Looked after by (Text)")
        sync_now(connection)

        learner.refresh_from_db()
        assert learner.custom_data == {looked_after_by.key: f"{owner.first_name} {owner.last_name}"}

    def test_goes_on_with_the_others_when_a_property_is_removed_in_hubspot(
        self, enabler, ana, department, academy, hubspot, night, connection
    ):
        badge = CustomFieldFactory(portal=academy, label="Badge", type="integer")
        add_mapping(enabler, "Department", "Department (Choice of texts)")
        add_mapping(enabler, "Badge number", "Badge (Whole number)")
        sync_now(connection)
        hubspot.account.contacts.definitions["department"].archived_at = "2026-11-20T00:00:00.000Z"
        hubspot.change_contact(ANA, badge_number="4712")

        night()

        ana.refresh_from_db()
        assert ana.custom_data == {department.key: "sales", badge.key: 4712}
        assert (
            "HubSpot does not have the attribute of these fields any more: Department" in enabler.open(HUBSPOT).words
        )
        page = enabler.follow("Map your data").press("Refresh attributes")
        assert "any more: Department The fields keep their values" in page.words

        hubspot.account.contacts.definitions["department"].archived_at = ""
        night(2)
        assert "any more" not in enabler.open(HUBSPOT).words

    @pytest.mark.parametrize("searched", [BJORN, "bjorn.astrom@example.org"])
    def test_can_be_tried_on_anybody_in_hubspot(self, enabler, ana, department, mapped, searched):
        department.choices.create(value="r_and_d")

        page = enabler.open(HUBSPOT).follow("Map your data").press("Try", person=searched)

        assert "Björn Åström <bjorn.astrom@example.org>" in page.words
        assert "Department Department r_and_d r_and_d" in page.words

    def test_can_be_tried_as_the_record_is_now(self, enabler, ana, mapped, hubspot, connection):
        sync_now(connection)
        hubspot.change_contact(ANA, department="operations")

        page = enabler.open(HUBSPOT).follow("Map your data").press("Try", person="Silva")

        assert "Department Department operations operations" in page.words

    def test_says_when_there_is_nobody_to_try_it_on(self, enabler, ana, department):
        page = enabler.open(HUBSPOT).follow("Map your data").press("Try", person="nobody@example.org")

        assert "Nobody fits. Search by the whole e-mail address or by the record id." in page.words


class TestNewAddress:
    def test_of_somebody_who_signs_in_waits_for_an_approval(self, enabler, linked, hubspot, night):
        ana = linked(ANA, user__last_login=timezone.now())
        hubspot.change_contact(ANA, email="taken.over@evil.example", firstname="Anna")

        run = night()

        ana.user.refresh_from_db()
        assert (ana.user.email, ana.user.first_name) == ("ana.silva@example.org", "Anna")
        assert run.totals["held"] == 1
        page = enabler.open(HUBSPOT)
        assert "1 change waits for your approval." in page.words
        page.follow("Look at them")
        assert "the new one may come from a form that anyone can fill in" in page.words

    def test_is_taken_over_once_an_admin_approves(self, linked, hubspot, sync_page):
        ana = linked(ANA, user__last_login=timezone.now())
        hubspot.change_contact(ANA, email="ana.ramos@example.org")

        sync_page().press("Approve")

        ana.user.refresh_from_db()
        assert ana.user.email == "ana.ramos@example.org"

    def test_is_not_asked_about_again_when_an_admin_rejects_it(self, linked, hubspot, sync_page, night):
        ana = linked(ANA, user__last_login=timezone.now())
        hubspot.change_contact(ANA, email="taken.over@evil.example")
        sync_page().press("Reject")

        run = night()

        ana.user.refresh_from_db()
        assert ana.user.email == "ana.silva@example.org"
        assert not run.totals.get("held")

    def test_of_somebody_who_has_not_signed_in_is_followed(self, ana, hubspot, night):
        hubspot.change_contact(ANA, email="Ana.Ramos@example.org")

        night()

        ana.user.refresh_from_db()
        assert ana.user.email == "ana.ramos@example.org"

    @pytest.fixture
    def sync_page(self, enabler):
        """Sync, and return the browser at the page of the run."""
        return lambda: sync(enabler)


class TestRecordThatIsGone:
    def test_takes_nothing_away(self, ana, linked, department, mapped, hubspot, night, connection):
        linked(BJORN)
        sync_now(connection)
        hubspot.delete_contact(ANA)

        for number in (1, 2, 3):
            run = night(number)

        ana.refresh_from_db()
        assert (run.state, ana.status, ana.custom_data) == ("completed", "active", {department.key: "sales"})

    def test_is_listed_for_the_admin(self, enabler, ana, linked, hubspot, night):
        linked(BJORN)
        hubspot.delete_contact(ANA)
        night()

        page = enabler.open(HUBSPOT).follow("Problems")

        assert "People who have access here were not in the last complete list" in page.words


class TestNobodyIsLinkedYet:
    def test_is_no_trouble(self, connection, night):
        run = night()

        connection.refresh_from_db()
        assert (run.state, connection.state) == ("completed", "active")
        assert run.totals["seen"] == 0

    def test_is_not_taken_for_an_emptied_list_when_somebody_was_left_out(self, connection, academy, night):
        staff = MembershipFactory(portal=academy, role="manager", user__email="ana.silva@example.org")
        left_out = ExternalIdentityFactory(
            connection=connection, external_id=ANA, state="skipped", reason="staff_account"
        )

        run = night()

        connection.refresh_from_db()
        left_out.refresh_from_db()
        assert (run.state, connection.state, left_out.times_missing) == ("completed", "active", 0)
        staff.refresh_from_db()
        assert staff.custom_data == {}
