"""One's own sign-ins, and the password."""

import pytest
from django.contrib.auth import hashers
from django.utils import timezone

from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, InvitationFactory, MembershipFactory, OperatorFactory
from users import invitations
from users.models import AuditEntry, Notice, Session

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
NEW = "lanterns above the harbour"


def change(client, present=PASSWORD, new=NEW, again=None):
    return client.post(
        "/password/", {"present_password": present, "new_password1": new, "new_password2": again or new}
    )


class TestSecurityPage:
    def test_lists_sign_ins_and_marks_this_one(self, portal_client):
        learner = MembershipFactory()
        here = portal_client(learner.portal, learner.user)
        portal_client(learner.portal, learner.user)

        page = here.get("/security/")

        assert page.text.count("Signed in:") == 2
        assert page.text.count("This device") == 1

    def test_lists_nobody_elses(self, portal_client):
        learner, other = MembershipFactory.create_batch(2, portal=PortalFactory())
        portal_client(other.portal, other.user)

        page = portal_client(learner.portal, learner.user).get("/security/")

        assert page.text.count("Signed in:") == 1

    def test_asks_as_much_for_many_sign_ins_as_for_one(self, portal_client, django_assert_max_num_queries):
        learner = MembershipFactory()
        client = portal_client(learner.portal, learner.user)
        for _ in range(5):
            portal_client(learner.portal, learner.user)

        with django_assert_max_num_queries(7):
            client.get("/security/")

    def test_is_there_for_operators_at_the_platform(self, portal_client):
        assert portal_client(None, OperatorFactory()).get("/security/").status_code == 200

    @pytest.mark.parametrize("path", ["/security/", "/password/", "/second-factor/", "/second-factor/begin/"])
    def test_wants_a_sign_in_like_its_sisters(self, portal_client, path):
        assert portal_client(PortalFactory()).get(path)["Location"] == f"/sign-in/?next={path}"


class TestEndSignIn:
    def test_signs_another_device_out(self, portal_client):
        learner = MembershipFactory()
        here, there = (portal_client(learner.portal, learner.user) for _ in range(2))
        named = here.get("/security/").context["sign_ins"][1]["handle"]

        here.post("/security/end/", {"sign_in": named})

        assert here.get("/").status_code == 200
        assert there.get("/").status_code == 302

    def test_needs_a_post(self, portal_client):
        learner = MembershipFactory()

        assert portal_client(learner.portal, learner.user).get("/security/end/").status_code == 405


class TestEndSignIns:
    def test_keeps_this_device_if_wanted(self, portal_client):
        learner = MembershipFactory()
        here, there = (portal_client(learner.portal, learner.user) for _ in range(2))

        here.post("/security/end-all/", {"which": "others"})

        assert here.get("/").status_code == 200
        assert there.get("/").status_code == 302
        assert AuditEntry.objects.get().action == "sign_ins_ended"

    def test_signs_out_everywhere(self, portal_client):
        learner = MembershipFactory()
        here, there = (portal_client(learner.portal, learner.user) for _ in range(2))

        page = here.post("/security/end-all/", {"which": "all"})

        assert page["Location"] == "/sign-in/"
        assert not Session.objects.filter(user=learner.user).exists()
        assert there.get("/").status_code == 302


class TestPasswordPage:
    def test_changes_the_password_and_ends_other_sign_ins(self, portal_client):
        learner = MembershipFactory()
        here, there = (portal_client(learner.portal, learner.user) for _ in range(2))

        page = change(here)

        learner.user.refresh_from_db()
        assert page["Location"] == "/security/"
        assert learner.user.check_password(NEW)
        assert here.get("/").status_code == 200
        assert there.get("/").status_code == 302
        assert Session.objects.filter(user=learner.user).count() == 1
        assert Notice.objects.get().kind == "password_changed"

    def test_kills_a_link_that_was_mailed_to_set_another_one(self, portal_client):
        reset = InvitationFactory(kind="reset", membership__status="active")
        invitations.hand_over(invitation=reset, now=timezone.now())
        reset.refresh_from_db()
        portal, link = reset.membership.portal, f"/invitation/{invitations.token(reset)}/"

        change(portal_client(portal, reset.membership.user))

        assert portal_client(portal).get(link).status_code == 410

    def test_asks_for_the_present_password(self, portal_client):
        learner = MembershipFactory()

        page = change(portal_client(learner.portal, learner.user), present="guess")

        learner.user.refresh_from_db()
        assert "not your present password" in page.text
        assert learner.user.check_password(PASSWORD)

    def test_stops_asking_after_five_wrong_ones(self, portal_client):
        learner = MembershipFactory()
        client = portal_client(learner.portal, learner.user)
        for _ in range(5):
            change(client, present="guess")

        page = change(client)

        learner.user.refresh_from_db()
        assert "too many tries" in page.text
        assert learner.user.check_password(PASSWORD)

    @pytest.mark.parametrize(
        ("password", "why"),
        [
            ("short12", "too short"),
            ("password1", "too common"),
            ("iloveyou", "too common"),
            ("robin.vale@example.com", "too similar"),
        ],
    )
    def test_refuses_what_is_easily_guessed(self, portal_client, password, why):
        learner = MembershipFactory(user__email="robin.vale@example.com")

        page = change(portal_client(learner.portal, learner.user), new=password)

        assert why in page.text

    @pytest.mark.parametrize("password", ["73920184", "alllowercase", "é" * 64, "x y" * 40])
    def test_leaves_what_it_is_made_of_to_its_owner(self, portal_client, password):
        learner = MembershipFactory()

        change(portal_client(learner.portal, learner.user), new=password)

        learner.user.refresh_from_db()
        assert learner.user.check_password(password)

    def test_advises_a_longer_one(self, portal_client):
        learner = MembershipFactory()

        page = portal_client(learner.portal, learner.user).get("/password/")

        assert "at least 8 characters; 15 or more are better" in page.text

    def test_refuses_two_different_ones(self, portal_client):
        learner = MembershipFactory()

        assert change(portal_client(learner.portal, learner.user), again="something else").status_code == 200

    def test_has_nothing_to_change_for_people_without_one(self, portal_client):
        learner = MembershipFactory(user__password=hashers.make_password(None))
        learner.user.set_unusable_password()
        learner.user.save()
        client = portal_client(learner.portal, learner.user)

        change(client, present="")

        learner.user.refresh_from_db()
        assert "no password here" in client.get("/password/").text
        assert not learner.user.has_usable_password()

    def test_is_where_the_admins_own_page_leads(self, portal_client):
        admin = AdminFactory()
        client = portal_client(admin.portal, admin.user)

        assert client.get("/admin/password_change/")["Location"] == "/password/"
        assert client.post("/admin/password_change/", {"new_password1": NEW})["Location"] == "/password/"
        assert 'href="/security/"' in client.get("/admin/").text
