"""Set defaults to add Gusto learners: the three ways of adding, at two moments."""

from datetime import timedelta

import pytest

from integrations import tasks
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory
from users import tasks as user_tasks
from users.models import Invitation, Membership

from .conftest import GUSTO, sync, sync_and_release_now, sync_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once")]

WAYS = {
    "Create as an active user and send a welcome email": ("active", "Welcome to Harbor & Pine Academy"),
    "Create as active user only": ("active", None),
    "Create as pending user and send invitation email": ("pending", "You are invited to Harbor & Pine Academy"),
}


@pytest.fixture
def newcomer(world, today):
    """Somebody who begins in five days."""
    return world.hire("Noor", "Ahmadi", work_email="noor@harborpine.example", hired_on=today + timedelta(days=5))


def configure(browser, **answers):
    """Answer the two questions and save."""
    return browser.open(GUSTO).follow("Invite configuration").press("Save changes", **answers)


def mails_to(address, smtp):
    return [mail["Subject"] for mail in smtp if mail["To"] == address]


class TestInviteConfiguration:
    def test_asks_the_two_questions(self, admin, connection):
        page = admin.open(GUSTO).follow("Invite configuration").words

        assert "When do you want to invite them?" in page
        assert "When they are added to Gusto" in page
        assert "On their hiring date" in page
        assert "How to add new users?" in page
        assert all(way in page for way in WAYS)

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.usefixtures("newcomer")
    def test_adds_people_when_they_are_added_to_gusto(self, admin, connection, people, smtp, way):
        status, subject = WAYS[way]
        configure(admin, when="When they are added to Gusto", how=way)

        sync_and_release_now(connection)

        for name, address in (
            ("Maya Okafor", "maya@harborpine.example"),
            ("Noor Ahmadi", "noor@harborpine.example"),
        ):
            assert (people(name).status, people(name).role) == (status, "learner")
            assert mails_to(address, smtp) == ([subject] if subject else [])

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.usefixtures("newcomer")
    def test_adds_people_on_their_hiring_date(self, admin, connection, people, smtp, at, today, call, way):
        status, subject = WAYS[way]
        configure(admin, when="On their hiring date", how=way)

        sync(admin)
        assert people("Maya Okafor").status == status
        assert "The hiring date is still ahead." in admin.words
        assert not Membership.objects.filter(user__first_name="Noor").exists()

        with at(today + timedelta(days=5), hour=6):
            call(tasks.sync_due_connections)

        assert people("Noor Ahmadi").status == status
        assert mails_to("noor@harborpine.example", smtp) == ([subject] if subject else [])

    def test_applies_to_people_who_are_added_from_then_on(self, admin, connection, people, world, smtp, after_an_hour):
        configure(admin, how="Create as pending user and send invitation email")
        sync_now(connection)
        configure(admin, how="Create as active user only")
        world.hire("Noor", "Ahmadi", work_email="noor@harborpine.example")
        after_an_hour(connection)
        sent = len(smtp)

        sync_now(connection)

        assert people("Maya Okafor").status == "pending"
        assert people("Noor Ahmadi").status == "active"
        assert len(smtp) == sent

    def test_lets_active_people_without_a_mail_in_by_forgot_password(
        self, admin, connection, portal, visit, smtp, call
    ):
        configure(admin, how="Create as active user only")
        sync_now(connection)

        visit(portal).open("/sign-in/").follow("Forgot your password?").press(
            "Send me a link", email="maya@harborpine.example"
        )
        call(user_tasks.send_invitations)

        assert mails_to("maya@harborpine.example", smtp) == ["Set a new password for Harbor & Pine Academy"]


class TestPortalWithSingleSignOn:
    @pytest.fixture
    def sso_admin(self, world, visit, connect):
        account = AdminFactory(
            portal=PortalFactory(slug="juniper", sign_in_method="saml", time_zone="America/Los_Angeles")
        )
        browser = visit(account.portal).sign_in(account.user.email)
        connect(browser)
        return browser

    def test_creates_active_accounts_and_sends_no_mail(self, sso_admin, smtp):
        sync(sso_admin)

        learners = Membership.objects.learners()
        assert learners.count() > 10
        assert set(learners.values_list("status", flat=True)) == {"active"}
        assert not Invitation.objects.exists()
        assert smtp == []

    def test_offers_no_way_that_sends_a_mail(self, sso_admin):
        page = sso_admin.open(GUSTO).follow("Invite configuration")
        assert "They already have their login details and need no password" in page.words

        (only,) = page.choices("Save changes", "how")
        assert only.startswith("Create as active user only")
