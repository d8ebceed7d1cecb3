"""What a sync decides about one person."""

from dataclasses import replace
from datetime import date

import pytest

from integrations.engine.changes import Kind, Reason
from integrations.engine.plan import decide, has_left
from integrations.engine.records import EmploymentStatus, Flaw

from .records import DEPARTMENT, HIRED, TODAY, TOMORROW, YESTERDAY, around, learner, person, policy

INACTIVE = EmploymentStatus.INACTIVE


def decided(who, surroundings=None, rules=None):
    return list(decide(who, surroundings or around(), rules or policy(), TODAY))


def only(changes):
    (change,) = changes
    return change


class TestNewcomer:
    def test_is_invited_as_a_pending_learner(self):
        change = only(decided(person(), rules=policy(DEPARTMENT)))

        assert (change.kind, change.mail) == (Kind.INVITE, "invite")
        assert change.after == {
            "email": "maya@example.com",
            "first_name": "Maya",
            "last_name": "Okafor",
            "status": "pending",
            "custom_data": {},
        }

    @pytest.mark.parametrize(("sends_mail", "mail"), [(True, "welcome"), (False, "")])
    def test_is_added_as_an_active_learner_with_or_without_a_welcome(self, sends_mail, mail):
        change = only(decided(person(), rules=policy(adds_as="active", sends_mail=sends_mail)))

        assert (change.kind, change.mail, change.after["status"]) == (Kind.ADD, mail, "active")

    def test_brings_mapped_values_of_their_type(self):
        newcomer = person(attributes={"department": " Sales ", "hire_date": "03/01/2026"})

        change = only(decided(newcomer, rules=policy(DEPARTMENT, HIRED)))

        assert change.after["custom_data"] == {"7": "Sales", "8": "2026-03-01"}

    def test_is_added_without_a_value_that_is_no_choice(self):
        change = only(decided(person(attributes={"department": "sales"}), rules=policy(DEPARTMENT)))

        assert change.kind is Kind.INVITE
        assert change.after["custom_data"] == {}
        assert change.flaws == (Flaw("department", "unknown_choice", "sales"),)

    def test_with_a_scheduled_last_day_gets_access_until_then(self):
        change = only(decided(person(last_day=TOMORROW)))

        assert change.after["last_day"] == "2026-03-11"

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"status": INACTIVE}, Reason.INACTIVE),
            ({"status": INACTIVE, "last_day": YESTERDAY}, Reason.LEFT),
            ({"last_day": YESTERDAY}, Reason.LEFT),
            ({"work_email": ""}, Reason.NO_EMAIL),
            ({"work_email": "maya at example"}, Reason.INVALID_EMAIL),
            ({"work_email": "x" * 250 + "@example.com"}, Reason.INVALID_EMAIL),
            ({"last_name": "a" * 10_000}, Reason.NAME_TOO_LONG),
            ({"is_readable": False}, Reason.UNREADABLE),
        ],
    )
    def test_is_skipped_for_a_reason(self, changes, reason):
        change = only(decided(person(**changes)))

        assert (change.kind, change.reason, change.due_on) == (Kind.SKIP, reason, None)

    def test_uses_the_personal_address_when_there_is_no_other(self):
        change = only(decided(person(work_email="", personal_email="May@Example.net")))

        assert change.after["email"] == "may@example.net"

    def test_is_skipped_when_only_work_addresses_count(self):
        newcomer = person(work_email="", personal_email="may@example.net")

        assert only(decided(newcomer, rules=policy(address="work_only"))).reason is Reason.NO_EMAIL

    def test_sharing_an_address_is_never_guessed_about(self):
        change = only(decided(person(), around(shared={"maya@example.com"})))

        assert (change.reason, change.due_on) == (Reason.SHARED_EMAIL, TODAY)

    def test_removed_by_an_admin_is_not_added_again(self):
        assert only(decided(person(), around(removed={"e-1"}))).reason is Reason.REMOVED_BY_ADMIN


