"""Who may sign in where, and who still may on the next request."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth import authenticate, hashers
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory, OperatorFactory, UserFactory
from users.backends import RealmBackend

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


@pytest.fixture
def at(rf):
    """Make a request at a portal, or at the platform host for None."""

    def make(portal):
        request = rf.post("/sign-in/")
        request.portal = portal
        return request

    return make


class TestAuthenticate:
    def test_lets_a_learner_in_at_their_portal(self, at):
        learner = MembershipFactory()

        assert authenticate(at(learner.portal), email=learner.user.email, password=PASSWORD) == learner.user

    def test_ignores_the_case_of_the_address(self, at):
        learner = MembershipFactory()

        found = authenticate(at(learner.portal), username=f" {learner.user.email.upper()} ", password=PASSWORD)

        assert found == learner.user

    @pytest.mark.parametrize("status", ["pending", "ended"])
    def test_refuses_who_has_no_access(self, at, status):
        learner = MembershipFactory(status=status)

        assert authenticate(at(learner.portal), email=learner.user.email, password=PASSWORD) is None

    def test_refuses_a_learner_after_the_last_day(self, at):
        yesterday = timezone.localdate() - timedelta(days=1)
        leaver = MembershipFactory(last_day=yesterday)

        assert authenticate(at(leaver.portal), email=leaver.user.email, password=PASSWORD) is None

    def test_lets_a_learner_in_on_the_last_day(self, at):
        learner = MembershipFactory(last_day=timezone.localdate())

        assert authenticate(at(learner.portal), email=learner.user.email, password=PASSWORD) == learner.user

    def test_refuses_a_wrong_password(self, at):
        learner = MembershipFactory()

        assert authenticate(at(learner.portal), email=learner.user.email, password="wrong") is None

    def test_refuses_an_account_that_is_switched_off(self, at):
        learner = MembershipFactory(user__is_active=False)

        assert authenticate(at(learner.portal), email=learner.user.email, password=PASSWORD) is None

    def test_keeps_realms_apart_that_share_an_address(self, at):
        here = MembershipFactory(user__email="robin@example.com")
        MembershipFactory(user__email="robin@example.com", user__password="another password")

        assert authenticate(at(here.portal), email="robin@example.com", password=PASSWORD) == here.user
        assert authenticate(at(here.portal), email="robin@example.com", password="another password") is None

    def test_refuses_a_person_of_the_realm_who_is_not_in_the_portal(self, at):
        sister = PortalFactory()
        learner = MembershipFactory(portal__realm=sister.realm)

        assert authenticate(at(sister), email=learner.user.email, password=PASSWORD) is None

    def test_refuses_people_of_realms_at_the_platform_host(self, at):
        admin = AdminFactory()

        assert authenticate(at(None), email=admin.user.email, password=PASSWORD) is None

    def test_lets_operators_in_everywhere(self, at):
        operator = OperatorFactory()

        assert authenticate(at(None), email=operator.email, password=PASSWORD) == operator
        assert authenticate(at(PortalFactory()), email=operator.email, password=PASSWORD) == operator

    def test_refuses_an_account_without_realm_that_is_no_operator(self, at):
        stray = UserFactory(realm=None)

        assert authenticate(at(None), email=stray.email, password=PASSWORD) is None

    def test_leaves_learners_of_a_single_sign_on_portal_to_that(self, at):
        portal = PortalFactory(sign_in_method="saml")
        learner, admin = MembershipFactory(portal=portal), AdminFactory(portal=portal)

        assert authenticate(at(portal), email=learner.user.email, password=PASSWORD) is None
        assert authenticate(at(portal), email=admin.user.email, password=PASSWORD) == admin.user

    @pytest.mark.parametrize("who", ["known", "unknown", "pending", "ended", "without password"])
    def test_hashes_once_whoever_asks(self, at, who, monkeypatch):
        learner = MembershipFactory(status=who if who in {"pending", "ended"} else "active")
        if who == "without password":
            learner.user.set_unusable_password()
            learner.user.save()
        email = "nobody@example.com" if who == "unknown" else learner.user.email
        hashed = []
        hasher = type(hashers.get_hasher())
        original = hasher.encode

        def encode(self, password, salt):
            hashed.append(password)
            return original(self, password, salt)

        monkeypatch.setattr(hasher, "encode", encode)

        authenticate(at(learner.portal), email=email, password="wrong")

        assert len(hashed) == 1


class TestWhoseAccessHasEnded:
    """People are told so, once they have proved by the password that it is they."""

    WORDS = "has ended"

    @pytest.fixture
    def leaver(self):
        return MembershipFactory(status="ended")

    def sign_in(self, portal_client, leaver, password=PASSWORD, email=""):
        credentials = {"email": email or leaver.user.email, "password": password}
        return portal_client(leaver.portal).post("/sign-in/", credentials).content.decode()

    def test_is_told_so(self, portal_client, leaver):
        assert self.WORDS in self.sign_in(portal_client, leaver)

    def test_is_told_so_after_the_last_day(self, portal_client):
        leaver = MembershipFactory(last_day=timezone.localdate() - timedelta(days=2))

        assert self.WORDS in self.sign_in(portal_client, leaver)

    def test_is_told_so_when_it_ended_above(self, portal_client):
        above = MembershipFactory(status="ended")
        below = PortalFactory(realm=above.portal.realm, parent=above.portal)

        assert self.WORDS in self.sign_in(portal_client, MembershipFactory(portal=below, user=above.user))

    def test_is_not_told_with_a_wrong_password(self, portal_client, leaver):
        assert self.WORDS not in self.sign_in(portal_client, leaver, password="wrong")

    def test_is_not_told_when_nobody_was_let_in_yet(self, portal_client):
        invited = MembershipFactory(status="pending")

        assert self.WORDS not in self.sign_in(portal_client, invited)

    def test_is_not_told_where_learners_use_no_password(self, portal_client):
        leaver = MembershipFactory(status="ended", portal=PortalFactory(sign_in_method="saml"))

        assert self.WORDS not in self.sign_in(portal_client, leaver)


class TestPermissions:
    def test_are_all_for_operators_and_none_for_others(self):
        assert OperatorFactory().has_perm("users.change_user")
        assert not AdminFactory().user.has_perm("users.change_user")

    def test_backend_forgets_accounts_that_are_switched_off(self):
        assert RealmBackend().get_user(UserFactory(is_active=False).pk) is None


class TestPortalAuthenticationMiddleware:
    def test_keeps_a_learner_signed_in(self, portal_client):
        learner = MembershipFactory()

        assert portal_client(learner.portal, learner.user).get("/").status_code == 200

    @pytest.mark.parametrize("status", ["pending", "ended"])
    def test_signs_out_on_the_next_request_whose_access_ended(self, portal_client, status):
        learner = MembershipFactory()
        client = portal_client(learner.portal, learner.user)
        learner.status = status
        learner.save()

        page = client.get("/")

        assert page.status_code == 302
        assert page["Location"] == "/sign-in/?next=/"
        assert "_auth_user_id" not in client.session

    def test_gives_a_session_nothing_in_another_portal(self, portal_client):
        learner = MembershipFactory()
        sister = PortalFactory(realm=learner.portal.realm)

        assert portal_client(sister, learner.user).get("/").status_code == 302

    def test_gives_a_session_nothing_at_the_platform_host(self, portal_client):
        admin = AdminFactory()

        page = portal_client(None, admin.user).get("/admin/")

        assert page.status_code == 302

    def test_asks_for_account_and_membership_once(self, portal_client):
        learner = MembershipFactory()
        client = portal_client(learner.portal, learner.user)

        with CaptureQueriesContext(connection) as queries:
            client.get("/sign-in/")

        asked = [query["sql"] for query in queries if re.search(r'FROM "users_(user|membership)"', query["sql"])]
        assert len(asked) == 2
