"""The two workflow actions: who comes in, who does not and what HubSpot is told, once for each call."""

import json
import random
import threading
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
from django.db import OperationalError, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.hubspot import tasks, workflow_actions
from integrations.hubspot.models import WorkflowCall
from integrations.models import Connection, ExternalIdentity, PlannedChange, SyncRun, Tombstone, tombstones
from integrations.sync import requests
from tests.factories.integrations import ConnectionFactory, ExternalIdentityFactory
from tests.factories.portals import CourseFactory, DynamicRuleFactory, GroupCourseFactory, GroupFactory, PortalFactory
from tests.factories.users import InvitationFactory, MembershipFactory, UserFactory
from users import invitations
from users.models import AuditEntry, Enrollment, GroupMembership, Invitation, Membership, User

from .workflows import execution, post, run

SECRET = "a secret of the app"
KINDS = ["invite", "add"]


@pytest.fixture(autouse=True)
def application(settings):
    settings.HUBSPOT_CLIENT_SECRET = SECRET


@pytest.fixture
def portal(db):
    return PortalFactory(name="Partner academy", time_zone="America/Denver", enabled_integrations=["hubspot"])


def connect(portal, account="4455667", **fields):
    return ConnectionFactory(
        portal=portal, provider="hubspot", record_type="contacts", external_account_id=account, **fields
    )


@pytest.fixture
def connection(portal):
    return connect(portal)


@pytest.fixture
def linked(connection):
    """Make a learner who is linked to the contact that workflows run on."""

    def make(**fields):
        learner = MembershipFactory(portal=connection.portal, user__email="ana.silva@example.org", **fields)
        ExternalIdentityFactory(connection=connection, external_id="901", membership=learner, snapshot={"key": "901"})
        return learner

    return make


def the_learner():
    return Membership.objects.select_related("user").get(role="learner")


def mails():
    return list(Invitation.objects.values_list("kind", "state"))


class TestUserInviteAction:
    def test_invites_a_contact(self, connection):
        fields = run("invite", connection)

        learner = the_learner()
        assert (learner.status, learner.source, learner.user.email) == ("pending", "hubspot", "ana.silva@example.org")
        assert mails() == [("invite", "scheduled")]
        assert fields == {
            "outcome": "invited",
            "learner_id": f"lrn_{learner.pk}",
            "state": "pending",
            "message": "An invitation is on its way.",
            "error_code": "",
            "hs_execution_state": "SUCCESS",
        }

    def test_links_the_contact(self, connection):
        run("invite", connection)

        identity = connection.identities.get()
        assert (identity.external_id, identity.state, identity.membership) == ("901", "linked", the_learner())

    def test_sends_nothing_where_people_sign_in_elsewhere(self, connection):
        connection.portal.sign_in_method = "saml"
        connection.portal.save()

        fields = run("invite", connection)

        assert (fields["outcome"], the_learner().status, mails()) == ("created", "active", [])

    def test_sends_a_waiting_person_no_second_mail(self, connection):
        run("invite", connection)

        fields = run("invite", connection)

        assert (fields["outcome"], fields["state"], fields["hs_execution_state"]) == (
            "already_member", "pending", "SUCCESS",
        )  # fmt: skip
        assert Invitation.objects.count() == 1

    def test_sends_a_new_link_once_the_last_has_expired(self, connection, linked):
        learner = linked(status="pending")
        past = timezone.now() - timedelta(hours=72, seconds=1)
        old = InvitationFactory(membership=learner, state="sent", expires_at=past, next_try_at=None)

        fields = run("invite", connection)

        assert fields["outcome"] == "reinvited"
        assert mails() == [("invite", "scheduled")]
        assert Invitation.objects.get().nonce != old.nonce

    def test_leaves_a_link_that_works(self, connection, linked):
        soon = timezone.now() + timedelta(hours=1)
        InvitationFactory(membership=linked(status="pending"), state="sent", expires_at=soon, next_try_at=None)

        assert run("invite", connection)["outcome"] == "already_member"
        assert mails() == [("invite", "sent")]

    def test_sends_a_mail_again_that_came_back(self, connection, linked):
        InvitationFactory(membership=linked(status="pending"), state="failed", failure="550 No such user")

        assert run("invite", connection)["outcome"] == "reinvited"

    def test_leaves_a_mail_to_a_changed_address_to_an_admin(self, connection, linked):
        changed = Invitation.ADDRESS_CHANGED
        InvitationFactory(membership=linked(status="pending"), state="failed", failure=changed)

        assert run("invite", connection)["outcome"] == "already_member"
        assert mails() == [("invite", "failed")]

    def test_invites_a_waiting_person_who_never_got_a_mail(self, connection, linked):
        linked(status="pending")

        assert run("invite", connection)["outcome"] == "invited"
        assert mails() == [("invite", "scheduled")]

    def test_respects_that_an_admin_cancelled_the_invitation(self, connection, linked):
        linked(status="pending", invitation_withdrawn_at=timezone.now())

        fields = run("invite", connection)

        assert (fields["outcome"], fields["error_code"]) == ("skipped", "invitation_cancelled")
        assert mails() == []


