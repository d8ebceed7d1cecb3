"""What admins and operators can do about somebody's sign-ins and second factor."""

import pytest

from tests.admin_pages import page
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory, OperatorFactory
from tests.users.codes import set_up
from users import second_factors
from users.models import AuditEntry, Membership, Notice, Session, User

pytestmark = pytest.mark.django_db

END, RESET = "end_sign_ins", "reset_second_factor"


@pytest.fixture
def portal():
    """Where it happens."""
    return PortalFactory()


@pytest.fixture
def admin(portal, portal_client):
    """The browser of a full admin."""
    return portal_client(portal, AdminFactory(portal=portal).user)


@pytest.fixture
def colleague(portal):
    """Another admin, with a second factor."""
    member = AdminFactory(portal=portal)
    set_up(member.user)
    return member


def confirm(client, row, action):
    return client.post(page(type(row), action, row.pk), {"confirmed": "1"}, follow=True)


class TestEndSignIns:
    def test_signs_a_person_out_at_this_portal(self, admin, portal, portal_client):
        learner = MembershipFactory(portal=portal)
        sister = MembershipFactory(user=learner.user, portal=PortalFactory(realm=portal.realm))
        here, elsewhere = portal_client(portal, learner.user), portal_client(sister.portal, learner.user)
        Session.objects.filter(session_key=here.session.session_key).update(portal=portal)
        Session.objects.filter(session_key=elsewhere.session.session_key).update(portal=sister.portal)

        answer = confirm(admin, learner, END)

        assert "1 sign-in was ended." in answer.text
        assert here.get("/").status_code == 302
        assert elsewhere.get("/").status_code == 200
        entry = AuditEntry.objects.get(action="sign_ins_ended")
        assert (entry.object_id, entry.after) == (learner.pk, {"ended": 1})

    def test_asks_first_and_says_how_many(self, admin, portal, portal_client):
        learner = MembershipFactory(portal=portal)
        client = portal_client(portal, learner.user)

        answer = admin.get(page(Membership, END, learner.pk))

        assert "sign-in ends at once" in answer.text or "sign-ins end at once" in answer.text
        assert client.get("/").status_code == 200

    def test_refuses_people_of_other_portals(self, admin, portal_client):
        stranger = MembershipFactory()
        client = portal_client(stranger.portal, stranger.user)

        assert confirm(admin, stranger, END).status_code == 404
        assert client.get("/").status_code == 200

    def test_signs_an_account_out_everywhere_for_operators(self, portal_client):
        learner = MembershipFactory()
        client = portal_client(learner.portal, learner.user)

        confirm(portal_client(None, OperatorFactory()), learner.user, END)

        assert client.get("/").status_code == 302


class TestResetSecondFactor:
    def test_removes_it_ends_sign_ins_and_tells_the_person(self, admin, colleague, portal, portal_client):
        client = portal_client(portal, colleague.user)

        answer = confirm(admin, colleague, RESET)

        assert "1 second factor was reset." in answer.text
        assert not second_factors.is_set_up(colleague.user)
        assert client.get("/").status_code == 302
        assert Notice.objects.get().kind == "second_factor_removed"
        assert AuditEntry.objects.filter(action="second_factor_reset", object_id=colleague.pk).exists()

    def test_is_offered_only_where_there_is_one(self, admin, colleague, portal):
        learner = MembershipFactory(portal=portal)

        assert "Reset second factor" in admin.get(page(Membership, "change", colleague.pk)).text
        assert "Reset second factor" not in admin.get(page(Membership, "change", learner.pk)).text

    def test_refuses_people_of_other_portals(self, admin):
        stranger = AdminFactory()
        set_up(stranger.user)

        assert confirm(admin, stranger, RESET).status_code == 404
        assert second_factors.is_set_up(stranger.user)

    def test_is_left_to_operators_for_staff_of_another_portal(self, admin, colleague, portal, portal_client):
        AdminFactory(user=colleague.user, portal=PortalFactory(realm=portal.realm))

        assert "Only an operator" in confirm(admin, colleague, RESET).text
        assert second_factors.is_set_up(colleague.user)

        confirm(portal_client(None, OperatorFactory()), User.objects.get(pk=colleague.user.pk), RESET)
        assert not second_factors.is_set_up(colleague.user)

    def test_is_not_for_those_below_a_full_admin(self, colleague, portal, portal_client):
        limited = AdminFactory(portal=portal, is_limited=True)

        answer = confirm(portal_client(portal, limited.user), colleague, RESET)

        assert answer.status_code == 403
        assert second_factors.is_set_up(colleague.user)
