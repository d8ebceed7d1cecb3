"""What must hold for any company, before and after any change: the plan is kept to, and can be taken back."""

import json
from collections import defaultdict
from datetime import timedelta
from hashlib import blake2b

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from integrations import providers
from integrations.engine.changes import Kind
from integrations.engine.records import EmploymentStatus, Person
from integrations.gusto.provider import Gusto
from integrations.models import InviteSettings, SafetySettings, SyncRun
from integrations.providers import PeoplePage
from integrations.sync import approval, leases, undo
from integrations.sync import run as sync_run
from tests import dumps
from tests.dumps import LOGS
from tests.factories.integrations import ConnectionFactory, FieldMappingFactory
from tests.factories.portals import CourseFactory, CustomFieldFactory, DynamicRuleFactory, GroupCourseFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users import enrollments, grouping, progress, provisioning
from users.models import Membership
from users.provisioning import Cause, Ending

pytestmark = pytest.mark.django_db

PLACES = 6
NOT_THE_GARDEN = {"attribute": "department", "operator": "is_none_of", "values": ["Garden"]}
PER_PAGE = 4
# What a preview writes: itself.
PLANS = {"integrations_syncrun", "integrations_plannedchange"}
# The column by which a row belongs to somebody.
OWNERS = {
    "users_membership": "id",
    "users_groupmembership": "membership_id",
    "users_enrollment": "membership_id",
    "users_formerenrollment": "membership_id",
    "users_invitation": "membership_id",
}

