"""Mails in a worker's hands: nobody else has them meanwhile, and they are free a minute after it has died."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from psycopg import sql

from config.servers import free_port
from tests.factories.users import InvitationFactory, MembershipFactory
from users import claims, notice_mails, notices, outbox
from users.models import Invitation, Notice

pytestmark = pytest.mark.django_db

NOW = timezone.now()
LATER = NOW + timedelta(hours=1)


def announce():
    learner = MembershipFactory()
    notices.announce(kind="password_changed", user=learner.user, portal=learner.portal, now=NOW)
    return Notice.objects.get(user=learner.user)


# Where mails wait, how one is put there, and who sends it.
OUTBOXES = {
    "invitations": (
        Invitation.objects.waiting,
        lambda: InvitationFactory(next_try_at=NOW),
        outbox.send_waiting,
    ),
    "notices": (lambda: Notice.objects.filter(state="scheduled"), announce, notice_mails.send_waiting),
}


@pytest.fixture(params=OUTBOXES)
def box(request):
    return OUTBOXES[request.param]


@pytest.fixture
def waiting(box):
    return box[0]()


@pytest.fixture
def add(box):
    return box[1]


@pytest.fixture
def send(box):
    return lambda now: box[2](clock=lambda: now, until=now + timedelta(seconds=1))


def address_of(mail):
    return mail.address if isinstance(mail, Notice) else mail.membership.user.email


def taken_one_by_one(claim, now, until=LATER):
    return list(claim.one_by_one(clock=lambda: now, until=until))


@pytest.mark.django_db(transaction=True)
class TestTake:
    def test_passes_over_what_another_worker_is_taking(self, waiting, add):
        taken, free = add(), add()
        other = connection.copy()
        table = sql.Identifier(waiting.model._meta.db_table)
        try:
            with transaction.atomic(), other.cursor() as cursor:
                other.set_autocommit(False)
                cursor.execute(sql.SQL("SELECT id FROM {} WHERE id = %s FOR UPDATE").format(table), [taken.pk])
                assert claims.take(waiting, NOW).ids == [free.pk]
        finally:
            other.close()

    def test_leaves_claimed_mails_to_their_worker_until_the_claim_lapses(self, waiting, add):
        mail = add()
        claims.take(waiting, NOW)

        assert claims.take(waiting, NOW + timedelta(seconds=59)).ids == []
        assert claims.take(waiting, NOW + timedelta(seconds=60)).ids == [mail.pk]


class TestOneByOne:
    def test_claims_each_mail_anew_as_its_turn_comes(self, waiting, add):
        first, second = add(), add()
        claim = claims.take(waiting, NOW)
        turns = claim.one_by_one(clock=lambda: NOW + timedelta(seconds=50), until=LATER)

        assert next(turns) == first.pk

        assert claims.take(waiting, NOW + timedelta(seconds=60)).ids == [second.pk]
        assert claims.take(waiting, NOW + timedelta(seconds=110)).ids == [first.pk]

    def test_writes_nothing_while_the_claim_is_young(self, waiting, add, django_assert_num_queries):
        mail = add()
        claim = claims.take(waiting, NOW)

        with django_assert_num_queries(0):
            assert taken_one_by_one(claim, NOW + timedelta(seconds=4)) == [mail.pk]

    def test_leaves_out_what_was_put_back_into_the_outbox(self, waiting, add):
        kept, replaced = add(), add()
        claim = claims.take(waiting, NOW)
        waiting.filter(pk=replaced.pk).update(next_try_at=NOW)

        assert [mail.pk for mail in claim.ours([kept.pk, replaced.pk])] == [kept.pk]

    def test_gives_up_what_another_worker_has_by_now(self, waiting, add):
        add()
        slow = claims.take(waiting, NOW)
        quick = claims.take(waiting, NOW + claims.LIFETIME)

        # The clock of the slow one is behind.
        assert taken_one_by_one(slow, NOW + timedelta(seconds=59)) == []
        assert taken_one_by_one(quick, NOW + timedelta(seconds=61)) != []

    def test_gives_up_a_claim_that_lapsed(self, waiting, add):
        mail = add()
        frozen = claims.take(waiting, NOW)

        assert taken_one_by_one(frozen, NOW + claims.LIFETIME) == []

        assert claims.take(waiting, NOW + claims.LIFETIME).ids == [mail.pk]


class TestGiveBack:
    def test_leaves_the_rest_to_others_at_once(self, waiting, add):
        first, second = add(), add()
        claim = claims.take(waiting, NOW)
        next(claim.one_by_one(clock=lambda: NOW, until=LATER))

        claim.give_back(NOW)

        assert claims.take(waiting, NOW).ids == [second.pk]
        assert first.pk not in claim.ids

    def test_leaves_alone_what_another_worker_has_by_now(self, waiting, add):
        add()
        slow = claims.take(waiting, NOW)
        claims.take(waiting, NOW + claims.LIFETIME)

        slow.give_back(NOW + claims.LIFETIME)

        assert claims.take(waiting, NOW + claims.LIFETIME).ids == []


class TestWorkerThatDied:
    def test_delays_its_mails_by_a_minute(self, waiting, add, send, smtp):
        add(), add()
        claims.take(waiting, NOW)

        assert send(NOW + timedelta(seconds=59)) == 0
        assert send(NOW + timedelta(seconds=60)) == 2
        assert len(smtp) == 2


class TestServerThatHangsUp:
    def test_delays_only_the_mail_in_hand(self, add, send, smtp):
        first, *_others = [add() for _ in range(3)]
        type(first).objects.filter(pk=first.pk).update(next_try_at=NOW - timedelta(seconds=1))
        smtp.hang_ups.add(address_of(first))

        assert send(NOW) == 0
        assert send(NOW) == 2


class TestServerThatIsAway:
    def test_is_found_again_within_minutes_however_long_it_takes(self, waiting, add, send, smtp, settings):
        mail, moment = add(), NOW
        there, settings.EMAIL_PORT = settings.EMAIL_PORT, free_port()
        for _ in range(25):
            assert send(moment) == 0
            before, moment = moment, waiting.get(pk=mail.pk).next_try_at

        assert moment - before <= timedelta(minutes=4)
        settings.EMAIL_PORT = there
        assert send(moment) == 1

    def test_takes_none_of_the_tries_that_a_mail_has(self, waiting, add, send, smtp, settings):
        mail = add()
        there, settings.EMAIL_PORT = settings.EMAIL_PORT, free_port()
        for _ in range(25):
            send(waiting.get(pk=mail.pk).next_try_at)
        settings.EMAIL_PORT = there
        smtp.refusals[address_of(mail)] = "451 Try later"

        send(waiting.get(pk=mail.pk).next_try_at)

        assert waiting.filter(pk=mail.pk).exists()
