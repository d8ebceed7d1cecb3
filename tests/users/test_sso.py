"""Who comes in by single sign-on, and what is taken over from the other side."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.utils import timezone

from portals.models import CustomFieldChoice, Portal
from tests.factories.portals import CustomFieldFactory, DynamicRuleFactory, GroupFactory, PortalFactory
from tests.factories.users import AdminFactory, InvitationFactory, MembershipFactory, UserFactory
from users import custom_data, sso
from users.models import AuditEntry, GroupMembership, Membership, SignOnIdentity, SpentToken, User
from users.sign_on_reasons import EXPLANATIONS, Reason, Refused
from users.sso import Claims

pytestmark = pytest.mark.django_db

# Longer than an account can hold.
LONG = "a" * 250 + "@example.com"

EMAIL = "maya@juniper.example"
ISSUER = "https://id.example.com"


@pytest.fixture
def portal():
    return PortalFactory(sign_in_method="saml")


@pytest.fixture
def admit(portal):
    """Admit whom the claims name."""

    def let_in(*, creates_people=False, email=EMAIL, **claims):
        return sso.admit(
            portal=portal,
            claims=Claims(email=email, **claims),
            method="saml",
            creates_people=creates_people,
            now=timezone.now(),
            request=RequestFactory().get("/"),
        )

    return let_in


@pytest.fixture
def reason(admit):
    """Return why someone is refused."""

    def why(**claims):
        people = User.objects.count()
        with pytest.raises(Refused) as refused:
            admit(**claims)
        assert User.objects.count() == people
        return refused.value.reason

    return why


@pytest.fixture
def learner(portal):
    return MembershipFactory(portal=portal, user__email=EMAIL)


class TestAdmit:
    def test_lets_a_learner_in_and_notes_how(self, admit, learner):
        assert admit(email=EMAIL.upper()) == learner
        entry = AuditEntry.objects.get(action="signed_in")
        assert (entry.actor_id, entry.after) == (learner.user_id, {"method": "saml"})

    def test_accepts_a_pending_invitation(self, admit, portal):
        invitation = InvitationFactory(membership__portal=portal, membership__user__email=EMAIL)

        membership = admit()

        invitation.refresh_from_db()
        assert (membership.status, invitation.state) == ("active", "accepted")
        assert membership.accepted_at is not None

    def test_refuses_pending_people_and_newcomers_without_a_seat(self, reason, portal):
        Portal.objects.update(seats=0)
        portal.refresh_from_db()
        InvitationFactory(membership__portal=portal, membership__user__email=EMAIL)

        assert reason() == "no_seat"
        assert reason(email="newcomer@juniper.example", creates_people=True) == "no_seat"

    def test_lets_learners_into_a_full_portal(self, admit, learner, portal):
        Portal.objects.update(seats=1)
        portal.refresh_from_db()

        assert admit() == learner

    def test_refuses_a_withdrawn_invitation(self, reason, portal):
        MembershipFactory(portal=portal, user__email=EMAIL, status="pending", invitation_withdrawn_at=timezone.now())

        assert reason() == "invitation_withdrawn"

    @pytest.mark.parametrize("role", ["admin", "manager", "instructor"])
    def test_never_lets_staff_in(self, reason, portal, role):
        MembershipFactory(portal=portal, user__email=EMAIL, role=role)

        assert reason() == "staff"

    def test_never_lets_an_admin_of_the_top_level_portal_in(self, reason, portal):
        portal.parent = PortalFactory(realm=portal.realm)
        portal.save()
        admin = AdminFactory(portal=portal.parent, user__email=EMAIL)
        MembershipFactory(portal=portal, user=admin.user)

        assert reason() == "staff"

    @pytest.mark.parametrize(
        "ended",
        [
            {"status": "ended"},
            {"last_day": "2020-01-01"},
            {"user__is_active": False},
            {"status": "pending", "last_day": "2020-01-01"},
        ],
    )
    def test_never_brings_ended_access_back(self, reason, portal, ended):
        leaver = MembershipFactory(portal=portal, user__email=EMAIL, **ended)

        assert reason(creates_people=True) == "access_ended"
        leaver.refresh_from_db()
        assert leaver.status == ended.get("status", "active")

    def test_refuses_those_who_lost_the_top_level_portal(self, reason, portal, learner):
        portal.parent = PortalFactory(realm=portal.realm)
        portal.save()
        MembershipFactory(portal=portal.parent, user=learner.user, status="ended")

        assert reason() == "access_ended"

    def test_refuses_strangers(self, reason):
        assert reason() == "unknown_person"

    def test_refuses_learners_of_other_portals(self, reason, portal):
        MembershipFactory(user__email=EMAIL)
        MembershipFactory(portal__realm=portal.realm, user__email=EMAIL)

        assert reason() == "unknown_person"

    @pytest.mark.parametrize("email", ["", "maya", "maya@", "a b@example.com", "maya@juniper.example\0", LONG])
    def test_refuses_what_is_no_address(self, reason, email):
        assert reason(email=email, creates_people=True) == "no_email"


class TestIdentity:
    """The name id knows people again, not the address."""

    def test_is_remembered(self, admit, learner):
        admit(issuer=ISSUER, name_id="m-1")

        assert SignOnIdentity.objects.get().membership == learner

    def test_counts_more_than_the_address(self, admit, learner, portal):
        admit(issuer=ISSUER, name_id="m-1")
        MembershipFactory(portal=portal, user__email="new@juniper.example")

        assert admit(issuer=ISSUER, name_id="m-1", email="new@juniper.example") == learner

    def test_keeps_an_address_that_was_given_on_from_opening_the_old_account(self, admit, reason, learner):
        admit(issuer=ISSUER, name_id="m-1")

        assert reason(issuer=ISSUER, name_id="m-2") == "other_identity"

    def test_belongs_to_one_provider(self, admit, learner):
        admit(issuer=ISSUER, name_id="m-1")

        assert admit(issuer="https://other.example", name_id="m-2") == learner

    def test_can_be_forgotten(self, admit, learner, portal):
        admit(issuer=ISSUER, name_id="m-1")

        request = RequestFactory().get("/")
        request.user = AnonymousUser()

        assert sso.forget_identities(portal=portal, request=request) == 1
        assert admit(issuer=ISSUER, name_id="m-2") == learner


class TestCreation:
    def test_adds_a_learner_with_groups_and_data(self, admit, portal):
        department = CustomFieldFactory(portal=portal)
        everyone = DynamicRuleFactory(group__portal=portal).group

        membership = admit(
            creates_people=True, first_name="Maya", last_name="Oduya", values={department.key: " Sales "}
        )

        assert (membership.role, membership.status, membership.source) == ("learner", "active", "sso")
        assert str(membership.user) == "Maya Oduya"
        assert membership.custom_data == {department.key: "Sales"}
        assert not membership.user.has_usable_password()
        assert GroupMembership.objects.get(membership=membership).group == everyone

    def test_happens_once(self, admit):
        assert admit(creates_people=True) == admit(creates_people=True)

    def test_needs_leave_for_people_known_elsewhere_in_the_realm(self, reason, admit, portal):
        known = UserFactory(realm=portal.realm, email=EMAIL)

        assert reason(creates_people=True) == "known_elsewhere"
        portal.may_add_people_known_elsewhere = True
        assert admit(creates_people=True).user == known


class TestTakingOver:
    def test_follows_names_and_values(self, admit, learner, portal):
        department, city = CustomFieldFactory.create_batch(2, portal=portal)
        Membership.objects.filter(pk=learner.pk).update(custom_data={department.key: "Support", city.key: "Oslo"})

        admit(last_name="Oduya", values={department.key: "Sales", city.key: ""})

        learner.refresh_from_db()
        assert learner.custom_data == {department.key: "Sales"}
        assert (learner.user.first_name, User.objects.get(pk=learner.user_id).last_name) == ("Robin", "Oduya")

    def test_leaves_out_what_does_not_fit(self, admit, learner, portal):
        size = CustomFieldFactory(portal=portal, type="string_choice")
        CustomFieldChoice.objects.create(field=size, value="S")

        assert admit(values={size.key: "XXL"}).custom_data == {}

    def test_leaves_fields_of_other_portals_alone(self, admit, learner):
        stranger = CustomFieldFactory()

        admit(values={stranger.key: "Sales"})

        learner.refresh_from_db()
        assert learner.custom_data == {}

    def test_leaves_alone_what_another_system_keeps(self, admit, learner, portal, monkeypatch):
        department = CustomFieldFactory(portal=portal)
        kept = {department.key: "Gusto", "first_name": "Gusto"}
        monkeypatch.setattr(custom_data, "_keepers", [lambda ids: dict.fromkeys(ids, kept)])

        admit(first_name="Maja", values={department.key: "Sales"})

        learner.refresh_from_db()
        assert (learner.custom_data, learner.user.first_name) == ({}, "Robin")

    def test_writes_nothing_the_second_time(self, admit, learner):
        admit(last_name="Oduya")
        changes = AuditEntry.objects.filter(action="learner_changed").count()

        admit(last_name="Oduya")

        assert AuditEntry.objects.filter(action="learner_changed").count() == changes == 1


class TestGroupSync:
    @pytest.fixture
    def groups(self, portal, learner):
        titles = {"Sales": True, "Support": True, "Choir": False}
        made = {title: GroupFactory(portal=portal, title=title, sso_sync=sync) for title, sync in titles.items()}
        for title in ("Support", "Choir"):
            GroupMembership.objects.create(group=made[title], membership=learner, created_at=timezone.now())
        return made

    def titles(self, learner):
        return {row.group.title for row in learner.group_memberships.select_related("group")}

    def test_adds_and_removes_only_where_the_switch_is_on(self, admit, learner, groups):
        admit(group_titles=("sales ", "Unknown"))

        assert self.titles(learner) == {"Sales", "Choir"}

    def test_takes_silence_for_no_news(self, admit, learner, groups):
        admit(group_titles=None)

        assert self.titles(learner) == {"Support", "Choir"}

    def test_takes_an_empty_list_at_its_word(self, admit, learner, groups):
        admit(group_titles=())

        assert self.titles(learner) == {"Choir"}


class TestSpend:
    def test_counts_once_per_portal_until_it_expires(self, portal):
        now = timezone.now()
        once = {"text": "token", "expires_at": now + timedelta(minutes=5)}
        sso.spend(portal=portal, now=now, **once)

        with pytest.raises(Refused, match="replayed"):
            sso.spend(portal=portal, now=now, **once)
        sso.spend(portal=PortalFactory(), now=now, **once)
        later = now + timedelta(minutes=6)
        sso.spend(portal=portal, text="other", expires_at=later, now=later)
        assert SpentToken.objects.filter(portal=portal).count() == 1


class TestReasons:
    def test_are_all_explained(self):
        assert set(EXPLANATIONS) == set(Reason)
