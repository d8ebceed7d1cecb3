"""Reminders of invitations: when they are due, what they carry, and when there are none."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories.portals import PortalFactory
from tests.factories.users import InvitationFactory
from users import access, emails, invitations, outbox, reminders
from users.models import Invitation, Membership

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def send(now):
    return outbox.send_waiting(clock=lambda: now, until=now + timedelta(seconds=1))


@pytest.fixture
def remind():
    """Make the reminders that are due so long after the invitation was sent, and send them."""

    def after(**time):
        now = NOW + timedelta(**time)
        due = reminders.put_into_outbox(now=now)
        return due, send(now)

    return after


@pytest.fixture
def invited(smtp):
    """Make an invitation that has just been mailed, in a portal with these settings."""

    def make(**settings):
        invitation = InvitationFactory(membership__portal=PortalFactory(**settings), next_try_at=NOW)
        invitation.membership.user.set_unusable_password()
        invitation.membership.user.save()
        send(NOW)
        smtp.clear()
        invitation.refresh_from_db()
        return invitation

    return make


class TestBeforeExpiry:
    def test_carries_the_same_link_and_leaves_the_clock_alone(self, invited, remind, smtp):
        invitation = invited(remind_days_before=1)

        assert remind(hours=49) == (1, 1)

        text = smtp[0].get_body(["plain"]).get_content()
        assert "about to expire" in smtp[0]["Subject"]
        assert invitations.link(invitation) in text
        assert invitations.temporary_password(invitation) in text
        now = Invitation.objects.get()
        assert (now.nonce, now.expires_at, now.state) == (invitation.nonce, invitation.expires_at, "sent")
        assert now.times_sent == 2

    def test_comes_once(self, invited, remind):
        invited(remind_days_before=2)

        assert remind(hours=30) == (1, 1)
        assert remind(hours=31) == (0, 0)
        assert remind(hours=71) == (0, 0)

    def test_comes_not_too_early(self, invited, remind):
        invited(remind_days_before=1)

        assert remind(hours=47, minutes=59) == (0, 0)

    def test_leaves_the_link_working_while_it_waits(self, invited):
        invitation = invited(remind_days_before=1)
        now = NOW + timedelta(hours=49)
        reminders.put_into_outbox(now=now)

        found = invitations.find(invitations.token(invitation), portal=invitation.membership.portal, now=now)

        assert found == invitation

    def test_leaves_the_link_working_when_the_server_refuses_it(self, invited, remind, smtp):
        invitation = invited(remind_days_before=1)
        smtp.refusals[invitation.membership.user.email] = "550 No"

        assert remind(hours=49) == (1, 0)

        invitation.refresh_from_db()
        assert invitation.state == "sent"
        assert "550" not in invitation.failure
        assert invitation.failure
        assert send(NOW + timedelta(hours=60)) == 0

    def test_is_dropped_when_the_link_expires_before_it_leaves(self, invited, smtp):
        invited(remind_days_before=1)
        reminders.put_into_outbox(now=NOW + timedelta(hours=71))

        assert send(NOW + timedelta(hours=73)) == 0

        assert smtp == []
        assert Invitation.objects.get().state == "sent"


class TestAfterExpiry:
    def test_carries_a_new_link_for_72_hours(self, invited, remind, smtp):
        old = invited(remind_days_after=1)

        assert remind(hours=97) == (1, 1)

        new = Invitation.objects.get()
        assert "A new link" in smtp[0]["Subject"]
        assert invitations.link(new) in smtp[0].get_body(["plain"]).get_content()
        assert new.nonce != old.nonce
        assert new.expires_at == NOW + timedelta(hours=97 + 72)

    def test_comes_once(self, invited, remind):
        invited(remind_days_after=1, remind_days_before=1)

        assert remind(hours=49) == (1, 1)
        assert remind(hours=97) == (1, 1)
        assert remind(hours=97 + 71) == (0, 0)
        assert remind(hours=97 + 97) == (0, 0)

    def test_does_not_wake_up_invitations_of_long_ago(self, invited, remind):
        invited(remind_days_after=1)

        assert remind(days=3 + 1 + 7, minutes=1) == (0, 0)

    def test_may_come_again_after_an_admin_sent_the_invitation_again(self, invited, remind):
        invitation = invited(remind_days_after=1)
        remind(hours=97)

        invitations.resend(invitation=invitation, now=NOW + timedelta(hours=100))
        send(NOW + timedelta(hours=100))

        assert remind(hours=100 + 97) == (1, 1)


class TestNeverReminds:
    @pytest.mark.parametrize("hours", [49, 97])
    def test_where_no_portal_asked_for_it(self, invited, remind, hours):
        invited()

        assert remind(hours=hours) == (0, 0)

    @pytest.mark.parametrize("hours", [49, 97])
    def test_after_acceptance(self, invited, remind, hours):
        invitation = invited(remind_days_before=1, remind_days_after=1)
        invitations.accept(invitation=invitation, password="a long enough password", now=NOW)

        assert remind(hours=hours) == (0, 0)

    @pytest.mark.parametrize("hours", [49, 97])
    def test_after_departure(self, invited, remind, hours):
        invitation = invited(remind_days_before=1, remind_days_after=1)
        Membership.objects.update(last_day=(NOW - timedelta(days=2)).date())
        access.end_access_after_last_day(now=NOW)

        assert remind(hours=hours) == (0, 0)
        invitation.refresh_from_db()
        assert invitation.state == "cancelled"

    def test_on_the_day_after_the_last_before_the_clock_ended_the_access(self, invited, smtp):
        invited(remind_days_before=1)
        now = NOW + timedelta(hours=49)
        reminders.put_into_outbox(now=now)
        Membership.objects.update(last_day=(now - timedelta(days=1)).date())

        assert send(now) == 0
        assert smtp == []

    def test_whoever_accepts_while_the_reminder_waits(self, invited, smtp):
        invitation = invited(remind_days_before=1)
        now = NOW + timedelta(hours=49)
        reminders.put_into_outbox(now=now)
        invitation.refresh_from_db()
        invitations.accept(invitation=invitation, password="a long enough password", now=now)

        assert send(now) == 0
        assert smtp == []


class TestTemplate:
    def test_is_the_reminder_only_while_one_is_made(self, invited):
        invitation = invited()

        assert emails.template_of(invitation) == "invite"
        invitation.reminder = "after"
        assert emails.template_of(invitation) == "reminder"
