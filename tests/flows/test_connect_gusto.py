"""Add Gusto to your portal: first-time setup."""

from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine
from django.utils import timezone

from integrations.models import Connection, ConsentRequest, Grant
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory

from .conftest import GUSTO

pytestmark = pytest.mark.django_db

CATALOG = "/admin/settings/integrations/"


class TestFirstTimeSetup:
    def test_leads_from_the_navigation_through_the_consent_to_active(self, admin, sandbox):
        admin.open("/admin/").follow("Integrations")
        assert "HR Integrations" in admin.words
        admin.follow("Set up Gusto").press("+ Connect")
        assert admin.address.startswith(f"{sandbox.url}/oauth/authorize?")
        assert "Rollcall will receive" in admin.words

        admin.press(
            "Allow", user_id="ines@harborpine.example", password="hers", company="Harbor & Pine Outfitters LLC"
        )

        assert "Connect Harbor & Pine Outfitters LLC?" in admin.words
        admin.press("Finish")
        assert "Harbor & Pine Outfitters LLC is connected." in admin.words
        assert "Gusto Active" in admin.open(CATALOG).words

    def test_comes_back_at_the_platform_s_host_and_ends_at_the_portal_s_own(self, admin, sandbox, portal, settings):
        admin.open(GUSTO).press("+ Connect").press("Allow")

        *_, callback, finish, question = [urlsplit(address) for address in admin.addresses]
        assert (callback.netloc, callback.path) == (settings.PLATFORM_DOMAIN, "/integrations/gusto/callback/")
        assert finish.netloc == question.netloc == portal.platform_host
        assert "code=" not in question.query

    def test_adds_and_invites_nobody_by_itself(self, connection, smtp):
        assert connection.portal.memberships.learners().count() == 0
        assert smtp == []

    def test_keeps_the_tokens_sealed(self, connection, sandbox):
        grant = Grant.objects.get()
        answer = str(list(Grant.objects.values()))

        assert grant.access_token
        assert all(token not in answer for token in sandbox.world.grants._by_access_token)

    def test_works_for_a_sub_portal_with_a_company_of_its_own(self, connection, portal, visit, connect):
        sub_portal = PortalFactory(realm=portal.realm, parent=portal, slug="harbor-north")
        account = AdminFactory(portal=sub_portal).user

        second = connect(visit(sub_portal).sign_in(account.email), company="Juniper Works Inc")

        assert (second.portal, second.state) == (sub_portal, "active")


class TestRefusals:
    def nothing_is_connected(self):
        return not Connection.objects.exists() and not Grant.objects.exists()

    def test_a_consent_that_is_denied_changes_nothing(self, admin, world):
        admin.open(GUSTO).press("+ Connect").press("Deny")

        assert admin.status == 400
        assert "Gusto was not connected" in admin.words
        assert self.nothing_is_connected()
        assert admin.open(GUSTO).has_button("+ Connect")

    def test_leaving_the_last_page_without_finish_changes_nothing(self, admin, world):
        admin.open(GUSTO).press("+ Connect").press("Allow").follow("Cancel")

        assert self.nothing_is_connected()

    def test_a_state_that_was_made_up_changes_nothing(self, admin, world, settings):
        callback = f"http://{settings.PLATFORM_DOMAIN}/integrations/gusto/callback/"

        admin.open(f"{callback}?{urlencode({'state': 'made-up', 'code': world.authorize()})}")

        assert admin.status == 400
        assert "belongs to no connection" in admin.words
        assert self.nothing_is_connected()

    def test_a_state_that_is_too_old_changes_nothing(self, admin, world):
        admin.open(GUSTO).press("+ Connect")

        with time_machine.travel(timezone.now() + timedelta(minutes=10, seconds=1)):
            admin.press("Allow")

        assert admin.status == 400
        assert "Too much time has passed" in admin.words
        assert self.nothing_is_connected()

    def test_a_link_that_is_opened_twice_says_so_and_changes_nothing(self, admin, world):
        admin.open(GUSTO).press("+ Connect").press("Allow")
        link = next(address for address in reversed(admin.addresses) if "code=" in address)
        admin.press("Finish")
        before = Connection.objects.values().get()

        admin.open(link)

        assert admin.status == 400
        assert "used before" in admin.words
        assert Connection.objects.values().get() == before

    def test_a_code_that_gusto_does_not_know_is_refused(self, admin, world):
        admin.open(GUSTO).press("+ Connect")
        consent = admin.address
        query = parse_qs(urlsplit(consent).query)

        admin.open(f"{query['redirect_uri'][0]}?{urlencode({'state': query['state'][0], 'code': 'guessed'})}")

        assert admin.status == 400
        assert "did not confirm the consent" in admin.words
        assert self.nothing_is_connected()

    def test_another_portal_s_admin_cannot_finish_it(self, admin, world, visit):
        stranger = AdminFactory()
        admin.open(GUSTO).press("+ Connect")
        consent = urlsplit(admin.address).query
        theirs = visit(stranger.portal).sign_in(stranger.user.email)

        theirs.open(f"{world_address(admin)}?{consent}").press("Allow")

        assert "/sign-in/" in theirs.path
        assert self.nothing_is_connected()
        assert not ConsentRequest.objects.exclude(sealed_token="").exists()

    def test_another_admin_of_the_same_portal_cannot_finish_it_either(self, admin, world, portal, visit):
        colleague = AdminFactory(portal=portal).user
        admin.open(GUSTO).press("+ Connect")
        consent = admin.address

        theirs = visit(portal).sign_in(colleague.email).open(consent).press("Allow")

        assert theirs.status == 400
        assert "Somebody else started this connection" in theirs.words
        assert self.nothing_is_connected()

    def test_a_company_of_another_portal_is_refused(self, connection, visit, connect):
        other = AdminFactory()
        theirs = visit(other.portal).sign_in(other.user.email).open(GUSTO).press("+ Connect").press("Allow")

        theirs.press("Finish")

        assert theirs.status == 400
        assert "is connected to another portal" in theirs.words
        assert Connection.objects.get().portal == connection.portal

    def test_a_portal_for_which_it_is_not_turned_on_says_whom_to_ask(self, world, visit):
        elsewhere = AdminFactory(portal__enabled_integrations=[])
        browser = visit(elsewhere.portal).sign_in(elsewhere.user.email).open(CATALOG)

        assert "Ask your Customer Success Manager or the support team to turn it on." in browser.words
        assert browser.open(GUSTO).status == 403

    @pytest.mark.parametrize("role", ["manager", "instructor", "learner"])
    def test_only_full_admins_see_the_pages(self, portal, visit, role):
        visitor = visit(portal).sign_in(MembershipFactory(portal=portal, role=role).user.email)

        assert visitor.open(GUSTO).status == 403


def world_address(browser):
    """Return the address of the consent page that is open, without its query."""
    return browser.address.partition("?")[0]
