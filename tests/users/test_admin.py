"""Admin pages about people: users, pending users, members, enrollments, accounts, the audit trail."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin import helpers
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin_pages import errors, form_data, page, save
from tests.factories.portals import (
    CourseFactory,
    CustomFieldFactory,
    DynamicRuleFactory,
    GroupCourseFactory,
    GroupFactory,
    PortalFactory,
)
from tests.factories.users import (
    AdminFactory,
    InvitationFactory,
    MembershipFactory,
    OperatorFactory,
    UserFactory,
)
from users import custom_data, invitations
from users.models import (
    AuditEntry,
    Enrollment,
    GroupMembership,
    Invitation,
    Membership,
    PendingUser,
    User,
)

pytestmark = pytest.mark.django_db

State = Invitation.State


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def admin(portal):
    return AdminFactory(portal=portal, user__last_name="Admin")


@pytest.fixture
def client(portal_client, portal, admin):
    """The portal's admin at the portal's host."""
    return portal_client(portal, admin.user)


@pytest.fixture
def operator(portal_client):
    """An operator at the platform host."""
    return portal_client(None, OperatorFactory())


@pytest.fixture
def learner(portal):
    return MembershipFactory(portal=portal, user__email="robin@example.com")


@pytest.fixture
def group(portal):
    return GroupFactory(portal=portal)


def listed(client, model, **query):
    """Return who is on a list page."""
    return set(client.get(page(model, "changelist"), query).context["cl"].result_list)


def act(client, model, action, *rows, **answers):
    """Choose rows of a list and answer the question of an action."""
    chosen = {"action": action, helpers.ACTION_CHECKBOX_NAME: [row.pk for row in rows]}
    return client.post(page(model, "changelist"), {**chosen, "confirmed": "1", **answers}, follow=True)


def ask(client, model, action, *rows):
    """Choose rows of a list and an action, and return the question."""
    chosen = {"action": action, helpers.ACTION_CHECKBOX_NAME: [row.pk for row in rows]}
    return client.post(page(model, "changelist"), chosen, follow=True)


def add(client, **changes):
    """Add someone by hand."""
    person = {"first_name": "Ada", "last_name": "New", "email": "ada@example.com", "role": "learner"}
    return save(client, page(Membership, "add"), **{**person, "how": "pending_invite", **changes})


class TestUserList:
    def test_shows_everyone_but_pending_people(self, client, admin, learner, portal):
        former = MembershipFactory(portal=portal, status="ended")
        MembershipFactory(portal=portal, status="pending")

        assert listed(client, Membership) == {admin, learner, former}

    def test_finds_people_by_name_and_address(self, client, learner, portal):
        other = MembershipFactory(portal=portal, user__first_name="Ada", user__last_name="Lund")

        assert listed(client, Membership, q="robin@EXAMPLE") == {learner}
        assert listed(client, Membership, q="ada lund") == {other}

    def test_filters_by_the_day_of_creation(self, client, portal, learner):
        portal.time_zone = "America/New_York"
        portal.save()
        # Still the last of May at the portal.
        early = MembershipFactory(portal=portal, created_at=datetime(2020, 6, 1, 3, 59, tzinfo=UTC))
        late = MembershipFactory(portal=portal, created_at=datetime(2020, 6, 1, 4, 0, tzinfo=UTC))

        found = listed(client, Membership, created_after="2020-06-01")

        assert late in found
        assert learner in found
        assert early not in found

    def test_ignores_a_day_that_is_none(self, client, learner):
        assert learner in listed(client, Membership, created_after="soon")

    def test_filters_by_status_role_and_source(self, client, portal, admin, learner):
        former = MembershipFactory(portal=portal, status="ended")
        hired = MembershipFactory(portal=portal, source="gusto")

        assert listed(client, Membership, status="ended") == {former}
        assert listed(client, Membership, role__exact="admin") == {admin}
        assert listed(client, Membership, source__exact="gusto") == {hired}

    def test_filters_by_group_and_by_none(self, client, admin, learner, group):
        GroupMembership.objects.create(group=group, membership=learner, created_at=timezone.now())

        assert listed(client, Membership, group=group.pk) == {learner}
        assert listed(client, Membership, group="none") == {admin}
        assert listed(client, Membership, group="9" * 5000) == set()

    @pytest.mark.parametrize(
        ("type_", "is_multiple", "choices", "stored", "asked"),
        [
            ("string_choice", False, ["Sales", "Office"], "Sales", "Sales"),
            ("string_choice", True, ["Sales", "Office"], ["Office", "Sales"], "Sales"),
            ("integer_choice", False, ["1", "2"], 2, "2"),
            ("decimal_choice", False, ["1.5"], 1.5, "1.5"),
        ],
    )
    def test_filters_by_the_values_of_choice_fields(
        self, client, portal, learner, type_, is_multiple, choices, stored, asked
    ):
        field = CustomFieldFactory(portal=portal, type=type_, is_multiple=is_multiple, choices=choices)
        learner.custom_data = {field.key: stored}
        learner.save()

        assert listed(client, Membership, **{f"custom_{field.pk}": asked}) == {learner}
        assert listed(client, Membership, **{f"custom_{field.pk}": choices[0] + "9"}) == set()

    def test_marks_people_from_gusto_without_its_logo(self, client, portal):
        MembershipFactory(portal=portal, source="gusto")

        shown = client.get(page(Membership, "changelist")).content.decode()

        assert '<span class="source-mark source-gusto" aria-hidden="true">G</span>Gusto' in shown
        assert "<img" not in shown

    @pytest.mark.parametrize(
        "model", [Membership, PendingUser, GroupMembership, Enrollment, AuditEntry], ids=lambda model: model.__name__
    )
    @pytest.mark.parametrize("host", ["portal", "platform"])
    def test_asks_the_database_the_same_number_of_questions_for_any_number_of_rows(
        self, client, operator, portal, group, model, host
    ):
        visitor = client if host == "portal" else operator
        course = CourseFactory(portal=portal)

        def fill(number):
            for _number in range(number):
                member = MembershipFactory(portal=portal, source="gusto")
                waiting = MembershipFactory(portal=portal, status="pending")
                InvitationFactory(membership=waiting, sent_by=member.user)
                now = timezone.now()
                GroupMembership.objects.create(group=group, membership=member, created_at=now)
                Enrollment.objects.create(membership=member, course=course, enrolled_at=now)
                AuditEntry.objects.create(
                    portal=portal, at=now, action="x", object_type="users.membership", object_id=member.pk
                )

        def questions():
            with CaptureQueriesContext(connection) as asked:
                assert visitor.get(page(model, "changelist")).status_code == 200
            return len(asked)

        fill(1)
        few = questions()
        fill(40)

        assert questions() == few


class TestAddingSomeone:
    def test_invites_a_pending_person_by_default(self, client, portal, admin):
        response = add(client)

        person = portal.memberships.get(user__email="ada@example.com")
        mail = person.invitations.get()
        assert response.status_code == 302
        assert (person.status, person.source, person.user.full_name) == ("pending", "manual", "Ada New")
        assert (mail.kind, mail.state, mail.sent_by) == ("invite", "scheduled", admin.user)
        assert not person.user.has_usable_password()

    @pytest.mark.parametrize(("how", "mails"), [("active_welcome", ["welcome"]), ("active", [])])
    def test_creates_an_active_person_with_or_without_a_mail(self, client, portal, how, mails):
        add(client, how=how)

        person = portal.memberships.get(user__email="ada@example.com")
        assert person.status == "active"
        assert [mail.kind for mail in person.invitations.all()] == mails

    def test_puts_the_person_into_groups_whose_courses_follow_on_acceptance(self, client, portal, group):
        course = GroupCourseFactory(group=group).course
        elsewhere = GroupFactory()

        add(client, groups=[group.pk])
        refused = add(client, email="other@example.com", groups=[elsewhere.pk])

        person = portal.memberships.get(user__email="ada@example.com")
        mail = person.invitations.get()
        assert "is not one of the available choices" in errors(refused)
        assert [row.group for row in person.group_memberships.all()] == [group]
        assert not person.enrollments.exists()
        invitations.hand_over(invitation=mail, now=timezone.now())
        mail.refresh_from_db()
        invitations.accept(invitation=mail, password="a new long password", now=timezone.now())
        assert person.enrollments.get().course == course

    def test_limits_the_access_to_a_last_day(self, client, portal):
        today = portal.today(timezone.now())

        add(client, how="active", last_day=today + timedelta(days=30))
        refused = add(client, email="other@example.com", last_day=today - timedelta(days=1))

        person = portal.memberships.get(user__email="ada@example.com")
        assert (person.status, person.last_day, person.ended_by) == ("active", today + timedelta(days=30), "admin")
        assert "This day is over." in errors(refused)

    def test_gives_the_role_and_writes_it_down(self, client, portal, admin):
        add(client, role="manager", how="active_welcome")

        person = portal.memberships.get(user__email="ada@example.com")
        trail = AuditEntry.objects.filter(object_id=person.pk, actor_id=admin.user_id).order_by("pk")
        assert person.role == "manager"
        assert [entry.action for entry in trail] == ["learner_added", "role_changed"]
        assert person.invitations.get().kind == "welcome"

    def test_lets_the_rules_sort_an_active_person_at_once(self, client, portal):
        everyone = DynamicRuleFactory(group__portal=portal).group

        add(client, how="active")

        assert everyone.members.filter(membership__user__email="ada@example.com").exists()

    def test_refuses_someone_who_is_here_whatever_the_case(self, client, portal, learner):
        response = add(client, email="ROBIN@example.com")

        assert "in the portal already" in errors(response)
        assert portal.memberships.count() == 2

    def test_only_invites_people_of_other_portals_of_the_realm(self, client, portal):
        known = MembershipFactory(portal__realm=portal.realm).user

        refused = add(client, email=known.email, how="active")
        add(client, email=known.email)

        assert "can only be invited" in errors(refused)
        assert portal.memberships.get(user=known).status == "pending"
        assert User.objects.filter(email=known.email).count() == 1

    def test_adds_people_of_other_portals_where_the_portal_allows_it(self, client, portal):
        portal.may_add_people_known_elsewhere = True
        portal.save()
        known = MembershipFactory(portal__realm=portal.realm).user

        add(client, email=known.email, how="active")

        assert portal.memberships.get(user=known).status == "active"

    @pytest.mark.parametrize("email", ["x" * 250 + "@example.com", "\u0130sa@example.com", "a\0b@example.com"])
    def test_refuses_what_is_no_address(self, client, portal, email):
        assert errors(add(client, email=email))
        assert portal.memberships.count() == 1

    def test_knows_nobody_of_another_realm(self, client, portal):
        stranger = UserFactory(email="ada@example.com")

        add(client, how="active")

        assert portal.memberships.get(user__email="ada@example.com").user != stranger

    def test_sends_learners_of_single_sign_on_portals_no_mail(self, client, portal):
        portal.sign_in_method = "saml"
        portal.save()

        refused = add(client)
        add(client, how="active")

        assert "single sign-on" in errors(refused)
        assert not Invitation.objects.exists()

    def test_lets_operators_choose_the_portal(self, operator, portal):
        add(operator, portal=portal.pk)

        assert portal.memberships.filter(user__email="ada@example.com").exists()


class TestChangingSomeone:
    def test_saves_name_address_and_role(self, client, learner, admin):
        url = page(Membership, "change", learner.pk)

        save(client, url, first_name="Ada", last_name="Lund", email="Ada.Lund@example.com", role="manager")

        learner = Membership.objects.get(pk=learner.pk)
        assert (learner.user.full_name, learner.user.email, learner.role) == (
            "Ada Lund",
            "ada.lund@example.com",
            "manager",
        )
        trail = AuditEntry.objects.filter(object_id=learner.pk, actor_id=admin.user_id).order_by("pk")
        assert [entry.action for entry in trail] == ["role_changed", "learner_changed"]
        assert trail[1].before["email"] == "robin@example.com"

    def test_writes_nothing_when_nothing_changed(self, client, portal, learner):
        field = CustomFieldFactory(portal=portal, type="decimal_choice", is_multiple=True, choices=["1.5", "2"])
        learner.custom_data = {field.key: [1.5, 2]}
        learner.save()

        response = save(client, page(Membership, "change", learner.pk))

        assert response.status_code == 302
        assert not AuditEntry.objects.exists()

    @pytest.mark.parametrize(
        ("type_", "is_multiple", "choices", "entered", "stored"),
        [
            ("string", False, [], " blue ", "blue"),
            ("integer", False, [], "1,200", 1200),
            ("decimal", False, [], "1.50", 1.5),
            ("date", False, [], "2026-02-28", "2026-02-28"),
            ("string_choice", False, ["Sales"], "Sales", "Sales"),
            ("integer_choice", True, ["1", "2"], ["2", "1"], [2, 1]),
        ],
    )
    def test_stores_custom_values_by_type(self, client, portal, learner, type_, is_multiple, choices, entered, stored):
        field = CustomFieldFactory(portal=portal, type=type_, is_multiple=is_multiple, choices=choices)

        save(client, page(Membership, "change", learner.pk), **{f"custom_{field.pk}": entered})

        learner.refresh_from_db()
        assert learner.custom_data == {field.key: stored}

    @pytest.mark.parametrize(
        ("type_", "choices", "entered"),
        [("integer", [], "1.5"), ("date", [], "2026-02-30"), ("string_choice", ["Sales"], "Office")],
    )
    def test_refuses_values_that_are_none(self, client, portal, learner, type_, choices, entered):
        field = CustomFieldFactory(portal=portal, type=type_, choices=choices)

        response = save(client, page(Membership, "change", learner.pk), **{f"custom_{field.pk}": entered})

        learner.refresh_from_db()
        assert response.status_code == 200
        assert learner.custom_data == {}

    def test_clears_an_emptied_value_and_keeps_the_others(self, client, portal, learner):
        field, other = CustomFieldFactory.create_batch(2, portal=portal)
        learner.custom_data = {field.key: "blue", other.key: "green"}
        learner.save()

        save(client, page(Membership, "change", learner.pk), **{f"custom_{field.pk}": ""})

        learner.refresh_from_db()
        assert learner.custom_data == {other.key: "green"}

    def test_keeps_a_value_that_is_no_longer_offered(self, client, portal, learner):
        field = CustomFieldFactory(portal=portal, type="string_choice", choices=["Sales"])
        learner.custom_data = {field.key: "Retired"}
        learner.save()

        save(client, page(Membership, "change", learner.pk), first_name="Ada")

        learner.refresh_from_db()
        assert learner.custom_data == {field.key: "Retired"}

    def test_locks_what_another_system_keeps(self, client, portal, learner, monkeypatch):
        field = CustomFieldFactory(portal=portal)
        learner.custom_data = {field.key: "blue"}
        learner.save()
        kept = {learner.pk: {field.key: "Gusto", "email": "Gusto"}}
        monkeypatch.setattr(custom_data, "_keepers", [lambda membership_ids: kept])
        url = page(Membership, "change", learner.pk)

        save(client, url, first_name="Ada", email="other@example.com", **{f"custom_{field.pk}": "red"})

        learner = Membership.objects.get(pk=learner.pk)
        assert learner.custom_data == {field.key: "blue"}
        assert (learner.user.first_name, learner.user.email) == ("Ada", "robin@example.com")
        assert "Kept by Gusto" in client.get(url).content.decode()

    def test_refuses_an_address_of_somebody_else(self, client, portal, learner, admin):
        response = save(client, page(Membership, "change", learner.pk), email=admin.user.email.upper())

        assert "Another account has this address" in errors(response)

    def test_leaves_the_address_of_people_with_other_portals_to_operators(self, client, operator, portal, learner):
        MembershipFactory(portal__realm=portal.realm, user=learner.user)
        url = page(Membership, "change", learner.pk)

        refused = save(client, url, email="taken-over@example.com")
        save(operator, url, email="moved@example.com")

        learner.user.refresh_from_db()
        assert "belongs to other portals" in errors(refused)
        assert learner.user.email == "moved@example.com"

    def test_ends_access_after_the_last_day(self, client, learner, portal):
        day = portal.today(timezone.now()) + timedelta(days=3)

        save(client, page(Membership, "change", learner.pk), last_day=day.isoformat())

        learner.refresh_from_db()
        assert (learner.status, learner.last_day, learner.ended_by) == ("active", day, "admin")

    def test_takes_the_last_day_back(self, client, learner, portal):
        learner.last_day = portal.today(timezone.now()) + timedelta(days=3)
        learner.ended_by = "admin"
        learner.save()

        save(client, page(Membership, "change", learner.pk), last_day="")

        learner.refresh_from_db()
        assert (learner.last_day, learner.ended_by) == (None, "")

    def test_leaves_what_others_wrote_while_the_page_was_open(self, client, portal, learner):
        mapped, other = CustomFieldFactory.create_batch(2, portal=portal)
        url = page(Membership, "change", learner.pk)
        opened, _relations = form_data(client.get(url))
        # A sync hears that somebody leaves, and changes a value; another admin makes the person an admin.
        day = portal.today(timezone.now()) + timedelta(days=3)
        Membership.objects.filter(pk=learner.pk).update(
            last_day=day, ended_by="gusto", role="admin", custom_data={mapped.key: "blue"}
        )
        User.objects.filter(pk=learner.user_id).update(last_name="Married")

        client.post(url, {**opened, "first_name": "Ada", f"custom_{other.pk}": "green"})

        learner = Membership.objects.select_related("user").get(pk=learner.pk)
        assert (learner.last_day, learner.ended_by, learner.role) == (day, "gusto", "admin")
        assert learner.custom_data == {mapped.key: "blue", other.key: "green"}
        assert learner.user.full_name == "Ada Married"

    def test_tells_the_browser_what_was_shown(self, client, learner):
        html = client.get(page(Membership, "change", learner.pk)).content.decode()

        for name in ("first_name", "email", "role", "is_limited", "last_day"):
            assert f'name="initial-{name}"' in html

    def test_cannot_delete_anyone(self, client, operator, learner):
        for visitor in (client, operator):
            assert visitor.post(page(Membership, "delete", learner.pk), {"post": "yes"}).status_code == 403


class TestTheLastAdmin:
    def test_cannot_be_demoted(self, client, admin):
        response = save(client, page(Membership, "change", admin.pk), role="learner")

        admin.refresh_from_db()
        assert "last admin" in errors(response)
        assert admin.role == "admin"

    def test_cannot_be_given_a_last_day(self, client, admin):
        response = save(client, page(Membership, "change", admin.pk), last_day="2030-01-01")

        assert "last admin" in errors(response)

    def test_cannot_be_ended_alone_or_with_others(self, client, portal, admin, learner):
        AdminFactory(portal=portal, status="ended")

        act(client, Membership, "end_access", admin)
        act(client, Membership, "end_access", admin, learner)
        client.post(page(Membership, "end_access", admin.pk), {"last_day": ""})

        assert {row.status for row in Membership.objects.filter(pk__in=[admin.pk, learner.pk])} == {"active"}

    def test_may_go_once_there_is_another(self, client, portal, admin):
        AdminFactory(portal=portal)

        save(client, page(Membership, "change", admin.pk), role="learner")

        admin.refresh_from_db()
        assert admin.role == "learner"


class TestEndingAndRestoringAccess:
    def test_asks_before_it_ends_anything(self, client, learner):
        url = page(Membership, "end_access", learner.pk)

        asked = client.get(url).content.decode()

        learner.refresh_from_db()
        assert "1 person will not be able to sign in any more." in asked
        assert learner.status == "active"

    def test_asks_about_chosen_rows_before_it_ends_anything(self, client, learner):
        chosen = {"action": "end_access", helpers.ACTION_CHECKBOX_NAME: [learner.pk]}

        asked = client.post(page(Membership, "changelist"), chosen).content.decode()

        learner.refresh_from_db()
        assert "1 person will not be able to sign in any more." in asked
        assert learner.status == "active"

    def test_ends_access_now(self, client, learner, admin):
        client.post(page(Membership, "end_access", learner.pk), {"last_day": ""})

        learner.refresh_from_db()
        entry = AuditEntry.objects.get(action="access_ended")
        assert (learner.status, learner.ended_by) == ("ended", "admin")
        assert (entry.object_id, entry.actor_id) == (learner.pk, admin.user_id)

    @pytest.mark.django_db(transaction=True)
    def test_does_all_or_nothing(self, client, portal, learner, monkeypatch):
        def fail(*args, **kwargs):
            raise RuntimeError

        monkeypatch.setattr("users.admin.memberships.ngettext", fail)
        client.raise_request_exception = False

        assert act(client, Membership, "end_access", learner).status_code == 500

        learner.refresh_from_db()
        assert learner.status == "active"

    def test_ends_access_of_many_after_a_day(self, client, portal, learner):
        day = portal.today(timezone.now()) + timedelta(days=5)
        other = MembershipFactory(portal=portal)

        act(client, Membership, "end_access", learner, other, last_day=day.isoformat())

        assert set(portal.memberships.filter(last_day=day)) == {learner, other}

    def test_show_the_status_in_words(self, client, learner):
        text = client.get(page(Membership, "change", learner.pk)).content.decode()

        assert "Active" in text
        assert "(&#x27;active&#x27;" not in text

    def test_gives_access_back_with_missed_groups_and_courses(self, client, portal):
        leaver = MembershipFactory(portal=portal, status="ended", ended_by="admin")
        everyone = DynamicRuleFactory(group__portal=portal).group
        course = GroupCourseFactory(group=everyone).course

        client.post(page(Membership, "restore_access", leaver.pk), {"send_mail": "on"})

        leaver.refresh_from_db()
        assert (leaver.status, leaver.ended_by) == ("active", "")
        assert leaver.enrollments.get().course == course
        assert leaver.invitations.get().kind == "welcome"

    def test_lets_whoever_never_accepted_accept_first(self, client, portal):
        person = InvitationFactory(state="cancelled", membership__portal=portal, membership__status="ended").membership

        asked = ask(client, Membership, "restore_access", person)
        act(client, Membership, "restore_access", person, send_mail="on")

        person.refresh_from_db()
        assert "1 of them never accepted the invitation, and is pending again." in asked.text
        assert person.status == "pending"
        assert list(person.invitations.order_by("pk").values_list("kind", "state")) == [
            ("invite", "cancelled"),
            ("invite", "scheduled"),
        ]

    def test_restores_nobody_who_has_access(self, client, learner):
        act(client, Membership, "restore_access", learner)

        assert not AuditEntry.objects.exists()

    def test_refuses_more_people_than_one_action_takes(self, client, portal, learner, monkeypatch):
        monkeypatch.setattr("portals.confirmations.MOST_ROWS", 1)

        response = act(client, Membership, "end_access", learner, MembershipFactory(portal=portal))

        assert "Choose at most 1 at a time" in response.content.decode()
        assert not portal.memberships.filter(status="ended").exists()


class TestMembersOfGroups:
    def test_are_added_from_the_list_of_users(self, client, portal, learner, group):
        course = GroupCourseFactory(group=group).course

        act(client, Membership, "add_to_group", learner, group=group.pk)

        assert group.members.get().membership == learner
        assert learner.enrollments.get().course == course

    def test_are_added_by_their_addresses(self, client, portal, learner, admin, group):
        emails = f"{learner.user.email.upper()}\n{admin.user.email}"

        response = save(client, page(GroupMembership, "add"), group=group.pk, emails=emails)

        assert response.url == page(GroupMembership, "changelist") + f"?group={group.pk}"
        assert {row.membership for row in group.members.all()} == {learner, admin}
        assert {row.origin for row in group.members.all()} == {"manual"}

    def test_cannot_be_strangers_or_pending(self, client, portal, learner, group):
        pending = MembershipFactory(portal=portal, status="pending")
        stranger = MembershipFactory(portal__realm=portal.realm)
        emails = f"{learner.user.email} {pending.user.email} {stranger.user.email}"

        response = save(client, page(GroupMembership, "add"), group=group.pk, emails=emails)

        assert stranger.user.email in errors(response)
        assert pending.user.email in errors(response)
        assert not group.members.exists()

    def test_are_listed_by_group(self, client, portal, learner, admin, group):
        now = timezone.now()
        row = GroupMembership.objects.create(group=group, membership=learner, created_at=now)
        GroupMembership.objects.create(group=GroupFactory(portal=portal), membership=admin, created_at=now)

        assert listed(client, GroupMembership, group=group.pk) == {row}

    @pytest.mark.parametrize("unenroll", [True, False])
    def test_are_taken_out_with_or_without_their_courses(self, client, learner, group, unenroll):
        course = GroupCourseFactory(group=group).course
        act(client, Membership, "add_to_group", learner, group=group.pk)
        answer = {"unenroll": "on"} if unenroll else {}

        act(client, GroupMembership, "remove_from_group", group.members.get(), **answer)

        assert not group.members.exists()
        assert learner.enrollments.filter(course=course).exists() is not unenroll

    def test_are_in_the_trail_when_they_join_and_leave(self, client, learner, admin, group):
        act(client, Membership, "add_to_group", learner, group=group.pk)
        act(client, GroupMembership, "remove_from_group", group.members.get())

        trail = AuditEntry.objects.filter(object_id=learner.pk, actor_id=admin.user_id).order_by("pk")
        assert [(one.action, one.before, one.after) for one in trail] == [
            ("group_joined", {}, {"group": group.title}),
            ("group_left", {"group": group.title}, {}),
        ]


class TestAccountPages:
    def test_let_operators_add_operators(self, operator):
        person = {"email": "New.Operator@example.com", "password": "correct horse battery"}

        save(operator, page(User, "add"), **person)

        added = User.objects.get(email="new.operator@example.com")
        assert added.is_superuser
        assert added.check_password("correct horse battery")

    def test_refuse_passwords_that_are_easy_to_guess(self, operator):
        response = save(operator, page(User, "add"), email="new@example.com", password="password")

        assert "too common" in errors(response)

    def test_never_write_a_password_down(self, operator):
        save(operator, page(User, "add"), email="new@example.com", password="correct horse battery")

        assert "correct horse" not in str(list(AuditEntry.objects.values("before", "after")))

    def test_do_not_lock_the_last_operator_out(self, operator):
        last = User.objects.get(is_superuser=True)

        response = save(operator, page(User, "change", last.pk), is_active="")

        last.refresh_from_db()
        assert "last operator" in errors(response)
        assert last.is_active

    def test_kill_the_links_that_went_to_the_old_address(self, operator, portal):
        person = InvitationFactory(state="sent", membership__portal=portal).membership
        InvitationFactory(state="sent", kind="reset", membership=person)

        save(operator, page(User, "change", person.user_id), email="moved@example.com")

        mails = person.invitations.order_by("pk").values_list("kind", "state", "failure")
        assert list(mails) == [("invite", "failed", "address_changed"), ("reset", "cancelled", "")]

    def test_let_the_rules_of_every_portal_see_a_new_address(
        self, operator, learner, portal, tasks_at_once, django_capture_on_commit_callbacks
    ):
        rule = DynamicRuleFactory(group__portal=portal)
        rule.conditions.create(subject="email_domain", operator="is", operands=["moved.test"])

        with django_capture_on_commit_callbacks(execute=True):
            save(operator, page(User, "change", learner.user_id), email="robin@moved.test")

        assert rule.group.members.get().membership == learner

    def test_make_nobody_an_operator(self, operator, learner):
        save(operator, page(User, "change", learner.user_id), is_superuser="on")

        learner.user.refresh_from_db()
        assert not learner.user.is_superuser

    def test_are_closed_to_a_portals_admins(self, client, learner):
        assert client.get(page(User, "changelist")).status_code == 403
        assert client.get(page(User, "change", learner.user_id)).status_code == 403


class TestAuditTrail:
    def test_tells_who_did_what_to_whom(self, client, learner, admin):
        save(client, page(Membership, "change", learner.pk), first_name="Ada")

        shown = client.get(page(AuditEntry, "changelist")).content.decode()

        assert "Person changed" in shown
        assert admin.user.email in shown
        assert learner.user.email in shown

    def test_cannot_be_changed_by_anyone(self, client, operator, portal):
        entry = AuditEntry.objects.create(portal=portal, at=timezone.now(), action="x", object_type="y")

        for visitor in (client, operator):
            assert visitor.get(page(AuditEntry, "add")).status_code == 403
            assert visitor.post(page(AuditEntry, "change", entry.pk), {"action": "z"}).status_code == 403
            assert visitor.post(page(AuditEntry, "delete", entry.pk), {"post": "yes"}).status_code == 403


class TestEnrollmentPages:
    def test_are_for_looking_only(self, client, portal, learner):
        course = CourseFactory(portal=portal)
        enrollment = Enrollment.objects.create(membership=learner, course=course, enrolled_at=timezone.now())

        assert listed(client, Enrollment, course__id__exact=course.pk) == {enrollment}
        assert client.post(page(Enrollment, "change", enrollment.pk), {"percent": 100}).status_code == 403
        assert client.get(page(Enrollment, "add")).status_code == 403
