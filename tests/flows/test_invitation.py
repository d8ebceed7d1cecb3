"""What a learner gets: a link that works for 72 hours, a password of their own, and the courses of their groups."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from integrations.models import InviteSettings
from tests.factories.portals import CourseFactory, DynamicRuleFactory, GroupCourseFactory
from users import tasks as user_tasks
from users.models import Invitation

from .conftest import PASSWORD, link_in, sync_and_release, sync_and_release_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once")]

MAYA = "maya@harborpine.example"


@pytest.fixture
def course(portal):
    """A course for everyone."""
    group = DynamicRuleFactory(group__portal=portal).group
    return GroupCourseFactory(group=group, course=CourseFactory(portal=portal, title="Welcome aboard")).course


@pytest.fixture
def mail_to(smtp):
    """Return the newest mail to an address."""
    return lambda address: [mail for mail in smtp if mail["To"] == address][-1]


@pytest.fixture
def maya(portal, visit):
    """The browser of the newcomer, who has never been here."""
    return visit(portal)


class TestInvitedLearner:
    @pytest.fixture(autouse=True)
    def invited(self, tasks_at_once, connection, course, mail_to):
        InviteSettings.objects.update(how="pending_invite")
        sync_and_release_now(connection)

    def test_accepts_by_the_link_sets_a_password_and_sees_their_courses(self, maya, mail_to, people):
        maya.open(link_in(mail_to(MAYA)))
        assert "This is for Maya Okafor (maya@harborpine.example)." in maya.words

        maya.press("Save and continue", new_password1=PASSWORD, new_password2=PASSWORD)

        assert "Welcome to Harbor & Pine Academy." in maya.words
        assert "Welcome aboard" in maya.words
        assert people("Maya Okafor").status == "active"
        maya.press("Sign out").sign_in(MAYA, PASSWORD)
        assert "Welcome aboard" in maya.words

    def test_comes_in_by_the_one_time_password_and_must_change_it(self, maya, mail_to, people):
        text = mail_to(MAYA).get_body(("plain",)).get_content()
        one_time = text.partition("One-time password:")[2].split()[0]

        maya.sign_in(MAYA, one_time)
        assert "Choose a password that you use nowhere else." in maya.words
        assert people("Maya Okafor").status == "pending"
        maya.press("Save and continue", new_password1=PASSWORD, new_password2=PASSWORD)

        assert people("Maya Okafor").status == "active"
        assert maya.press("Sign out").sign_in(MAYA, one_time).has_button("Sign in")

    def test_gets_a_link_and_a_password_of_their_own(self, smtp):
        links = {link_in(mail) for mail in smtp}

        assert len(smtp) > 10
        assert len(links) == len(smtp)

    def test_is_pending_and_enrolled_nowhere_until_then(self, people):
        assert people("Maya Okafor").status == "pending"
        assert not people("Maya Okafor").enrollments.exists()

    def test_finds_the_link_dead_after_72_hours_and_asks_for_a_new_one(self, maya, mail_to, people, call):
        old = link_in(mail_to(MAYA))
        with time_machine.travel(timezone.now() + timedelta(hours=71, minutes=59)):
            assert maya.open(old).status == 200

        with time_machine.travel(timezone.now() + timedelta(hours=72, minutes=1)):
            maya.open(old)
            assert (maya.status, maya.has_button("Save and continue")) == (410, False)
            maya.press("Send me a new link")
            call(user_tasks.send_invitations)
            assert link_in(mail_to(MAYA)) != old
            maya.open(link_in(mail_to(MAYA))).press(
                "Save and continue", new_password1=PASSWORD, new_password2=PASSWORD
            )

        assert people("Maya Okafor").status == "active"

    def test_finds_the_link_dead_once_it_was_used(self, maya, mail_to, portal, visit):
        link = link_in(mail_to(MAYA))
        maya.open(link).press("Save and continue", new_password1=PASSWORD, new_password2=PASSWORD)

        assert visit(portal).open(link).status == 410

    def test_is_followed_by_the_admin_like_any_other_invitation(self, admin, maya, mail_to):
        assert "Maya Okafor" in admin.open("/admin/").follow("Pending users").words

        maya.open(link_in(mail_to(MAYA))).press("Save and continue", new_password1=PASSWORD, new_password2=PASSWORD)

        assert "Maya Okafor" not in admin.follow("Pending users").words
        assert "Maya Okafor" in admin.follow("Users").words


class TestWelcomedLearner:
    @pytest.fixture(autouse=True)
    def welcomed(self, tasks_at_once, connection, course, mail_to):
        InviteSettings.objects.update(how="active_welcome")
        sync_and_release_now(connection)

    def test_is_active_at_once_and_sets_a_password_by_the_link(self, maya, mail_to, people):
        assert people("Maya Okafor").status == "active"
        assert people("Maya Okafor").enrollments.count() == 1

        maya.open(link_in(mail_to(MAYA))).press("Save and continue", new_password1=PASSWORD, new_password2=PASSWORD)

        assert "Welcome aboard" in maya.words

    def test_cannot_sign_in_before(self, maya):
        maya.sign_in(MAYA, PASSWORD)

        assert maya.has_button("Sign in")


class TestMails:
    def test_leave_once_however_often_the_outbox_is_emptied(self, admin, connection, smtp, call):
        sync_and_release(admin)
        sent = len(smtp)

        call(user_tasks.send_invitations)
        call(user_tasks.send_invitations)

        assert len(smtp) == sent == Invitation.objects.filter(state="sent", times_sent=1).count()

    def test_wait_while_the_mail_server_is_away(self, connection, smtp, settings, call):
        there, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
        sync_and_release_now(connection)
        assert smtp == []

        settings.EMAIL_PORT = there
        with time_machine.travel(timezone.now() + timedelta(minutes=2)):
            call(user_tasks.send_invitations)

        assert len(smtp) == Invitation.objects.filter(state="sent").count() > 10
