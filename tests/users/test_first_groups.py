"""Whoever is added gets the groups that a later evaluation would give, at once."""

from datetime import UTC, datetime

import pytest

from portals import definitions
from portals.rules import Condition, Operator, Subject
from tests.factories.portals import CustomFieldFactory, GroupFactory, PortalFactory
from users.grouping import Regrouped, first_groups, regroup
from users.models import GroupMembership, Membership
from users.provisioning import Cause, Newcomer, add_learners

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def department(portal):
    return CustomFieldFactory(portal=portal, label="Department")


@pytest.fixture
def sales(portal, department):
    return group_for(portal, Condition(Subject.CUSTOM_FIELD, Operator.IS, ("Sales",), department.key))


def group_for(portal, condition, base_group=None):
    group = GroupFactory(portal=portal)
    definitions.save_rule(group=group, blocks=[[condition]], base_group=base_group)
    return group


def newcomer(department, works_in, *, status="active", email="seller@example.com"):
    return {"key": "one", "email": email, "status": status, "custom_data": {department.key: works_in}}


class TestFirstGroups:
    def test_names_the_groups_of_those_who_match(self, portal, department, sales):
        seller = {**newcomer(department, "Sales"), "key": "seller"}
        lawyer = {**newcomer(department, "Legal"), "key": "lawyer"}

        assert first_groups(portal_id=portal.pk, newcomers=[seller, lawyer], now=NOW) == {"seller": [sales.pk]}

    def test_passes_over_pending_people(self, portal, department, sales):
        invited = newcomer(department, "Sales", status="pending")

        assert first_groups(portal_id=portal.pk, newcomers=[invited], now=NOW) == {}

    def test_says_nothing_for_nobody_and_without_rules(self, portal, department):
        assert first_groups(portal_id=portal.pk, newcomers=[], now=NOW) == {}
        assert first_groups(portal_id=portal.pk, newcomers=[newcomer(department, "Sales")], now=NOW) == {}

    def test_looks_at_address_and_day_and_base_groups(self, portal, department, sales):
        domain = group_for(portal, Condition(Subject.EMAIL_DOMAIN, Operator.IS, ("example.com",)))
        today = group_for(portal, Condition(Subject.CREATED_ON, Operator.IN_LAST_DAYS, ("1",)), base_group=sales)
        long_ago = group_for(portal, Condition(Subject.CREATED_ON, Operator.MORE_THAN_DAYS_AGO, ("1",)))
        found = first_groups(portal_id=portal.pk, newcomers=[newcomer(department, "Sales")], now=NOW)

        assert found == {"one": [sales.pk, domain.pk, today.pk]}
        assert long_ago.pk not in found["one"]

    def test_leaves_nothing_for_a_later_evaluation(self, portal, department, sales):
        group_for(portal, Condition(Subject.EMAIL_DOMAIN, Operator.ENDS_WITH, ("example.com",)), base_group=sales)
        row = newcomer(department, "Sales")
        groups = first_groups(portal_id=portal.pk, newcomers=[row], now=NOW)["one"]
        seller = Newcomer(**row, first_name="Noor", last_name="Haddad", rule_groups=groups)

        added = add_learners(portal=portal, newcomers=[seller], source="gusto", cause=Cause(), now=NOW)

        joined = GroupMembership.objects.filter(membership=added["one"], origin="rule")
        assert sorted(joined.values_list("group", flat=True)) == groups
        assert Membership.objects.get(pk=added["one"]).rule_groups == groups
        assert regroup(portal_id=portal.pk, now=NOW) == Regrouped()
