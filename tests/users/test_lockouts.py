"""Too many wrong passwords lock the pair of network address and account, known or not, and nothing else."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import hashers
from django.core.cache import cache
from django.utils import timezone

from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, InvitationFactory, MembershipFactory, OperatorFactory
from users import invitations

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
LOCKED = "There were too many tries with this address."


def sign_in(client, email, password=PASSWORD):
    return client.post("/sign-in/", {"email": email, "password": password})


def guess(client, email, times=10):
    """Try wrong passwords and return the last answer."""
    for _ in range(times):
        page = sign_in(client, email, "a guess")
    return page


@pytest.fixture
def learner():
    """Whose password somebody guesses."""
    return MembershipFactory()


@pytest.fixture
def client(learner, portal_client):
    """The browser at which it is guessed."""
    return portal_client(learner.portal)


@pytest.fixture
def hashed(monkeypatch):
    """The passwords that are hashed from now on: the work that takes time."""
    done, hasher = [], type(hashers.get_hasher())
    original = hasher.encode
    monkeypatch.setattr(
        hasher, "encode", lambda self, password, salt: done.append(1) or original(self, password, salt)
    )
    return done


class TestLockOut:
    def test_begins_with_the_tenth_wrong_password(self, client, learner):
        page = guess(client, learner.user.email, times=9)
        assert (page.status_code, LOCKED in page.text) == (200, False)

        page = guess(client, learner.user.email, times=1)

        assert (page.status_code, LOCKED in page.text) == (429, True)

    def test_refuses_the_right_password_too(self, client, learner):
        guess(client, learner.user.email)

        page = sign_in(client, learner.user.email)

        assert page.status_code == 429
        assert "_auth_user_id" not in client.session

    def test_ignores_the_case_of_the_address(self, client, learner):
        guess(client, learner.user.email.upper())

        assert sign_in(client, learner.user.email).status_code == 429

    def test_says_when_to_try_again_by_the_portals_clock(self, client, learner):
        learner.portal.time_zone = "America/Denver"
        learner.portal.save()

        with time_machine.travel("2026-03-02 21:00:30+00:00", tick=False):
            page = guess(client, learner.user.email)

        assert "Try again from 2:16 p.m. on." in page.text

    def test_says_the_same_to_strangers_with_as_little_work(self, client, learner, hashed):
        texts, work = [], []
        for email in (learner.user.email, "stranger@example.com"):
            with time_machine.travel("2026-03-02 21:00:30+00:00", tick=False):
                guess(client, email)
                hashed.clear()
                page = sign_in(client, email)
            work.append(len(hashed))
            texts.append(re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page.text).replace(email, ""))

        assert texts[0] == texts[1]
        assert work == [0, 0]

    def test_ends_after_a_quarter_of_an_hour(self, client, learner):
        guess(client, learner.user.email)

        # The clock of the cache's server cannot be moved, but it tells what it will have forgotten when.
        server = cache._shared._cache.get_client()
        left = [server.ttl(key) for key in server.keys(f"{cache.key_prefix}*")]
        assert len(left) == 2
        assert all(890 <= seconds <= 900 for seconds in left)

    def test_is_not_prolonged_by_tries_at_the_locked_door(self, client, learner):
        with time_machine.travel("2026-03-02 21:00:30+00:00", tick=False) as clock:
            guess(client, learner.user.email)
            clock.shift(timedelta(minutes=5))
            page = guess(client, learner.user.email, times=3)

        assert "Try again from 9:16 p.m. on." in page.text

    def test_begins_anew_after_a_success(self, client, learner):
        guess(client, learner.user.email, times=9)
        assert sign_in(client, learner.user.email).status_code == 302

        assert guess(client, learner.user.email, times=9).status_code == 200


class TestPair:
    def test_leaves_other_accounts_and_other_addresses_free(self, client, learner, portal_client):
        other = MembershipFactory(portal=learner.portal)
        guess(client, learner.user.email)

        assert sign_in(portal_client(learner.portal), other.user.email).status_code == 302
        assert sign_in(portal_client(learner.portal, REMOTE_ADDR="192.0.2.7"), learner.user.email).status_code == 302

    def test_tells_visitors_behind_our_proxy_apart(self, learner, portal_client, settings):
        settings.PROXY_COUNT = 1
        guesser = portal_client(learner.portal, HTTP_X_FORWARDED_FOR="203.0.113.9")
        guess(guesser, learner.user.email)

        faked = portal_client(learner.portal, HTTP_X_FORWARDED_FOR="198.51.100.1, 203.0.113.9")
        assert sign_in(faked, learner.user.email).status_code == 429
        owner = portal_client(learner.portal, HTTP_X_FORWARDED_FOR="198.51.100.1")
        assert sign_in(owner, learner.user.email).status_code == 302

    def test_counts_the_account_at_all_portals_of_its_realm(self, client, learner, portal_client):
        sister = PortalFactory(realm=learner.portal.realm)
        guess(portal_client(sister), learner.user.email)

        assert sign_in(client, learner.user.email).status_code == 429

    def test_keeps_realms_apart(self, client, learner, portal_client):
        namesake = MembershipFactory(user__email=learner.user.email)
        guess(client, learner.user.email)

        assert sign_in(portal_client(namesake.portal), namesake.user.email).status_code == 302


class TestEveryDoor:
    def test_is_locked_for_operators_at_the_platform(self, portal_client):
        operator = OperatorFactory()
        client = portal_client(None)
        guess(client, operator.email)

        assert sign_in(client, operator.email).status_code == 429

    def test_is_locked_for_admins_who_come_from_the_admin(self, portal_client):
        admin = AdminFactory()
        client = portal_client(admin.portal)
        page = client.get("/admin/login/?next=/admin/", follow=True)
        assert page.redirect_chain[-1][0] == "/sign-in/?next=/admin/"
        guess(client, admin.user.email)

        assert sign_in(client, admin.user.email).status_code == 429

    def test_is_locked_for_one_time_passwords(self, portal_client):
        invitation = InvitationFactory()
        invitations.hand_over(invitation=invitation, now=timezone.now())
        person, client = invitation.membership.user, portal_client(invitation.membership.portal)
        guess(client, person.email)

        page = sign_in(client, person.email, invitations.temporary_password(invitation))

        assert page.status_code == 429