class TestHireDate:
    rules = policy(waits_for_hire_date=True)

    @pytest.mark.parametrize("hired_on", [YESTERDAY, TODAY])
    def test_reached_invites(self, hired_on):
        assert only(decided(person(hired_on=hired_on), rules=self.rules)).kind is Kind.INVITE

    def test_ahead_waits_for_the_day(self):
        change = only(decided(person(hired_on=TOMORROW), rules=self.rules))

        assert (change.reason, change.due_on) == (Reason.HIRE_DATE_AHEAD, TOMORROW)

    def test_unknown_waits_and_says_so(self):
        assert only(decided(person(), rules=self.rules)).reason is Reason.HIRE_DATE_UNKNOWN

    def test_does_not_matter_when_people_are_invited_once_added(self):
        assert only(decided(person(hired_on=TOMORROW))).kind is Kind.INVITE


class TestFirstContactByAddress:
    def test_links_an_existing_learner_without_a_mail(self):
        made_by_hand = learner(linked_key="", first_name="May")

        change = only(decided(person(), around(made_by_hand)))

        assert (change.kind, change.membership_id, change.mail) == (Kind.LINK, 1, "")
        assert (change.before, change.after) == ({"first_name": "May"}, {"first_name": "Maya"})

    def test_links_someone_whose_access_has_ended_without_giving_it_back(self):
        change = only(decided(person(), around(learner(linked_key="", status="ended", ended_by="admin"))))

        assert (change.kind, change.after) == (Kind.LINK, {})

    def test_compares_the_second_address_too(self):
        made_by_hand = learner(linked_key="", email="may@example.net")

        link, address = decided(person(personal_email="may@example.net"), around(made_by_hand))

        assert (link.kind, link.after) == (Kind.LINK, {})
        assert (address.kind, address.after) == (Kind.CHANGE_EMAIL, {"email": "maya@example.com"})

    @pytest.mark.parametrize("role", ["manager", "instructor", "admin"])
    def test_never_links_staff(self, role):
        assert only(decided(person(), around(learner(linked_key="", role=role)))).reason is Reason.STAFF_ACCOUNT

    def test_never_takes_over_somebody_elses_learner(self):
        change = only(decided(person(), around(learner(linked_key="e-2"))))

        assert (change.reason, change.due_on) == (Reason.EMAIL_TAKEN, TODAY)

    def test_never_chooses_between_two_learners(self):
        first = learner(linked_key="")
        second = learner(linked_key="", membership_id=2, user_id=12, email="may@example.net")

        change = only(decided(person(personal_email="may@example.net"), around(first, second)))

        assert change.reason is Reason.TWO_LEARNERS


class TestKnownElsewhereInTheRealm:
    known = around(accounts={"maya@example.com": 77})

    def test_is_invited_with_the_old_account(self):
        change = only(decided(person(), self.known))

        assert (change.kind, change.user_id) == (Kind.INVITE, 77)

    def test_is_not_simply_created(self):
        change = only(decided(person(), self.known, policy(adds_as="active")))

        assert change.reason is Reason.KNOWN_ELSEWHERE

    def test_is_created_where_the_portal_allows_it(self):
        change = only(decided(person(), self.known, policy(adds_as="active", may_add_people_known_elsewhere=True)))

        assert (change.kind, change.user_id) == (Kind.ADD, 77)


