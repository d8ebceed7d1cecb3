"""What people try who have no business there: another portal's admin, a manager, an admin with limited rights."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from portals.models import Portal
from tests.e2e.pages import posted
from tests.factories.portals import GroupFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users import grouping
from users.models import GroupManager, Membership

PASSWORD = "correct horse battery"
PEOPLE = "/admin/users/membership/"


@pytest.fixture
def victim(portal):
    """A learner whom none of the strangers may see."""
    return MembershipFactory(portal=portal, user__first_name="Vera", user__last_name="Secret")


def paths_of(victim):
    """Return the pages about the learner, and those of the portal's set-up."""
    person = f"{PEOPLE}{victim.pk}"
    settings = [f"/admin/portals/portal/{victim.portal_id}/change/", "/admin/settings/integrations/"]
    return [f"{person}/change/", f"{PEOPLE}{victim.pk}/end-access/"], settings


def status_of(page, address):
    return page.goto(address).status


class TestAdminOfAnotherPortal:
    def test_sees_and_changes_nobody(self, page, portal, sign_in, victim):
        other = PortalFactory(realm=portal.realm, slug="elsewhere")
        stranger = AdminFactory(portal=other, user__password=PASSWORD)
        page.goto(other.url("/sign-in/"))
        page.get_by_label("E-mail address").fill(stranger.user.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(other.url("/"))

        people, settings = paths_of(victim)
        for path in (*people, settings[0]):
            assert status_of(page, other.url(path)) == 404
        page.goto(other.url(f"{PEOPLE}?q=Secret"))
        expect(page.get_by_text("0 users").first).to_be_visible()
        expect(page.get_by_text("Vera")).to_have_count(0)
        page.goto(other.url(PEOPLE))
        assert posted(page, people[0], {"first_name": "Hacked"}) == 404
        # At the other portal's own address the stranger is nobody.
        page.goto(portal.url(people[0]))
        expect(page).to_have_url(re.compile("/sign-in/"))
        victim.user.refresh_from_db()
        assert victim.user.first_name == "Vera"


class TestManager:
    def test_reaches_only_the_own_group(self, page, portal, sign_in, victim):
        group = GroupFactory(portal=portal, title="Night shift")
        member = MembershipFactory(portal=portal, user__first_name="Nils", user__last_name="Owl")
        grouping.add_members(group=group, membership_ids=[member.pk], now=timezone.now())
        manager = MembershipFactory(portal=portal, role="manager")
        GroupManager.objects.create(membership=manager, group=group)
        sign_in(page, manager.user.email, PASSWORD)

        page.goto(portal.url("/admin/"))
        expect(page.get_by_text("Nils Owl").first).to_be_visible()
        expect(page.get_by_text("Vera Secret")).to_have_count(0)
        people, settings = paths_of(victim)
        for path in people:
            assert status_of(page, portal.url(path)) == 404
        for path in (*settings, "/admin/portals/customfield/", "/admin/users/auditentry/", f"{PEOPLE}import/"):
            assert status_of(page, portal.url(path)) in {403, 404}
        page.goto(portal.url(f"{PEOPLE}{member.pk}/change/"))
        assert posted(page, people[1], {}) == 404
        posted(page, f"{PEOPLE}{member.pk}/change/", {"role": "admin", "email": member.user.email})
        assert not Membership.objects.filter(pk=member.pk, role="admin").exists()
        assert Membership.objects.get(pk=victim.pk).status == "active"


class TestLimitedAdmin:
    def test_opens_no_settings_and_lifts_nobody(self, page, portal, sign_in, victim):
        limited = AdminFactory(portal=portal, is_limited=True)
        full = AdminFactory(portal=portal)
        sign_in(page, limited.user.email, PASSWORD)

        page.goto(portal.url("/admin/"))
        expect(page.get_by_role("link", name="Users").first).to_be_visible()
        expect(page.get_by_role("link", name="Portal settings")).to_have_count(0)
        people, settings = paths_of(victim)
        for path in settings:
            assert status_of(page, portal.url(path)) in {403, 404}
        page.goto(portal.url(people[0]))
        assert posted(page, settings[0], {"name": "Mine"}) in {403, 404}
        assert posted(page, f"{PEOPLE}{full.pk}/change/", {"role": "learner"}) == 403
        page.get_by_label("Role").select_option("admin")
        page.get_by_role("button", name="Save", exact=True).click()

        expect(page.get_by_text("You can only give rights that you have yourself").first).to_be_visible()
        assert Membership.objects.get(pk=victim.pk).role == "learner"
        assert Membership.objects.get(pk=full.pk).role == "admin"
        assert Portal.objects.get(pk=portal.pk).name != "Mine"
