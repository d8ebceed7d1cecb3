"""Single sign-on by SAML: set up by the admin, used by learners, against an identity provider over real HTTP."""

import pytest
import requests
from lxml import etree

from integrations.sandbox.assertions import FAULTS
from portals import saml_metadata
from portals.models import Portal, SamlSettings
from tests.factories.portals import CourseFactory, DynamicRuleFactory, GroupCourseFactory, GroupFactory
from tests.factories.users import InvitationFactory, MembershipFactory
from users.models import GroupMembership, Membership, SignInAttempt

pytestmark = pytest.mark.django_db

MAYA = "maya@harborpine.example"
PASSWORD = "correct horse battery"


@pytest.fixture
def provider(sandbox):
    """What the identity provider's metadata says: address, entity id and certificate."""
    found = etree.fromstring(requests.get(f"{sandbox.url}/idp/metadata", timeout=60).content)
    return {
        "entity_id": found.get("entityID"),
        "sign_in_url": found.find(".//{*}SingleSignOnService").get("Location"),
        "new_certificate": found.find(".//{*}X509Certificate").text,
    }


@pytest.fixture
def set_up(portal, portal_admin, provider):
    """Let learners sign in by SAML; how an admin does it is told in TestAdmin."""

    def done(**more):
        known = {"entity_id": provider["entity_id"], "sign_in_url": provider["sign_in_url"]}
        names = {"first_name_attribute": "firstName", "last_name_attribute": "lastName"}
        settings = SamlSettings.objects.create(portal=portal, **known, **names, **more)
        saml_metadata.replace_certificates(settings, [saml_metadata.certificate_of(provider["new_certificate"])])
        portal.sign_in_method = Portal.SignInMethod.SAML
        portal.save(update_fields=["sign_in_method"])

    return done


@pytest.fixture
def learner(portal):
    """Maya, who is in the portal and at the identity provider."""
    return MembershipFactory(portal=portal, user__email=MAYA)


@pytest.fixture
def sign_in(portal, visit):
    """Open a page of the portal and sign in at the identity provider as somebody."""

    def at_the_provider(email=MAYA, path="/", fault=""):
        browser = visit(portal).open(path)
        return browser.press("Sign in", email=email, fault=FAULTS[fault]).press("Continue")

    return at_the_provider


class TestLearner:
    def test_comes_in_and_goes_on_to_where_they_wanted(self, set_up, learner, sign_in):
        set_up()

        browser = sign_in(path="/profile/")

        assert (browser.path, browser.status) == ("/profile/", 200)
        assert "Okafor" in browser.words
        assert [one.reason for one in SignInAttempt.objects.all()] == [""]

    def test_comes_in_a_second_time_without_a_change(self, set_up, learner, sign_in):
        set_up()
        sign_in()
        learner.refresh_from_db()

        assert sign_in().status == 200
        assert learner.sign_on_identities.count() == 1

    def test_accepts_the_invitation_by_it_and_gets_the_courses(self, set_up, portal, sign_in):
        group = DynamicRuleFactory(group__portal=portal).group
        GroupCourseFactory(group=group, course=CourseFactory(portal=portal, title="Welcome aboard"))
        InvitationFactory(membership__portal=portal, membership__user__email=MAYA)
        set_up()

        assert "Welcome aboard" in sign_in().words
        assert Membership.objects.get(user__email=MAYA).status == "active"

    def test_cannot_use_a_password_any_more(self, set_up, learner, portal, visit):
        set_up()

        browser = visit(portal).open("/sign-in/direct/").press("Sign in", email=MAYA, password=PASSWORD)

        assert "do not let you in" in browser.words

    def test_is_told_after_signing_out(self, set_up, learner, sign_in):
        set_up(sign_out_url="https://id.example.com/bye")

        browser = sign_in().press("Sign out")

        assert browser.path == "/signed-out/?everywhere=1"
        assert browser.link("Go there now") == "https://id.example.com/bye"

    def test_joins_only_the_groups_that_follow_the_provider(self, set_up, admin, learner, portal, sign_in, world):
        following, other = GroupFactory(portal=portal, title=world.company.name), GroupFactory(portal=portal)
        set_up(groups_attribute="groups")
        for group in (following, other):
            admin.open(f"/admin/portals/group/{group.pk}/change/")
            admin.press("Save", **({"sso_sync": "Single sign-on"} if group == following else {}))

        sign_in()

        inside = GroupMembership.objects.filter(membership=learner)
        assert [row.group for row in inside.select_related("group")] == [following]


