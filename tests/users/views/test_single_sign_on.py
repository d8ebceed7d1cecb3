"""The door for single sign-on: what a session that it opened is worth, and what visitors get to see."""

import base64

import pytest
from django.utils import timezone

from integrations.sandbox import assertions
from integrations.sandbox.assertions import Answer, Signer
from portals import saml_metadata
from tests.factories.portals import PortalFactory, SamlSettingsFactory
from tests.factories.users import AdminFactory, MembershipFactory
from tests.users import codes
from users import saml_arrivals
from users.models import Membership, SignInAttempt
from users.saml_arrivals import Arrival

pytestmark = pytest.mark.django_db

EMAIL = "maya@juniper.example"


@pytest.fixture(scope="module")
def signer():
    return Signer("Identity provider")


@pytest.fixture
def portal(signer):
    """A portal whose learners come by SAML, also from the provider's tile."""
    settings = SamlSettingsFactory(accepts_unasked=True)
    saml_metadata.replace_certificates(settings, [saml_metadata.certificate_of(signer.certificate)])
    return settings.portal


@pytest.fixture
def learner(portal):
    return MembershipFactory(portal=portal, user__email=EMAIL)


@pytest.fixture
def post(portal, signer):
    """Post an answer of the provider as a browser does, and follow where it leads."""

    def answer(client, **more):
        said = Answer(
            issuer=portal.saml_settings.entity_id,
            consumer=portal.url("/saml/consumer"),
            audience=portal.url(""),
            name_id=EMAIL,
            **more,
        )
        return client.post(
            "/saml/consumer", {"SAMLResponse": assertions.response(said, signer), "RelayState": "/profile/"}
        )

    return answer


class TestConsumer:
    def test_takes_the_post_of_another_site_and_comes_back_by_itself(self, portal_client, portal, learner, post):
        client = portal_client(portal, enforce_csrf_checks=True)

        page = post(client)

        assert page.status_code == 302
        assert page["Location"].startswith("/saml/finish/")
        assert "_auth_user_id" not in client.session
        assert client.get(page["Location"])["Location"] == "/profile/"

    @pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "x"])
    def test_never_leads_out_of_the_portal(self, portal_client, portal, learner, signer, target):
        client = portal_client(portal)
        said = Answer(portal.saml_settings.entity_id, portal.url("/saml/consumer"), portal.url(""), EMAIL)
        posted = {"SAMLResponse": assertions.response(said, signer), "RelayState": target}

        page = client.get(client.post("/saml/consumer", posted)["Location"])

        assert page["Location"] == "/"

    def test_is_closed_where_nothing_is_set_up(self, portal_client):
        client = portal_client(PortalFactory(sign_in_method="saml"))

        assert client.post("/saml/consumer", {"SAMLResponse": "x"}).status_code == 404
        assert client.get("/saml/").status_code == 404
        assert client.get("/saml/consumer").status_code == 405

    def test_refuses_garbage_with_a_plain_page(self, portal_client, portal):
        client = portal_client(portal)
        bomb = base64.b64encode(b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>').decode()

        for text, reason in {"x": "malformed", bomb: "has_dtd"}.items():
            page = client.get(client.post("/saml/consumer", {"SAMLResponse": text})["Location"])
            assert (page.status_code, SignInAttempt.objects.latest("pk").reason) == (403, reason)


class TestFinish:
    def test_works_once(self, portal_client, portal, learner, post):
        client = portal_client(portal)
        address = post(client)["Location"]
        client.get(address)

        assert portal_client(portal).get(address).status_code == 403

    def test_belongs_to_one_portal(self, portal_client, portal):
        token = an_arrival(portal)

        assert saml_arrivals.take(PortalFactory(), token) is None
        assert saml_arrivals.take(portal, token) is not None

    def test_wants_the_browser_that_has_asked(self, portal_client, portal, learner, post):
        mine, victims = portal_client(portal), portal_client(portal)
        mine.get("/saml/")
        request_id = next(iter(mine.session["saml_requests"]))

        address = post(mine, request_id=request_id)["Location"]

        assert victims.get(address).status_code == 403
        assert SignInAttempt.objects.get().reason == "other_browser"
        assert "_auth_user_id" not in victims.session

    def test_lets_nobody_in_while_the_method_is_another(self, portal_client, portal, learner, post):
        portal.sign_in_method = "password"
        portal.save()
        client = portal_client(portal)

        assert client.get(post(client)["Location"]).status_code == 403
        assert SignInAttempt.objects.get().reason == "not_set_up"


class TestSession:
    def come_in(self, client, post):
        client.get(post(client)["Location"])
        assert client.get("/").status_code == 200
        return client.session.session_key

    def test_counts_at_no_other_portal_of_the_realm(self, portal_client, portal, learner, post):
        elsewhere = AdminFactory(portal=PortalFactory(realm=portal.realm), user=learner.user).portal
        client, thief = portal_client(portal), portal_client(elsewhere)
        thief.cookies["sessionid"] = self.come_in(client, post)

        assert thief.get("/admin/").status_code == 302
        assert client.get("/").status_code == 200

    def test_ends_when_the_person_becomes_staff(self, portal_client, portal, learner, post):
        client = portal_client(portal)
        self.come_in(client, post)

        Membership.objects.filter(pk=learner.pk).update(role="admin")

        assert client.get("/admin/").status_code == 302

    def test_gives_way_to_one_by_password(self, portal_client, portal, learner, post):
        client = portal_client(portal)
        self.come_in(client, post)
        Membership.objects.filter(pk=learner.pk).update(role="admin")

        client.post("/sign-in/direct/", {"email": EMAIL, "password": "correct horse battery"})

        assert client.get("/admin/").status_code == 200

    def test_is_no_more_worth_for_a_second_factor(self, portal_client, portal, learner, post):
        app, _codes = codes.set_up(learner.user)
        client = portal_client(portal, MembershipFactory(portal=portal).user)
        client.get(post(client)["Location"])
        client.post("/sign-in/code/", {"code": codes.code_of(app)})
        assert client.session["_auth_user_id"] == str(learner.user_id)

        Membership.objects.filter(pk=learner.pk).update(role="admin")

        assert client.get("/admin/").status_code == 302

    def test_ends_with_the_access(self, portal_client, portal, learner, post):
        client = portal_client(portal)
        self.come_in(client, post)

        Membership.objects.filter(pk=learner.pk).update(status="ended", ended_at=timezone.now())

        assert client.get("/").status_code == 302


class TestSignInPage:
    def test_sends_learners_to_the_provider(self, portal_client, portal):
        client = portal_client(portal)

        page = client.get("/sign-in/?next=/profile/")

        assert page["Location"] == "/saml/?next=%2Fprofile%2F"
        assert client.get(page["Location"])["Location"].startswith(portal.saml_settings.sign_in_url)

    def test_sends_those_who_want_into_the_admin_to_the_password(self, portal_client, portal):
        page = portal_client(portal).get("/sign-in/?next=/admin/users/")

        assert page["Location"] == "/sign-in/direct/?next=%2Fadmin%2Fusers%2F"


class TestMetadata:
    def test_is_open_to_all(self, portal_client, portal):
        page = portal_client(portal).get("/saml/metadata")

        assert page["Content-Type"] == "application/samlmetadata+xml"
        assert portal.url("/saml/consumer") in page.text


def an_arrival(portal):
    """Keep an arrival and return its token."""
    return saml_arrivals.keep(portal, Arrival("", "/"))
