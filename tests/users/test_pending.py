"""What admins do with pending people, one or thousands at once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, InvitationFactory, MembershipFactory
from users import invitations, pending
from users.invitations import InvitationRefused
from users.models import AuditEntry, Invitation, Membership

pytestmark = pytest.mark.django_db

NOW = timezone.now()
LATER = NOW + timedelta(days=1)


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def admin(portal):
    return AdminFactory(portal=portal).user


@pytest.fixture
def invited(portal):
    """Make someone whose invitation is in a state."""

    def make(state="sent", **fields):
        return InvitationFactory(
            membership__portal=portal, state=state, next_try_at=None, expires_at=LATER, **fields
        ).membership

    return make


def mail_of(person):
    return person.invitations.latest("pk")


def trail():
    return set(AuditEntry.objects.values_list("action", "object_id"))


class TestResend:
    def resend(self, *people, admin, now=LATER):
        return pending.resend(membership_ids=[person.pk for person in people], actor=admin, now=now)

    @pytest.mark.parametrize("state", ["sent", "failed", "held", "scheduled"])
    def test_puts_open_invitations_into_the_outbox_with_a_new_link(self, invited, admin, state):
        person = invited(state, failure="No such user", reminder="after")
        before = mail_of(person)

        assert self.resend(person, admin=admin) == 1

        mail = person.invitations.get()
        assert mail.nonce != before.nonce
        assert (mail.state, mail.next_try_at, mail.expires_at, mail.tries) == ("scheduled", LATER, None, 0)
        assert (mail.sent_by, mail.failure, mail.reminder) == (admin, "", "")
        assert trail() == {("invitation_resent", person.pk)}

    def test_gives_each_a_nonce_of_its_own(self, invited, admin):
        people = [invited(), invited(), invited()]

        self.resend(*people, admin=admin)

        assert len({mail_of(person).nonce for person in people}) == 3

    def test_invites_whoever_has_no_open_invitation(self, invited, portal, admin):
        silent = MembershipFactory(portal=portal, status="pending")
        former = invited("cancelled")

        assert self.resend(silent, former, admin=admin) == 2

        assert (silent.invitations.get().kind, silent.invitations.get().state) == ("invite", "scheduled")
        assert sorted(former.invitations.values_list("state", flat=True)) == ["cancelled", "scheduled"]

    def test_leaves_out_whom_an_admin_cancelled_and_who_is_not_pending(self, invited, portal, admin):
        cancelled, gone, here = invited(), invited(), MembershipFactory(portal=portal)
        pending.cancel(membership_ids=[cancelled.pk], actor=admin, now=NOW)
        Membership.objects.filter(pk=gone.pk).update(status="ended")

        assert self.resend(cancelled, gone, here, admin=admin) == 0

        assert not Invitation.objects.filter(state="scheduled").exists()

    def test_leaves_out_learners_of_single_sign_on_portals(self, invited, portal, admin):
        learner, manager = invited(), invited(membership__role="manager")
        portal.sign_in_method = "saml"
        portal.save()

        assert self.resend(learner, manager, admin=admin) == 1

        assert mail_of(manager).state == "scheduled"
        assert mail_of(learner).state == "sent"

    def test_leaves_out_those_who_lost_the_access_above(self, portal, admin):
        below = PortalFactory(realm=portal.realm, parent=portal)
        person = InvitationFactory(membership__portal=below, state="sent").membership
        MembershipFactory(portal=portal, user=person.user, status="ended")

        assert self.resend(person, admin=admin) == 0
        assert list(pending.without_mail(Membership.objects.filter(pk=person.pk))) == [person]

    def test_costs_the_same_for_many(self, invited, admin, django_assert_num_queries):
        for count in (2, 30):
            people = [invited() for _ in range(count)]
            with django_assert_num_queries(6):
                self.resend(*people, admin=admin)


class TestRelease:
    def test_lets_held_mails_go_and_no_others(self, invited, admin):
        held, sent = invited("held"), invited("sent")

        assert pending.release(membership_ids=[held.pk, sent.pk], actor=admin, now=LATER) == 1

        assert (mail_of(held).state, mail_of(held).next_try_at) == ("scheduled", LATER)
        assert mail_of(sent).state == "sent"
        assert trail() == {("invitation_released", held.pk)}

    def test_goes_in_waves(self, invited, admin):
        people = [invited("held").pk for _ in range(5)]

        pending.release(membership_ids=people, actor=admin, now=NOW, per_hour=2)

        hours = [(mail.next_try_at - NOW) / timedelta(hours=1) for mail in Invitation.objects.order_by("pk")]
        assert hours == [0, 0, 1, 1, 2]


class TestCancel:
    def test_kills_the_link_and_remembers_who_is_not_wanted(self, invited, admin):
        person = invited()
        token = invitations.token(mail_of(person))

        assert pending.cancel(membership_ids=[person.pk], actor=admin, now=NOW) == 1

        person.refresh_from_db()
        assert (person.status, person.invitation_withdrawn_at) == ("pending", NOW)
        assert mail_of(person).state == "cancelled"
        assert invitations.find(token, portal=person.portal, now=NOW) is None
        assert trail() == {("invitation_cancelled", person.pk)}

    def test_changes_nothing_the_second_time(self, invited, admin):
        person = invited()
        pending.cancel(membership_ids=[person.pk], actor=admin, now=NOW)

        assert pending.cancel(membership_ids=[person.pk], actor=admin, now=LATER) == 0

        assert AuditEntry.objects.count() == 1

    def test_lets_no_other_way_send_an_invitation(self, invited, admin):
        person = invited()
        pending.cancel(membership_ids=[person.pk], actor=admin, now=NOW)

        with pytest.raises(InvitationRefused):
            invitations.issue(membership=person, kind="invite", now=NOW)
        invitations.answer_request(portal=person.portal, email=person.user.email, now=NOW)

        assert person.invitations.get().state == "cancelled"


class TestAllow:
    def test_takes_the_refusal_back_and_sends_nothing(self, invited, admin):
        person, other = invited(), invited()
        pending.cancel(membership_ids=[person.pk], actor=admin, now=NOW)

        assert pending.allow(membership_ids=[person.pk, other.pk], actor=admin, now=LATER) == [person.pk]

        person.refresh_from_db()
        assert person.invitation_withdrawn_at is None
        assert person.invitations.get().state == "cancelled"
        assert ("invitations_allowed", person.pk) in trail()
        assert pending.resend(membership_ids=[person.pk], actor=admin, now=LATER) == 1
