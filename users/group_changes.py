"""Changes to whole groups: hand the members by hand over to the group's rule, delete a group."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from portals import definitions, statements
from portals.models import Group
from users import audit, enrollments, grouping
from users.grouping import BATCH, Regrouped
from users.models import Enrollment, GroupMembership, Membership, User


class NoRuleAtWork(Exception):
    """The group has no active rule that could take its members over."""


_HAND_OVER = """
WITH member AS (
    UPDATE users_groupmembership SET origin = 'rule'
    WHERE group_id = %(group)s AND membership_id = ANY (%(memberships)s::bigint[]) AND origin = 'manual'
    RETURNING membership_id
)
UPDATE users_membership AS m
SET rule_groups = ARRAY(SELECT unnest(m.rule_groups) UNION SELECT %(group)s::bigint ORDER BY 1)
FROM member WHERE m.id = member.membership_id AND %(group)s <> ALL (m.rule_groups)
"""


def members_by_hand(group: Group) -> int:
    """Return how many members by hand a rule could take over; pending people are not evaluated."""
    return _by_hand(group).count()


def hand_over_to_rule(*, group: Group, now: datetime) -> Regrouped:
    """Make members by hand members by rule and return what changed: whom the rule does not want leaves.

    Works in short transactions of its own; a second call goes on where an interrupted one stopped. Raises
    NoRuleAtWork.
    """
    ids = list(_by_hand(group).order_by("membership").values_list("membership", flat=True))
    done = Regrouped()
    for start in range(0, len(ids), BATCH):
        with transaction.atomic():
            batch = ids[start : start + BATCH]
            if all(rule.group_id != group.pk for rule in definitions.rules_of(group.portal_id).rules):
                raise NoRuleAtWork
            # In the order of their ids, as everywhere.
            list(Membership.objects.filter(pk__in=batch).order_by("pk").select_for_update(no_key=True).values("pk"))
            statements.rows(_HAND_OVER, {"group": group.pk, "memberships": batch})
            done += grouping.regroup(portal_id=group.portal_id, membership_ids=batch, group_ids=[group.pk], now=now)
    return done


def hand_over_and_record(*, group: Group, actor_id: int | None, now: datetime) -> Regrouped:
    """Do the same and write down, in the portal's trail, who asked for it and what came of it.

    Without a rule at work nothing happens, and that is written down.
    """
    try:
        done, reason = hand_over_to_rule(group=group, now=now), ""
    except NoRuleAtWork:
        done, reason = Regrouped(), "no_active_rule"
    audit.record(
        portal=group.portal,
        action="members_handed_over",
        object=group,
        after={"left": done.left, "unenrolled": done.unenrolled},
        reason=reason,
        actor=User.objects.filter(pk=actor_id).first() if actor_id else None,
    )
    return done


def open_enrollments(group: Group) -> int:
    """Return how many unfinished enrollments the members have through the group."""
    return Enrollment.objects.filter(source_group=group, status__in=Enrollment.UNFINISHED).count()


@transaction.atomic
def delete(*, group: Group, unenroll: bool) -> int:
    """Delete a group, its rule and its memberships; return how many enrollments ended with it.

    With `unenroll` the members lose unfinished enrollments that they have through this group only. Raises
    ProtectedError when another rule takes its people from the group.
    """
    courses = list(group.group_courses.values_list("course", flat=True))
    members = list(group.members.values_list("membership", flat=True)) if unenroll and courses else []
    # What is off the group is no longer granted by it.
    group.group_courses.all().delete()
    ended = 0
    for start in range(0, len(members), BATCH):
        batch = members[start : start + BATCH]
        ended += enrollments.unenroll_group_courses(group_id=group.pk, course_ids=courses, membership_ids=batch)
    group.delete()
    return ended


def _by_hand(group: Group) -> QuerySet[GroupMembership]:
    rows = GroupMembership.objects.filter(group=group, origin=GroupMembership.Origin.MANUAL)
    return rows.exclude(membership__status=Membership.Status.PENDING)
