"""The pages of the second factor, the second step of signing in, and the admin behind it."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, InvitationFactory, MembershipFactory, OperatorFactory
from tests.users.codes import code_of, set_up
from users import invitations, second_factors
from users.models import AuditEntry, Notice

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
CODE_PAGE = "/sign-in/code/"


@pytest.fixture
def admin():
    """An admin without a second factor."""
    return AdminFactory()


@pytest.fixture
def client(admin, portal_client):
    """The admin's browser, signed in by password."""
    return portal_client(admin.portal, admin.user)


def sign_in(client, email, **more):
    return client.post("/sign-in/", {"email": email, "password": PASSWORD, **more})


class TestSecondFactorPage:
    def test_is_set_up_by_password_scan_and_code(self, admin, client):
        assert client.post("/second-factor/begin/", {"present_password": PASSWORD})["Location"] == "/second-factor/"
        app = second_factors.device_to_confirm(admin.user)
        page = client.get("/second-factor/")
        assert "data:image/svg+xml" in page.text
        assert second_factors.secret(app) in page.text

        page = client.post("/second-factor/", {"code": code_of(app)})

        codes = re.findall(r"<code>([a-z2-7]{4}-[a-z2-7]{4})</code>", page.text)
        assert len(codes) == 10
        assert second_factors.is_set_up(admin.user)
        assert second_factors.verify(admin.user, codes[3])
        assert Notice.objects.get().kind == "second_factor_added"
        assert AuditEntry.objects.get().action == "second_factor_added"

    def test_shows_secret_and_codes_never_again(self, admin, client):
        app, _codes = set_up(admin.user)

        page = client.get("/second-factor/")

        assert second_factors.secret(app) not in page.text
        assert "<code" not in page.text

    def test_ends_sign_ins_that_gave_no_code(self, admin, client, portal_client):
        elsewhere = portal_client(admin.portal, admin.user)
        client.post("/second-factor/begin/", {"present_password": PASSWORD})

        client.post("/second-factor/", {"code": code_of(second_factors.device_to_confirm(admin.user))})

        assert client.get("/admin/").status_code == 200
        assert elsewhere.get("/security/").status_code == 302

    def test_refuses_a_wrong_code(self, admin, client):
        client.post("/second-factor/begin/", {"present_password": PASSWORD})

        page = client.post("/second-factor/", {"code": "000000"})

        assert "This code is not right" in page.text
        assert not second_factors.is_set_up(admin.user)

    def test_begins_only_by_the_present_password(self, admin, client):
        page = client.post("/second-factor/begin/", {"present_password": "guess"})

        assert page.status_code == 200
        assert second_factors.device_to_confirm(admin.user) is None

    def test_changes_nothing_when_it_is_only_looked_at(self, admin, client):
        client.get("/second-factor/")
        client.get("/second-factor/begin/")

        assert second_factors.device_to_confirm(admin.user) is None

    def test_is_not_for_learners(self, portal_client):
        learner = MembershipFactory()

        assert portal_client(learner.portal, learner.user).get("/second-factor/").status_code == 404

    def test_is_for_operators_too(self, portal_client):
        assert portal_client(None, OperatorFactory()).get("/second-factor/").status_code == 200


class TestChanges:
    @pytest.fixture
    def verified(self, admin, portal_client):
        app, _codes = set_up(admin.user)
        client = portal_client(admin.portal)
        sign_in(client, admin.user.email)
        client.post(CODE_PAGE, {"code": code_of(app)})
        return client

    def test_make_new_recovery_codes(self, admin, verified):
        page = verified.post("/second-factor/codes/", {"present_password": PASSWORD})

        assert page.text.count("<code>") == 10
        assert second_factors.recovery_codes_left(admin.user) == 10

    def test_turn_it_off(self, admin, verified):
        verified.post("/second-factor/remove/", {"present_password": PASSWORD})

        assert not second_factors.is_set_up(admin.user)
        assert Notice.objects.get().kind == "second_factor_removed"

    @pytest.mark.parametrize("path", ["codes", "remove", "begin"])
    def test_need_the_present_password(self, admin, verified, path):
        verified.post(f"/second-factor/{path}/", {"present_password": "guess"})

        assert second_factors.is_set_up(admin.user)
        assert not Notice.objects.exists()

    @pytest.mark.parametrize("path", ["codes", "remove", "begin"])
    def test_need_a_session_that_gave_a_code(self, admin, client, path):
        set_up(admin.user)

        page = client.post(f"/second-factor/{path}/", {"present_password": PASSWORD})

        assert page["Location"] == CODE_PAGE
        assert second_factors.is_set_up(admin.user)


