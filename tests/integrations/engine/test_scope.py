"""Who is wanted: conditions on attributes, and what happens to those who stop satisfying them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.engine.changes import Kind, Reason
from integrations.engine.plan import decide
from integrations.engine.records import EmploymentStatus
from integrations.engine.scope import Condition, Operator, broken, has_surely_left

from .records import TODAY, TOMORROW, YESTERDAY, around, learner, person, policy

SALES_ONLY = Condition("department", Operator.IS_ONE_OF, ("Sales", "Support"))


def decided(who, *learners, ends=False):
    rules = policy(scope=(SALES_ONLY,), ends_out_of_scope=ends)
    return list(decide(who, around(*learners), rules, TODAY))


def of(department):
    return person(attributes={"department": department})


class TestCondition:
    @pytest.mark.parametrize(
        ("operator", "text", "holds"),
        [
            (Operator.IS_ONE_OF, "Sales", True),
            (Operator.IS_ONE_OF, " Support ", True),
            (Operator.IS_ONE_OF, "sales", False),
            (Operator.IS_ONE_OF, "", False),
            (Operator.IS_NONE_OF, "Sales", False),
            (Operator.IS_NONE_OF, "Legal", True),
            (Operator.IS_NONE_OF, "", True),
            (Operator.IS_EMPTY, "", True),
            (Operator.IS_EMPTY, "  ", True),
            (Operator.IS_EMPTY, "Sales", False),
            (Operator.IS_NOT_EMPTY, "Sales", True),
            (Operator.IS_NOT_EMPTY, " ", False),
        ],
    )
    def test_holds_of_a_value(self, operator, text, holds):
        assert Condition("department", operator, ("Sales", "Support")).holds(text) is holds

    @given(text=st.text(), values=st.lists(st.text().map(str.strip)))
    def test_has_two_pairs_of_opposites(self, text, values):
        def holds(operator):
            return Condition("a", operator, tuple(values)).holds(text)

        assert holds(Operator.IS_ONE_OF) is not holds(Operator.IS_NONE_OF)
        assert holds(Operator.IS_EMPTY) is not holds(Operator.IS_NOT_EMPTY)


class TestScope:
    def test_wants_everyone_without_conditions(self):
        assert broken({}, ()) == []

    def test_wants_those_of_whom_all_conditions_hold(self):
        in_town = Condition("city", Operator.IS_NOT_EMPTY)

        assert broken({"department": "Sales", "city": "Utrecht"}, (SALES_ONLY, in_town)) == []
        assert broken({"department": "Sales", "city": ""}, (SALES_ONLY, in_town)) == [in_town]

    def test_takes_what_was_not_delivered_as_empty_but_as_no_proof(self):
        assert broken({}, (SALES_ONLY,)) == [SALES_ONLY]
        assert not has_surely_left({}, (SALES_ONLY,))
        assert has_surely_left({"department": "Legal"}, (SALES_ONLY,))


class TestPeopleOutOfScope:
    def test_are_not_added(self):
        (change,) = decided(of("Legal"))

        assert (change.kind, change.reason, change.due_on) == (Kind.SKIP, Reason.OUT_OF_SCOPE, None)

    def test_are_not_linked(self):
        (change,) = decided(of("Legal"), learner(linked_key=""))

        assert (change.kind, change.reason) == (Kind.SKIP, Reason.OUT_OF_SCOPE)

    def test_are_added_when_they_come_into_scope(self):
        (change,) = decided(of("Sales"))

        assert change.kind is Kind.INVITE

    def test_keep_everything_as_it_is(self):
        moved = person(attributes={"department": "Legal"}, last_name="Renamed")

        (change,) = decided(moved, learner())

        assert (change.kind, change.reason, change.membership_id) == (Kind.SKIP, Reason.OUT_OF_SCOPE, 1)

    def test_lose_access_when_the_settings_say_so(self):
        ended, told = decided(of("Legal"), learner(last_day=TOMORROW), ends=True)

        assert (ended.kind, ended.before, ended.after) == (
            Kind.END_ACCESS,
            {"last_day": TOMORROW.isoformat()},
            {"last_day": None},
        )
        assert (told.kind, told.reason) == (Kind.SKIP, Reason.OUT_OF_SCOPE)

    def test_are_ended_once(self):
        ended = learner(status="ended", ended_by="gusto", last_day=YESTERDAY)

        assert [change.kind for change in decided(of("Legal"), ended, ends=True)] == [Kind.SKIP]

    def test_are_never_ended_as_staff(self):
        assert [change.kind for change in decided(of("Legal"), learner(role="manager"), ends=True)] == [Kind.SKIP]

    def test_are_not_ended_for_an_attribute_that_was_not_delivered(self):
        assert decided(person(), learner(), ends=True) == []

    @pytest.mark.parametrize("ends", [True, False])
    def test_lose_access_when_they_leave_the_company(self, ends):
        leaver = person(attributes={"department": "Legal"}, last_day=YESTERDAY)

        (change,) = decided(leaver, learner(), ends=ends)

        assert (change.kind, change.after) == (Kind.END_ACCESS, {"last_day": YESTERDAY.isoformat()})

    def test_get_access_back_when_they_come_back(self):
        ended = learner(status="ended", ended_by="gusto", has_signed_in=True, last_day=YESTERDAY)

        (change,) = decided(of("Sales"), ended, ends=True)

        assert (change.kind, change.after["status"]) == (Kind.RESTORE, "active")

    @given(
        department=st.sampled_from(["Sales", "Legal", "", None]),
        status=st.sampled_from(list(EmploymentStatus)),
        state=st.sampled_from(["active", "pending", "ended"]),
        ended_by=st.sampled_from(["gusto", "admin"]),
        ends=st.booleans(),
    )
    def test_are_never_written_to(self, department, status, state, ended_by, ends):
        who = person(
            attributes={} if department is None else {"department": department}, status=status, first_name="New"
        )
        found = decided(who, learner(status=state, ended_by=ended_by if state == "ended" else ""), ends=ends)

        if department in ("Legal", ""):
            assert {change.kind for change in found} <= {Kind.SKIP, Kind.END_ACCESS}
        # Once what was planned is done, there is nothing left to do.
        if any(change.kind is Kind.END_ACCESS for change in found):
            after = learner(status="ended", ended_by="gusto", last_day=TODAY)
            assert all(change.kind is Kind.SKIP for change in decided(who, after, ends=ends))
