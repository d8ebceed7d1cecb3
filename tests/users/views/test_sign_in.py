"""Signing in and out, and asking for a new link."""

import re

import pytest
from django.utils import timezone

from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, InvitationFactory, MembershipFactory, OperatorFactory
from users import invitations
from users.models import Invitation

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


def without_token(page):
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page.text)


class TestSignInPage:
    def sign_in(self, client, email, password=PASSWORD, **more):
        return client.post("/sign-in/", {"email": email, "password": password, **more})

    def test_lets_a_learner_in(self, portal_client):
        learner = MembershipFactory()
        client = portal_client(learner.portal)

        page = self.sign_in(client, learner.user.email)

        assert (page.status_code, page["Location"]) == (302, "/")
        assert client.get("/").status_code == 200

    def test_lets_an_operator_in_at_the_platform_host(self, portal_client):
        client = portal_client(None)

        page = self.sign_in(client, OperatorFactory().email, next="/admin/")

        assert page["Location"] == "/admin/"

    def test_goes_on_to_where_one_wanted(self, portal_client):
        learner = MembershipFactory()

        page = self.sign_in(portal_client(learner.portal), learner.user.email, next="/profile/?a=1")

        assert page["Location"] == "/profile/?a=1"

    @pytest.mark.parametrize(
        "target",
        ["https://evil.example/", "//evil.example", "/\\evil.example", "///evil.example", "javascript:alert(1)", "x"],
    )
    def test_never_leaves_the_host(self, portal_client, target):
        learner = MembershipFactory()

        page = self.sign_in(portal_client(learner.portal), learner.user.email, next=target)

        assert page["Location"] == "/"

    def test_keeps_the_wish_in_the_form(self, portal_client):
        page = portal_client(PortalFactory()).get("/sign-in/?next=/profile/")

        assert 'name="next" value="/profile/"' in page.text

    def test_answers_every_refusal_alike(self, portal_client):
        portal = PortalFactory()
        known = MembershipFactory(portal=portal)
        pending = MembershipFactory(portal=portal, status="pending")
        ended = MembershipFactory(portal=portal, status="ended")
        tries = [
            (known.user.email, "wrong"),
            (pending.user.email, PASSWORD),
            (ended.user.email, "wrong"),
            ("stranger@example.com", PASSWORD),
        ]

        pages = [self.sign_in(portal_client(portal), *one) for one in tries]

        assert {page.status_code for page in pages} == {200}
        texts = {without_token(page).replace(email, "") for page, (email, _password) in zip(pages, tries, strict=True)}
        assert len(texts) == 1

    def test_sends_those_away_who_are_in_already(self, portal_client):
        learner = MembershipFactory()

        assert portal_client(learner.portal, learner.user).get("/sign-in/")["Location"] == "/"

    def test_offers_another_account_to_who_lacks_rights(self, portal_client):
        learner = MembershipFactory()

        page = portal_client(learner.portal, learner.user).get("/sign-in/?next=/admin/")

        assert page.status_code == 200

    def test_locks_after_too_many_tries_and_only_this_account(self, portal_client):
        portal = PortalFactory()
        victim, other = MembershipFactory.create_batch(2, portal=portal)
        client = portal_client(portal)
        for _ in range(10):
            self.sign_in(client, victim.user.email, "guess")

        assert "too many tries" in self.sign_in(client, victim.user.email).text
        assert self.sign_in(portal_client(portal), other.user.email).status_code == 302

    def test_leaves_other_network_addresses_unlocked(self, portal_client):
        learner = MembershipFactory()
        for _ in range(10):
            self.sign_in(portal_client(learner.portal, REMOTE_ADDR="192.0.2.7"), learner.user.email, "guess")

        assert self.sign_in(portal_client(learner.portal), learner.user.email).status_code == 302

    def test_says_how_one_comes_in_where_there_is_single_sign_on(self, portal_client):
        page = portal_client(PortalFactory(sign_in_method="saml")).get("/sign-in/")

        assert "organization" in page.text

    def test_wants_a_csrf_token(self, portal_client):
        learner = MembershipFactory()

        page = self.sign_in(portal_client(learner.portal, enforce_csrf_checks=True), learner.user.email)

        assert page.status_code == 403