DAYS = st.one_of(st.none(), st.integers(-3, 3))
SOMEBODY = st.fixed_dictionaries(
    {
        "first_name": st.sampled_from(["Ada", "Bo", "Zoë"]),
        "last_name": st.sampled_from(["Reed", "Lund", ""]),
        # Fewer addresses than people: some are shared, some change hands.
        "address": st.one_of(st.none(), st.integers(0, PLACES)),
        "department": st.sampled_from(["Sales", "Support", "Garden", "", None]),
        "is_active": st.sampled_from([True, True, True, False]),
        "last_day": st.one_of(st.none(), st.none(), DAYS),
        "hired_on": DAYS,
    }
)
COMPANY = st.lists(st.one_of(SOMEBODY, SOMEBODY, SOMEBODY, st.none()), min_size=PLACES, max_size=PLACES)
DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["pin", "end", "learn", "finish", "promote", "rename", "enroll"]), st.integers(0, PLACES - 1)
    ),
    max_size=4,
)
SETTINGS = st.fixed_dictionaries(
    {
        "how": st.sampled_from(InviteSettings.How.values),
        "when": st.sampled_from(InviteSettings.When.values),
        "most_people": st.sampled_from([3, 1000]),
        "leaving_scope": st.sampled_from(SafetySettings.OutOfScope.values),
        "has_scope": st.booleans(),
    }
)
USUAL = {"how": "active", "when": "added", "most_people": 1000, "leaving_scope": "keep", "has_scope": False}
EMPLOYED = {
    "first_name": "Ada",
    "last_name": "Reed",
    "department": "Sales",
    "is_active": True,
    "last_day": None,
    "hired_on": None,
}
LEAVING = st.sampled_from([{"last_day": -2}, {"last_day": 3}, {"is_active": False}])
# Who leaves before each of several syncs of one day.
ROUNDS = st.lists(st.dictionaries(st.integers(0, 11), LEAVING, max_size=4), min_size=1, max_size=5)
EXAMPLES = settings(
    max_examples=20,
    # The same companies in every run: a new finding comes from raising the number, not by chance in somebody's check.
    derandomize=True,
    # Shrinking takes longer than a test may.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Listing(Gusto):
    """Gusto with a list that the test writes."""

    def __init__(self):
        super().__init__(pause=lambda seconds: None)
        self.company = ()

    def pages(self, connection, *, wanted, first_page=1, keep_alive=lambda: None):
        people = list(self._people())
        parts = [people[start : start + PER_PAGE] for start in range(0, len(people), PER_PAGE)] or [[]]
        for number, part in enumerate(parts[first_page - 1 :], first_page):
            mark = blake2b(repr(part).encode(), digest_size=16).digest()
            yield PeoplePage(
                number=number, total_pages=len(parts), total_people=len(people), fingerprint=mark, people=part.copy
            )

    def _people(self):
        for place, one in enumerate(self.company):
            if one is None:
                continue
            yield Person(
                key=f"person-{place}",
                first_name=one["first_name"],
                last_name=one["last_name"],
                work_email="" if one["address"] is None else f"p{one['address']}@fleet.example",
                status=EmploymentStatus.ACTIVE if one["is_active"] else EmploymentStatus.INACTIVE,
                hired_on=_day(one["hired_on"]),
                last_day=_day(one["last_day"]),
                attributes={} if one["department"] is None else {"department": one["department"]},
            )


class World:
    """A portal whose people come from a list, with rules, courses, people made by hand and an admin."""

    def __init__(self, source):
        self.source = source
        self.connection = ConnectionFactory(connected_at=timezone.now())
        self.portal = self.connection.portal
        self.invite = InviteSettings.objects.create(connection=self.connection)
        self.safety = SafetySettings.objects.create(connection=self.connection, holds_first_mails=False)
        field = CustomFieldFactory(portal=self.portal, label="Department")
        FieldMappingFactory(connection=self.connection, custom_field=field, attribute="department")
        everyone = DynamicRuleFactory(group__portal=self.portal).group
        GroupCourseFactory(group=everyone, course=CourseFactory(portal=self.portal), due_days=30)
        for title in ("Sales", "Support"):
            rule = DynamicRuleFactory(group__portal=self.portal, group__title=title)
            rule.conditions.create(subject="custom_field", custom_field=field, operator="is", operands=[title])
            course = CourseFactory(portal=self.portal, title=title)
            GroupCourseFactory(group=rule.group, course=course, is_required=True, reenroll_completed=True)
        self.extra = CourseFactory(portal=self.portal, title="Extra")
        self.field_key = str(field.pk)
        MembershipFactory(portal=self.portal, user__email="p0@fleet.example")
        MembershipFactory(portal=self.portal, user__email="by-hand@fleet.example")
        AdminFactory(portal=self.portal, user__email="p1@fleet.example")
        MembershipFactory(portal__realm=self.portal.realm, user__email="p2@fleet.example")
        grouping.regroup(portal_id=self.portal.pk, now=timezone.now())

    def choose(self, chosen):
        """Take over drawn settings."""
        self.invite.how, self.invite.when = chosen["how"], chosen["when"]
        self.invite.save()
        self.safety.most_people, self.safety.out_of_scope = chosen["most_people"], chosen["leaving_scope"]
        self.safety.scope = [NOT_THE_GARDEN] if chosen["has_scope"] else []
        self.safety.save()

    def sync(self, company, trigger=SyncRun.Trigger.COMMAND):
        """Carry out a run for a company and return it."""
        self.source.company = company
        run = leases.claim(connection=self.connection, trigger=trigger, now=timezone.now())
        return self.carry_out(run)

    def carry_out(self, run):
        """Carry out a run that was claimed, and return it."""
        done = sync_run.carry_out(run_id=run.pk)
        assert done.state in {SyncRun.State.COMPLETED, SyncRun.State.PARTIAL}, done.trouble
        assert not done.changes.filter(state="failed").exists()
        return done

    def do(self, deed, place):
        """Let somebody of the portal do something to a learner, as far as they can."""
        identity = self.connection.identities.filter(external_id=f"person-{place}", membership__isnull=False).first()
        if identity is None:
            return
        learner, now = identity.membership, timezone.now()
        enrolled = learner.enrollments.order_by("pk").first()
        if deed == "pin":
            Membership.objects.filter(pk=learner.pk).update(pinned_fields=[int(self.field_key)])
        elif deed == "end" and learner.role == "learner":
            provisioning.end_access(
                portal=self.portal, endings=[Ending(learner.pk, None)], by="admin", cause=Cause(), now=now
            )
        elif deed == "learn" and enrolled:
            progress.record(enrollment=enrolled, status="in_progress", percent=40, now=now)
        elif deed == "finish" and enrolled:
            progress.record(enrollment=enrolled, status="completed", percent=100, now=now)
        elif deed == "promote":
            Membership.objects.filter(pk=learner.pk).update(role="instructor")
        elif deed == "rename":
            learner.user.last_name = "Winter"
            learner.user.save(update_fields=["last_name"])
        elif deed == "enroll" and learner.status == "active":
            enrollments.enroll(course=self.extra, membership_ids=[learner.pk], now=now)


def _day(offset):
    return None if offset is None else timezone.localdate() + timedelta(days=offset)


def dump(*prefixes, without=frozenset()):
    """Return every row, as a dictionary, of every table with such a name."""
    return {name: [json.loads(row) for row in rows] for name, rows in dumps.dump(*prefixes, without=without).items()}


def people_in(before, after):
    """Return whose rows differ between two dumps, by membership; anything else that differs fails."""
    accounts = {row["user_id"]: row["id"] for row in [*before["users_membership"], *after["users_membership"]]}
    found = set()
    for table in before:
        for row in _unlike(before[table], after[table]):
            if table == "users_user":
                found.add(accounts[row["id"]])
            else:
                assert table in OWNERS, f"{table} changed: {row}"
                found.add(row[OWNERS[table]])
    return found


def _unlike(before, after):
    texts = [{json.dumps(row, sort_keys=True) for row in rows} for rows in (before, after)]
    return [json.loads(text) for text in texts[0] ^ texts[1]]


def lines_of(run):
    """Return the lines of a plan, but for what tells it from another run's."""
    names = ("external_id", "membership_id", "kind", "state", "reason", "before", "after", "warnings", "consequences")
    return sorted(map(repr, run.changes.values_list(*names)))


def said_of(lines):
    """Return what the lines of one person say: values by name, custom values by key."""
    said = {}
    for line in lines:
        said |= {name: value for name, value in line.after.items() if name != "custom_data"}
        said |= {f"value.{key}": value for key, value in line.after.get("custom_data", {}).items()}
    return said


def values_of(tables, membership_id):
    """Return the values of one person that a plan may speak of, and their groups and courses."""
    member = next(row for row in tables["users_membership"] if row["id"] == membership_id)
    user = next(row for row in tables["users_user"] if row["id"] == member["user_id"])
    own = {name: user[name] for name in ("email", "first_name", "last_name")}
    own |= {name: member[name] for name in ("status", "last_day", "role")}
    own |= {f"value.{key}": value for key, value in member["custom_data"].items()}
    groups = {row["group_id"] for row in tables["users_groupmembership"] if row["membership_id"] == membership_id}
    courses = {row["course_id"] for row in tables["users_enrollment"] if row["membership_id"] == membership_id}
    return own, groups, courses


@pytest.fixture
def world(monkeypatch):
    source = Listing()
    monkeypatch.setitem(providers._registry, "gusto", source)
    return World(source)


def begin(world, first, deeds, chosen):
    """Bring the portal to where a company was synced and people have worked since."""
    world.choose(chosen | {"most_people": 1000})
    world.sync(first)
    for deed, place in deeds:
        world.do(deed, place)
    world.choose(chosen)


class TestAPlan:
    @EXAMPLES
    @given(first=COMPANY, second=COMPANY, deeds=DEEDS, chosen=SETTINGS)
    def test_is_the_same_when_made_twice_and_changes_nothing(self, world, first, second, deeds, chosen):
        with transaction.atomic():
            begin(world, first, deeds, chosen)
            before = dump("users_", "portals_", "integrations_", without=PLANS)

            plans = [world.sync(second, SyncRun.Trigger.PREVIEW) for _ in range(2)]

            assert lines_of(plans[0]) == lines_of(plans[1])
            assert dump("users_", "portals_", "integrations_", without=PLANS) == before
            transaction.set_rollback(True)

    @EXAMPLES
    @given(first=COMPANY, second=COMPANY, deeds=DEEDS, chosen=SETTINGS)
    # Somebody with an account in another portal, who is called otherwise there.
    @example(
        first=[None] * PLACES,
        second=[EMPLOYED | {"address": 2}, *[None] * (PLACES - 1)],
        deeds=[],
        chosen=USUAL | {"how": "pending_invite", "leaving_scope": "end_access"},
    )
    # Two had the address of a learner, and one of them has none any more: only the list knows that, nothing stored.
    @example(
        first=[EMPLOYED | {"address": 0}, EMPLOYED | {"address": 0}, *[None] * (PLACES - 2)],
        second=[
            EMPLOYED | {"address": 0, "department": "Garden"},
            EMPLOYED | {"address": None},
            *[None] * (PLACES - 2),
        ],
        deeds=[],
        chosen=USUAL,
    )
    # Two of the list have one address, one of them a learner: only she has a line that can be agreed on.
    @example(
        first=[*[None] * (PLACES - 1), EMPLOYED | {"address": 3}],
        second=[*[None] * (PLACES - 3), EMPLOYED | {"address": 6}, None, EMPLOYED | {"address": 6}],
        deeds=[],
        chosen=USUAL | {"how": "pending_invite"},
    )
    def test_names_everyone_who_is_changed_with_what_becomes_of_them(self, world, first, second, deeds, chosen):
        with transaction.atomic():
            begin(world, first, deeds, chosen)
            plan = world.sync(second, SyncRun.Trigger.PREVIEW)
            before = dump("users_", "portals_", without=LOGS)

            done = apply(world, plan)

            after = dump("users_", "portals_", without=LOGS)
            by_person = defaultdict(list)
            if done:
                for line in done.changes.filter(state="applied").order_by("pk"):
                    by_person[line.membership_id].append(line)
                check_lines(plan, done)
            changing = {pk for pk, lines in by_person.items() if any(line.after for line in lines)}
            assert people_in(before, after) == changing
            follows = {
                one.external_id: one.consequences
                for one in plan.changes.exclude(consequences=None).exclude(kind="skip")
            }
            for pk in changing:
                check_person(before, after, pk, by_person[pk], follows)
            transaction.set_rollback(True)


class TestAnUndo:
    @EXAMPLES
    @given(first=COMPANY, second=COMPANY, deeds=DEEDS, chosen=SETTINGS)
    def test_leaves_everything_as_it_was_before_the_run(self, world, first, second, deeds, chosen):
        with transaction.atomic():
            begin(world, first, deeds, chosen | {"most_people": 1000})
            world.choose(chosen)
            before = dump("users_", "portals_", without=LOGS)
            run = world.sync(second)
            if undo.lines_of(run, SyncRun.Trigger.UNDO).exists():
                done = world.carry_out(undo.start(run=run, user=None, now=timezone.now()))
                assert not done.totals.get("skipped")

            assert dump("users_", "portals_", without=LOGS) == before
            with pytest.raises(undo.CannotUndo):
                undo.start(run=run, user=None, now=timezone.now())
            transaction.set_rollback(True)


class TestTheBrake:
    @EXAMPLES
    @given(staff=st.integers(2, 12), rounds=ROUNDS)
    def test_lets_no_more_go_in_a_day_than_it_allows_however_they_are_spread(self, world, staff, rounds):
        with transaction.atomic():
            world.choose(USUAL | {"most_people": 3})
            company = [EMPLOYED | {"address": 10 + place} for place in range(staff)]
            world.sync(company)
            for leavers in rounds:
                for place, leaving in leavers.items():
                    if place < staff:
                        company[place] = company[place] | leaving
                world.sync(company)
                gone = done_today(world, Kind.END_ACCESS)
                # One may always go; from two on less than half of all, and of more than three no more than a tenth.
                assert gone < 2 or (2 * gone < staff and (gone <= 3 or 10 * gone <= staff))
            transaction.set_rollback(True)


def done_today(world, kind):
    """Return how many changes of a kind were carried out without an approval."""
    return sum(run.changes.filter(kind=kind, state="applied").count() for run in world.connection.runs.all())


def apply(world, plan):
    """Apply a preview, if there is anything in it; return the run."""
    if not approval.can_be_applied(plan, timezone.now()):
        return None
    return world.carry_out(approval.apply_preview(preview=plan, user=None, now=timezone.now(), seen=plan.plan_hash))


def check_lines(plan, done):
    """Compare what was done with what was planned, line by line."""
    states = {"planned": "applied"}
    names = ("external_id", "membership_id", "kind", "before", "after")
    for one in plan.changes.exclude(kind="skip"):
        line = done.changes.get(external_id=one.external_id, kind=one.kind)
        assert line.state == states.get(one.state, one.state)
        is_new = one.kind in ("add", "invite")
        for name in names:
            assert getattr(line, name) == getattr(one, name) or (is_new and name == "membership_id")
    kept = set(plan.changes.exclude(kind="skip").values_list("external_id", "kind"))
    assert set(done.changes.exclude(kind="skip").values_list("external_id", "kind")) == kept


def check_person(before, after, pk, lines, follows):
    """Compare one person with what the plan said of them."""
    now, groups, courses = values_of(after, pk)
    said = said_of(lines)
    if lines[0].kind in ("add", "invite"):
        then, old_groups, old_courses = {"role": "learner", "last_day": None}, set(), set()
        # An account of another portal of the realm keeps its names.
        for account in (row for row in before["users_user"] if row["email"] == said["email"]):
            then |= {name: account[name] for name in ("first_name", "last_name")}
    else:
        then, old_groups, old_courses = values_of(before, pk)
    if any(line.kind == "end_access" for line in lines):
        day = said["last_day"]
        is_over = day is None or day < timezone.localdate().isoformat()
        said["status"] = "ended" if is_over else then["status"]
        # Without a date it ends at once.
        said["last_day"] = day or timezone.localdate().isoformat()
    expected = {name: value for name, value in (then | said).items() if value is not None or name == "last_day"}
    assert now == expected
    told = next((follows[line.external_id] for line in lines if line.external_id in follows), {})
    assert (sorted(groups - old_groups), sorted(old_groups - groups)) == (
        told.get("joins", []),
        told.get("leaves", []),
    )
    assert (sorted(courses - old_courses), sorted(old_courses - courses)) == (
        told.get("enrolls", []),
        told.get("unenrolls", []),
    )