class TestLinkedLearner:
    def test_who_is_as_the_source_says_needs_no_change(self):
        assert decided(person(), around(learner())) == []

    def test_follows_names_address_and_values(self):
        stale = learner(first_name="Mia", email="mia@example.com", custom_data={"7": "Support"})

        update, address = decided(person(attributes={"department": "Sales"}), around(stale), policy(DEPARTMENT))

        assert (update.kind, update.mail) == (Kind.UPDATE, "")
        assert update.before == {"custom_data": {"7": "Support"}, "first_name": "Mia"}
        assert update.after == {"custom_data": {"7": "Sales"}, "first_name": "Maya"}
        assert (address.kind, address.before) == (Kind.CHANGE_EMAIL, {"email": "mia@example.com"})
        assert address.after == {"email": "maya@example.com"}

    @pytest.mark.parametrize(("has_signed_in", "reason"), [(True, Reason.ADDRESS_NOT_CONFIRMED), (False, None)])
    def test_keeps_the_address_until_an_approval_where_anyone_may_write_it(self, has_signed_in, reason):
        stale = learner(first_name="Mia", email="mia@example.com", has_signed_in=has_signed_in)

        update, address = decided(person(), around(stale), replace(policy(), trusts_addresses=False))

        assert (update.after, update.reason) == ({"first_name": "Maya"}, None)
        assert (address.kind, address.reason) == (Kind.CHANGE_EMAIL, reason)

    def test_loses_a_value_apart_from_what_else_changes(self):
        had_one = learner(first_name="Mia", custom_data={"7": "Sales"})

        update, clear = decided(person(attributes={"department": ""}), around(had_one), policy(DEPARTMENT))

        assert (update.kind, update.after) == (Kind.UPDATE, {"first_name": "Maya"})
        assert (clear.kind, clear.before) == (Kind.CLEAR, {"custom_data": {"7": "Sales"}})

    def test_loses_a_value_that_was_emptied(self):
        had_one = learner(custom_data={"7": "Sales"})

        change = only(decided(person(attributes={"department": ""}), around(had_one), policy(DEPARTMENT)))

        assert change.after == {"custom_data": {"7": None}}

    def test_keeps_a_value_that_was_not_delivered(self):
        assert decided(person(), around(learner(custom_data={"7": "Sales"})), policy(DEPARTMENT)) == []

    def test_keeps_the_old_value_when_the_new_one_is_no_choice(self):
        had_one = learner(custom_data={"7": "Sales"})

        change = only(decided(person(attributes={"department": "Moon"}), around(had_one), policy(DEPARTMENT)))

        assert change.after == {}
        assert change.flaws == (Flaw("department", "unknown_choice", "Moon"),)

    @pytest.mark.parametrize(
        ("surroundings", "problem"),
        [
            (around(learner(email="old@example.com"), accounts={"maya@example.com": 9}), "email_taken"),
            (around(learner(email="old@example.com"), shared={"maya@example.com"}), "shared_email"),
        ],
    )
    def test_keeps_the_address_when_the_new_one_is_not_free(self, surroundings, problem):
        change = only(decided(person(), surroundings))

        assert change.after == {}
        assert change.flaws == (Flaw("email", problem, "maya@example.com"),)

    def test_waiting_for_an_answer_becomes_active_once_the_portal_has_single_sign_on(self):
        change = only(
            decided(person(), around(learner(status="pending")), policy(adds_as="active", activates_pending=True))
        )

        assert change.after == {"status": "active"}

    def test_who_became_staff_keeps_name_and_address(self):
        promoted = learner(role="manager", first_name="Mia", email="mia@example.com")

        change = only(decided(person(attributes={"department": "Sales"}), around(promoted), policy(DEPARTMENT)))

        assert change.after == {"custom_data": {"7": "Sales"}}


class TestCancelledInvitation:
    def test_is_told_and_changes_nothing(self):
        pending = learner(status="pending", invitation_cancelled=True)

        change = only(decided(person(), around(pending)))

        assert (change.kind, change.reason) == (Kind.SKIP, Reason.INVITATION_CANCELLED)

    def test_keeps_the_person_pending_where_single_sign_on_would_let_them_in(self):
        pending = learner(status="pending", invitation_cancelled=True)

        change = only(decided(person(), around(pending), policy(activates_pending=True)))

        assert change.kind is Kind.SKIP