class TestUserAddAction:
    def test_adds_a_contact_and_welcomes_them(self, connection):
        fields = run("add", connection)

        assert (fields["outcome"], fields["state"]) == ("created", "active")
        assert (the_learner().status, mails()) == ("active", [("welcome", "scheduled")])

    def test_sends_nothing_where_people_sign_in_elsewhere(self, connection):
        connection.portal.sign_in_method = "signed_link"
        connection.portal.save()

        assert run("add", connection)["outcome"] == "created"
        assert mails() == []

    def test_lets_a_waiting_person_in(self, connection, linked):
        learner = linked(status="pending")
        InvitationFactory(membership=learner, state="sent", expires_at=timezone.now() + timedelta(hours=9))

        fields = run("add", connection)

        learner.refresh_from_db()
        assert (fields["outcome"], fields["state"], learner.status) == ("activated", "active", "active")
        assert learner.accepted_at is not None
        assert sorted(mails()) == [("invite", "cancelled"), ("welcome", "scheduled")]

    def test_brings_the_courses_of_whoever_is_let_in(self, connection, linked):
        group = GroupFactory(portal=connection.portal)
        GroupCourseFactory(group=group)
        learner = linked(status="pending")
        GroupMembership.objects.create(group=group, membership=learner, created_at=timezone.now())

        run("add", connection)

        assert Enrollment.objects.get().membership == learner

    def test_lets_nobody_in_whom_only_an_admin_may(self, connection, linked):
        learner = linked(status="pending", invitation_withdrawn_at=timezone.now())

        fields = run("add", connection)

        learner.refresh_from_db()
        assert (fields["outcome"], fields["error_code"], learner.status) == (
            "skipped", "invitation_cancelled", "pending",
        )  # fmt: skip

    def test_does_not_add_accounts_of_other_portals_without_their_say(self, connection):
        UserFactory(realm=connection.portal.realm, email="ana.silva@example.org")

        fields = run("add", connection)

        assert (fields["outcome"], fields["error_code"]) == ("skipped", "known_elsewhere")
        assert not Membership.objects.exists()

    def test_does_not_accept_an_invitation_for_somebody_else(self, connection, linked):
        learner = linked(status="pending", user__last_login=timezone.now())

        fields = run("add", connection)

        learner.refresh_from_db()
        assert (fields["error_code"], learner.status) == ("known_elsewhere", "pending")

    def test_adds_accounts_of_other_portals_where_that_is_allowed(self, connection):
        connection.portal.may_add_people_known_elsewhere = True
        connection.portal.save()
        account = UserFactory(realm=connection.portal.realm, email="ana.silva@example.org")

        assert run("add", connection)["outcome"] == "created"
        assert the_learner().user == account

    def test_says_when_all_seats_are_taken(self, connection, linked):
        MembershipFactory(portal=connection.portal)
        connection.portal.seats = 1
        connection.portal.save()

        newcomer = run("add", connection, record="902", email="kim@example.org")
        linked(status="pending")
        waiting = run("add", connection)

        for fields in (newcomer, waiting):
            assert (fields["outcome"], fields["error_code"], fields["hs_execution_state"]) == (
                "failed", "no_seat", "FAIL_CONTINUE",
            )  # fmt: skip
            assert fields["message"] == "All seats of the portal are taken."


