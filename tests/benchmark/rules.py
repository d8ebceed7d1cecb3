"""Measure dynamic rules in one large portal: everyone, a hundredth of them, one edited rule, one page of a sync.

Django must be set up; the portal lives in a database of its own, which is dropped afterwards.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import cycle, islice

from django.db import connection, transaction

from portals import definitions, statements
from portals.field_types import FieldType
from portals.models import CustomField, CustomFieldChoice, DynamicRule, Group, Portal, Realm
from portals.rules import Condition, Operator, Rule, Subject
from users import grouping

# Label, seconds, rows written.
Row = tuple[str, float, int]

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
REPEATS = 3
PAGE = 100

# Name, type, several choices, number of choices.
FIELDS = [
    ("department", FieldType.STRING_CHOICE, False, 20),
    ("office", FieldType.STRING_CHOICE, False, 30),
    ("band", FieldType.INTEGER_CHOICE, False, 8),
    ("languages", FieldType.STRING_CHOICE, True, 10),
    ("title", FieldType.STRING, False, 0),
    ("years", FieldType.INTEGER, False, 0),
    ("hours", FieldType.DECIMAL, False, 0),
    ("hired", FieldType.DATE, False, 0),
    ("cost_center", FieldType.STRING, False, 0),
    ("manager", FieldType.STRING, False, 0),
]

# Every tenth person has a partner's address, every twentieth no access any more, every fiftieth no department.
PEOPLE = """
WITH account AS (
    INSERT INTO users_user (realm_id, email, first_name, last_name, password, is_active, is_superuser, created_at)
    SELECT %(realm)s, 'p' || %(after)s::bigint + n
        || CASE WHEN n %% 10 = 0 THEN '@partner.test' ELSE '@eu.example.com' END,
        'Robin', 'Vale', '!', true, false, %(now)s
    FROM generate_series(1, %(people)s::integer) AS n
    RETURNING id
)
INSERT INTO users_membership (
    portal_id, user_id, role, status, source, custom_data, ended_by, rule_groups, created_at)
SELECT %(portal)s, id, 'learner', CASE WHEN id %% 20 = 0 THEN 'ended' ELSE 'active' END, 'gusto',
    jsonb_strip_nulls(jsonb_build_object(
        %(department)s::text, CASE WHEN id %% 50 > 0 THEN 'department ' || id %% 20 END,
        %(office)s::text, 'office ' || id * 7 %% 30,
        %(band)s::text, id * 13 %% 8,
        %(languages)s::text, jsonb_build_array('languages ' || id %% 5, 'languages ' || 5 + id * 3 %% 5),
        %(title)s::text, 'Senior specialist no. ' || id * 31 %% 500,
        %(years)s::text, id * 17 %% 30,
        %(hours)s::text, 20.5 + id * 11 %% 20,
        %(hired)s::text, (date '2026-03-31' - (id * 19 %% 3000)::integer)::text,
        %(cost_center)s::text, 'CC-' || id %% 1000,
        %(manager)s::text, 'manager ' || id %% 400)),
    '', '{}', %(now)s - make_interval(days => (id %% 2000)::integer)
FROM account
"""
TOUCH = """
UPDATE users_membership SET custom_data = custom_data || jsonb_build_object(
    %(department)s::text, 'department ' || (id + %(turn)s) %% 20, %(years)s::text, (id + %(turn)s) %% 30)
