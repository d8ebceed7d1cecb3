"""Rules and group courses are saved whole or not at all, and each change is announced."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection, transaction

from portals import definitions, signals, statements
from portals.definitions import (
    announce_courses,
    announce_published,
    mark_broken_rules,
    rules_of,
    save_rule,
    wait_for_older_rules,
)
from portals.field_types import FieldType
from portals.models import DynamicRule
from portals.rules import CircularBase, Condition, ConditionRefused, Operator, Rule, Subject
from tests.factories.portals import CourseFactory, CustomFieldFactory, DynamicRuleFactory, GroupFactory, PortalFactory

pytestmark = pytest.mark.django_db

FROM_EXAMPLE = Condition(Subject.EMAIL_DOMAIN, Operator.IS, ("example.com",))


@pytest.fixture
def group():
    return GroupFactory()


@pytest.fixture
def department(group):
    return CustomFieldFactory(portal=group.portal, type=FieldType.STRING_CHOICE, choices=["Sales", "Legal"])


@pytest.fixture
def heard():
    """What the signals of definitions say from now on."""
    news = []

    def listen(signal, sender, **said):
        news.append(said)

    sent = [signals.rules_changed, signals.group_courses_changed, signals.course_published]
    for signal in sent:
        signal.connect(listen)
    yield news
    for signal in sent:
        signal.disconnect(listen)


def about(field, operator, *operands):
    return Condition(Subject.CUSTOM_FIELD, operator, operands, field.key)


class TestSaveRule:
    def test_is_loaded_as_it_was_saved(self, group, department):
        base_group = GroupFactory(portal=group.portal)
        is_sales = about(department, Operator.IS, " Sales ")

        save_rule(group=group, blocks=[[is_sales, FROM_EXAMPLE], [FROM_EXAMPLE]], base_group=base_group)

        stored = Condition(Subject.CUSTOM_FIELD, Operator.IS, ("Sales",), department.key, FieldType.STRING_CHOICE)
        expected = Rule(group.pk, ((stored, FROM_EXAMPLE), (FROM_EXAMPLE,)), base_group.pk)
        assert rules_of(group.portal_id).rules == (expected,)

    def test_replaces_the_former_rule(self, group):
        save_rule(group=group, blocks=[[FROM_EXAMPLE], [FROM_EXAMPLE]])

        save_rule(group=group, blocks=[], on_leaving="keep")

        assert rules_of(group.portal_id).rules == (Rule(group.pk),)
        assert DynamicRule.objects.get(group=group).on_leaving == "keep"

    def test_announces_a_rule_at_work(self, group, heard):
        save_rule(group=group, blocks=[[FROM_EXAMPLE]])

        assert [(news["portal_id"], news["group_id"]) for news in heard] == [(group.portal_id, group.pk)]

    def test_keeps_a_draft_to_itself(self, group, heard):
        save_rule(group=group, blocks=[[FROM_EXAMPLE]], state="draft")

        assert heard == []
        assert rules_of(group.portal_id).rules == ()

    @pytest.mark.parametrize(
        ("comparison", "reason"),
        [
            ((Operator.IS, "Marketing"), "unknown_choice"),
            ((Operator.IS_ONE_OF, "Sales", "Marketing"), "unknown_choice"),
            ((Operator.CONTAINS, "Sales"), "operator_not_offered"),
            ((Operator.IS,), "operand_missing"),
        ],
    )
    def test_refuses_what_does_not_fit_the_field(self, group, department, comparison, reason, heard):
        with pytest.raises(ConditionRefused) as refusal:
            save_rule(group=group, blocks=[[about(department, *comparison)]])

        assert refusal.value.reason == reason
        assert heard == []
        assert not DynamicRule.objects.exists()

    def test_refuses_a_field_of_another_portal(self, group):
        with pytest.raises(ConditionRefused) as refusal:
            save_rule(group=group, blocks=[[about(CustomFieldFactory(), Operator.IS_EMPTY)]])

        assert refusal.value.reason == "unknown_field"

    def test_refuses_more_conditions_than_anyone_can_read(self, group):
        with pytest.raises(ConditionRefused) as refusal:
            save_rule(group=group, blocks=[[FROM_EXAMPLE] * 51])

        assert refusal.value.reason == "too_many_conditions"

    def test_refuses_a_base_group_of_another_portal(self, group):
        with pytest.raises(ValidationError):
            save_rule(group=group, blocks=[], base_group=GroupFactory())

    @pytest.mark.parametrize("state", ["active", "draft"])
    def test_refuses_a_circle(self, group, state):
        middle, far = GroupFactory(portal=group.portal), GroupFactory(portal=group.portal)
        save_rule(group=middle, blocks=[], base_group=group, state=state)
        save_rule(group=far, blocks=[], base_group=middle)

        with pytest.raises(CircularBase):
            save_rule(group=group, blocks=[], base_group=far)


class TestRulesOf:
    def test_loads_with_one_query(self, group, statements_run):
        for _ in range(3):
            save_rule(group=GroupFactory(portal=group.portal), blocks=[[FROM_EXAMPLE], [FROM_EXAMPLE]])
        statements_run.clear()

        assert len(rules_of(group.portal_id).rules) == 3
        assert len(statements_run) == 1

    def test_puts_rules_after_those_of_their_base_groups(self, group):
        base_group = GroupFactory(portal=group.portal)
        save_rule(group=group, blocks=[], base_group=base_group)
        save_rule(group=base_group, blocks=[])

        assert [rule.group_id for rule in rules_of(group.portal_id).rules] == [base_group.pk, group.pk]

    def test_tells_the_time_zone_of_a_portal_without_rules(self):
        portal = PortalFactory(time_zone="Asia/Tokyo")

        assert rules_of(portal.pk) == definitions.PortalRules((), "Asia/Tokyo")

    def test_stays_within_the_portal(self, group):
        DynamicRuleFactory()

        assert rules_of(group.portal_id).rules == ()

    def test_leaves_out_a_rule_that_no_longer_fits(self, group, department):
        save_rule(group=group, blocks=[[about(department, Operator.IS, "Sales")]])
        department.type = FieldType.INTEGER_CHOICE
        department.save()

        assert rules_of(group.portal_id).rules == ()


class TestMarkBrokenRules:
    def test_marks_only_rules_that_no_longer_fit(self, group, department):
        save_rule(group=group, blocks=[[about(department, Operator.IS, "Sales")]])
        sound = save_rule(group=GroupFactory(portal=group.portal), blocks=[[FROM_EXAMPLE]])
        department.is_multiple = True
        department.save()

        assert [rule.group for rule in mark_broken_rules(group.portal_id)] == [group]

        sound.refresh_from_db()
        assert (sound.state, DynamicRule.objects.get(group=group).state) == ("active", "broken")


class TestAnnounceCourses:
    def test_tells_what_was_put_on_and_taken_off(self, group, heard):
        announce_courses(group_id=group.pk, added={2, 1}, removed=[3], unenroll=True)

        assert heard == [{"group_id": group.pk, "added": [1, 2], "changed": [], "removed": [3], "unenroll": True}]

    def test_is_silent_without_a_change(self, group, heard):
        announce_courses(group_id=group.pk)

        assert heard == []


class TestAnnouncePublished:
    def test_tells_the_course(self, heard):
        course = CourseFactory()

        announce_published(course)

        assert heard == [{"course_id": course.pk}]


@pytest.mark.django_db(transaction=True)
class TestWaitForOlderRules:
    def test_waits_for_whoever_loaded_rules_and_is_still_at_work(self):
        portal, other = PortalFactory(), PortalFactory()
        loaded, released = Event(), Event()

        @transaction.atomic
        def wait_briefly(portal_id):
            statements.rows("SET LOCAL lock_timeout = '50ms'")
            wait_for_older_rules(portal_id)

        def page_of_a_sync():
            with transaction.atomic():
                rules_of(portal.pk)
                loaded.set()
                released.wait(60)
            connection.close()

        with ThreadPoolExecutor() as pool:
            page = pool.submit(page_of_a_sync)
            assert loaded.wait(60)
            wait_for_older_rules(other.pk)
            with pytest.raises(OperationalError):
                wait_briefly(portal.pk)
            released.set()
            page.result(60)

        wait_for_older_rules(portal.pk)