@pytest.mark.parametrize("kind", KINDS)
class TestBothActions:
    def test_leave_an_active_member_as_they_are(self, connection, linked, kind):
        learner = linked(user__first_name="Anabel")

        fields = run(kind, connection)

        assert (fields["outcome"], fields["learner_id"], fields["state"]) == (
            "already_member", f"lrn_{learner.pk}", "active",
        )  # fmt: skip
        assert mails() == []

    def test_link_a_learner_by_the_address(self, connection, kind):
        learner = MembershipFactory(portal=connection.portal, user__email="Ana.Silva@example.org")

        fields = run(kind, connection)

        assert (fields["outcome"], connection.identities.get().membership) == ("already_member", learner)

    def test_link_a_waiting_person_and_do_the_rest(self, connection, kind):
        MembershipFactory(portal=connection.portal, user__email="ana.silva@example.org", status="pending")

        assert run(kind, connection)["outcome"] == {"invite": "invited", "add": "activated"}[kind]

    @pytest.mark.parametrize("by", ["admin", "hubspot", "gusto"])
    def test_never_give_ended_access_back(self, connection, linked, kind, by):
        learner = linked(status="ended", ended_by=by)

        fields = run(kind, connection)

        learner.refresh_from_db()
        assert (fields["outcome"], fields["error_code"], fields["state"]) == ("skipped", "access_ended", "ended")
        assert (learner.status, fields["learner_id"]) == ("ended", "")

    def test_never_give_ended_access_back_by_the_address_either(self, connection, kind):
        MembershipFactory(portal=connection.portal, user__email="ana.silva@example.org", status="ended")

        assert run(kind, connection)["error_code"] == "access_ended"

    @pytest.mark.parametrize("role", ["admin", "manager", "instructor"])
    def test_leave_staff_alone(self, connection, kind, role):
        owner = MembershipFactory(portal=connection.portal, role=role, user__email="ana.silva@example.org")

        fields = run(kind, connection, first_name="Mallory", group=f"grp_{GroupFactory(portal=connection.portal).pk}")

        owner.user.refresh_from_db()
        assert (fields["outcome"], fields["error_code"]) == ("skipped", "staff_account")
        assert owner.user.first_name == "Robin"
        assert not GroupMembership.objects.exists()
        assert mails() == []
        problem = connection.identities.get()
        assert (problem.state, problem.reason, problem.membership) == ("skipped", "staff_account", None)

    def test_leave_a_learner_alone_who_became_an_admin(self, connection, linked, kind):
        linked(role="admin")

        assert run(kind, connection)["error_code"] == "staff_account"

    def test_leave_people_out_whom_an_admin_removed(self, connection, kind):
        ExternalIdentityFactory(connection=connection, external_id="901", membership=None)

        assert run(kind, connection)["error_code"] == "removed_by_admin"
        assert not Membership.objects.exists()

    @pytest.mark.parametrize(
        ("email", "code"), [("", "no_email"), ("not an address", "invalid_email"), ("a@b", "invalid_email")]
    )
    def test_need_an_address(self, connection, kind, email, code):
        fields = run(kind, connection, email=email)

        assert (fields["outcome"], fields["error_code"], fields["hs_execution_state"]) == (
            "failed", code, "FAIL_CONTINUE",
        )  # fmt: skip
        assert fields["message"]
        assert not User.objects.exists()

    def test_need_a_name_that_fits(self, connection, kind):
        assert run(kind, connection, first_name="A" * 151)["error_code"] == "name_too_long"

    def test_refuse_an_address_that_is_another_contacts(self, connection, linked, kind):
        linked()

        fields = run(kind, connection, record="902")

        assert (fields["outcome"], fields["error_code"]) == ("failed", "email_taken")

    def test_take_a_name_of_any_script(self, connection, kind):
        run(kind, connection, first_name="Zoë", last_name="石井", email="ZOE@Example.org")

        assert (the_learner().user.first_name, the_learner().user.email) == ("Zoë", "zoe@example.org")

    def test_take_a_contact_without_a_name(self, connection, kind):
        run(kind, connection, first_name="", last_name="")

        assert the_learner().user.first_name == ""

    def test_have_the_record_read_again(self, connection, kind):
        run(kind, connection)

        event = connection.events.get()
        assert (event.person_id, event.kind, event.state) == ("901", "person", "waiting")

    def test_wake_workers(self, connection, kind, monkeypatch):
        calls = []
        monkeypatch.setattr(tasks.follow_actions, "apply_async", lambda **options: calls.append(options))

        run(kind, connection)
        run(kind, connection, record="902", email="kim@example.org")

        assert len(calls) == 1

    def test_answer_although_no_worker_can_be_called(self, connection, kind, monkeypatch):
        monkeypatch.setattr(tasks.follow_actions, "apply_async", lambda **options: None)

        assert run(kind, connection)["hs_execution_state"] == "SUCCESS"


