"""The first sync: everyone from Gusto arrives, those who were there before are linked, and nobody else is touched."""

from datetime import timedelta

import pytest

from integrations.models import ExternalIdentity, InviteSettings
from tests.factories.users import AdminFactory, MembershipFactory
from users.models import Membership

from .conftest import sync, sync_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once", "smtp", "connection")]

USERS = "/admin/users/membership/"


def add_as(how):
    InviteSettings.objects.update(how=how)


class TestExistingLearners:
    def test_are_fetched_by_their_address_and_follow_gusto_from_then_on(self, admin, portal, smtp):
        before = MembershipFactory(
            portal=portal, user__email="Maya@HarborPine.example", user__first_name="M.", user__last_name="O."
        )

        sync(admin)

        before.user.refresh_from_db()
        assert before.user.full_name == "Maya Okafor"
        assert before.external_identities.exists()
        assert "maya@harborpine.example" not in [mail["To"].lower() for mail in smtp]

    def test_are_found_by_their_personal_address_too(self, portal, connection):
        before = MembershipFactory(portal=portal, user__email="maya.okafor@example.net")

        sync_now(connection)

        assert before.external_identities.exists()
        assert Membership.objects.filter(user__last_name="Okafor").count() == 1

    def test_who_are_not_in_gusto_stay_as_they_are(self, portal, connection):
        contractor = MembershipFactory(portal=portal, user__email="contractor@example.org")
        before = Membership.objects.values().get(pk=contractor.pk)

        sync_now(connection)

        assert Membership.objects.values().get(pk=contractor.pk) == before

    def test_who_are_staff_are_left_alone_and_listed(self, admin, portal):
        chief = AdminFactory(portal=portal, user__email="ines@harborpine.example", user__first_name="I.")

        run = sync(admin)

        chief.user.refresh_from_db()
        assert chief.user.first_name == "I."
        assert "A sync never changes those by itself." in run.words

    def test_of_another_portal_are_not_touched(self, connection):
        stranger = MembershipFactory(user__email="maya@harborpine.example", user__first_name="Other")

        sync_now(connection)

        stranger.user.refresh_from_db()
        assert stranger.user.first_name == "Other"
        assert not stranger.external_identities.exists()


class TestPeopleWhoAreNotTakenOver:
    def test_are_the_inactive_ones_who_get_no_invitation(self, admin, world, smtp):
        run = sync(admin)

        assert "The person has left the organization." in run.words
        assert not Membership.objects.filter(user__email="tomas@harborpine.example").exists()
        assert "tomas@harborpine.example" not in [mail["To"] for mail in smtp]
        left = ExternalIdentity.objects.get(external_id=world.find("Tomas Lindqvist").uuid)
        assert (left.state, left.reason) == ("skipped", "left")

    def test_are_listed_with_what_to_do(self, admin, world, connection):
        sync_now(connection)

        page = admin.open("/admin/settings/integrations/gusto/people/")

        assert "Sam Boyd" in page.words
        assert "The person has no e-mail address that may be used." in page.words
        assert "Enter a work or personal e-mail in the connected system" in page.words

    def test_hurt_nobody_else_when_their_record_is_broken(self, admin, world, people):
        names = {
            kind: world.add_broken(kind).uuid for kind in ("no_email", "duplicate_email", "long_name", "nul_name")
        }

        run = sync(admin)

        assert "Completed" in run.words
        assert people("Maya Okafor").status == "pending"
        assert ExternalIdentity.objects.filter(external_id__in=names.values()).count() == len(names)


class TestNewLearners:
    def test_are_all_learners_until_an_admin_edits_them(self, admin, connection, people, world, after_an_hour):
        add_as("active")
        sync_now(connection)
        assert set(Membership.objects.filter(source="gusto").values_list("role", flat=True)) == {"learner"}
        maya = people("Maya Okafor")

        admin.open(f"{USERS}{maya.pk}/change/").press("Save", role="Manager")
        world.change("Maya Okafor", title="Head of Sales")
        after_an_hour(connection)
        sync_now(connection)

        assert people("Maya Okafor").role == "manager"

    def test_who_were_invited_are_listed_under_pending_users(self, admin, connection):
        add_as("pending_invite")
        sync_now(connection)

        page = admin.open("/admin/").follow("Pending users")

        assert "Maya Okafor" in page.words
        assert "maya@harborpine.example" in page.words
        assert "Tomas Lindqvist" not in page.words
        assert "Sent" in page.words

    def test_who_were_created_are_found_by_the_day_of_their_creation(self, admin, portal, today, at, connection):
        with at(today - timedelta(days=10)):
            MembershipFactory(portal=portal, user__first_name="Long", user__last_name="Serving")
        add_as("active")
        sync_now(connection)

        page = admin.open(f"{USERS}?created_after={today}")

        assert "Maya Okafor" in page.words
        assert "Long Serving" not in page.words
        assert "Long Serving" in admin.open(USERS).words

    def test_carry_the_mark_of_gusto(self, admin, portal, connection):
        MembershipFactory(portal=portal, user__first_name="Long", user__last_name="Serving")
        add_as("active")
        sync_now(connection)

        marked = admin.open(f"{USERS}?source__exact=gusto")

        assert "source-mark source-gusto" in marked.source
        assert "Maya Okafor" in marked.words
        assert "Long Serving" not in marked.words


class TestOneDirection:
    def test_gusto_is_only_read(self, admin, sandbox):
        sandbox.world.clear_calls()

        sync(admin)

        calls = sandbox.world.calls.newest()
        assert calls
        assert {call.method for call in calls} == {"GET"}