class TestSecondStepPage:
    @pytest.fixture
    def app(self, admin):
        return set_up(admin.user)[0]

    @pytest.fixture
    def visitor(self, admin, portal_client):
        return portal_client(admin.portal)

    def test_stands_between_password_and_session(self, admin, app, visitor):
        page = sign_in(visitor, admin.user.email, next="/admin/")

        assert page["Location"] == CODE_PAGE
        assert "_auth_user_id" not in visitor.session
        assert visitor.get("/admin/").status_code == 302

        page = visitor.post(CODE_PAGE, {"code": code_of(app)})
        assert page["Location"] == "/admin/"
        assert visitor.get("/admin/").status_code == 200

    def test_stands_between_a_reset_link_and_a_session(self, admin, app, visitor):
        invitation = InvitationFactory(membership=admin, kind="reset")
        invitations.hand_over(invitation=invitation, now=timezone.now())
        new = {"new_password1": "lanterns above", "new_password2": "lanterns above"}

        page = visitor.post(f"/invitation/{invitations.token(invitation)}/", new)

        assert page["Location"] == CODE_PAGE
        assert "_auth_user_id" not in visitor.session

    def test_refuses_a_code_that_was_used(self, admin, app, visitor, portal_client):
        code, other = code_of(app), portal_client(admin.portal)
        for client in (visitor, other):
            sign_in(client, admin.user.email)
        visitor.post(CODE_PAGE, {"code": code})

        page = other.post(CODE_PAGE, {"code": code})

        assert page.status_code == 200
        assert "_auth_user_id" not in other.session

    def test_says_how_long_to_wait_after_a_wrong_code(self, admin, app, visitor):
        sign_in(visitor, admin.user.email)

        with time_machine.travel(timezone.now(), tick=False):
            visitor.post(CODE_PAGE, {"code": "000000"})
            page = visitor.post(CODE_PAGE, {"code": code_of(app)})

        assert re.search(r"Wait \d+ seconds? and try again", page.text)
        assert "_auth_user_id" not in visitor.session

    def test_takes_a_recovery_code_and_says_how_many_are_left(self, admin, visitor):
        _app, codes = set_up(admin.user)
        sign_in(visitor, admin.user.email)

        visitor.post(CODE_PAGE, {"code": codes[0]})

        assert "You have 9 recovery codes left." in visitor.get("/").text

    def test_has_to_be_taken_within_ten_minutes(self, admin, app, visitor):
        sign_in(visitor, admin.user.email)

        with time_machine.travel(timezone.now() + timedelta(minutes=11)):
            page = visitor.post(CODE_PAGE, {"code": code_of(app)})

        assert page["Location"] == "/sign-in/"

    def test_is_over_when_the_password_changes_meanwhile(self, admin, app, visitor):
        sign_in(visitor, admin.user.email)
        admin.user.set_password("lanterns above")
        admin.user.save()

        assert visitor.post(CODE_PAGE, {"code": code_of(app)})["Location"] == "/sign-in/"

    def test_is_nothing_without_the_first(self, app, visitor):
        assert visitor.get(CODE_PAGE)["Location"] == "/sign-in/"

    def test_forgets_a_first_step_that_somebody_else_gave_up(self, admin, app, client):
        other = AdminFactory(portal=admin.portal)
        set_up(other.user)
        sign_in(client, other.user.email)

        with time_machine.travel(timezone.now() + timedelta(minutes=11)):
            client.post(CODE_PAGE, {"code": code_of(app)})
            assert second_factors.is_verified(client)

    def test_lets_nobody_in_at_another_portal(self, admin, app, portal_client):
        sister = portal_client(PortalFactory(realm=admin.portal.realm))

        sign_in(sister, admin.user.email)

        assert sister.get(CODE_PAGE)["Location"] == "/sign-in/"

    def test_never_leaves_the_host(self, admin, app, visitor):
        sign_in(visitor, admin.user.email)

        page = visitor.post(CODE_PAGE, {"code": code_of(app), "next": "https://evil.example/"})

        assert page["Location"] == "/"


class TestSecondFactorMiddleware:
    @pytest.fixture(autouse=True)
    def required(self, admin):
        admin.portal.admins_need_second_factor = True
        admin.portal.save()

    @pytest.mark.parametrize(
        "path", ["/admin/", "/admin/users/membership/", "/admin/settings/integrations/", "/admin/portals/portal/"]
    )
    def test_sends_admins_without_one_to_set_it_up(self, client, path):
        page = client.get(path)

        assert page["Location"] == "/second-factor/"
        assert "asks everyone who uses its admin pages" in client.get("/second-factor/").text

    def test_lets_nothing_be_changed_before(self, admin, client):
        client.post("/admin/portals/group/add/", {"title": "Newcomers"})

        assert not admin.portal.groups.exists()

    def test_asks_a_session_without_a_code_for_one(self, admin, client):
        app, _codes = set_up(admin.user)

        page = client.get("/admin/users/membership/")
        assert page["Location"] == f"{CODE_PAGE}?next=%2Fadmin%2Fusers%2Fmembership%2F"

        page = client.post(CODE_PAGE, {"code": code_of(app), "next": "/admin/users/membership/"})
        assert page["Location"] == "/admin/users/membership/"
        assert client.get("/admin/users/membership/").status_code == 200

    def test_asks_operators_too(self, admin, portal_client):
        client = portal_client(admin.portal, OperatorFactory())

        assert client.get("/admin/")["Location"] == "/second-factor/"

    def test_leaves_learners_pages_and_learners_alone(self, admin, client, portal_client):
        learner = MembershipFactory(portal=admin.portal)

        assert client.get("/").status_code == 200
        assert portal_client(admin.portal, learner.user).get("/").status_code == 200
        assert portal_client(admin.portal, learner.user).get("/admin/", follow=True).status_code == 403

    def test_leaves_portals_alone_that_do_not_ask_for_it(self, portal_client):
        other = AdminFactory()

        assert portal_client(other.portal, other.user).get("/admin/").status_code == 200
