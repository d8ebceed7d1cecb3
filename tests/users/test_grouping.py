"""Rules put people into groups as the pure evaluation says, and touch nothing else."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, product

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Upper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portals import definitions, field_types, rules, statements
from portals.field_types import FieldType
from portals.models import DynamicRule
from portals.rules import Condition, Facts, Operator, Rule, Subject
from tests.factories.portals import (
    CustomFieldFactory,
    GroupCourseFactory,
    GroupFactory,
    PortalFactory,
)
from tests.factories.users import MembershipFactory, UserFactory
from users.grouping import Regrouped, add_members, count_matches, matching_ids, regroup, regroup_portal, remove_members
from users.models import Enrollment, GroupMembership, Membership, User

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
NOTHING = Regrouped()


def members(group):
    return set(group.members.values_list("membership", flat=True))


def origin(group, membership):
    return group.members.get(membership=membership).origin


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def department(portal):
    return CustomFieldFactory(portal=portal, label="Department")


@pytest.fixture
def person(portal, department):
    """Make a person of the portal in a department."""

    def make(works_in="", **more):
        data = {department.key: works_in} if works_in else {}
        return MembershipFactory(portal=portal, custom_data=data, **more)

    return make


@pytest.fixture
def sales(portal, department):
    """A group for everyone in Sales."""
    group = GroupFactory(portal=portal)
    definitions.save_rule(group=group, blocks=[[is_in(department, "Sales")]])
    return group


def is_in(department, name):
    return Condition(Subject.CUSTOM_FIELD, Operator.IS, (name,), department.key)


def created(operator, *operands):
    return Condition(Subject.CREATED_ON, operator, operands)


def rows_written():
    """Return how many rows this transaction has inserted, updated and deleted so far."""
    counters = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables"
    return statements.rows(counters)[0][0]


def move(membership, department, to):
    membership.custom_data = {department.key: to}
    membership.save(update_fields=["custom_data"])


class TestRegroup:
    def test_puts_those_who_match_into_the_group(self, portal, person, sales):
        seller, lawyer = person("sales"), person("Legal")

        done = regroup(portal_id=portal.pk, membership_ids=[seller.pk, lawyer.pk], now=NOW)

        assert done == Regrouped(joined=1)
        assert members(sales) == {seller.pk}
        assert origin(sales, seller) == "rule"

    def test_looks_only_at_the_people_given(self, portal, person, sales):
        seller, other_seller = person("Sales"), person("Sales")

        regroup(portal_id=portal.pk, membership_ids=[seller.pk], now=NOW)

        assert members(sales) == {seller.pk}
        assert other_seller.pk not in members(sales)

    def test_looks_at_everyone_without_a_list(self, portal, person, sales):
        sellers = {person("Sales").pk, person("Sales").pk}

        regroup(portal_id=portal.pk, now=NOW)

        assert members(sales) == sellers

    def test_takes_out_those_who_no_longer_match(self, portal, person, sales, department):
        mover = person("Sales")
        regroup(portal_id=portal.pk, now=NOW)
        move(mover, department, "Legal")

        assert regroup(portal_id=portal.pk, membership_ids=[mover.pk], now=NOW) == Regrouped(left=1)
        assert members(sales) == set()

    def test_writes_nothing_the_second_time(self, portal, person, sales):
        seller = person("Sales")
        regroup(portal_id=portal.pk, now=NOW)
        before = rows_written()

        assert regroup(portal_id=portal.pk, membership_ids=[seller.pk], now=NOW) == NOTHING
        assert regroup(portal_id=portal.pk, now=NOW) == NOTHING
        assert rows_written() == before

    def test_runs_two_statements_whatever_the_number_of_people(self, portal, person, sales, statements_run):
        sellers = [person("Sales").pk for _ in range(20)]

        regroup(portal_id=portal.pk, membership_ids=sellers, now=NOW)

        assert len(statements_run) == 2

    def test_leaves_members_by_hand_alone(self, portal, person, sales):
        lawyer = person("Legal")
        add_members(group=sales, membership_ids=[lawyer.pk], now=NOW)

        assert regroup(portal_id=portal.pk, now=NOW) == NOTHING
        assert origin(sales, lawyer) == "manual"

    def test_leaves_a_member_by_hand_in_when_the_rule_lets_go(self, portal, person, sales, department):
        mover = person("Sales")
        add_members(group=sales, membership_ids=[mover.pk], now=NOW)
        regroup(portal_id=portal.pk, now=NOW)
        move(mover, department, "Legal")

        regroup(portal_id=portal.pk, now=NOW)

        assert origin(sales, mover) == "manual"

    def test_passes_over_pending_people(self, portal, person, sales, department):
        invited = person("Sales", status="pending")
        was_active = person("Sales")
        regroup(portal_id=portal.pk, now=NOW)
        Membership.objects.filter(pk=was_active.pk).update(status="pending", custom_data={})

        assert regroup(portal_id=portal.pk, now=NOW) == NOTHING
        assert members(sales) == {was_active.pk}
        assert invited.pk not in members(sales)

    def test_groups_people_whose_access_ended_but_enrolls_them_not(self, portal, person, sales):
        GroupCourseFactory(group=sales)
        leaver = person("Sales", status="ended")

        assert regroup(portal_id=portal.pk, now=NOW) == Regrouped(joined=1)
        assert members(sales) == {leaver.pk}

    def test_counts_staff_like_everyone(self, portal, person, sales):
        manager = person("Sales", role="manager")

        regroup(portal_id=portal.pk, now=NOW)

        assert members(sales) == {manager.pk}

    @pytest.mark.parametrize("state", ["draft", "broken"])
    def test_changes_nobody_by_a_rule_that_is_not_at_work(self, portal, person, sales, department, state):
        mover, seller = person("Sales"), person("Legal")
        regroup(portal_id=portal.pk, now=NOW)
        DynamicRule.objects.filter(group=sales).update(state=state)
        everyone = GroupFactory(portal=portal)
        definitions.save_rule(group=everyone, blocks=[])
        move(mover, department, "Legal")
        move(seller, department, "Sales")

        regroup(portal_id=portal.pk, now=NOW)

        assert members(sales) == {mover.pk}
        assert members(everyone) == {mover.pk, seller.pk}

    def test_takes_members_over_again_when_the_rule_is_back_at_work(self, portal, person, sales, department):
        mover = person("Sales")
        regroup(portal_id=portal.pk, now=NOW)
        DynamicRule.objects.filter(group=sales).update(state="draft")
        move(mover, department, "Legal")
        # Another rule is at work meanwhile.
        definitions.save_rule(group=GroupFactory(portal=portal), blocks=[])
        regroup(portal_id=portal.pk, now=NOW)
        DynamicRule.objects.filter(group=sales).update(state="active")

        assert regroup(portal_id=portal.pk, now=NOW) == Regrouped(left=1)

    def test_writes_nothing_for_members_of_a_rule_that_is_not_at_work(self, portal, person, sales):
        person("Sales")
        definitions.save_rule(group=GroupFactory(portal=portal), blocks=[])
        regroup(portal_id=portal.pk, now=NOW)
        DynamicRule.objects.filter(group=sales).update(state="draft")
        before = rows_written()

        assert regroup(portal_id=portal.pk, now=NOW) == NOTHING
        assert rows_written() == before

    def test_changes_nobody_by_a_rule_that_no_longer_fits_its_field(self, portal, person, sales, department):
        person("Sales")
        department.type = FieldType.DATE
        department.save()

        assert regroup(portal_id=portal.pk, now=NOW) == NOTHING

    def test_evaluates_chains_of_base_groups_in_one_go(self, portal, person, sales, department):
        german, north = GroupFactory(portal=portal), GroupFactory(portal=portal)
        domain = Condition(Subject.EMAIL_DOMAIN, Operator.ENDS_WITH, ("de.example",))
        definitions.save_rule(group=north, blocks=[], base_group=german)
        definitions.save_rule(group=german, blocks=[[domain]], base_group=sales)
        realm = portal.realm
        seller = person("Sales", user=UserFactory(realm=realm, email="robin@nord.de.example"))
        lawyer = person("Legal", user=UserFactory(realm=realm, email="kim@nord.de.example"))

        regroup(portal_id=portal.pk, now=NOW)
        assert members(sales) == members(german) == members(north) == {seller.pk}

        move(seller, department, "Legal")
        move(lawyer, department, "Sales")
        regroup(portal_id=portal.pk, now=NOW)
        assert members(sales) == members(german) == members(north) == {lawyer.pk}

    def test_narrows_the_evaluation_to_a_group_and_those_built_on_it(self, portal, person, sales, department):
        built_on_it, other = GroupFactory(portal=portal), GroupFactory(portal=portal)
        definitions.save_rule(group=built_on_it, blocks=[], base_group=sales)
        definitions.save_rule(group=other, blocks=[])
        seller = person("Sales")

        regroup(portal_id=portal.pk, group_ids=[sales.pk], now=NOW)

        assert members(sales) == members(built_on_it) == {seller.pk}
        assert members(other) == set()

    def test_counts_present_members_of_a_base_group_that_is_not_evaluated(self, portal, person, sales):
        seller = person("Sales")
        regroup(portal_id=portal.pk, now=NOW)
        built_on_it = GroupFactory(portal=portal)
        definitions.save_rule(group=built_on_it, blocks=[], base_group=sales)

        regroup(portal_id=portal.pk, group_ids=[built_on_it.pk], now=NOW)

        assert members(built_on_it) == {seller.pk}

    def test_uses_the_portals_calendar(self, portal, person):
        portal.time_zone = "Asia/Tokyo"
        portal.save()
        today = GroupFactory(portal=portal)
        definitions.save_rule(group=today, blocks=[[created(Operator.IN_LAST_DAYS, "0")]])
        # 14:59 and 15:00 UTC are two days in Tokyo, and it is the first of April there.
        before = person(created_at=datetime(2026, 3, 31, 14, 59, tzinfo=UTC))
        after = person(created_at=datetime(2026, 3, 31, 15, 0, tzinfo=UTC))

        regroup(portal_id=portal.pk, now=NOW)

        assert members(today) == {after.pk}
        assert before.pk not in members(today)

    def test_counts_the_acceptance_as_the_creation_of_an_invited_person(self, portal, person):
        group = GroupFactory(portal=portal)
        definitions.save_rule(group=group, blocks=[[created(Operator.GREATER, "2026-03-01")]])
        invited = person(created_at=NOW - timedelta(days=90), accepted_at=NOW)

        regroup(portal_id=portal.pk, now=NOW)

        assert members(group) == {invited.pk}

    def test_stays_within_the_portal(self, portal, sales, department):
        stranger = MembershipFactory(custom_data={department.key: "Sales"})

        assert regroup(portal_id=portal.pk, membership_ids=[stranger.pk], now=NOW) == NOTHING
        assert regroup(portal_id=portal.pk, now=NOW) == NOTHING
        assert matching_ids(portal_id=portal.pk, rule=Rule(sales.pk), now=NOW) == []

    def test_survives_a_value_of_another_type(self, portal, person):
        years = CustomFieldFactory(portal=portal, type=FieldType.INTEGER)
        group = GroupFactory(portal=portal)
        definitions.save_rule(
            group=group, blocks=[[Condition(Subject.CUSTOM_FIELD, Operator.AT_LEAST, ("5",), years.key)]]
        )
        MembershipFactory(portal=portal, custom_data={years.key: "seven"})
        senior = MembershipFactory(portal=portal, custom_data={years.key: 7})

        regroup(portal_id=portal.pk, now=NOW)

        assert members(group) == {senior.pk}

    def test_binds_what_admins_type_as_values(self, portal, person, sales, department):
        definitions.save_rule(group=sales, blocks=[[is_in(department, "O'Brien %s {x}")]])
        namesake = person("o'brien %S {X}")

        regroup(portal_id=portal.pk, now=NOW)

        assert members(sales) == {namesake.pk}


class TestEnrollmentByRule:
    def test_enrolls_joiners(self, portal, person, sales):
        course = GroupCourseFactory(group=sales).course
        seller = person("Sales")

        assert regroup(portal_id=portal.pk, now=NOW) == Regrouped(joined=1, enrolled=1)
        assert Enrollment.objects.get(membership=seller, course=course).source_group == sales

    def test_unenrolls_leavers(self, portal, person, sales, department):
        GroupCourseFactory(group=sales)
        mover = person("Sales")
        regroup(portal_id=portal.pk, now=NOW)
        move(mover, department, "Legal")

        assert regroup(portal_id=portal.pk, now=NOW) == Regrouped(left=1, unenrolled=1)

    def test_keeps_leavers_enrolled_where_the_rule_says_so(self, portal, person, sales, department):
        GroupCourseFactory(group=sales)
        DynamicRule.objects.filter(group=sales).update(on_leaving="keep")
        mover = person("Sales")
        regroup(portal_id=portal.pk, now=NOW)
        move(mover, department, "Legal")

        assert regroup(portal_id=portal.pk, now=NOW) == Regrouped(left=1)
        assert mover.enrollments.exists()

    def test_keeps_a_course_that_the_new_group_grants_too(self, portal, person, sales, department):
        legal = GroupFactory(portal=portal)
        definitions.save_rule(group=legal, blocks=[[is_in(department, "Legal")]])
        course = GroupCourseFactory(group=sales).course
        GroupCourseFactory(group=legal, course=course)
        mover = person("Sales")
        regroup(portal_id=portal.pk, now=NOW)
        move(mover, department, "Legal")

        assert regroup(portal_id=portal.pk, now=NOW) == Regrouped(joined=1, left=1)
        assert mover.enrollments.get().source_group == legal


class TestRegroupPortal:
    def test_evaluates_everyone_in_batches(self, portal, person, sales, monkeypatch):
        monkeypatch.setattr("users.grouping.BATCH", 2)
        sellers = {person("Sales").pk for _ in range(5)}

        assert regroup_portal(portal_id=portal.pk, now=NOW) == Regrouped(joined=5)
        assert members(sales) == sellers

    def test_writes_nothing_when_nothing_changed(self, portal, person, sales):
        person("Sales")
        regroup_portal(portal_id=portal.pk, now=NOW)
        before = rows_written()

        assert regroup_portal(portal_id=portal.pk, now=NOW) == NOTHING
        assert rows_written() == before

    def test_does_nothing_without_a_rule(self, portal, person):
        person("Sales")

        assert regroup_portal(portal_id=portal.pk, now=NOW) == NOTHING


class TestPreview:
    def test_counts_and_lists_people_for_a_rule_that_is_not_saved(self, portal, person, department):
        seller = person("Sales")
        person("Legal")
        person("Sales", status="pending")
        rule = Rule(GroupFactory(portal=portal).pk, ((is_in(department, "Sales"),),))

        assert count_matches(portal_id=portal.pk, rule=rule, now=NOW) == 1
        assert matching_ids(portal_id=portal.pk, rule=rule, now=NOW) == [seller.pk]

    def test_looks_at_present_members_of_the_base_group(self, portal, person):
        base = GroupFactory(portal=portal)
        member = person()
        person()
        add_members(group=base, membership_ids=[member.pk], now=NOW)
        rule = Rule(GroupFactory(portal=portal).pk, base_group_id=base.pk)

        assert matching_ids(portal_id=portal.pk, rule=rule, now=NOW) == [member.pk]


class TestAddMembers:
    def test_enrolls_and_feeds_groups_built_on_this_one(self, portal, person):
        base, built_on_it = GroupFactory(portal=portal), GroupFactory(portal=portal)
        definitions.save_rule(group=built_on_it, blocks=[], base_group=base)
        GroupCourseFactory(group=base)
        newcomer = person()

        done = add_members(group=base, membership_ids=[newcomer.pk], now=NOW)

        assert done == Regrouped(joined=2, enrolled=1)
        assert members(base) == members(built_on_it) == {newcomer.pk}

    def test_enrolls_nobody_when_told_so(self, portal, person):
        group = GroupCourseFactory(group__portal=portal).group

        done = add_members(group=group, membership_ids=[person().pk], now=NOW, process_enrollments=False)

        assert done == Regrouped(joined=1)

    def test_does_nothing_the_second_time(self, portal, person):
        group, newcomer = GroupFactory(portal=portal), person()
        add_members(group=group, membership_ids=[newcomer.pk], now=NOW)
        before = rows_written()

        assert add_members(group=group, membership_ids=[newcomer.pk], now=NOW) == NOTHING
        assert rows_written() == before

    def test_makes_a_member_by_rule_a_member_by_hand(self, portal, person, sales):
        seller = person("Sales")
        regroup(portal_id=portal.pk, now=NOW)

        assert add_members(group=sales, membership_ids=[seller.pk], now=NOW) == NOTHING
        assert origin(sales, seller) == "manual"

    def test_refuses_people_of_another_portal(self, portal):
        with pytest.raises(ValidationError):
            add_members(group=GroupFactory(portal=portal), membership_ids=[MembershipFactory().pk], now=NOW)


class TestRemoveMembers:
    def test_keeps_the_courses_unless_told_otherwise(self, portal, person):
        group = GroupCourseFactory(group__portal=portal).group
        leaver, other_leaver = person(), person()
        add_members(group=group, membership_ids=[leaver.pk, other_leaver.pk], now=NOW)

        assert remove_members(group=group, membership_ids=[leaver.pk], now=NOW) == Regrouped(left=1)
        assert remove_members(
            group=group, membership_ids=[other_leaver.pk], now=NOW, process_unenrollments=True
        ) == Regrouped(left=1, unenrolled=1)

    def test_starves_groups_built_on_this_one(self, portal, person):
        base, built_on_it = GroupFactory(portal=portal), GroupFactory(portal=portal)
        definitions.save_rule(group=built_on_it, blocks=[], base_group=base)
        leaver = person()
        add_members(group=base, membership_ids=[leaver.pk], now=NOW)

        assert remove_members(group=base, membership_ids=[leaver.pk], now=NOW) == Regrouped(left=2)
        assert members(built_on_it) == set()

    def test_leaves_those_in_whom_the_rule_wants(self, portal, person, sales):
        seller, seller_by_hand = person("Sales"), person("Sales")
        add_members(group=sales, membership_ids=[seller_by_hand.pk], now=NOW)
        regroup(portal_id=portal.pk, now=NOW)

        done = remove_members(group=sales, membership_ids=[seller.pk, seller_by_hand.pk], now=NOW)

        assert done == NOTHING
        assert origin(sales, seller) == origin(sales, seller_by_hand) == "rule"

    def test_takes_out_members_of_a_rule_that_is_no_longer_at_work(self, portal, person, sales):
        seller = person("Sales")
        regroup(portal_id=portal.pk, now=NOW)
        DynamicRule.objects.filter(group=sales).update(state="draft")

        assert remove_members(group=sales, membership_ids=[seller.pk], now=NOW) == Regrouped(left=1)

        DynamicRule.objects.filter(group=sales).update(state="active")
        assert regroup(portal_id=portal.pk, now=NOW) == Regrouped(joined=1)

    def test_refuses_people_of_another_portal(self, portal):
        with pytest.raises(ValidationError):
            remove_members(group=GroupFactory(portal=portal), membership_ids=[MembershipFactory().pk], now=NOW)


WORDS = ["Sales", "sales north", "Été", "100%_", "a'b"]
CHOICES = ["Gold", "gold", "Silver"]
NUMBERS = ["-1", "0", "2", "2.5", "10"]
WHOLE = ["-1", "0", "2", "10"]
DATES = ["2026-02-28", "2026-03-01", "2026-03-30", "2026-03-31", "2026-04-01"]
DOMAINS = ["example.com", "eu.example.com", "badexample.com", "example.test"]
TEXTS = {
    FieldType.STRING: WORDS,
    FieldType.INTEGER: WHOLE,
    FieldType.DECIMAL: NUMBERS,
    FieldType.DATE: DATES,
    FieldType.STRING_CHOICE: CHOICES,
    FieldType.INTEGER_CHOICE: WHOLE,
    FieldType.DECIMAL_CHOICE: NUMBERS,
}
# Each field is named by its type and whether it takes several choices.
FIELDS = [(type_, False) for type_ in FieldType] + [(type_, True) for type_ in FieldType if type_.is_choice]
PARTS_OF_WORDS = ["s", "SALES", "é", "%", "_", "'", "north"]


def every_condition():
    """Return each operator of each subject with a few operands, as far as the check lets them pass."""
    subjects = [(Subject.EMAIL_DOMAIN, FieldType.STRING, False), (Subject.CREATED_ON, FieldType.STRING, False)]
    subjects += [(Subject.CUSTOM_FIELD, type_, is_multiple) for type_, is_multiple in FIELDS]
    for subject, type_, is_multiple in subjects:
        key = str(FIELDS.index((type_, is_multiple))) if subject is Subject.CUSTOM_FIELD else ""
        texts = {Subject.EMAIL_DOMAIN: DOMAINS, Subject.CREATED_ON: DATES}.get(subject, TEXTS[type_])
        texts = texts + PARTS_OF_WORDS if subject is Subject.CUSTOM_FIELD and type_ is FieldType.STRING else texts
        numbers_of_days = [] if type_.is_choice else ["0", "1", "30"]
        candidates = [(), *((text,) for text in texts + numbers_of_days), *combinations(texts, 2)]
        for operator, operands in product(rules.operators_for(subject, type_, is_multiple=is_multiple), candidates):
            condition = Condition(subject, operator, operands, key, type_, is_multiple)
            with suppress(rules.ConditionRefused):
                rules.check(condition)
                yield condition


# What single conditions do is settled by the table below; here a few kinds meet again and again.
MET_OFTEN = [(FieldType.STRING, False), (FieldType.STRING_CHOICE, True)]
CONDITIONS = st.sampled_from(
    [
        condition
        for condition in every_condition()
        if condition.subject is Subject.EMAIL_DOMAIN
        or (condition.subject is Subject.CUSTOM_FIELD and (condition.type, condition.is_multiple) in MET_OFTEN)
    ]
)
GROUPS = 4
BLOCKS = st.lists(st.lists(CONDITIONS, min_size=1, max_size=2), max_size=2)
# For each group: mostly a rule, made of blocks and a base group with a lower number, so that there is no circle.
RULES = st.tuples(
    *(
        st.tuples(st.sampled_from([True] * 4 + [False]), BLOCKS, st.sampled_from([None, *range(number)]))
        for number in range(GROUPS)
    )
)


@st.composite
def values(draw):
    """Draw custom data, with numbers of fields as keys."""
    data = {}
    for type_, is_multiple in MET_OFTEN:
        stored = draw(st.lists(st.sampled_from(TEXTS[type_]), max_size=2 if is_multiple else 1, unique=True))
        if stored:
            data[str(FIELDS.index((type_, is_multiple)))] = stored if is_multiple else stored[0]
    return data


PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "domain": st.sampled_from(DOMAINS),
            "created_on": st.sampled_from(DATES),
            "status": st.sampled_from(["active", "active", "ended", "pending"]),
            "by_hand": st.sets(st.integers(0, GROUPS - 1), max_size=2),
            "before": values(),
            "after": values(),
        }
    ),
    min_size=1,
    max_size=6,
)


class World:
    """A portal with every type of field and a few groups, filled anew for each example."""

    def __init__(self):
        self.portal = PortalFactory(time_zone="America/New_York", custom_field_limit=50)
        self.groups = [GroupFactory(portal=self.portal) for _ in range(GROUPS)]
        self.fields = [
            CustomFieldFactory(
                portal=self.portal,
                type=type_,
                is_multiple=is_multiple,
                choices=TEXTS[type_] if type_.is_choice else (),
            )
            for type_, is_multiple in FIELDS
        ]

    def define(self, drawn):
        """Save the drawn rules and return them as the oracle reads them."""
        for group, (has_rule, blocks, base) in zip(self.groups, drawn, strict=True):
            if has_rule:
                named = [[self.named(condition) for condition in block] for block in blocks]
                base_group = None if base is None else self.groups[base]
                definitions.save_rule(group=group, blocks=named, base_group=base_group)
        return definitions.rules_of(self.portal.pk).rules

    def named(self, condition):
        if condition.subject is not Subject.CUSTOM_FIELD:
            return condition
        return replace(condition, field_key=self.fields[int(condition.field_key)].key)

    def keyed(self, data):
        return {self.fields[int(name)].key: value for name, value in data.items()}

    def populate(self, people):
        """Save the people with what they are before, and return their memberships."""
        accounts = User.objects.bulk_create(
            User(realm=self.portal.realm, email=f"p{number}@{person['domain']}")
            for number, person in enumerate(people)
        )
        memberships = Membership.objects.bulk_create(
            Membership(
                user=account,
                portal=self.portal,
                status=person["status"],
                created_at=datetime.fromisoformat(f"{person['created_on']}T12:00-04:00"),
                custom_data=self.keyed(person["before"]),
            )
            for account, person in zip(accounts, people, strict=True)
        )
        GroupMembership.objects.bulk_create(
            GroupMembership(group=self.groups[number], membership=membership, created_at=NOW)
            for membership, person in zip(memberships, people, strict=True)
            for number in person["by_hand"]
        )
        return memberships

    def expected(self, person, data, rules_at_work):
        """Return the groups that the pure evaluation puts a person into, those by hand not counted."""
        if person["status"] == "pending":
            return set()
        return set(rules.groups_of(rules_at_work, self.facts(person, data), self.portal.today(NOW)))

    def facts(self, person, data):
        return Facts(
            email=f"p@{person['domain']}",
            created_on=date.fromisoformat(person["created_on"]),
            custom_data=self.keyed(person[data]),
            group_ids=frozenset(self.groups[number].pk for number in person["by_hand"]),
        )

    def check(self, memberships, people, data, rules_at_work):
        for membership, person in zip(memberships, people, strict=True):
            wanted = self.expected(person, data, rules_at_work)
            by_hand = {self.groups[number].pk for number in person["by_hand"]}
            found = {(row.group_id, row.origin) for row in membership.group_memberships.all()}
            assert found == {(pk, "manual") for pk in by_hand} | {(pk, "rule") for pk in wanted - by_hand}
            membership.refresh_from_db(fields=["rule_groups"])
            assert membership.rule_groups == sorted(wanted)


def one_of_each():
    """Return people who between them have every value, also blanks that no form would store."""
    most = max(len(texts) for texts in TEXTS.values())
    for number in range(most + 3):
        data = {}
        for name, (type_, is_multiple) in enumerate(FIELDS):
            stored = [field_types.read(text, type_.base) for text in TEXTS[type_]]
            if is_multiple:
                data[str(name)] = stored[number : number + 2]
            elif number <= len(stored):
                data[str(name)] = [*stored, ""][number]
        yield {
            "domain": DOMAINS[number % len(DOMAINS)],
            "created_on": DATES[number % len(DATES)],
            "status": "active",
            "by_hand": (),
            "before": data,
        }


class TestEachCondition:
    def test_holds_in_the_database_for_whom_it_holds_in_the_pure_evaluation(self):
        world = World()
        people = list(one_of_each())
        memberships = world.populate(people)
        User.objects.filter(email__endswith="@example.com").update(email=Upper("email"))
        today = world.portal.today(NOW)
        conditions_seen = [world.named(condition) for condition in every_condition()]
        assert len(conditions_seen) > 300

        for condition in conditions_seen:
            rule = Rule(world.groups[0].pk, ((condition,),))
            expected = [
                membership.pk
                for membership, person in zip(memberships, people, strict=True)
                if rules.matches(rule, world.facts(person, "before"), today)
            ]
            assert matching_ids(portal_id=world.portal.pk, rule=rule, now=NOW) == expected, condition


class TestAgainstThePureEvaluation:
    @pytest.fixture
    def world(self):
        return World()

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(drawn=RULES, people=PEOPLE)
    def test_agrees_with_it_before_and_after_a_change(self, world, drawn, people):
        with transaction.atomic():
            at_work = world.define(drawn)
            memberships = world.populate(people)

            regroup(portal_id=world.portal.pk, now=NOW)
            world.check(memberships, people, "before", at_work)

            for membership, person in zip(memberships, people, strict=True):
                membership.custom_data = world.keyed(person["after"])
            Membership.objects.bulk_update(memberships, ["custom_data"])
            ids = [membership.pk for membership in memberships]
            regroup(portal_id=world.portal.pk, membership_ids=ids, now=NOW)
            world.check(memberships, people, "after", at_work)

            before = rows_written()
            assert regroup(portal_id=world.portal.pk, membership_ids=ids, now=NOW) == NOTHING
            assert regroup(portal_id=world.portal.pk, now=NOW) == NOTHING
            assert rows_written() == before
            transaction.set_rollback(True)
