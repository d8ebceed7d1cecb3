"""Signed links (SQSSO): set up by the admin, made by the customer's site, used by learners."""

import hashlib
import hmac
import re
from datetime import timedelta
from functools import partial
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from portals.models import Portal, SignedLinkSettings
from tests.factories.users import MembershipFactory
from users import signed_links
from users.models import Membership, SignInAttempt

pytestmark = pytest.mark.django_db

MAYA = "maya@harborpine.example"


@pytest.fixture
def secret(admin, portal):
    """The secret of the links of a portal where learners sign in by them."""
    secret = signed_links.new_secret()
    settings = SignedLinkSettings.objects.create(portal=portal, sign_in_url="https://intranet.example.com/portal")
    signed_links.rotate(settings=settings, secret=secret, overlap=timedelta(0), now=timezone.now())
    portal.sign_in_method = Portal.SignInMethod.SIGNED_LINK
    portal.save(update_fields=["sign_in_method"])
    return secret


@pytest.fixture
def link(secret, portal):
    """Make a link as the customer's site does."""
    return partial(signed, portal, secret)


@pytest.fixture
def learner(portal):
    return MembershipFactory(portal=portal, user__email=MAYA)


def signed(portal, secret, **more):
    """Make a link following the documentation."""
    fields = {"Email": MAYA, "TS": str(int(timezone.now().timestamp())), **more}
    told = {**fields, "portal": portal.slug}
    parts = [part.encode() for pair in sorted(told.items()) for part in pair]
    text = b"".join(b"%d:%s," % (len(part), part) for part in parts)
    fields["SSOToken"] = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    return f"{portal.url('/sqsso')}?{urlencode(fields)}"


class TestAdmin:
    def test_sets_it_up_and_sees_the_secret_once(self, admin, portal, learner, visit):
        admin.open("/admin/").follow("Single sign-on").follow("Set up signed links")
        admin.press("Save", sign_in_url="https://intranet.example.com/portal")
        admin.open("/admin/").follow("Single sign-on").follow("Secret").press("Set a new secret")
        secret = re.search(r"<code[^>]*>([^<]+)</code>", admin.source)[1]
        admin.open("/admin/").follow("Single sign-on").follow("Let learners sign in by signed link").press("Change")

        assert secret not in admin.open("/admin/").follow("Single sign-on").follow("Secret").source
        assert visit(portal).open(signed(portal, secret)).status == 200


class TestLearner:
    def test_comes_in_and_goes_on_to_where_the_link_leads(self, learner, link, portal, visit):
        browser = visit(portal).open(link(FirstName="Maya", redirect_uri="/profile/"))

        assert (browser.path, browser.status) == ("/profile/", 200)
        assert "Maya Vale" in browser.words

    @pytest.mark.parametrize(
        "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
    )
    def test_never_leaves_the_portal(self, learner, link, portal, visit, target):
        assert visit(portal).open(link(redirect_uri=target)).path == "/"

    def test_accepts_the_invitation_by_it(self, portal, link, visit):
        newcomer = MembershipFactory(portal=portal, user__email=MAYA, status="pending")

        visit(portal).open(link())

        newcomer.refresh_from_db()
        assert newcomer.status == "active"

    def test_is_added_only_where_the_admin_says_so(self, link, portal, visit):
        assert visit(portal).open(link()).status == 403

        SignedLinkSettings.objects.update(creates_people=True)
        assert visit(portal).open(link(LastName="Okafor")).status == 200
        assert Membership.objects.get(user__email=MAYA).source == "sso"

    def test_is_sent_to_the_site_that_makes_the_links(self, secret, portal, portal_client):
        page = portal_client(portal).get("/profile/", follow=False)
        page = portal_client(portal).get(page["Location"])

        assert page["Location"] == "https://intranet.example.com/portal"


class TestRefusals:
    def reason(self):
        return SignInAttempt.objects.latest("pk").reason

    def test_of_a_link_that_was_used(self, learner, link, portal, visit):
        used = link()
        visit(portal).open(used)

        assert visit(portal).open(used).status == 403
        assert self.reason() == "replayed"

    def test_of_a_link_that_was_used_and_is_spelled_otherwise(self, learner, link, portal, visit):
        address, _, token = link().rpartition("SSOToken=")
        visit(portal).open(f"{address}SSOToken={token}")

        assert visit(portal).open(f"{address}SSOToken={token.upper()}").status == 403
        assert self.reason() == "replayed"

    def test_of_a_link_that_was_altered(self, learner, link, portal, visit):
        assert visit(portal).open(link() + "&FirstName=Mallory").status == 403
        assert self.reason() == "wrong_signature"

    def test_of_leavers_who_stay_away(self, portal, link, visit):
        leaver = MembershipFactory(portal=portal, user__email=MAYA, status="ended")

        assert visit(portal).open(link()).status == 403
        leaver.refresh_from_db()
        assert (leaver.status, self.reason()) == ("ended", "access_ended")

    def test_of_admins(self, link, portal, visit):
        browser = visit(portal).open(link(Email="nora.bell@harborpine.example"))

        assert (browser.status, self.reason()) == (403, "staff")

    def test_leads_to_the_page_that_the_admin_chose(self, link, portal, portal_client):
        SignedLinkSettings.objects.update(unauthorized_url="https://intranet.example.com/no")

        page = portal_client(portal).get(link().partition(portal.host)[2])

        assert page["Location"] == "https://intranet.example.com/no"


class TestTester:
    def test_makes_a_link_that_works_once(self, admin, secret, learner, portal, visit):
        admin.open("/admin/").follow("Single sign-on").follow("Try links, and how to make them")
        admin.press("Try", email=MAYA)
        made = re.search(r"<code[^>]*>(http[^<]+)</code>", admin.source)[1].replace("&amp;", "&")

        assert visit(portal).open(made).status == 200
        assert visit(portal).open(made).status == 403

    def test_says_step_by_step_what_is_wrong_and_uses_nothing_up(self, admin, learner, link, portal, visit):
        good = link()
        tester = "/admin/portals/signedlinksettings/tester/"

        assert "It would let Robin Vale in" in admin.open(tester).press("Try", link=good).words
        assert "The signature does not fit" in admin.open(tester).press("Try", link=f"{good}&LastName=X").words
        assert visit(portal).open(good).status == 200
        assert "Each works once" in admin.open(tester).press("Try", link=good).words

    def test_makes_no_link_for_admins_and_strangers(self, admin, secret):
        tester = "/admin/portals/signedlinksettings/tester/"

        assert "never by single sign-on" in admin.open(tester).press("Try", email="nora.bell@harborpine.example").words
        assert "Nobody in this portal" in admin.open(tester).press("Try", email="stranger@example.com").words
