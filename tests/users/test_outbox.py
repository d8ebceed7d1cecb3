"""Handing mails over to a real mail server, whatever the server says."""

import socket
from datetime import timedelta

import pytest
from django.utils import timezone

from config.servers import free_port
from tests.factories.portals import PortalFactory
from tests.factories.users import InvitationFactory
from users import claims, emails, invitations, outbox
from users.models import Invitation, Membership

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def send(now=NOW):
    return outbox.send_waiting(clock=lambda: now, until=now + timedelta(seconds=1))


def address_of(invitation):
    return invitation.membership.user.email


class TestSendWaiting:
    def test_sends_what_is_due(self, smtp):
        invitation = InvitationFactory(next_try_at=NOW)

        assert send() == 1

        invitation.refresh_from_db()
        assert [mail["To"] for mail in smtp] == [address_of(invitation)]
        assert (invitation.state, invitation.times_sent, invitation.last_sent_at) == ("sent", 1, NOW)
        assert invitation.expires_at == NOW + timedelta(hours=72)

    def test_sends_text_and_html_with_a_link_that_works(self, smtp):
        invitation = InvitationFactory(next_try_at=NOW)

        send()

        invitation.refresh_from_db()
        for kind in ("plain", "html"):
            assert invitations.link(invitation) in smtp[0].get_body([kind]).get_content()
        assert invitations.works(invitation, now=NOW)

    def test_sends_nothing_twice(self, smtp):
        InvitationFactory(next_try_at=NOW)

        send()

        assert send() == 0
        assert len(smtp) == 1

    def test_takes_one_connection_for_a_batch(self, smtp):
        InvitationFactory.create_batch(3, next_try_at=NOW)

        assert send() == 3

        assert smtp.connections == 1

    def test_reads_several_mails_at_once(self, smtp, django_assert_max_num_queries):
        InvitationFactory.create_batch(outbox.READ_AT_ONCE, next_try_at=NOW)

        # Claims twice, the second time in vain, reads once, and gives nothing back.
        with django_assert_max_num_queries(13):
            assert send() == outbox.READ_AT_ONCE

    def test_passes_over_what_is_withdrawn_meanwhile(self, smtp, monkeypatch):
        first, second = InvitationFactory.create_batch(2, next_try_at=NOW)
        moments = iter([NOW, NOW, NOW, NOW])
        compose = emails.compose

        def withdraw_second(invitation):
            Invitation.objects.filter(pk=second.pk).update(state="cancelled")
            return compose(invitation)

        monkeypatch.setattr(emails, "compose", withdraw_second)

        sent = outbox.send_waiting(
            clock=lambda: next(moments, NOW + timedelta(seconds=2)), until=NOW + timedelta(minutes=1)
        )

        assert sent == 1
        assert [mail["To"] for mail in smtp] == [address_of(first)]

    def test_goes_on_batch_after_batch(self, smtp, monkeypatch):
        monkeypatch.setattr(claims, "BATCH", 2)
        InvitationFactory.create_batch(5, next_try_at=NOW)

        assert send() == 5

    def test_stops_when_its_time_is_over_and_gives_the_rest_back(self, smtp):
        InvitationFactory.create_batch(3, next_try_at=NOW)
        moments = iter([NOW, NOW, NOW])

        sent = outbox.send_waiting(
            clock=lambda: next(moments, NOW + timedelta(minutes=1)), until=NOW + timedelta(seconds=1)
        )

        assert sent == 1
        waiting = Invitation.objects.filter(state="scheduled")
        assert waiting.count() == 2
        assert waiting.filter(next_try_at__lte=NOW + timedelta(minutes=1)).count() == 2

    @pytest.mark.parametrize("state", ["held", "sent", "failed", "accepted", "cancelled", "rejected"])
    def test_leaves_everything_else_alone(self, smtp, state):
        InvitationFactory(state=state, next_try_at=NOW)

        assert send() == 0
        assert smtp == []

    def test_waits_for_what_is_not_due(self, smtp):
        InvitationFactory(next_try_at=NOW + timedelta(seconds=1))

        assert send() == 0

    @pytest.mark.parametrize("status", ["active", "ended"])
    def test_withdraws_an_invitation_that_nobody_needs_any_more(self, smtp, status):
        invitation = InvitationFactory(next_try_at=NOW)
        Membership.objects.update(status=status)

        assert send() == 0

        invitation.refresh_from_db()
        assert smtp == []
        assert invitation.state == "cancelled"

    def test_sends_nothing_to_a_portal_with_single_sign_on(self, smtp):
        InvitationFactory(next_try_at=NOW, membership__portal=PortalFactory(sign_in_method="saml"))

        assert send() == 0
        assert smtp == []


