"""Seeing it before it happens: the preview, the mails that wait, the brake and its answers line by line."""

from datetime import timedelta

import pytest

from users.models import Invitation, Membership

from .conftest import GUSTO, sync, sync_and_release_now, sync_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once")]

LEAVERS = ["Maya Okafor", "Wei Zhang", "Joy Delgado", "Yuki Desai"]


class TestPreview:
    def test_says_what_would_happen_and_changes_nothing(self, admin, connection, smtp):
        page = admin.open(GUSTO).press("Preview").words

        assert "This is a preview: nothing has been changed or sent" in page
        assert "18 Invited" in page
        assert "Maya Okafor" in page
        assert not Membership.objects.learners().exists()
        assert smtp == []

    def test_is_applied_as_it_stands(self, admin, connection, world, smtp):
        admin.open(GUSTO).press("Preview")
        newcomer = world.hire("Noor", "Ahmadi", work_email="noor@harborpine.example")

        page = admin.press("Apply this preview").words

        assert "18 Invited" in page
        assert Membership.objects.filter(source="gusto").count() == 18
        assert not Membership.objects.filter(user__email=newcomer.work_email).exists()

    def test_leaves_the_manual_sync_of_the_hour_free(self, admin, connection):
        admin.open(GUSTO).press("Preview")

        assert "18 Invited" in sync(admin).words


class TestMailsOfTheFirstSync:
    def test_wait_until_the_admin_has_read_one(self, admin, connection, smtp):
        page = sync(admin)
        assert "18 mails wait for your release." in page.words
        assert smtp == []

        mails = page.follow("See the mails")

        assert "You are invited to Harbor & Pine Academy" in mails.words
        mails.press("Release all")
        assert len(smtp) == 18

    def test_go_to_some_first(self, admin, connection, smtp):
        mails = sync(admin).follow("See the mails")
        one = Invitation.objects.order_by("pk").first()

        mails.press("Release the ticked ones", mail=one.membership.user.full_name)

        assert [mail["To"] for mail in smtp] == [one.membership.user.email]

    def test_go_in_waves(self, admin, connection, smtp):
        released = sync(admin).follow("See the mails").press("Release all", per_hour="10")

        assert "10 of 18 mails leave now, the others within 1 hour." in released.words
        assert len(smtp) == 10
        assert Invitation.objects.filter(state="scheduled").count() == 8

    def test_of_the_days_after_go_at_once(self, connection, world, smtp, after_an_hour):
        sync_and_release_now(connection)
        world.hire("Noor", "Ahmadi", work_email="noor@harborpine.example")
        after_an_hour(connection)

        sync_now(connection)

        assert [mail["To"] for mail in smtp][18:] == ["noor@harborpine.example"]


class TestBrake:
    @pytest.fixture
    def held(self, admin, connection, world, today, after_an_hour):
        """The page of a run that holds four leavers."""
        sync_and_release_now(connection)
        for name in LEAVERS:
            world.terminate(name, today - timedelta(days=2))
        after_an_hour(connection)
        return sync(admin)

    def test_holds_many_leavers_and_names_them(self, held):
        assert "4 changes wait for your approval" in held.words
        assert all(name in held.follow("Look at the people and decide one by one").words for name in LEAVERS)
        assert not Membership.objects.filter(status="ended").exists()

    def test_lets_one_go_and_keeps_another_for_good(self, held, people, connection, after_an_hour):
        table = held.follow("Look at the people and decide one by one")

        table.press("Approve the ticked", line="Decide on Maya Okafor").press("Approve")

        assert people("Maya Okafor").status == "ended"
        assert people("Wei Zhang").status == "pending"
