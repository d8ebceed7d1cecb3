"""The page behind the link of a mail."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from tests.factories.portals import CourseFactory, DynamicRuleFactory, GroupCourseFactory, PortalFactory
from tests.factories.users import InvitationFactory, MembershipFactory
from users import invitations
from users.models import Invitation, Membership

pytestmark = pytest.mark.django_db

NEW = {"new_password1": "a new long password", "new_password2": "a new long password"}


@pytest.fixture
def sent():
    """Make an invitation that was mailed to someone without password."""

    def make(has_password=False, **fields):
        invitation = InvitationFactory(**fields)
        if not has_password:
            invitation.membership.user.set_unusable_password()
            invitation.membership.user.save()
        invitations.hand_over(invitation=invitation, now=timezone.now())
        invitation.refresh_from_db()
        return invitation

    return make


def path_of(invitation):
    return f"/invitation/{invitations.token(invitation)}/"


class TestInvitationPage:
    def test_shows_portal_person_and_rules(self, portal_client, sent):
        invitation = sent(membership__portal__name="North Academy", membership__user__first_name="Ada")

        page = portal_client(invitation.membership.portal).get(path_of(invitation))

        assert page.status_code == 200
        for text in ("North Academy", "Ada Vale", invitation.membership.user.email, "at least 8 characters"):
            assert text in page.text

    def test_lets_the_person_in(self, portal_client, sent):
        invitation = sent()
        client = portal_client(invitation.membership.portal)

        page = client.post(path_of(invitation), NEW, follow=True)

        membership = Membership.objects.get()
        assert page.redirect_chain == [("/", 302)]
        assert "Welcome to" in page.text
        assert membership.status == "active"
        assert membership.user.check_password(NEW["new_password1"])

    def test_groups_and_enrolls_the_person(self, portal_client, sent):
        invitation = sent()
        portal = invitation.membership.portal
        rule = DynamicRuleFactory(group__portal=portal)
        course = CourseFactory(portal=portal, title="Fire safety")
        GroupCourseFactory(group=rule.group, course=course)

        page = portal_client(portal).post(path_of(invitation), NEW, follow=True)

        assert "Fire safety" in page.text

    @pytest.mark.parametrize(
        ("first", "second", "why"),
        [
            ("a new long password", "another long password", "match"),
            ("short", "short", "too short"),
            ("password123", "password123", "too common"),
            ("12345678", "12345678", "too common"),
            ("", "", "required"),
        ],
    )
    def test_refuses_a_poor_password(self, portal_client, sent, first, second, why):
        invitation = sent()

        page = portal_client(invitation.membership.portal).post(
            path_of(invitation), {"new_password1": first, "new_password2": second}
        )

        assert page.status_code == 200
        assert why in page.text
        assert Membership.objects.get().status == "pending"

    def test_looking_at_it_changes_nothing(self, portal_client, sent):
        invitation = sent()
        client = portal_client(invitation.membership.portal)

        client.get(path_of(invitation))
        client.head(path_of(invitation))

        assert Invitation.objects.get().state == "sent"

    def test_lets_someone_with_a_password_keep_it(self, portal_client, sent):
        invitation = sent(has_password=True)
        client = portal_client(invitation.membership.portal)

        assert "new_password1" not in client.get(path_of(invitation)).text
        client.post(path_of(invitation))

        membership = Membership.objects.get()
        assert membership.status == "active"
        assert membership.user.check_password("correct horse battery")

    def test_sets_a_forgotten_password_and_ends_other_sessions(self, portal_client, sent):
        invitation = sent(has_password=True, kind="reset", membership__status="active")
        membership = invitation.membership
        elsewhere = portal_client(membership.portal, membership.user)

        portal_client(membership.portal).post(path_of(invitation), NEW)

        membership.user.refresh_from_db()
        assert membership.user.check_password(NEW["new_password1"])
        assert elsewhere.get("/").status_code == 302

    def test_signs_in_the_invited_and_not_who_was_signed_in(self, portal_client, sent):
        invitation = sent()
        portal = invitation.membership.portal
        client = portal_client(portal, MembershipFactory(portal=portal).user)

        client.post(path_of(invitation), NEW)

        assert client.session["_auth_user_id"] == str(invitation.membership.user_id)

    def test_tells_no_other_host_where_one_came_from(self, portal_client, sent):
        invitation = sent()

        page = portal_client(invitation.membership.portal).get(path_of(invitation))

        assert page["Referrer-Policy"] == "same-origin"
        assert "no-store" in page["Cache-Control"]


class TestDeadLinks:
    def test_all_look_alike(self, portal_client, sent):
        portal = PortalFactory()
        client = portal_client(portal)
        used, cancelled, replaced, ended = (sent(membership__portal=portal) for _ in range(4))
        foreign = sent()
        paths = [path_of(one) for one in (used, cancelled, replaced, ended, foreign)]
        portal_client(portal).post(path_of(used), NEW)
        invitations.cancel(invitation=cancelled)
        invitations.resend(invitation=replaced, now=timezone.now())
        Membership.objects.filter(pk=ended.membership_id).update(status="ended")
        paths += ["/invitation/nonsense/", "/invitation/1-" + "0" * 64 + "/"]

        pages = [client.get(path) for path in paths]

        assert {page.status_code for page in pages} == {410}
        assert len({re.sub(r'value="\w+"', "", page.text) for page in pages}) == 1

    def test_one_is_too_old(self, portal_client, sent):
        invitation = sent()
        client = portal_client(invitation.membership.portal)

        with time_machine.travel(timezone.now() + timedelta(hours=72, seconds=1)):
            assert client.get(path_of(invitation)).status_code == 410
            assert client.post(path_of(invitation), NEW).status_code == 410

        assert Membership.objects.get().status == "pending"

    @pytest.mark.usefixtures("tasks_at_once")
    def test_the_page_sends_a_new_one(self, portal_client, sent):
        invitation = sent()
        client = portal_client(invitation.membership.portal)
        with time_machine.travel(timezone.now() + timedelta(days=4)):
            page = client.get(path_of(invitation))
            assert "Send me a new link" in page.text
            client.post("/password/forgot/", {"email": invitation.membership.user.email})

        again = Invitation.objects.get()
        assert (again.kind, again.state) == ("invite", "scheduled")
        assert again.nonce != invitation.nonce


class TestDeclining:
    def test_ends_the_invitation(self, portal_client, sent):
        invitation = sent(membership__portal__name="North Academy")
        client = portal_client(invitation.membership.portal)

        assert "I do not want to join" in client.get(path_of(invitation)).text
        page = client.post(path_of(invitation), {"decline": "1"})

        assert "You did not join North Academy" in page.text
        assert Invitation.objects.get().state == "rejected"
        assert client.get(path_of(invitation)).status_code == 410
        assert client.get("/").status_code == 302

    def test_is_not_offered_to_who_is_in(self, portal_client, sent):
        welcome = sent(kind="welcome", membership__status="active")
        client = portal_client(welcome.membership.portal)

        assert "I do not want to join" not in client.get(path_of(welcome)).text
        assert client.post(path_of(welcome), {"decline": "1"}).status_code == 410
        assert Membership.objects.get().has_access