class TestGroup:
    def test_is_joined_with_its_courses(self, connection):
        group = GroupFactory(portal=connection.portal, title="Partners")
        GroupCourseFactory(group=group, course=CourseFactory(portal=connection.portal))

        run("add", connection, group=f"grp_{group.pk}")

        assert GroupMembership.objects.get().origin == "manual"
        assert Enrollment.objects.get().source_group == group

    def test_is_noted_with_the_run(self, connection):
        group = GroupFactory(portal=connection.portal, title="Partners")

        run("invite", connection, group=f"grp_{group.pk}")

        entry = AuditEntry.objects.get(action="group_joined")
        assert (entry.after, entry.run_id, entry.actor_id) == ({"group": "Partners"}, connection.runs.get().pk, None)

    def test_brings_its_courses_when_the_invitation_is_accepted(self, connection):
        group = GroupFactory(portal=connection.portal)
        GroupCourseFactory(group=group, course=CourseFactory(portal=connection.portal))
        run("invite", connection, group=f"grp_{group.pk}")
        assert not Enrollment.objects.exists()

        invitation = Invitation.objects.get()
        invitations.hand_over(invitation=invitation, now=timezone.now())
        invitation.refresh_from_db()
        invitations.accept(invitation=invitation, password="harbour lights at dawn", now=timezone.now())

        assert Enrollment.objects.count() == 1

    def test_is_joined_by_members_too(self, connection, linked):
        learner, group = linked(), GroupFactory(portal=connection.portal)

        run("invite", connection, group=f"grp_{group.pk}")
        run("invite", connection, group=f"grp_{group.pk}")

        assert GroupMembership.objects.get().membership == learner

    def test_is_not_joined_by_whose_access_has_ended(self, connection, linked):
        linked(status="ended")

        run("invite", connection, group=f"grp_{GroupFactory(portal=connection.portal).pk}")

        assert not GroupMembership.objects.exists()

    @pytest.mark.parametrize("value", ["grp_999999", "grp_x", "Partners", "prt_1", "grp_" + "9" * 40])
    def test_must_exist(self, connection, value):
        fields = run("invite", connection, group=value)

        assert (fields["outcome"], fields["error_code"]) == ("failed", "unknown_group")
        assert not Membership.objects.exists()

    def test_must_be_one_of_the_portal(self, connection):
        fields = run("invite", connection, group=f"grp_{GroupFactory().pk}")

        assert fields["error_code"] == "unknown_group"

    def test_rules_look_at_who_was_added(self, connection):
        rule = DynamicRuleFactory(group=GroupFactory(portal=connection.portal))

        run("add", connection)

        assert GroupMembership.objects.get().group == rule.group