class TestLeaver:
    @pytest.mark.parametrize("last_day", [YESTERDAY, TODAY, TOMORROW])
    def test_loses_access_after_the_last_day(self, last_day):
        change = only(decided(person(last_day=last_day), around(learner())))

        assert (change.kind, change.after) == (Kind.END_ACCESS, {"last_day": last_day.isoformat()})

    def test_without_a_date_loses_access_at_once(self):
        change = only(decided(person(status=INACTIVE), around(learner())))

        assert (change.kind, change.after) == (Kind.END_ACCESS, {"last_day": None})

    def test_is_ended_once(self):
        ended = learner(status="ended", ended_by="gusto", last_day=YESTERDAY)

        assert decided(person(status=INACTIVE, last_day=YESTERDAY), around(ended)) == []

    def test_of_the_staff_is_reported_and_stays(self):
        change = only(decided(person(status=INACTIVE), around(learner(role="admin"))))

        assert (change.kind, change.reason) == (Kind.SKIP, Reason.STAFF_ACCOUNT)

    def test_whose_date_moved_is_followed(self):
        planned = learner(last_day=TOMORROW, ended_by="gusto")

        change = only(decided(person(last_day=TODAY), around(planned)))

        assert change.after == {"last_day": TODAY.isoformat()}

    def test_whose_departure_was_called_off_keeps_access(self):
        planned = learner(last_day=TOMORROW, ended_by="gusto")

        change = only(decided(person(), around(planned)))

        assert (change.kind, change.after) == (Kind.UPDATE, {"last_day": None})

    def test_keeps_an_earlier_day_that_an_admin_chose(self):
        limited = learner(last_day=TODAY, ended_by="admin")

        assert decided(person(last_day=TOMORROW), around(limited)) == []

    def test_keeps_a_day_that_only_an_admin_chose(self):
        assert decided(person(), around(learner(last_day=TOMORROW, ended_by="admin"))) == []


class TestReturner:
    def test_gets_the_old_account_back_without_a_mail(self):
        gone = learner(status="ended", ended_by="gusto", last_day=YESTERDAY, has_signed_in=True)

        change = only(decided(person(), around(gone)))

        assert (change.kind, change.mail) == (Kind.RESTORE, "")
        assert change.after == {"status": "active", "last_day": None}

    def test_who_never_signed_in_is_invited_again(self):
        gone = learner(status="ended", ended_by="gusto", last_day=YESTERDAY)

        change = only(decided(person(), around(gone)))

        assert (change.kind, change.mail, change.after["status"]) == (Kind.RESTORE, "invite", "pending")

    def test_whose_invitation_an_admin_cancelled_comes_back_without_one(self):
        gone = learner(status="ended", ended_by="gusto", last_day=YESTERDAY, invitation_cancelled=True)

        change = only(decided(person(), around(gone), policy(adds_as="active")))

        assert (change.kind, change.mail, change.after["status"]) == (Kind.RESTORE, "", "pending")

    def test_whom_an_admin_shut_out_stays_out(self):
        change = only(decided(person(), around(learner(status="ended", ended_by="admin"))))

        assert (change.kind, change.reason) == (Kind.SKIP, Reason.ENDED_BY_ADMIN)


class TestHasLeft:
    @pytest.mark.parametrize(
        ("changes", "answer"),
        [
            ({}, False),
            ({"status": INACTIVE}, True),
            ({"last_day": YESTERDAY}, True),
            ({"last_day": TODAY}, False),
            ({"status": INACTIVE, "last_day": TODAY}, False),
            ({"last_day": date.max}, False),
        ],
    )
    def test_counts_the_last_day_as_a_day_of_work(self, changes, answer):
        assert has_left(person(**changes), TODAY) is answer


class TestPinnedValue:
    RULES = policy(DEPARTMENT, HIRED)

    def test_survives_another_value_and_an_empty_one(self):
        pinned = learner(custom_data={"7": "Sales"}, pinned=frozenset({"7"}))

        for text in ("Support", ""):
            assert decided(person(attributes={"department": text}), around(pinned), self.RULES) == []

    def test_leaves_the_other_fields_to_the_source(self):
        pinned = learner(custom_data={"7": "Sales"}, pinned=frozenset({"7"}))
        moved = person(attributes={"department": "Support", "hire_date": "2026-03-01"})

        change = only(decided(moved, around(pinned), self.RULES))

        assert change.after == {"custom_data": {"8": "2026-03-01"}}

    def test_survives_a_return(self):
        returning = learner(
            custom_data={"7": "Sales"}, pinned=frozenset({"7"}), status="ended", ended_by="gusto", has_signed_in=True
        )

        change = only(decided(person(attributes={"department": "Support"}), around(returning), self.RULES))

        assert change.kind is Kind.RESTORE
        assert "custom_data" not in change.after
