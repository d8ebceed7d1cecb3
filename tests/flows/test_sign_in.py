"""Coming in: a password that someone else guesses, a forgotten one, a phone as second factor, and a lost device."""

import pytest
import time_machine
from django.utils import timezone

from tests.factories.users import AdminFactory, MembershipFactory
from tests.users.codes import code_of
from users import second_factors
from users import tasks as user_tasks
from users.models import Notice

from .conftest import PASSWORD, link_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once")]

OLD = "correct horse battery"
PRIYA = "priya@harborpine.example"
NORA = "nora.bell@harborpine.example"


@pytest.fixture
def priya(portal):
    """A learner with a password."""
    return MembershipFactory(portal=portal, user__email=PRIYA, user__first_name="Priya")


class TestLockOut:
    def test_stops_the_guesser_and_names_the_time_when_the_door_opens(self, portal, visit, priya):
        guesser = visit(portal)
        for number in range(10):
            guesser.sign_in(PRIYA, f"guess {number}")

        assert guesser.status == 429
        assert "Try again from" in guesser.words
        assert "My courses" not in guesser.sign_in(PRIYA, OLD).words

    def test_says_the_same_about_people_who_do_not_exist(self, portal, visit, priya):
        said = []
        for email in (PRIYA, "nobody@harborpine.example"):
            guesser = visit(portal)
            with time_machine.travel(timezone.now(), tick=False):
                for number in range(10):
                    guesser.sign_in(email, f"guess {number}")
                said.append(guesser.words)

        assert said[0].partition("Try again")[0] == said[1].partition("Try again")[0]


class TestForgottenPassword:
    def test_is_replaced_by_a_link_which_signs_out_everybody_else(self, portal, visit, priya, smtp, call):
        thief = visit(portal).sign_in(PRIYA, OLD)
        owner = visit(portal).open("/sign-in/").follow("Forgot your password?")
        owner.press("Send me a link", email=PRIYA)
        call(user_tasks.send_invitations)

        owner.open(link_in(smtp[-1])).press("Save and continue", new_password1=PASSWORD, new_password2=PASSWORD)

        assert "My courses" in owner.words
        assert thief.open("/").has_button("Sign in")
        call(user_tasks.send_notices)
        assert smtp[-1]["Subject"] == "Your password at Harbor & Pine Academy was changed"
        assert smtp[-1]["To"] == PRIYA


class TestChangedPassword:
    def test_asks_for_the_present_one_and_is_told_by_mail(self, portal, visit, priya, smtp, call):
        priyas = visit(portal).sign_in(PRIYA, OLD).follow("Security").follow("Change your password")
        priyas.press("Change password", present_password="guess", new_password1=PASSWORD, new_password2=PASSWORD)
        assert "This is not your present password." in priyas.words

        priyas.press("Change password", present_password=OLD, new_password1=PASSWORD, new_password2=PASSWORD)

        assert "Your password was changed" in priyas.words
        call(user_tasks.send_notices)
        call(user_tasks.send_notices)
        assert [mail["To"] for mail in smtp] == [PRIYA]
        assert "My courses" in priyas.press("Sign out").sign_in(PRIYA, PASSWORD).words


class TestSecondFactor:
    @pytest.fixture
    def nora(self, portal):
        """The account of the portal's admin."""
        return AdminFactory(portal=portal, user__email=NORA).user

    @pytest.fixture
    def noras(self, nora, portal, visit):
        """The admin's browser."""
        return visit(portal).sign_in(NORA, OLD)

    @pytest.fixture
    def app(self, nora, noras):
        """The app on the admin's phone, once it is set up."""
        noras.follow("Security").follow("Second factor").follow("Set up").press("Continue", present_password=OLD)
        noras.press("Turn on", code=code_of(second_factors.device_to_confirm(nora)))
        assert "Your recovery codes" in noras.words
        return second_factors.device(nora)

    def test_asks_for_a_code_from_then_on(self, app, nora, noras):
        noras.follow("I have kept them").open("/").press("Sign out").sign_in(NORA, OLD)
        assert "Your account is protected by a second factor." in noras.words
        assert noras.open("/admin/").has_button("Sign in")

        noras.sign_in(NORA, OLD).press("Continue", code=code_of(app))

        assert "My courses" in noras.words

    def test_is_asked_of_every_admin_where_the_portal_says_so(self, portal, noras, nora):
        noras.open(f"/admin/portals/portal/{portal.pk}/change/")
        portal.admins_need_second_factor = True
        portal.save()

        noras.open("/admin/")
        assert "asks everyone who uses its admin pages for a second factor" in noras.words
        noras.follow("Set up").press("Continue", present_password=OLD)
        noras.press("Turn on", code=code_of(second_factors.device_to_confirm(nora)))

        assert noras.follow("I have kept them").path == "/admin/"

    def test_is_reset_by_another_admin_when_phone_and_codes_are_lost(self, app, nora, portal, visit, smtp, call):
        other = AdminFactory(portal=portal)
        helper = visit(portal).sign_in(other.user.email, OLD)
        helper.open(f"/admin/users/membership/{nora.memberships.get().pk}/change/").follow("Reset second factor")
        helper.press("Reset")
        assert "1 second factor was reset." in helper.words

        assert "My courses" in visit(portal).sign_in(NORA, OLD).words
        call(user_tasks.send_notices)
        kinds = list(Notice.objects.order_by("pk").values_list("kind", flat=True))
        assert kinds == ["second_factor_added", "second_factor_removed"]
        assert [mail["To"] for mail in smtp] == [NORA, NORA]


class TestLostDevice:
    def test_is_signed_out_from_the_list_of_sign_ins(self, portal, visit, priya):
        phone, desk = visit(portal).sign_in(PRIYA, OLD), visit(portal).sign_in(PRIYA, OLD)

        desk.follow("Security").press("Sign out there")

        assert phone.open("/").has_button("Sign in")
        assert "My courses" in desk.open("/").words

    def test_is_signed_out_with_all_others(self, portal, visit, priya):
        phone, desk = visit(portal).sign_in(PRIYA, OLD), visit(portal).sign_in(PRIYA, OLD)

        desk.follow("Security").press("Sign out everywhere")

        assert "2 sign-ins were ended." in desk.words
        assert desk.open("/").has_button("Sign in")
        assert phone.open("/").has_button("Sign in")