class TestLastDay:
    @pytest.fixture
    def day(self, portal):
        return portal.today(timezone.now()) + timedelta(days=30)

    @pytest.mark.parametrize("kind", KINDS)
    def test_is_set(self, connection, day, kind):
        run(kind, connection, last_day=day.isoformat())

        assert (the_learner().last_day, the_learner().ended_by) == (day, "workflow")

    def test_comes_as_midnight_in_milliseconds(self, connection, day):
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC)

        run("add", connection, last_day=str(int(moment.timestamp() * 1000)))

        assert the_learner().last_day == day

    def test_may_be_today(self, connection, portal):
        run("add", connection, last_day=portal.today(timezone.now()).isoformat())

        assert the_learner().status == "active"

    def test_may_not_be_over(self, connection, portal):
        fields = run("add", connection, last_day=(portal.today(timezone.now()) - timedelta(days=1)).isoformat())

        assert (fields["outcome"], fields["error_code"]) == ("failed", "last_day_over")
        assert not Membership.objects.exists()

    @pytest.mark.parametrize("text", ["soon", "2026-02-30", "9" * 30, "31.12.2026"])
    def test_must_be_a_day(self, connection, text):
        assert run("add", connection, last_day=text)["error_code"] == "bad_last_day"

    def test_is_moved_by_another_call(self, connection, day):
        run("add", connection, last_day=day.isoformat())
        run("add", connection, last_day=(day + timedelta(days=5)).isoformat())

        assert the_learner().last_day == day + timedelta(days=5)

    def test_stays_where_a_call_names_none(self, connection, day):
        run("add", connection, last_day=day.isoformat())
        run("add", connection)

        assert the_learner().last_day == day

    def test_stays_when_an_admin_has_set_it(self, connection, linked, day):
        learner = linked(last_day=day, ended_by="admin")

        run("add", connection, last_day=(day + timedelta(days=5)).isoformat())

        learner.refresh_from_db()
        assert (learner.last_day, learner.ended_by) == (day, "admin")


class TestWhatIsRefused:
    def test_a_portal_of_another_account(self, connection):
        stranger = connect(PortalFactory(enabled_integrations=["hubspot"]), account="99")

        fields = run("invite", connection, portal=f"prt_{stranger.portal_id}")

        assert (fields["outcome"], fields["error_code"], fields["hs_execution_state"]) == (
            "failed", "unknown_portal", "FAIL_CONTINUE",
        )  # fmt: skip
        assert not Membership.objects.exists()
        assert WorkflowCall.objects.get().connection is None

    @pytest.mark.parametrize("value", ["prt_999999", "prt_", "Partner academy", "901", "prt_²"])
    def test_a_portal_that_does_not_exist(self, connection, value):
        assert run("invite", connection, portal=value)["error_code"] == "unknown_portal"

    def test_a_connection_that_was_cut(self, connection):
        Connection.objects.update(state="disconnected")

        assert run("invite", connection)["error_code"] == "not_connected"

    def test_an_integration_that_is_turned_off(self, connection):
        connection.portal.enabled_integrations = []
        connection.portal.save()

        assert run("invite", connection)["error_code"] == "turned_off"

    @pytest.mark.parametrize("kind", ["COMPANY", "DEAL", "USER", "0-115", ""])
    def test_records_of_another_kind(self, connection, kind):
        assert run("invite", connection, kind=kind)["error_code"] == "wrong_object"

    def test_contacts_where_a_portal_takes_users(self, connection):
        Connection.objects.update(record_type="users")

        assert run("invite", connection)["error_code"] == "wrong_object"

    @pytest.mark.parametrize("kind", ["CONTACT", "0-1"])
    def test_but_not_another_name_of_the_same_kind(self, connection, kind):
        assert run("invite", connection, kind=kind)["outcome"] == "invited"

    def test_is_told_in_the_language_of_the_portal(self, connection):
        assert run("invite", connection, email="")["message"] == "The record has no e-mail address."


