"""Permanent deletion: someone asks, has seven days to think better of it, and is forgotten."""

from datetime import timedelta

import pytest

from integrations.models import InviteSettings
from tests.admin_pages import page
from tests.factories.users import AdminFactory
from users import tasks
from users.models import DeletionRequest, Membership, User

from .conftest import PASSWORD, sync, sync_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("smtp")]

MAYA = "maya@harborpine.example"


@pytest.fixture(autouse=True)
def everyone_is_active(tasks_at_once, connection, portal):
    InviteSettings.objects.update(how="active")
    sync_now(connection)
    portal.may_request_deletion = True
    portal.save()


@pytest.fixture
def maya(portal, visit):
    """The browser of someone who wants to be forgotten."""
    account = User.objects.get(email=MAYA)
    account.set_password(PASSWORD)
    account.save()
    return visit(portal).sign_in(MAYA, PASSWORD)


def ask(browser):
    return browser.open("/profile/").follow("Delete my account").press("Delete my account in seven days", email=MAYA)


class TestRequest:
    def test_is_carried_out_after_seven_days_and_no_sync_brings_the_person_back(
        self, admin, maya, connection, today, at, call, world, after_an_hour, portal, latest_run
    ):
        ask(maya)
        assert "will be deleted in seven days" in maya.words
        with at(today + timedelta(days=6)):
            call(tasks.erase_people)
            assert maya.open("/").has_button("Sign out")
        with at(today + timedelta(days=8)):
            call(tasks.erase_people)
        assert not User.objects.filter(email=MAYA).exists()
        assert maya.open("/").has_button("Sign in")

        world.change("Maya Okafor", title="Advisor")
        after_an_hour(connection)
        run = sync(admin)

        assert not Membership.objects.filter(portal=portal, user__email=MAYA).exists()
        assert not latest_run(connection).changes.filter(person__contains="Maya").exists()
        assert "Maya" not in run.words

    def test_can_be_taken_back_by_the_person(self, maya, today, at, call):
        ask(maya)

        maya.open("/profile/deletion/").press("Keep my account")

        with at(today + timedelta(days=8)):
            call(tasks.erase_people)
        assert User.objects.filter(email=MAYA).exists()

    def test_can_be_taken_back_by_an_admin(self, admin, maya, today, at, call):
        ask(maya)
        request = DeletionRequest.objects.get()

        admin.open(page(DeletionRequest, "change", request.pk)).follow("Take the request back").press(
            "Keep the account"
        )

        assert not DeletionRequest.objects.exists()
        with at(today + timedelta(days=8)):
            call(tasks.erase_people)
        assert User.objects.filter(email=MAYA).exists()

    def test_is_told_to_the_admins_and_confirmed_to_the_person(self, maya, smtp, call):
        ask(maya)
        smtp.clear()

        call(tasks.send_notices)

        subjects = {mail["To"]: mail["Subject"] for mail in smtp}
        assert subjects == {
            MAYA: "Your account at Harbor & Pine Academy will be deleted",
            "nora.bell@harborpine.example": "Someone asked to be deleted from Harbor & Pine Academy",
        }

    def test_needs_the_own_address(self, maya):
        maya.open("/profile/deletion/").press("Delete my account in seven days", email="other@harborpine.example")

        assert "This is not your address." in maya.words
        assert not DeletionRequest.objects.exists()

    def test_is_not_offered_where_the_portal_does_not_allow_it(self, maya, portal):
        portal.may_request_deletion = False
        portal.save()

        assert "Delete my account" not in maya.open("/profile/").words
        assert maya.open("/profile/deletion/").status == 404


class TestAdmin:
    def test_deletes_someone_at_once_after_typing_the_address(self, admin, people):
        person = admin.open(page(Membership, "change", people("Maya Okafor").pk)).follow("Delete permanently")
        person.press("Delete permanently", email="maya@elsewhere.example")
        assert "This is not the address of this person." in admin.words

        person.press("Delete permanently", email=MAYA)

        assert "The person was deleted for good." in admin.words
        assert not User.objects.filter(email=MAYA).exists()

    def test_never_deletes_the_last_admin_with_full_permissions(self, admin, portal):
        AdminFactory(portal=portal, is_limited=True)
        nora = Membership.objects.get(portal=portal, user__email="nora.bell@harborpine.example")

        admin.open(page(Membership, "change", nora.pk)).follow("Delete permanently")
        admin.press("Delete permanently", email=nora.user.email)

        assert "has to stay" in admin.words
        assert Membership.objects.filter(pk=nora.pk).exists()