class TestTemporaryPassword:
    def test_leads_to_the_page_that_asks_for_a_password(self, portal_client):
        invitation = InvitationFactory()
        invitations.hand_over(invitation=invitation, now=timezone.now())
        client = portal_client(invitation.membership.portal)

        page = client.post(
            "/sign-in/",
            {
                "email": invitation.membership.user.email,
                "password": invitations.temporary_password(invitation),
            },
        )

        assert page["Location"] == f"/invitation/{invitations.token(invitation)}/"
        assert "_auth_user_id" not in client.session

    def test_is_refused_before_the_mail_has_left(self, portal_client):
        invitation = InvitationFactory()

        page = portal_client(invitation.membership.portal).post(
            "/sign-in/",
            {
                "email": invitation.membership.user.email,
                "password": invitations.temporary_password(invitation),
            },
        )

        assert page.status_code == 200


class TestSignOut:
    def test_ends_the_session(self, portal_client):
        learner = MembershipFactory()
        client = portal_client(learner.portal, learner.user)

        client.post("/sign-out/")

        assert client.get("/").status_code == 302

    def test_needs_a_post(self, portal_client):
        learner = MembershipFactory()
        client = portal_client(learner.portal, learner.user)

        assert client.get("/sign-out/").status_code == 405
        assert client.get("/").status_code == 200


@pytest.mark.usefixtures("tasks_at_once")
class TestPasswordForgottenPage:
    def ask(self, portal_client, portal, email, **options):
        return portal_client(portal, **options).post("/password/forgot/", {"email": email})

    def test_sends_a_link_to_someone_with_access(self, portal_client):
        learner = MembershipFactory()

        page = self.ask(portal_client, learner.portal, learner.user.email)

        assert page.status_code == 200
        assert Invitation.objects.get().kind == "reset"

    def test_says_the_same_to_everyone(self, portal_client):
        portal = PortalFactory()
        emails = [
            MembershipFactory(portal=portal).user.email,
            MembershipFactory(portal=portal, status="ended").user.email,
            "stranger@example.com",
        ]

        texts = {without_token(self.ask(portal_client, portal, email)).replace(email, "") for email in emails}

        assert len(texts) == 1

    def test_stops_at_three_mails_an_hour(self, portal_client):
        learner = MembershipFactory()
        nonces = set()

        for _ in range(5):
            page = self.ask(portal_client, learner.portal, learner.user.email.upper())
            nonces.add(Invitation.objects.get().nonce)

        assert len(nonces) == 3
        assert page.status_code == 200

    def test_stops_a_visitor_who_tries_many_addresses(self, portal_client):
        portal = PortalFactory()
        for number in range(20):
            self.ask(portal_client, portal, f"guess{number}@example.com")
        learner = MembershipFactory(portal=portal)

        self.ask(portal_client, portal, learner.user.email)
        assert not Invitation.objects.exists()

        self.ask(portal_client, portal, learner.user.email, REMOTE_ADDR="192.0.2.7")
        assert Invitation.objects.exists()

    def test_explains_single_sign_on(self, portal_client):
        page = portal_client(PortalFactory(sign_in_method="saml")).get("/password/forgot/")

        assert "IT department" in page.text

    def test_is_no_page_of_the_platform_host(self, portal_client):
        assert portal_client(None).get("/password/forgot/")["Location"] == "/admin/"


class TestAdminLogin:
    def test_passes_through_the_same_page(self, portal_client):
        admin = AdminFactory()
        client = portal_client(admin.portal)

        page = client.post("/sign-in/", {"email": admin.user.email, "password": PASSWORD, "next": "/admin/"})

        assert page["Location"] == "/admin/"