class TestTrouble:
    @pytest.fixture
    def body(self, connection):
        return execution(connection)

    def test_of_ours_asks_to_come_again_and_keeps_nothing(self, body, monkeypatch):
        def fail(**_):
            raise OperationalError("the disk is full")

        monkeypatch.setattr(requests.grouping, "add_members", fail)
        group = GroupFactory(portal=Connection.objects.get().portal)
        body["inputFields"]["group"] = f"grp_{group.pk}"

        answer = post("user-invite/", body)

        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert "Retry-After" not in answer.headers
        assert not WorkflowCall.objects.exists()
        assert not Membership.objects.exists()

    def test_of_any_kind_asks_to_come_again(self, body, monkeypatch):
        monkeypatch.setattr(workflow_actions, "_result", lambda *_, **__: 1 / 0)

        assert post("user-invite/", body).status_code == HTTPStatus.SERVICE_UNAVAILABLE

    def test_is_over_at_the_next_try(self, body, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(workflow_actions, "_result", lambda *_, **__: 1 / 0)
            post("user-invite/", body)

        assert post("user-invite/", body).json()["outputFields"]["outcome"] == "invited"

    def test_of_the_consent_waits_for_a_new_one(self, body):
        Connection.objects.update(state="needs_reconnecting")

        assert post("user-invite/", body).status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert not WorkflowCall.objects.exists()

    def test_with_the_consent_does_not_matter_while_it_is_tried_again(self, body):
        Connection.objects.update(state="quarantined")

        assert post("user-invite/", body).status_code == HTTPStatus.OK


class TestReading:
    @pytest.mark.parametrize("address", ["user-invite/", "user-add/", "options/portal/", "options/group/"])
    def test_needs_a_signature(self, connection, address):
        answer = post(address, execution(connection), **{"X-HubSpot-Signature-v3": "x"})

        assert answer.status_code == HTTPStatus.UNAUTHORIZED
        assert not Membership.objects.exists()

    @pytest.mark.parametrize("address", ["user-invite/", "user-add/", "options/portal/", "options/group/"])
    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'{"callbackId": 1}', b"\xff", b"[" * 5000])
    def test_refuses_what_it_cannot_understand(self, connection, address, body):
        assert post(address, body).status_code == HTTPStatus.BAD_REQUEST

    @pytest.mark.parametrize("broken", [rb"\ud83d", rb"\ude00", b"\xff"])
    def test_leaves_out_half_a_character(self, connection, broken):
        body = json.dumps(execution(connection)).encode().replace(b'"Ana"', b'"Ana ' + broken + b'"')

        assert post("user-invite/", body).status_code == HTTPStatus.OK
        assert Membership.objects.get().user.first_name.startswith("Ana")

    @pytest.mark.parametrize("change", [{"callbackId": ""}, {"callbackId": "x" * 201}, {"origin": {}}, {"object": 1}])
    def test_needs_the_ids(self, connection, change):
        assert post("user-invite/", execution(connection) | change).status_code == HTTPStatus.BAD_REQUEST

    def test_refuses_a_body_of_any_size(self, connection):
        assert post("user-invite/", b" " * 70_000).status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    @pytest.mark.parametrize("address", ["user-invite/", "user-add/", "options/portal/", "options/group/"])
    def test_takes_posts_only(self, db, client, address, settings):
        answer = client.get(f"/integrations/hubspot/actions/{address}", headers={"host": settings.PLATFORM_DOMAIN})

        assert answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED

    @pytest.mark.parametrize("address", ["user-invite/", "options/portal/"])
    def test_happens_at_the_platform_host_only(self, connection, portal_client, address):
        answer = portal_client(connection.portal).post(f"/integrations/hubspot/actions/{address}")

        assert answer.status_code == HTTPStatus.NOT_FOUND

    def test_takes_the_older_name_of_the_inputs(self, connection):
        body = execution(connection)
        body["fields"] = body.pop("inputFields")

        assert post("user-invite/", body).json()["outputFields"]["outcome"] == "invited"

    def test_gets_by_without_what_may_be_missing(self, connection):
        body = execution(connection)
        del body["context"], body["object"]["properties"]["lastname"]
        body["object"]["properties"]["firstname"] = None

        assert post("user-invite/", body).json()["outputFields"]["outcome"] == "invited"