class TestRefusals:
    def test_one_bad_address_does_not_stop_the_others(self, smtp):
        first, gone, last = InvitationFactory.create_batch(3, next_try_at=NOW)
        smtp.refusals[address_of(gone)] = "550 5.1.1 No such user here"

        assert send() == 2

        gone.refresh_from_db()
        assert {mail["To"] for mail in smtp} == {address_of(first), address_of(last)}
        assert (gone.state, gone.next_try_at) == ("failed", None)
        assert "No such user here" in gone.failure

    def test_a_temporary_refusal_is_tried_again_later(self, smtp):
        busy = InvitationFactory(next_try_at=NOW)
        smtp.refusals[address_of(busy)] = "451 Greylisted"

        send()
        busy.refresh_from_db()
        assert (busy.state, busy.tries, busy.next_try_at) == ("scheduled", 1, NOW + timedelta(minutes=1))
        assert "Greylisted" in busy.failure

        smtp.refusals.clear()
        assert send(NOW + timedelta(minutes=1)) == 1
        busy.refresh_from_db()
        assert (busy.state, busy.tries, busy.failure) == ("sent", 0, "")

    def test_a_retry_carries_the_same_link_and_message_id(self, smtp, monkeypatch):
        invitation = InvitationFactory(next_try_at=NOW)
        monkeypatch.setattr(invitations, "hand_over", lambda **_: False)

        send()
        send(NOW + claims.LIFETIME)

        assert smtp[0]["Message-ID"] == smtp[1]["Message-ID"]
        assert all(invitations.token(invitation) in mail.get_body(["plain"]).get_content() for mail in smtp)

    def test_gives_up_within_72_hours(self, smtp):
        busy = InvitationFactory(next_try_at=NOW)
        smtp.refusals[address_of(busy)] = "451 Try later"

        moment = NOW
        while waiting := Invitation.objects.filter(state="scheduled").first():
            moment = waiting.next_try_at or moment
            send(moment)

        assert Invitation.objects.get().state == "failed"
        assert timedelta(hours=60) < moment - NOW <= timedelta(hours=72)

    def test_an_address_that_cannot_be_written_fails_alone(self, smtp):
        odd, fine = InvitationFactory.create_batch(2, next_try_at=NOW)
        odd.membership.user.email = "odd@@example..com"
        odd.membership.user.save()

        assert send() == 1

        odd.refresh_from_db()
        assert odd.state == "failed"
        assert [mail["To"] for mail in smtp] == [address_of(fine)]

    def test_a_missing_address_fails_alone(self, smtp):
        nameless = InvitationFactory(next_try_at=NOW, membership__user__email="")

        assert send() == 0

        nameless.refresh_from_db()
        assert nameless.state == "failed"

    def test_a_server_that_hangs_up_delays_only_the_mail_in_hand(self, smtp):
        first, second = InvitationFactory(next_try_at=NOW - timedelta(1)), InvitationFactory(next_try_at=NOW)
        smtp.hang_ups.add(address_of(first))

        assert send() == 0
        assert send() == 1

        first.refresh_from_db()
        assert (first.state, first.tries) == ("scheduled", 1)
        assert [mail["To"] for mail in smtp] == [address_of(second)]

    def test_a_server_that_is_down_costs_nobody_an_invitation(self, smtp, settings):
        InvitationFactory.create_batch(3, next_try_at=NOW)
        settings.EMAIL_PORT = free_port()

        assert send() == 0

        assert Invitation.objects.filter(state="scheduled").count() == 3
        assert Invitation.objects.filter(tries=1).count() == 1

    def test_a_server_that_does_not_answer_costs_nobody_an_invitation(self, settings):
        invitation = InvitationFactory(next_try_at=NOW)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
            settings.EMAIL_HOST, settings.EMAIL_PORT = silent.getsockname()
            settings.EMAIL_TIMEOUT = 0.2

            assert send() == 0

        invitation.refresh_from_db()
        assert (invitation.state, invitation.tries) == ("scheduled", 1)
        assert invitation.next_try_at == NOW + timedelta(minutes=1)


class TestReplacedMeanwhile:
    def test_a_mail_replaced_while_it_is_sent_goes_out_again_with_the_new_link(self, smtp, monkeypatch):
        invitation = InvitationFactory(next_try_at=NOW)
        compose = emails.compose

        def compose_and_replace(current):
            message = compose(current)
            if not smtp:
                invitations.resend(invitation=invitation, now=NOW)
            return message

        monkeypatch.setattr(emails, "compose", compose_and_replace)
        send()

        invitation.refresh_from_db()
        assert invitation.state == "sent"
        assert invitations.token(invitation) in smtp[1].get_body(["plain"]).get_content()
