"""Why a person is in a group, takes a course and got a mail, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from integrations.views.change_rows import day_text
from integrations.views.trail import Trail, Writer
from portals import definitions, rules
from portals.admin import rule_words
from portals.field_types import FieldType, to_text
from portals.models import CustomField, Group
from portals.rules import Facts, Finding, Rule, Subject
from users.models import Enrollment, GroupMembership, Membership

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of a rule: what it asks, what the person has, whether it holds."""

    asks: str
    value: str
    holds: bool


@dataclass(frozen=True, slots=True)
class GroupOrigin:
    """A group with the reason why the person is in it, or not."""

    title: str
    pk: int
    sentence: Text
    since: datetime | None = None
    checks: tuple[Check, ...] = ()
    writer: Writer | None = None


@dataclass(frozen=True, slots=True)
class CourseOrigin:
    """A course with where the enrollment came from."""

    title: str
    status: Text
    sentence: Text
    since: datetime
    writer: Writer | None = None


class Groups:
    """The groups of one person against the rules of the portal; four statements, whatever the numbers."""

    def __init__(self, person: Membership, now: datetime, trail: Trail, *, visible: Collection[int] | None) -> None:
        self._person = person
        self._trail = trail
        self._today = person.portal.today(now)
        # The groups that the reader may know of, None for all.
        self._visible = visible
        memberships = GroupMembership.objects.filter(membership=person).select_related("group")
        self._memberships = list(memberships.order_by("group__title"))
        self._rules = {rule.group_id: rule for rule in definitions.rules_of(person.portal_id).rules}

    def joined(self) -> Iterator[GroupOrigin]:
        """Yield the groups that the person is in."""
        for one in self._memberships:
            if self._may_show(one.group_id):
                yield self._by_hand(one) if one.origin == GroupMembership.Origin.MANUAL else self._by_rule(one)

    def not_joined(self) -> Iterator[GroupOrigin]:
        """Yield the groups whose rule does not fit the person, with what does not hold."""
        inside = {one.group_id for one in self._memberships}
        wanted = [pk for pk in self._rules if pk not in inside and self._may_show(pk)]
        titles = {pk: self._titles[pk] for pk in wanted if pk in self._titles}
        for pk, title in sorted(titles.items(), key=lambda item: item[1].lower()):
            found = rules.explain(self._rules[pk], self._facts, self._today)
            if self._person.status == Membership.Status.PENDING:
                sentence = _("Rules look at people once they have accepted their invitation.")
            elif not found.is_in_base:
                sentence = _("The rule takes only people of the group %(group)s.") % {"group": self._base(pk)}
            else:
                sentence = _("The rule does not fit.")
            checks = tuple(self._check(finding) for block in found.blocks for finding in block)
            yield GroupOrigin(title, pk, sentence, checks=checks)

    def _may_show(self, group_id: int) -> bool:
        return self._visible is None or group_id in self._visible

    def _by_hand(self, one: GroupMembership) -> GroupOrigin:
        writer = self._trail.writer_of_action("group_joined", group=one.group.title)
        sentence = _("Added by hand, not by a rule.")
        return GroupOrigin(one.group.title, one.group_id, sentence, one.created_at, writer=writer)

    def _by_rule(self, one: GroupMembership) -> GroupOrigin:
        rule = self._rules.get(one.group_id)
        if rule is None:
            sentence = _("A rule put the person here that is no longer at work.")
            return GroupOrigin(one.group.title, one.group_id, sentence, one.created_at)
        found = rules.explain(rule, self._facts, self._today)
        if found.matching_block is not None:
            checks = tuple(self._check(finding) for finding in found.blocks[found.matching_block])
            sentence = _("The rule fits:")
        elif found.matches:
            checks, sentence = (), self._everyone(rule)
        else:
            checks = tuple(self._check(finding) for block in found.blocks for finding in block)
            sentence = _("The rule put the person here and does not fit any more: it is evaluated again at night.")
        return GroupOrigin(one.group.title, one.group_id, sentence, one.created_at, checks)

    def _everyone(self, rule: Rule) -> str:
        if rule.base_group_id is None:
            return _("The rule takes everyone.")
        return _("The rule takes everyone of the group %(group)s.") % {"group": self._base(rule.group_id)}

    def _base(self, group_id: int) -> str:
        base = self._rules[group_id].base_group_id or 0
        return f"“{self._titles[base]}”" if base in self._titles and self._may_show(base) else _("that it builds on")

    def _check(self, finding: Finding) -> Check:
        condition = finding.condition
        is_day = condition.subject is Subject.CREATED_ON or condition.type is FieldType.DATE
        value = day_text(finding.value) if is_day and finding.value else to_text(finding.value)
        return Check(rule_words.describe(condition, self._labels), value, finding.holds)

    @cached_property
    def _facts(self) -> Facts:
        person = self._person
        began: date = timezone.localtime(person.accepted_at or person.created_at, person.portal.zone).date()
        groups = frozenset(one.group_id for one in self._memberships)
        return Facts(person.user.email, began, person.custom_data, groups)

    @cached_property
    def _labels(self) -> Mapping[str, str]:
        fields = CustomField.objects.filter(portal=self._person.portal_id)
        return {one.key: rule_words.label_of(one) for one in fields}

    @cached_property
    def _titles(self) -> dict[int, str]:
        wanted = {pk for rule in self._rules.values() for pk in (rule.group_id, rule.base_group_id) if pk}
        groups = Group.objects.filter(Q(pk__in=wanted), portal=self._person.portal_id)
        return dict(groups.values_list("pk", "title"))


def courses_of(person: Membership, trail: Trail, *, visible: Collection[int] | None) -> Iterator[CourseOrigin]:
    """Yield the person's enrollments with their origin; one statement."""
    rows = Enrollment.objects.filter(membership=person).select_related("course", "source_group")
    for row in rows.order_by("-enrolled_at", "-pk"):
        writer = None
        if row.source_group is None:
            sentence: Text = _("Enrolled by hand, or through a group that is gone.")
            if writer := trail.writer_of_action("enrolled", course=row.course.title):
                sentence = _("Enrolled by hand.")
        elif visible is None or row.source_group_id in visible:
            sentence = _("Through the group “%(group)s”.") % {"group": row.source_group.title}
        else:
            sentence = _("Through a group.")
        yield CourseOrigin(row.course.title, row.get_status_display(), sentence, row.enrolled_at, writer)