class TestReceipt:
    def test_keeps_no_name_and_no_address(self, connection):
        run("invite", connection, callback="ap-1", group="", last_day="")

        call = WorkflowCall.objects.get()
        assert (call.account_id, call.callback_id, call.kind) == ("4455667", "ap-1", "invite")
        assert (call.record_type, call.record_id, call.workflow_id) == ("CONTACT", "901", "192814114")
        assert call.inputs == {"portal": f"prt_{connection.portal_id}"}
        assert (call.outcome, call.state, call.membership) == ("invited", "done", the_learner())
        kept = json.dumps(list(WorkflowCall.objects.values()), default=str).lower()
        assert "ana" not in kept
        assert "silva" not in kept

    def test_gives_a_repeated_call_its_first_answer(self, connection):
        first = run("invite", connection, callback="ap-1")
        the_learner().delete()

        assert run("invite", connection, callback="ap-1") == first
        assert not Membership.objects.exists()

    def test_gives_a_refused_call_its_first_answer(self, connection):
        first = run("invite", connection, callback="ap-1", email="")

        assert run("invite", connection, callback="ap-1") == first
        assert WorkflowCall.objects.get().state == "refused"

    def test_answers_even_when_the_connection_is_gone(self, connection):
        first = run("invite", connection, callback="ap-1")
        Connection.objects.update(state="needs_reconnecting")

        assert run("invite", connection, callback="ap-1") == first

    def test_belongs_to_one_account(self, connection):
        other = connect(PortalFactory(realm=connection.portal.realm, enabled_integrations=["hubspot"]), account="99")

        run("invite", connection, callback="ap-1")
        run("invite", other, callback="ap-1")

        assert WorkflowCall.objects.count() == 2

    def test_forgets_whom_it_was_about(self, connection):
        first = run("invite", connection, callback="ap-1")

        assert WorkflowCall.objects.forget(account_id="4455667", record_id="901") == 1

        call = WorkflowCall.objects.get()
        assert (call.record_id, call.inputs, call.state) == ("", {}, "forgotten")
        assert run("invite", connection, callback="ap-1") == first


class TestRun:
    def test_lists_what_was_asked_for_on_a_day(self, connection, portal):
        run("invite", connection)
        run("add", connection, record="902", email="kim@example.org")
        run("add", connection, record="903", email="")

        day = connection.runs.get()
        assert (day.trigger, day.state, day.local_day) == ("action", "completed", portal.today(timezone.now()))
        lines = PlannedChange.objects.filter(run=day).order_by("pk")
        assert [(line.kind, line.state, line.reason) for line in lines] == [
            ("invite", "applied", ""), ("add", "applied", ""), ("skip", "skipped", "no_email"),
        ]  # fmt: skip

    def test_lists_who_was_let_in(self, connection, linked):
        linked(status="pending")

        run("add", connection)

        line = PlannedChange.objects.get()
        assert (line.kind, line.before, line.after) == ("update", {"status": "pending"}, {"status": "active"})
        assert line.trace["state"][1]["status"] == "active"

    def test_stands_beside_the_daily_sync(self, connection, portal):
        day = portal.today(timezone.now())
        SyncRun.objects.create(
            connection=connection, trigger="schedule", local_day=day, created_at=timezone.now(), state="completed"
        )

        run("invite", connection)

        assert connection.runs.count() == 2

    def test_is_added_up_afterwards(self, connection):
        run("invite", connection)
        run("add", connection, record="902", email="kim@example.org")
        run("add", connection, record="903", email="")

        assert requests.add_up(now=timezone.now()) == 1
        assert connection.runs.get().totals == {"invite": 1, "add": 1, "skipped": 1, "mails": 2, "seen": 3}
        assert requests.add_up(now=timezone.now()) == 0


