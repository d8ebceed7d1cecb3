"""Lists in, one statement out: adding, changing, ending, restoring."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from portals import statements
from tests.factories.portals import DynamicRuleFactory, PortalFactory
from tests.factories.users import InvitationFactory, MembershipFactory, UserFactory
from users import provisioning
from users.models import AuditEntry, Invitation, Membership
from users.provisioning import Amendment, Cause, Ending, Newcomer, Restoration

pytestmark = pytest.mark.django_db

CAUSE = Cause(run_id=5)


def newcomer(number=1, **changes):
    basics = {
        "key": f"e-{number}",
        "email": f"Newcomer{number}@Example.com",
        "first_name": "Noor",
        "last_name": "Ahmadi",
        "status": "pending",
        "custom_data": {"7": "Sales"},
        "mail": "invite",
    }
    return Newcomer(**{**basics, **changes})


def add(portal, *newcomers):
    return provisioning.add_learners(
        portal=portal, newcomers=newcomers, source="gusto", cause=CAUSE, now=timezone.now()
    )


class TestAddLearners:
    def test_makes_account_membership_mail_and_audit_row(self):
        portal = PortalFactory()

        (membership_id,) = add(portal, newcomer()).values()

        added = Membership.objects.select_related("user").get(pk=membership_id)
        assert (added.role, added.status, added.source) == ("learner", "pending", "gusto")
        assert (added.user.email, added.user.realm) == ("newcomer1@example.com", portal.realm)
        assert added.custom_data == {"7": "Sales"}
        assert not added.user.has_usable_password()
        assert [(mail.kind, mail.state, mail.run_id) for mail in added.invitations.all()] == [("invite", "held", 5)]
        assert AuditEntry.objects.get(object_id=membership_id).run_id == 5

    def test_uses_the_account_that_is_known_in_the_realm(self):
        portal = PortalFactory()
        account = UserFactory(realm=portal.realm)

        (membership_id,) = add(portal, newcomer(email=account.email, user_id=account.pk)).values()

        assert Membership.objects.get(pk=membership_id).user == account

    def test_sends_nothing_where_people_sign_in_by_single_sign_on(self):
        add(PortalFactory(sign_in_method="saml"), newcomer())

        assert not Invitation.objects.exists()

    def test_refuses_an_address_twice_and_adds_nobody_then(self):
        portal = PortalFactory()
        UserFactory(realm=portal.realm, email="newcomer2@example.com")

        with pytest.raises(IntegrityError), transaction.atomic():
            add(portal, newcomer(1), newcomer(2))

        assert not Membership.objects.exists()

    def test_costs_one_statement_for_any_number(self, monkeypatch):
        calls = []
        rows = statements.rows
        monkeypatch.setattr(statements, "rows", lambda *args, **options: calls.append(args) or rows(*args, **options))

        add(PortalFactory(), *[newcomer(number) for number in range(50)])

        assert len(calls) == 1
        assert Membership.objects.count() == 50

    def test_of_nobody_costs_nothing(self):
        assert add(PortalFactory()) == {}


class TestAmendLearners:
    def amend(self, membership, **fields):
        provisioning.amend_learners(
            portal=membership.portal,
            amendments=[Amendment(membership.pk, fields)],
            cause=CAUSE,
            now=timezone.now(),
        )
        return Membership.objects.select_related("user").get(pk=membership.pk)

    def test_writes_only_what_is_named(self):
        before = MembershipFactory(custom_data={"1": "old", "2": "kept", "3": "gone"})

        after = self.amend(before, first_name="Maya", custom_data={"1": "new", "3": None})

        assert (after.user.first_name, after.user.last_name) == ("Maya", "Vale")
        assert after.custom_data == {"1": "new", "2": "kept"}
        assert (after.status, after.last_day) == ("active", None)

    def test_a_new_address_kills_open_links(self):
        invitation = InvitationFactory(state="sent")

        self.amend(invitation.membership, email="New@Example.com")

        nonce = invitation.nonce
        invitation.refresh_from_db()
        assert invitation.state == "failed"
        assert "address_changed" in invitation.failure
        assert invitation.nonce != nonce

    def test_a_new_address_withdraws_a_welcome(self):
        welcome = InvitationFactory(kind="welcome", state="sent", membership__status="active")

        self.amend(welcome.membership, email="New@Example.com")

        welcome.refresh_from_db()
        assert welcome.state == "cancelled"

    def test_a_new_address_is_seen_by_the_rules_of_other_portals(
        self, tasks_at_once, django_capture_on_commit_callbacks
    ):
        here = MembershipFactory()
        there = MembershipFactory(portal__realm=here.portal.realm, user=here.user)
        rule = DynamicRuleFactory(group__portal=there.portal)
        rule.conditions.create(subject="email_domain", operator="is", operands=["moved.test"])

        with django_capture_on_commit_callbacks(execute=True):
            self.amend(here, email="robin@moved.test")

        assert rule.group.members.get().membership == there

    def test_a_new_name_leaves_links_alone(self):
        invitation = InvitationFactory(state="sent")

        self.amend(invitation.membership, first_name="Maya")

        invitation.refresh_from_db()
        assert invitation.state == "sent"

    def test_lifts_a_last_day(self):
        limited = MembershipFactory(last_day=date(2030, 1, 1), ended_by="gusto")

        after = self.amend(limited, last_day=None)

        assert (after.last_day, after.ended_by) == (None, "")

    def test_never_reaches_into_another_portal(self):
        stranger, portal = MembershipFactory(), PortalFactory()

        provisioning.amend_learners(
            portal=portal,
            amendments=[Amendment(stranger.pk, {"first_name": "X"})],
            cause=CAUSE,
            now=timezone.now(),
        )

        stranger.user.refresh_from_db()
        assert stranger.user.first_name == "Robin"


class TestEndAccess:
    def end(self, membership, last_day):
        return provisioning.end_access(
            portal=membership.portal,
            endings=[Ending(membership.pk, last_day)],
            by="gusto",
            cause=CAUSE,
            now=timezone.now(),
        )

    def test_at_once_without_a_date(self):
        invitation = InvitationFactory(state="sent")

        self.end(invitation.membership, None)

        invitation.refresh_from_db()
        leaver = Membership.objects.get(pk=invitation.membership_id)
        assert (leaver.status, leaver.ended_by, leaver.last_day) == ("ended", "gusto", timezone.localdate())
        assert invitation.state == "cancelled"

    def test_later_keeps_access_until_then(self):
        leaver = MembershipFactory()
        tomorrow = timezone.localdate() + timedelta(days=1)

        self.end(leaver, tomorrow)

        leaver.refresh_from_db()
        assert (leaver.status, leaver.last_day, leaver.ended_by) == ("active", tomorrow, "gusto")

    def test_counts_the_last_day_where_the_portal_is(self):
        leaver = MembershipFactory(portal__time_zone="Pacific/Kiritimati")
        here = leaver.portal.today(timezone.now())

        self.end(leaver, here)

        leaver.refresh_from_db()
        assert leaver.status == "active"

    def test_does_nothing_to_who_has_gone_already(self):
        gone = MembershipFactory(status="ended", ended_by="admin")

        assert self.end(gone, None) == []

        gone.refresh_from_db()
        assert gone.ended_by == "admin"


class TestRestoreAccess:
    def test_brings_back_account_and_history(self):
        gone = MembershipFactory(status="ended", ended_by="gusto", last_day=date(2026, 1, 1), custom_data={"1": "x"})

        provisioning.restore_access(
            portal=gone.portal,
            restorations=[Restoration(gone.pk, "active")],
            source="gusto",
            cause=CAUSE,
            now=timezone.now(),
        )

        gone.refresh_from_db()
        assert (gone.status, gone.last_day, gone.ended_by, gone.ended_at) == ("active", None, "", None)
        assert gone.custom_data == {"1": "x"}
        assert not gone.invitations.exists()
