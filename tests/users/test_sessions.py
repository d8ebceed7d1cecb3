"""Sign-ins as rows: whose they are, how they read, and their end."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from tests.factories.portals import PortalFactory
from tests.factories.users import MembershipFactory, OperatorFactory
from users import sessions, tasks
from users.models import Session

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
PASSWORD = "correct horse battery"


@pytest.fixture
def sign_in(portal_client):
    """Sign in with a browser and return its client."""

    def at(member, *, agent=FIREFOX, address="192.0.2.7"):
        client = portal_client(member.portal, REMOTE_ADDR=address, HTTP_USER_AGENT=agent)
        client.post("/sign-in/", {"email": member.user.email, "password": PASSWORD})
        return client

    return at


class TestSessionStore:
    def test_knows_whose_where_and_from_which_device(self, sign_in):
        learner = MembershipFactory()

        sign_in(learner)

        row = Session.objects.get()
        assert (row.user, row.portal) == (learner.user, learner.portal)
        assert (row.device, row.address) == ("Firefox, Windows", "192.0.2.0/24")
        assert row.signed_in_at == row.last_seen_at

    def test_belongs_to_nobody_before_signing_in(self, portal_client):
        portal_client(PortalFactory()).get("/security/")

        assert not Session.objects.exclude(user=None).exists()

    def test_is_that_of_the_platform_for_operators(self, portal_client):
        portal_client(None, OperatorFactory())

        assert Session.objects.get().portal is None


class TestNoteVisit:
    def test_writes_once_in_ten_minutes(self, sign_in, django_assert_num_queries):
        client = sign_in(MembershipFactory())
        seen = Session.objects.get().last_seen_at

        client.get("/security/")
        assert Session.objects.get().last_seen_at == seen

        with time_machine.travel(seen + timedelta(minutes=11)):
            client.get("/security/")
        assert Session.objects.get().last_seen_at > seen

    def test_lets_a_sign_in_last_as_long_as_it_is_used(self, sign_in, settings):
        client, start = sign_in(MembershipFactory()), timezone.now()
        almost = timedelta(seconds=settings.SESSION_COOKIE_AGE - 60)

        with time_machine.travel(start + almost):
            assert client.get("/").status_code == 200
        with time_machine.travel(start + 2 * almost):
            assert client.get("/").status_code == 200
        with time_machine.travel(start + 4 * almost):
            assert client.get("/").status_code == 302


class TestEndAll:
    def test_ends_every_sign_in_but_one(self, sign_in):
        learner = MembershipFactory()
        here, there = sign_in(learner), sign_in(learner)

        ended = sessions.end_all(user_ids=[learner.user.pk], but=here.session.session_key)

        assert ended == 1
        assert here.get("/").status_code == 200
        assert there.get("/").status_code == 302

    def test_spares_other_portals_when_there_is_one_given(self, sign_in):
        learner = MembershipFactory()
        sister = MembershipFactory(user=learner.user, portal=PortalFactory(realm=learner.portal.realm))
        here, there = sign_in(learner), sign_in(sister)

        sessions.end_all(user_ids=[learner.user.pk], portal=learner.portal)

        assert here.get("/").status_code == 302
        assert there.get("/").status_code == 200

    def test_spares_other_people(self, sign_in):
        learner, other = MembershipFactory.create_batch(2, portal=PortalFactory())
        client = sign_in(other)

        sessions.end_all(user_ids=[learner.user.pk])

        assert client.get("/").status_code == 200


class TestEndOne:
    def test_ends_the_one_that_is_named(self, sign_in):
        learner = MembershipFactory()
        here, there = sign_in(learner), sign_in(learner)
        named = sessions.handle(Session.objects.get(session_key=there.session.session_key))

        assert sessions.end_one(learner.user, named, now=timezone.now())

        assert here.get("/").status_code == 200
        assert there.get("/").status_code == 302

    def test_refuses_the_sign_in_of_somebody_else(self, sign_in):
        learner, stranger = MembershipFactory.create_batch(2, portal=PortalFactory())
        client = sign_in(stranger)
        foreign = sessions.handle(Session.objects.get(user=stranger.user))

        assert not sessions.end_one(learner.user, foreign, now=timezone.now())
        assert client.get("/").status_code == 200


class TestHandle:
    def test_does_not_tell_the_key(self, sign_in):
        client = sign_in(MembershipFactory())

        assert client.session.session_key not in client.get("/security/").text


class TestDeviceOf:
    @pytest.mark.parametrize(
        ("agent", "expected"),
        [
            (FIREFOX, "Firefox, Windows"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
                "Version/18.5 Mobile/15E148 Safari/604.1",
                "Safari, iPhone",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
                "Chrome/137.0.0.0 Safari/537.36 Edg/137.0.0.0",
                "Edge, Mac",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 "
                "Mobile Safari/537.36",
                "Chrome, Android",
            ),
            ("curl/8.5.0", ""),
            ("", ""),
        ],
    )
    def test_names_browser_and_system(self, agent, expected):
        assert sessions.device_of(agent) == expected


class TestForgetOldSignIns:
    def test_deletes_what_has_expired(self, sign_in, settings):
        sign_in(MembershipFactory())

        tasks.forget_old_sign_ins()
        assert Session.objects.exists()

        with time_machine.travel(timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE + 1)):
            tasks.forget_old_sign_ins()
        assert not Session.objects.exists()
