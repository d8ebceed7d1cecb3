"""Pending users: what an admin sees of invitations, and what "cancelled" means to the next sync."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from integrations import tasks
from integrations.models import InviteSettings
from portals.models import Portal
from users import tasks as user_tasks
from users.models import Invitation

from .conftest import PASSWORD, link_in, sync, sync_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once")]

MAYA = "maya@harborpine.example"


@pytest.fixture
def mails_to(smtp):
    """Return the mails to an address."""
    return lambda address: [mail for mail in smtp if mail["To"] == address]


@pytest.fixture
def maya(tasks_at_once, connection, people, call, smtp):
    """A newcomer of the company, who was invited by the first sync."""
    InviteSettings.objects.update(how="pending_invite")
    sync_now(connection)
    Invitation.objects.filter(state="held").update(state="scheduled")
    call(user_tasks.send_invitations)
    return people("Maya Okafor")


def pending_user(browser, person):
    """Open the page of a pending person, through the list."""
    return browser.open(f"/admin/users/pendinguser/{person.pk}/change/")


class TestCancelledInvitation:
    def cancel(self, admin, person):
        pending_user(admin, person).follow("Cancel invitation").press("Cancel the invitation")

    def test_kills_the_link_and_leaves_the_list(self, admin, maya, mails_to, visit, portal):
        link = link_in(mails_to(MAYA)[0])

        self.cancel(admin, maya)

        assert visit(portal).open(link).status == 410
        assert "Maya Okafor" not in admin.follow("Pending users").words
        assert "Maya Okafor" in admin.open("/admin/users/pendinguser/?state=cancelled").words

    def test_is_remembered_by_the_next_sync(self, admin, maya, mails_to, world, call, after_an_hour):
        self.cancel(admin, maya)
        connection, sent = maya.external_identities.get().connection, len(mails_to(MAYA))
        world.rename("Maya Okafor", "Maja", "Okafor")

        after_an_hour(connection)
        run = sync(admin)
        assert "An admin cancelled this person's invitation" in run.words
        call(user_tasks.send_invitations)

        maya.refresh_from_db()
        maya.user.refresh_from_db()
        assert (maya.status, maya.user.first_name) == ("pending", "Maja")
        assert len(mails_to(MAYA)) == sent

    def test_is_remembered_when_the_person_leaves_and_is_hired_again(
        self, admin, maya, mails_to, world, call, today, at
    ):
        self.cancel(admin, maya)
        sent = len(mails_to(MAYA))
        world.terminate("Maya Okafor", today - timedelta(days=1))
        with at(today + timedelta(days=1), hour=6):
            call(tasks.sync_due_connections)
        maya.refresh_from_db()
        assert maya.status == "ended"
        world.rehire("Maya Okafor", today + timedelta(days=2))

        with at(today + timedelta(days=2), hour=6):
            call(tasks.sync_due_connections)
            call(user_tasks.send_invitations)

        maya.refresh_from_db()
        assert maya.status == "pending"
        assert len(mails_to(MAYA)) == sent

    def test_can_be_allowed_again(self, admin, maya, mails_to, call, visit, portal, people):
        self.cancel(admin, maya)
        sent = len(mails_to(MAYA))

        pending_user(admin, maya).follow("Allow invitations again").press("Allow")
        call(user_tasks.send_invitations)

        assert len(mails_to(MAYA)) == sent + 1
        visit(portal).open(link_in(mails_to(MAYA)[-1])).press(
            "Save and continue", new_password1=PASSWORD, new_password2=PASSWORD
        )
        assert people("Maya Okafor").status == "active"


class TestReminders:
    def test_come_before_and_after_the_link_expires_and_end_with_the_answer(self, maya, mails_to, call, visit, portal):
        Portal.objects.update(remind_days_before=1, remind_days_after=1)
        first, begin = mails_to(MAYA)[-1], timezone.now()

        def after(**time):
            with time_machine.travel(begin + timedelta(**time)):
                call(user_tasks.remind_of_invitations)
                call(user_tasks.send_invitations)
            return mails_to(MAYA)

        assert len(after(hours=47)) == 1
        before = after(hours=49)
        assert (len(before), link_in(before[-1])) == (2, link_in(first))
        assert "about to expire" in before[-1]["Subject"]
        new = after(hours=97)
        assert len(new) == 3
        assert link_in(new[-1]) != link_in(first)
        with time_machine.travel(begin + timedelta(hours=98)):
            visit(portal).open(link_in(new[-1])).press(
                "Save and continue", new_password1=PASSWORD, new_password2=PASSWORD
            )
        assert len(after(hours=150)) == 3
