"""Links: what they open, and everything that kills them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portals.models import Portal
from tests.factories.portals import GroupCourseFactory, PortalFactory
from tests.factories.users import AdminFactory, InvitationFactory, MembershipFactory
from users import grouping, invitations
from users.invitations import InvitationRefused, LinkDead
from users.models import AuditEntry, Invitation, Membership

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def sent():
    """Make an invitation whose mail has just been handed over."""

    def make(**fields):
        invitation = InvitationFactory(**fields)
        invitations.hand_over(invitation=invitation, now=NOW)
        invitation.refresh_from_db()
        return invitation

    return make


def finds(invitation, *, token=None, portal=None, now=NOW):
    return invitations.find(
        token or invitations.token(invitation), portal=portal or invitation.membership.portal, now=now
    )


class TestFind:
    def test_finds_the_invitation_of_a_working_link(self, sent):
        invitation = sent()

        assert finds(invitation) == invitation

    def test_works_for_72_hours_from_the_hand_over(self, sent):
        invitation = sent()

        assert finds(invitation, now=NOW + timedelta(hours=71, minutes=59)) == invitation
        assert finds(invitation, now=NOW + timedelta(hours=72)) is None

    @pytest.mark.parametrize("state", ["scheduled", "held", "failed", "accepted", "cancelled", "rejected"])
    def test_needs_a_mail_that_was_sent_and_not_answered(self, sent, state):
        invitation = sent()
        Invitation.objects.update(state=state)

        assert finds(invitation) is None

    def test_stays_in_its_portal(self, sent):
        invitation = sent()
        sister = PortalFactory(realm=invitation.membership.portal.realm)

        assert finds(invitation, portal=sister) is None

    @pytest.mark.parametrize("status", ["active", "ended"])
    def test_invites_only_who_is_pending(self, sent, status):
        invitation = sent()
        Membership.objects.update(status=status)

        assert finds(invitation) is None

    def test_dies_with_the_account(self, sent):
        invitation = sent()
        invitation.membership.user.is_active = False
        invitation.membership.user.save()

        assert finds(invitation) is None

    def test_dies_when_the_portal_turns_to_single_sign_on(self, sent):
        invitation = sent()
        Portal.objects.update(sign_in_method="saml")
        invitation.membership.portal.refresh_from_db()

        assert finds(invitation) is None

    @pytest.mark.parametrize("change", ["kind", "nonce", "pk"])
    def test_depends_on_row_nonce_and_purpose(self, sent, change):
        invitation, other = sent(), sent()
        token = invitations.token(invitation)
        setattr(invitation, change, {"kind": "reset", "nonce": "other", "pk": other.pk}[change])

        assert invitations.token(invitation).partition("-")[2] != token.partition("-")[2]

    @pytest.mark.parametrize("token", ["", "-", "x", "1-", "1-" + "0" * 64, "zzzzzzzzzzzzzzz-00", "é-ü", "9" * 400])
    def test_survives_nonsense(self, sent, token):
        invitation = sent()

        assert invitations.find(token, portal=invitation.membership.portal, now=NOW) is None

    def test_keeps_the_link_out_of_the_table(self, sent):
        invitation = sent()
        secret = invitations.token(invitation).partition("-")[2]

        row = Invitation.objects.values().get()

        assert not any(secret in str(value) for value in row.values())


class TestTemporaryPassword:
    def find(self, invitation, *, email=None, password=None, portal=None, now=NOW):
        return invitations.find_by_temporary_password(
            portal=portal or invitation.membership.portal,
            email=email or invitation.membership.user.email,
            password=password or invitations.temporary_password(invitation),
            now=now,
        )

    def test_leads_to_the_invitation(self, sent):
        invitation = sent()

        assert self.find(invitation) == invitation

    def test_may_be_typed_in_capitals(self, sent):
        invitation = sent()

        assert self.find(invitation, password=invitations.temporary_password(invitation).upper() + " ") == invitation

    def test_belongs_to_one_address(self, sent):
        invitation, other = sent(), sent()

        assert self.find(invitation, email=other.membership.user.email) is None

    def test_dies_with_the_invitation(self, sent):
        invitation = sent()
        password = invitations.temporary_password(invitation)

        invitations.resend(invitation=invitation, now=NOW)

        assert self.find(invitation, password=password) is None
        assert self.find(invitation, now=NOW + timedelta(hours=73)) is None

    def test_is_none_of_a_welcome_mail(self, sent):
        invitation = sent(kind="welcome", membership__status="active")

        assert self.find(invitation) is None

    def test_stays_in_its_portal(self, sent):
        invitation = sent()

        assert self.find(invitation, portal=PortalFactory(realm=invitation.membership.portal.realm)) is None


class TestIssue:
    def test_puts_a_mail_into_the_outbox(self):
        newcomer, admin = MembershipFactory(status="pending"), AdminFactory()

        invitation = invitations.issue(membership=newcomer, kind="invite", sent_by=admin.user, now=NOW)

        assert (invitation.state, invitation.next_try_at, invitation.sent_by) == ("scheduled", NOW, admin.user)

    def test_replaces_an_open_one_of_the_same_kind(self, sent):
        first = sent()

        second = invitations.issue(membership=first.membership, kind="invite", now=NOW)

        assert second.pk == first.pk
        assert finds(first) is None

    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            ("invite", "active"),
            ("invite", "ended"),
            ("welcome", "pending"),
            ("welcome", "ended"),
            ("reset", "pending"),
        ],
    )
    def test_refuses_a_mail_that_does_not_fit_the_person(self, kind, status):
        with pytest.raises(InvitationRefused):
            invitations.issue(membership=MembershipFactory(status=status), kind=kind, now=NOW)

    @pytest.mark.parametrize("method", ["saml", "signed_link"])
    def test_refuses_learners_of_single_sign_on_portals(self, method):
        newcomer = MembershipFactory(status="pending", portal__sign_in_method=method)

        with pytest.raises(InvitationRefused):
            invitations.issue(membership=newcomer, kind="invite", now=NOW)

        assert not Invitation.objects.exists()


class TestResend:
    def test_makes_a_new_link_and_kills_the_old(self, sent):
        invitation = sent()

        again = invitations.resend(invitation=invitation, now=NOW)

        assert finds(invitation) is None
        assert invitations.token(again) != invitations.token(invitation)
        assert (again.state, again.expires_at, again.times_sent) == ("scheduled", None, 1)

    def test_starts_the_clock_again(self, sent):
        later = NOW + timedelta(days=30)
        again = invitations.resend(invitation=sent(), now=later)

        invitations.hand_over(invitation=again, now=later)
        again.refresh_from_db()

        assert finds(again, now=later + timedelta(hours=71)) == again
        assert again.times_sent == 2

    def test_gives_a_failed_mail_another_chance(self):
        failed = InvitationFactory(state="failed", tries=20, failure="No such user")

        again = invitations.resend(invitation=failed, now=NOW)

        assert (again.state, again.tries, again.failure) == ("scheduled", 0, "")

    @pytest.mark.parametrize("state", ["accepted", "cancelled", "rejected"])
    def test_refuses_what_was_answered(self, state):
        with pytest.raises(InvitationRefused):
            invitations.resend(invitation=InvitationFactory(state=state), now=NOW)

    def test_refuses_a_portal_with_single_sign_on(self, sent):
        invitation = sent()
        Portal.objects.update(sign_in_method="saml")

        with pytest.raises(InvitationRefused):
            invitations.resend(invitation=invitation, now=NOW)

    def test_leaves_a_trace(self, sent):
        admin = AdminFactory()

        invitations.resend(invitation=sent(), sent_by=admin.user, now=NOW)

        assert AuditEntry.objects.get().action == "invitation_resent"
        assert AuditEntry.objects.get().actor_id == admin.user_id


class TestCancel:
    def test_kills_the_link_and_keeps_the_row(self, sent):
        invitation = sent()

        invitations.cancel(invitation=invitation)

        assert finds(invitation) is None
        assert Invitation.objects.get().state == "cancelled"
        assert AuditEntry.objects.get().action == "invitation_cancelled"

    def test_gives_each_row_a_nonce_of_its_own(self, sent):
        rows = [sent(), sent()]
        before = {row.nonce for row in rows}

        assert invitations.cancel_open(membership_ids=[row.membership_id for row in rows]) == 2

        after = set(Invitation.objects.values_list("nonce", flat=True))
        assert len(after) == 2
        assert not after & before

    def test_leaves_answered_ones_alone(self):
        answered = InvitationFactory(state="accepted")

        invitations.cancel(invitation=answered)

        assert Invitation.objects.get().state == "accepted"
        assert not AuditEntry.objects.exists()


class TestAccept:
    def test_sets_the_password_and_lets_the_person_in(self, sent):
        invitation = sent()

        user = invitations.accept(invitation=invitation, password="a new long password", now=NOW)

        membership = Membership.objects.get()
        assert user.check_password("a new long password")
        assert (membership.status, membership.accepted_at) == ("active", NOW)
        assert Invitation.objects.get().state == "accepted"
        assert set(AuditEntry.objects.values_list("action", flat=True)) == {"password_changed", "invitation_accepted"}

    def test_enrolls_in_the_courses_of_groups_joined_meanwhile(self, sent):
        invitation = sent()
        offered = GroupCourseFactory(group__portal=invitation.membership.portal)
        grouping.add_members(group=offered.group, membership_ids=[invitation.membership_id], now=NOW)

        invitations.accept(invitation=invitation, password="a new long password", now=NOW)

        assert invitation.membership.enrollments.get().course == offered.course

    def test_works_once(self, sent):
        invitation = sent()
        invitations.accept(invitation=invitation, password="a new long password", now=NOW)

        with pytest.raises(LinkDead):
            invitations.accept(invitation=invitation, password="a thief's password", now=NOW)

        assert finds(invitation) is None
        assert not Membership.objects.get().user.check_password("a thief's password")

    def test_refuses_a_link_that_was_replaced_while_the_page_was_open(self, sent):
        invitation = sent()
        page = finds(invitation)
        invitations.resend(invitation=invitation, now=NOW)

        with pytest.raises(LinkDead):
            invitations.accept(invitation=page, password="a new long password", now=NOW)

    def test_refuses_after_access_ended_while_the_page_was_open(self, sent):
        page = finds(sent())
        Membership.objects.update(status="ended")

        with pytest.raises(LinkDead):
            invitations.accept(invitation=page, password="a new long password", now=NOW)

    def test_keeps_the_password_of_someone_who_has_one(self, sent):
        user = invitations.accept(invitation=sent(), password=None, now=NOW)

        assert user.check_password("correct horse battery")

    def test_kills_every_other_link_of_the_person(self, sent):
        reset = sent(kind="reset", membership__status="active")
        welcome = sent(kind="welcome", membership=reset.membership)

        invitations.accept(invitation=reset, password="a new long password", now=NOW)

        assert finds(welcome) is None

    def test_kills_the_links_to_set_a_password_of_other_portals_too(self, sent):
        reset = sent(kind="reset", membership__status="active")
        person, elsewhere = reset.membership.user, PortalFactory(realm=reset.membership.portal.realm)
        other = sent(kind="reset", membership__user=person, membership__portal=elsewhere, membership__status="active")
        third = PortalFactory(realm=elsewhere.realm)
        asked = sent(kind="invite", membership__user=person, membership__portal=third, membership__status="pending")

        invitations.accept(invitation=reset, password="a new long password", now=NOW)

        assert finds(other) is None
        assert finds(asked) == asked


class TestAnswerRequest:
    def ask(self, membership, **fields):
        invitations.answer_request(
            **{"portal": membership.portal, "email": membership.user.email, "now": NOW, **fields}
        )

    def test_sends_a_reset_to_someone_with_access(self):
        learner = MembershipFactory()

        self.ask(learner, email=learner.user.email.upper())

        assert Invitation.objects.get().kind == "reset"

    def test_sends_the_invitation_again_to_someone_pending(self, sent):
        invitation = sent()

        self.ask(invitation.membership)

        again = Invitation.objects.get()
        assert (again.kind, again.state) == ("invite", "scheduled")
        assert finds(invitation) is None

    @pytest.mark.parametrize("state", ["held", "cancelled", "rejected"])
    def test_sends_no_invitation_that_an_admin_keeps_back(self, state):
        invitation = InvitationFactory(state=state)

        self.ask(invitation.membership)

        assert Invitation.objects.get().state == state

    def test_sends_nothing_after_access_ended(self):
        self.ask(MembershipFactory(status="ended"))

        assert not Invitation.objects.exists()

    def test_sends_nothing_to_learners_of_single_sign_on_portals(self):
        self.ask(MembershipFactory(portal__sign_in_method="saml"))

        assert not Invitation.objects.exists()

    def test_sends_nothing_to_strangers_and_neighbours(self):
        learner = MembershipFactory()

        self.ask(learner, email="stranger@example.com")
        self.ask(learner, portal=PortalFactory(realm=learner.portal.realm))

        assert not Invitation.objects.exists()

    def test_leads_admins_from_above_to_their_own_portal(self):
        admin = AdminFactory()
        below = PortalFactory(realm=admin.portal.realm, parent=admin.portal)

        self.ask(admin, portal=below)

        assert Invitation.objects.get().membership == admin

    def test_leads_nobody_else_to_the_portal_above(self):
        learner = MembershipFactory()
        below = PortalFactory(realm=learner.portal.realm, parent=learner.portal)

        self.ask(learner, portal=below)

        assert not Invitation.objects.exists()


class TestWhoLostTheAccessAbove:
    @pytest.fixture
    def invitation(self, sent):
        top = PortalFactory()
        below = PortalFactory(realm=top.realm, parent=top)
        invitation = sent(membership__portal=below)
        MembershipFactory(portal=top, user=invitation.membership.user, status="ended")
        return invitation

    def test_cannot_use_a_link_below(self, invitation):
        assert finds(invitation) is None
        with pytest.raises(LinkDead):
            invitations.accept(invitation=invitation, password="a new long password", now=NOW)

    def test_gets_no_mail_below(self, invitation):
        with pytest.raises(InvitationRefused):
            invitations.resend(invitation=invitation, now=NOW)

    def test_may_accept_once_the_access_is_back(self, invitation):
        Membership.objects.filter(portal=invitation.membership.portal.parent).update(status="active")

        assert finds(invitation) == invitation


class TestDecline:
    def test_kills_the_link_and_asks_for_no_further_invitation(self, sent):
        invitation = sent()

        invitations.decline(invitation=invitation, now=NOW)

        person = Membership.objects.get()
        entry = AuditEntry.objects.get(action="invitation_declined")
        assert finds(invitation) is None
        assert (person.status, person.invitation_withdrawn_at) == ("pending", NOW)
        assert person.invitations.get().state == "rejected"
        assert (entry.object_id, entry.actor_id) == (person.pk, person.user_id)
        with pytest.raises(InvitationRefused):
            invitations.issue(membership=person, kind="invite", now=NOW)

    def test_is_for_invitations_only(self, sent):
        invitation = sent(kind="welcome", membership__status="active")

        with pytest.raises(LinkDead):
            invitations.decline(invitation=invitation, now=NOW)

    def test_comes_too_late_after_an_answer(self, sent):
        invitation = sent()
        invitations.accept(invitation=invitation, password="a new long password", now=NOW)

        with pytest.raises(LinkDead):
            invitations.decline(invitation=invitation, now=NOW)