@pytest.mark.django_db
class TestPrivacy:
    def mark(self, connection, *marks):
        Tombstone.objects.bulk_create(
            Tombstone(portal=connection.portal, digest=tombstones.digest_of(mark), created_at=timezone.now())
            for mark in marks
        )

    def test_keeps_a_late_call_from_linking_again(self, hub, connect_hubspot):
        connection = connect_hubspot()
        contact = next(iter(hub.contacts))
        self.mark(connection, tombstones.mark_of_record("hubspot", connection.external_account_id, "99999999"))

        fields = run("invite", connection, record="99999999")

        assert contact
        assert (fields["outcome"], fields["error_code"]) == ("skipped", "erased")
        assert not Membership.objects.exists()

    def test_lets_an_explicit_call_link_a_record_that_exists(self, hub, connect_hubspot):
        connection = connect_hubspot()
        contact = next(iter(hub.contacts))
        self.mark(connection, tombstones.mark_of_record("hubspot", connection.external_account_id, contact.id))

        fields = run("invite", connection, record=contact.id)

        assert fields["outcome"] == "invited"
        assert not Tombstone.objects.exists()

    def test_does_not_bring_back_who_was_deleted_for_good(self, hub, connect_hubspot):
        connection = connect_hubspot()
        contact = next(iter(hub.contacts))
        account = connection.external_account_id
        self.mark(
            connection,
            tombstones.mark_of_record("hubspot", account, contact.id),
            tombstones.mark_of_address("ana.silva@example.org"),
        )

        assert run("invite", connection, record=contact.id)["error_code"] == "erased"

    def test_asks_to_come_again_while_hubspot_does_not_answer(self, connection):
        self.mark(connection, tombstones.mark_of_record("hubspot", connection.external_account_id, "901"))

        answer = post("user-invite/", execution(connection))

        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE


class TestCost:
    def statements(self, statements_run, body, kind="invite"):
        before = len(statements_run)
        with CaptureQueriesContext(connections["default"]) as captured:
            assert post(f"user-{kind}/", body).status_code == HTTPStatus.OK
        return len(captured) + len(statements_run) - before

    @pytest.mark.parametrize(("kind", "most", "most_with_group"), [("invite", 13, 17), ("add", 15, 21)])
    def test_does_not_grow(self, connection, statements_run, kind, most, most_with_group):
        group = GroupFactory(portal=connection.portal)
        GroupCourseFactory(group=group, course=CourseFactory(portal=connection.portal))
        run(kind, connection)

        plain = self.statements(statements_run, execution(connection, record="902", email="kim@example.org"), kind)
        rich = execution(connection, record="903", email="lee@example.org", group=f"grp_{group.pk}")
        with_group = self.statements(statements_run, rich, kind)
        again = self.statements(statements_run, rich, kind)

        assert plain <= most
        assert with_group <= most_with_group
        assert again <= 5


@pytest.mark.django_db(transaction=True)
class TestDeliveriesAtOnce:
    def deliver(self, bodies):
        """Post all bodies from a few threads and return what they were answered."""
        answers, waiting, lock = [], list(bodies), threading.Lock()

        def work():
            try:
                while True:
                    with lock:
                        if not waiting:
                            return
                        path, body = waiting.pop()
                    answer = post(path, body)
                    with lock:
                        answers.append((body["callbackId"], answer.status_code, answer.content))
            finally:
                connections["default"].close()

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def test_of_one_call_have_one_effect_and_one_answer(self, connection):
        body = execution(connection)

        answers = self.deliver([("user-invite/", body)] * 16)

        assert {status for _, status, _ in answers} == {HTTPStatus.OK}
        assert len({content for _, _, content in answers}) == 1
        assert Membership.objects.count() == Invitation.objects.count() == WorkflowCall.objects.count() == 1

    def test_of_several_calls_for_one_person_have_one_effect(self, connection):
        bodies = [("user-invite/", execution(connection)) for _ in range(8)]
        bodies += [("user-add/", execution(connection)) for _ in range(8)]

        answers = self.deliver(bodies)

        assert {status for _, status, _ in answers} == {HTTPStatus.OK}
        assert Membership.objects.get().status == "active"
        assert Invitation.objects.filter(kind="welcome").count() == 1
        assert ExternalIdentity.objects.count() == 1

    def test_of_many_calls_ten_times_each_have_one_effect_each(self, connection):
        bodies = [
            (f"user-{KINDS[number % 2]}/", execution(connection, record=str(number), email=f"p{number}@example.org"))
            for number in range(1, 51)
        ]
        shuffled = bodies * 10
        random.Random(1).shuffle(shuffled)

        answers = self.deliver(shuffled)

        assert {status for _, status, _ in answers} == {HTTPStatus.OK}
        assert len(set(answers)) == 50
        assert Membership.objects.count() == Invitation.objects.count() == WorkflowCall.objects.count() == 50
        assert SyncRun.objects.count() == 1
