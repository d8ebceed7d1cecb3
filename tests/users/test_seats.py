"""Seats: who takes one, and what happens in a portal that has none left, whichever way somebody comes."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portals.models import Portal
from tests.admin_pages import errors, page, save
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, InvitationFactory, MembershipFactory, OperatorFactory
from users import invitations, provisioning, seats
from users.models import Membership
from users.provisioning import Amendment, Cause, Newcomer, Restoration

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def portal():
    """A portal with two seats, one of which its admin has."""
    return PortalFactory(seats=2)


@pytest.fixture
def admin(portal):
    return AdminFactory(portal=portal)


@pytest.fixture
def client(portal_client, portal, admin):
    return portal_client(portal, admin.user)


def newcomer(number=1, status="active"):
    return Newcomer(f"{number}", f"newcomer{number}@example.com", "Noor", "Ahmadi", status, {})


def add(portal, *newcomers):
    return provisioning.add_learners(portal=portal, newcomers=newcomers, source="manual", cause=Cause(), now=NOW)


class TestTaken:
    def test_counts_everybody_who_has_access(self, portal, admin):
        MembershipFactory(portal=portal, last_day=portal.today(NOW))

        assert seats.taken(portal, now=NOW) == 2

    def test_leaves_out_who_has_none(self, portal):
        MembershipFactory(portal=portal, status="pending")
        MembershipFactory(portal=portal, status="ended")
        MembershipFactory(portal=portal, last_day=portal.today(NOW) - timedelta(days=1))
        MembershipFactory(portal=PortalFactory(realm=portal.realm))

        assert seats.taken(portal, now=NOW) == 0


class TestAddLearners:
    def test_fills_the_last_seat(self, portal, admin):
        assert len(add(portal, newcomer())) == 1

    def test_adds_nobody_when_there_are_too_few_seats(self, portal, admin):
        with pytest.raises(seats.NoSeat):
            add(portal, newcomer(1), newcomer(2))

        assert portal.memberships.count() == 1

    def test_adds_any_number_of_pending_people(self, portal, admin):
        assert len(add(portal, *(newcomer(number, "pending") for number in range(3)))) == 3

    def test_adds_any_number_where_no_number_is_set(self, portal, admin):
        Portal.objects.update(seats=None)

        assert len(add(Portal.objects.get(), *(newcomer(number) for number in range(3)))) == 3

    def test_adds_nobody_where_fewer_seats_are_left_than_are_taken(self, portal, admin):
        Portal.objects.update(seats=0)

        with pytest.raises(seats.NoSeat):
            add(Portal.objects.get(), newcomer())


class TestOtherWaysIn:
    @pytest.fixture(autouse=True)
    def _full(self, portal, admin):
        MembershipFactory(portal=portal)

    def test_access_is_not_restored(self, portal):
        leaver = MembershipFactory(portal=portal, status="ended")

        with pytest.raises(seats.NoSeat):
            provisioning.restore_access(
                portal=portal,
                restorations=[Restoration(leaver.pk, "active")],
                source="manual",
                cause=Cause(),
                now=NOW,
            )

    def test_pending_people_do_not_become_active(self, portal):
        invited = MembershipFactory(portal=portal, status="pending")

        with pytest.raises(seats.NoSeat):
            provisioning.amend_learners(
                portal=portal, amendments=[Amendment(invited.pk, {"status": "active"})], cause=Cause(), now=NOW
            )

    def test_an_invitation_is_not_accepted_and_stays_good(self, portal):
        invitation = InvitationFactory(membership__portal=portal)
        invitations.hand_over(invitation=invitation, now=NOW)
        invitation.refresh_from_db()

        with pytest.raises(seats.NoSeat):
            invitations.accept(invitation=invitation, password="a new long password", now=NOW)

        assert Membership.objects.get(pk=invitation.membership_id).status == "pending"
        assert invitations.find(invitations.token(invitation), portal=portal, now=NOW) == invitation
        assert not invitation.membership.user.check_password("a new long password")

    def test_a_reset_works_as_before(self, portal, admin):
        reset = InvitationFactory(membership=admin, kind="reset")
        invitations.hand_over(invitation=reset, now=NOW)
        reset.refresh_from_db()

        assert invitations.accept(invitation=reset, password="a new long password", now=NOW) == admin.user


class TestInvitationPage:
    def test_says_that_there_is_no_seat(self, portal, admin, portal_client):
        MembershipFactory(portal=portal)
        invitation = InvitationFactory(membership__portal=portal)
        invitations.hand_over(invitation=invitation, now=NOW)
        invitation.refresh_from_db()
        invitation.membership.user.set_unusable_password()
        invitation.membership.user.save()
        passwords = {"new_password1": "a new long password", "new_password2": "a new long password"}

        response = portal_client(portal).post(f"/invitation/{invitations.token(invitation)}/", passwords)

        assert "has no free seat at the moment" in response.content.decode()
        assert Membership.objects.get(pk=invitation.membership_id).status == "pending"


class TestAdminPages:
    def test_adding_somebody_by_hand_says_why_it_does_not_work(self, client, portal):
        MembershipFactory(portal=portal)

        response = save(client, page(Membership, "add"), email="new@example.com", how="active")

        assert "All 2 seats of the portal are taken" in errors(response)

    def test_inviting_somebody_works_as_before(self, client, portal):
        MembershipFactory(portal=portal)

        save(client, page(Membership, "add"), email="new@example.com", how="pending_invite")

        assert portal.memberships.filter(status="pending").exists()

    def test_restoring_access_says_how_many_seats_are_needed(self, client, portal):
        MembershipFactory(portal=portal)
        leaver = MembershipFactory(portal=portal, status="ended")

        response = client.post(page(Membership, "restore_access", leaver.pk))

        assert "Seats needed: 1. Free: 0 of 2." in response.content.decode()
        leaver.refresh_from_db()
        assert leaver.status == "ended"

    def test_the_settings_and_the_first_page_tell_how_many_are_taken(self, client, portal):
        settings = client.get(page(Portal, "change", portal.pk)).content.decode()
        first_page = client.get("/admin/").content.decode()

        assert "1 of 2" in settings
        assert "1 of 2" in first_page
        assert 'name="seats"' not in settings

    def test_a_full_portal_is_a_question_on_the_first_page(self, client, portal):
        MembershipFactory(portal=portal)

        assert "All 2 seats are taken" in client.get("/admin/").content.decode()

    def test_only_operators_set_the_number(self, client, portal, portal_client):
        save(client, page(Portal, "change", portal.pk), seats="50")
        portal.refresh_from_db()
        assert portal.seats == 2

        save(portal_client(None, OperatorFactory()), page(Portal, "change", portal.pk), seats="50")

        portal.refresh_from_db()
        assert portal.seats == 50

    def test_an_admin_is_not_shown_in_a_full_sub_portal(self, client, portal, admin):
        below = PortalFactory(realm=portal.realm, parent=portal, seats=0)

        response = client.post(page(Membership, "show_below", admin.pk), {"portals": [below.pk]})

        assert "All seats are taken" in response.content.decode()
        assert not below.memberships.exists()
