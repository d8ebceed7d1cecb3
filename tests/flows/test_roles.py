"""Who may do what: an HR admin hands a group to a manager, ends somebody's access, and cannot lose the last admin."""

import pytest
from django.utils import timezone

from tests.factories.portals import CustomFieldFactory, GroupFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from tests.flows.browser import Browser
from users import grouping
from users.models import Membership

pytestmark = pytest.mark.django_db

PEOPLE = "/admin/users/membership/"


@pytest.fixture
def nora(portal, visit):
    """The browser of the only admin with full rights."""
    nora = AdminFactory(portal=portal, user__first_name="Nora", user__last_name="Bell")
    return visit(portal).sign_in(nora.user.email)


@pytest.fixture
def ivan(portal):
    """Someone of the warehouse."""
    return MembershipFactory(portal=portal, user__first_name="Ivan", user__last_name="Petrov")


@pytest.fixture
def lena(portal):
    """Who will manage the warehouse."""
    return MembershipFactory(portal=portal, user__first_name="Lena", user__last_name="Moss")


def page_of(person):
    return f"{PEOPLE}{person.pk}/change/"


class TestManager:
    @pytest.fixture
    def warehouse(self, portal, ivan):
        group = GroupFactory(portal=portal, title="Warehouse")
        grouping.add_members(group=group, membership_ids=[ivan.pk], now=timezone.now())
        return group

    def test_looks_after_the_group_that_the_admin_gives_her(self, nora, visit, portal, warehouse, ivan, lena):
        MembershipFactory(portal=portal, user__first_name="Olga", user__last_name="Lund")
        nora.open(page_of(lena)).press("Save", role="Manager")
        # Without a group she has nothing to do in the admin.
        browser = visit(portal).sign_in(lena.user.email)
        assert browser.open("/admin/").status == 403

        nora.open(page_of(lena)).press("Save", **{"managed_groups-0-group": "Warehouse"})

        browser.open("/admin/")
        assert "Ivan Petrov" in browser.words
        assert "Olga Lund" not in browser.words
        assert "Portal settings" not in browser.words

        browser.open(page_of(ivan)).follow("End access").press("End access", reason="Season is over")
        browser.open(PEOPLE)
        assert "Lena Moss (Manager): Season is over" in browser.words
        assert "Lena Moss (Manager): Season is over" in nora.open(page_of(ivan)).words

        gone = visit(portal).sign_in(ivan.user.email)
        assert "has ended. If that is wrong, please ask an admin" in gone.words
        browser.open(page_of(ivan)).follow("Restore access").press("Restore access")
        assert "My courses" in gone.sign_in(ivan.user.email).words


class TestLastAdmin:
    def test_cannot_lower_or_end_herself(self, nora, portal):
        own_page = page_of(Membership.objects.get(portal=portal, role="admin"))

        nora.open(own_page).press("Save", role="Learner")
        assert "This is the last admin of the portal." in nora.words
        nora.open(own_page).follow("End access").press("End access")
        assert "The last admin of a portal has to stay." in nora.words

        assert "Portal settings" in nora.open("/admin/").words


class TestTopLevelPortal:
    def test_opens_and_shuts_its_sub_portals(self, nora, portal, ivan, visit):
        branch = PortalFactory(realm=portal.realm, parent=portal, name="Harbor Branch", slug="branch")
        MembershipFactory(portal=branch, user=ivan.user)
        in_branch = visit(branch).sign_in(ivan.user.email)
        assert "Other portals" in in_branch.words
        assert "Harbor & Pine Academy" in in_branch.follow("Other portals").words

        nora.open(page_of(ivan)).follow("End access")
        assert "They cannot use 1 sub-portal either" in nora.words
        nora.press("End access")

        assert "Sign in" in in_branch.open("/").words
        # Nora works in the branch, too, without being on its list.
        below = visit(branch).sign_in(nora_address(portal))
        below.open(PEOPLE)
        assert "Access ended in the top-level portal" in below.words
        assert "1 found" not in below.words


def nora_address(portal):
    return Membership.objects.get(portal=portal, role="admin").user.email


class TestRequiredData:
    def test_is_asked_for_between_sign_in_and_courses(self, portal, ivan, visit):
        field = CustomFieldFactory(portal=portal, label="Shoe size", is_required=True, learner_may_edit=True)
        browser = Browser(portal.platform_host).sign_in(ivan.user.email)

        assert "Harbor & Pine Academy needs to know this about you." in browser.words
        browser.press("Save and go on", **{field.key: ""})
        assert "This field is required." in browser.words
        browser.press("Save and go on", **{field.key: "44"})

        assert browser.path == "/"
        ivan.refresh_from_db()
        assert ivan.custom_data == {field.key: "44"}
