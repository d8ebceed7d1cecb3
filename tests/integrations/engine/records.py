"""Short ways to write people, learners and policies in tests of the pure engine."""

from dataclasses import replace
from datetime import date

from integrations.engine.matching import Surroundings
from integrations.engine.records import InvitePolicy, Learner, MappingRule, Person, Policy, TargetField
from portals.field_types import FieldType

TODAY = date(2026, 3, 10)
YESTERDAY = date(2026, 3, 9)
TOMORROW = date(2026, 3, 11)

DEPARTMENT = MappingRule(
    "department", TargetField("7", FieldType.STRING_CHOICE, choices=frozenset({"Sales", "Support"}))
)
HIRED = MappingRule("hire_date", TargetField("8", FieldType.DATE))


def person(**changes):
    basics = Person(key="e-1", first_name="Maya", last_name="Okafor", work_email="maya@example.com")
    return replace(basics, **changes)


def learner(**changes):
    basics = Learner(
        membership_id=1,
        user_id=11,
        email="maya@example.com",
        first_name="Maya",
        last_name="Okafor",
        role="learner",
        status="active",
        custom_data={},
        linked_key="e-1",
    )
    return replace(basics, **changes)


def policy(*mappings, may_add_people_known_elsewhere=False, scope=(), ends_out_of_scope=False, **invite):
    basics = InvitePolicy(waits_for_hire_date=False, adds_as="pending", sends_mail=True, address="work_first")
    return Policy(
        provider="gusto",
        invite=replace(basics, **invite),
        mappings=mappings,
        may_add_people_known_elsewhere=may_add_people_known_elsewhere,
        scope=scope,
        ends_out_of_scope=ends_out_of_scope,
    )


def around(*learners, accounts=None, removed=(), shared=()):
    return Surroundings(
        linked={one.linked_key: one for one in learners if one.linked_key},
        by_email={one.email: one for one in learners},
        accounts=accounts or {},
        removed=frozenset(removed),
        shared=frozenset(shared),
    )