WHERE id IN (SELECT id FROM users_membership ORDER BY md5(id::text) LIMIT %(dirty)s)
RETURNING id
"""
WRITTEN = "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_xact_user_tables"


def run(people: int = 100_000, rules: int = 50) -> list[Row]:
    """Return label, seconds (median of three) and rows written for each figure."""
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        return list(_measure(LargePortal(people, rules), people))
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def _measure(portal: "LargePortal", people: int) -> Iterator[Row]:
    def everyone() -> None:
        grouping.regroup_portal(portal_id=portal.id, now=NOW)

    def some(ids: list[int]) -> None:
        with transaction.atomic():
            grouping.regroup(portal_id=portal.id, membership_ids=ids, now=NOW)

    def edited() -> None:
        grouping.regroup_portal(portal_id=portal.id, group_ids=[portal.group_ids[0]], now=NOW)

    yield "first evaluation of everyone", *_timed(everyone)
    portal.tidy()
    yield "R2 everyone, nothing changes", *_median(everyone)
    dirty = people // 100
    yield f"R1 {dirty} changed people", *_median(some, prepare=lambda: [portal.touch(dirty)])
    yield "R3 one edited rule", *_median(edited, prepare=portal.edit_first_rule)
    yield "R3 preview of a rule", *_median(portal.preview)
    yield f"a page of {PAGE} newcomers", *_median(some, prepare=lambda: [portal.newcomers(PAGE)])
    yield f"a page of {PAGE} people, nothing changes", *_median(lambda: some(portal.page))


class LargePortal:
    """A portal full of people with a full set of custom data, and its rules."""

    def __init__(self, people: int, rules: int) -> None:
        realm = Realm.objects.create(name="Benchmark")
        portal = Portal.objects.create(realm=realm, name="Benchmark", slug="benchmark", time_zone="America/New_York")
        self.id, self.realm_id = portal.pk, realm.pk
        self.keys = {}
        for name, type_, is_multiple, choices in FIELDS:
            field = CustomField.objects.create(portal=portal, label=name, type=type_, is_multiple=is_multiple)
            values = [str(n) if type_ is FieldType.INTEGER_CHOICE else f"{name} {n}" for n in range(choices)]
            CustomFieldChoice.objects.bulk_create(CustomFieldChoice(field=field, value=value) for value in values)
            self.keys[name] = field.key
        self.groups = Group.objects.bulk_create(Group(portal=portal, title=f"Group {n}") for n in range(rules))
        self.group_ids = [group.pk for group in self.groups]
        for number, (group, shape) in enumerate(zip(self.groups, islice(cycle(SHAPES), rules), strict=True)):
            # Every tenth rule takes its people from the group before it.
            base_group = self.groups[number - 1] if number % 10 == 9 else None
            self.save(group, shape(self.keys, number), base_group)
        self.turn = 0
        self.page = self.newcomers(people)[:PAGE]
        self.tidy()

    def newcomers(self, people: int) -> list[int]:
        """Add people whom no rule has seen, and return their memberships."""
        last = statements.rows("SELECT coalesce(max(id), 0) FROM users_membership")[0][0]
        parameters = {"portal": self.id, "realm": self.realm_id, "people": people, "after": last, "now": NOW}
        statements.rows(PEOPLE, {**parameters, **self.keys})
        found = statements.rows("SELECT id FROM users_membership WHERE id > %s ORDER BY id", (last,))
        return [row[0] for row in found]

    def touch(self, dirty: int) -> list[int]:
        """Change two custom values of some people, and return their memberships."""
        self.turn += 1
        parameters = {"turn": self.turn, "dirty": dirty, **self.keys}
        return [row[0] for row in statements.rows(TOUCH, parameters)]

    def edit_first_rule(self) -> list[object]:
        """Let the first rule take another department."""
        self.turn += 1
        blocks = [[_about(self.keys, "department", Operator.IS, f"department {self.turn % 20}")]]
        self.save(self.groups[0], blocks)
        return []

    def save(self, group: Group, blocks: list[list[Condition]], base_group: Group | None = None) -> None:
        """Save a rule and set it to work without waking a worker."""
        draft = DynamicRule.State.DRAFT
        definitions.save_rule(group=group, blocks=blocks, base_group=base_group, state=draft)
        DynamicRule.objects.filter(group=group).update(state=DynamicRule.State.ACTIVE)

    def preview(self) -> None:
        """Count whom a rule of two blocks would take."""
        rule = Rule(self.group_ids[0], tuple(map(tuple, _either(self.keys, 3))))
        grouping.count_matches(portal_id=self.id, rule=rule, now=NOW)

    def tidy(self) -> None:
        """Do what autovacuum does in the background."""
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def _about(keys: dict[str, str], name: str, operator: Operator, *operands: str) -> Condition:
    # The types are looked up again on saving; a preview needs them.
    type_, is_multiple = next((row[1], row[2]) for row in FIELDS if row[0] == name)
    return Condition(Subject.CUSTOM_FIELD, operator, operands, keys[name], type_, is_multiple)


def _choice(keys: dict[str, str], number: int) -> list[list[Condition]]:
    return [[_about(keys, "department", Operator.IS, f"department {number % 20}")]]


def _both(keys: dict[str, str], number: int) -> list[list[Condition]]:
    offices = [f"office {(number + step) % 30}" for step in range(5)]
    return [
        [
            _about(keys, "office", Operator.IS_ONE_OF, *offices),
            _about(keys, "years", Operator.AT_LEAST, str(number % 30)),
        ]
    ]


def _either(keys: dict[str, str], number: int) -> list[list[Condition]]:
    return [
        [_about(keys, "title", Operator.CONTAINS, f"no. {number}"), _about(keys, "hours", Operator.LESS, "30.5")],
        [_about(keys, "languages", Operator.CONTAINS_ANY, f"languages {number % 10}")],
    ]


def _recent(keys: dict[str, str], number: int) -> list[list[Condition]]:
    return [
        [
            _about(keys, "hired", Operator.IN_LAST_DAYS, str(30 * number)),
            _about(keys, "band", Operator.IS_NOT, str(number % 8)),
        ]
    ]


def _partner(keys: dict[str, str], number: int) -> list[list[Condition]]:
    return [
        [
            Condition(Subject.EMAIL_DOMAIN, Operator.ENDS_WITH, ("partner.test",)),
            Condition(Subject.CREATED_ON, Operator.MORE_THAN_DAYS_AGO, (str(10 * number),)),
            _about(keys, "cost_center", Operator.DOES_NOT_CONTAIN, str(number)),
        ]
    ]


SHAPES = [_choice, _both, _either, _choice, _recent, _both, _partner, _choice, _both, _either]


def _timed(work: Callable[..., None], *arguments: object) -> tuple[float, int]:
    """Return seconds and rows written; the outer transaction is what the counter belongs to."""
    with transaction.atomic():
        before = statements.rows(WRITTEN)[0][0]
        started = time.perf_counter()
        work(*arguments)
        # Foreign keys are checked at the end of a transaction: that is part of the work.
        statements.rows("SET CONSTRAINTS ALL IMMEDIATE")
        seconds = time.perf_counter() - started
        return seconds, int(statements.rows(WRITTEN)[0][0] - before)


def _median(work: Callable[..., None], prepare: Callable[[], list[object]] = list) -> tuple[float, int]:
    results = sorted(_timed(work, *prepare()) for _ in range(REPEATS))
    return results[REPEATS // 2]