class TestRefusals:
    def test_of_strangers_tell_no_more_than_a_number(self, set_up, sign_in, admin):
        set_up()

        browser = sign_in("stranger@example.com")

        attempt = SignInAttempt.objects.get()
        assert browser.status == 403
        assert str(attempt.pk) in browser.words
        assert "stranger" not in browser.words
        assert attempt.reason == "unknown_person"
        assert "Nobody in this portal has this address" in admin.open("/admin/users/signinattempt/").words

    def test_read_the_same_for_everybody(self, set_up, portal, sign_in):
        MembershipFactory(portal=portal, user__email="leaver@example.com", status="ended")
        set_up()
        people = ["leaver@example.com", "stranger@example.com", "nora.bell@harborpine.example"]

        pages = [(browser.status, browser.words) for browser in map(sign_in, people)]

        numbers = SignInAttempt.objects.order_by("pk").values_list("pk", flat=True)
        texts = {words.replace(str(number), "") for (_, words), number in zip(pages, numbers, strict=True)}
        assert {status for status, _ in pages} == {403}
        assert len(texts) == 1
        reasons = SignInAttempt.objects.order_by("pk").values_list("reason", flat=True)
        assert list(reasons) == ["access_ended", "unknown_person", "staff"]

    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            ("unsigned", "unsigned"),
            ("sha1", "weak_algorithm"),
            ("wrapped", "wrapped"),
            ("wrong_audience", "wrong_audience"),
            ("expired", "expired"),
            ("other_request", "other_browser"),
            ("unasked", "not_asked_for"),
        ],
    )
    def test_of_answers_that_are_wrong(self, set_up, learner, sign_in, fault, reason):
        set_up()

        assert sign_in(fault=fault).status == 403
        assert SignInAttempt.objects.get().reason == reason

    def test_of_an_answer_that_was_used(self, set_up, learner, sign_in):
        set_up()
        sign_in()

        assert sign_in(fault="replay").status == 403
        assert SignInAttempt.objects.latest("pk").reason == "replayed"


class TestTileOfTheProvider:
    """Sign-ins that start at the identity provider."""

    def start_there(self, sandbox, portal, visit):
        consumer, audience = portal.url("/saml/consumer"), portal.url("")
        browser = visit(portal).open(
            f"{sandbox.url}/idp/sign-in?consumer={consumer}&audience={audience}&RelayState=/profile/"
        )
        return browser.press("Sign in", email=MAYA).press("Continue")

    def test_is_refused_by_default(self, set_up, learner, sandbox, portal, visit):
        set_up()

        assert self.start_there(sandbox, portal, visit).status == 403

    def test_leads_in_once_an_admin_allows_it(self, set_up, learner, sandbox, portal, visit):
        set_up(accepts_unasked=True)

        assert self.start_there(sandbox, portal, visit).path == "/profile/"


class TestAdmin:
    def test_sets_it_up_and_lets_learners_use_it(self, admin, provider, learner, sign_in):
        names = {"first_name_attribute": "firstName", "last_name_attribute": "lastName"}
        admin.open("/admin/").follow("Single sign-on").follow("Set up SAML").press("Save", **provider, **names)
        assert admin.status == 200, admin.words
        admin.open("/admin/").follow("Single sign-on").follow("Let learners sign in by SAML").press("Change")

        assert "Okafor" in sign_in(path="/profile/").words

    def test_tries_it_before_anyone_uses_it(self, admin, provider, learner, sandbox):
        admin.open("/admin/").follow("Single sign-on").follow("Set up SAML").press("Save", **provider)

        admin.open("/admin/").follow("Single sign-on").follow("Test sign-in").press("Start the test")
        admin.press("Sign in", email=MAYA).press("Continue")

        assert "Would sign in as Robin Vale" in admin.words
        assert "firstName" in admin.words
        assert Portal.objects.get().sign_in_method == "password"
        assert not SignInAttempt.objects.exists()

    def test_sees_why_a_test_would_be_refused(self, admin, provider, sandbox):
        admin.open("/admin/").follow("Single sign-on").follow("Set up SAML").press("Save", **provider)
        admin.open("/admin/").follow("Single sign-on").follow("Test sign-in").press("Start the test")

        admin.press("Sign in", email=MAYA, fault=FAULTS["wrong_audience"]).press("Continue")

        assert "The audience must be this portal's entity id" in admin.words

    def test_keeps_the_way_in_by_password(self, set_up, admin, portal, visit):
        set_up()

        browser = visit(portal).open("/admin/")
        assert browser.path.startswith("/sign-in/direct/")
        browser.press("Sign in", email="nora.bell@harborpine.example", password=PASSWORD)

        assert (browser.path, browser.status) == ("/admin/", 200)

    def test_is_not_sent_to_the_provider_by_signing_out(self, set_up, admin):
        set_up()

        assert admin.open("/").press("Sign out").path == "/signed-out/"
