"""What a batch of changes would bring about: carried out, looked at, and taken back within one transaction.

A preview thus follows the very code that a sync runs; nothing of it is ever seen by anyone else. Invited people get
their groups and courses when they accept: what these would be today is told apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from integrations.engine.changes import Change, Kind
from integrations.sync import provision
from integrations.sync.batches import Context
from portals import statements
from portals.models import Course, GroupCourse
from users import grouping

_STATE = """
SELECT m.id,
    ARRAY(SELECT group_id FROM users_groupmembership WHERE membership_id = m.id ORDER BY group_id),
    ARRAY(SELECT course_id FROM users_enrollment WHERE membership_id = m.id ORDER BY course_id)
FROM users_membership AS m WHERE m.id = ANY (%(ids)s::bigint[])
"""
_State = dict[int, tuple[list[int], list[int]]]
_NOTHING: tuple[list[int], list[int]] = ([], [])


class _TakenBack(Exception):
    """Ends the rehearsal."""


def rehearse(context: Context, changes: Sequence[Change]) -> tuple[Counter[str], dict[str, dict[str, Any]]]:
    """Return counts of groups and courses, and by person which groups, courses and mail would follow."""
    wanted = [change for change in changes if change.kind is not Kind.SKIP]
    if not wanted:
        return Counter(), {}
    linked = [change.membership_id for change in wanted if change.membership_id]
    before = _state(linked)
    tally: Counter[str] = Counter()
    try:
        with transaction.atomic():
            outcome = provision.carry_out(context, wanted)
            tally.update(outcome.tally)
            tally.update(
                provision.take_away(
                    context, [change for change in wanted if change.kind in (Kind.CHANGE_EMAIL, Kind.CLEAR)]
                )
            )
            after = _state([*linked, *outcome.added.values()])
            raise _TakenBack
    except _TakenBack:
        pass
    follows = _differences(wanted, outcome.added, before, after)
    for key, later in _on_accepting(context, wanted).items():
        follows[key].update(later)
    return tally, follows


def _state(membership_ids: Sequence[int]) -> _State:
    rows = statements.rows(_STATE, {"ids": statements.integers(membership_ids)})
    return {row[0]: (row[1], row[2]) for row in rows}


def _differences(
    changes: Sequence[Change], added: Mapping[str, int], before: _State, after: _State
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for change in changes:
        membership_id = change.membership_id or added.get(change.key) or 0
        old_groups, old_courses = before.get(membership_id, _NOTHING)
        new_groups, new_courses = after.get(membership_id, _NOTHING)
        follows = {
            "joins": [group for group in new_groups if group not in old_groups],
            "leaves": [group for group in old_groups if group not in new_groups],
            "enrolls": [course for course in new_courses if course not in old_courses],
            "unenrolls": [course for course in old_courses if course not in new_courses],
            "mail": change.mail or found.get(change.key, {}).get("mail", ""),
        }
        found[change.key] = {name: value for name, value in follows.items() if value}
    return found


def _on_accepting(context: Context, changes: Sequence[Change]) -> dict[str, dict[str, list[int]]]:
    """Return by invited person the groups that the rules would give them once active, and the courses of these."""
    rows = [
        {"key": one.key, "email": one.after["email"], "status": "active", "custom_data": one.after["custom_data"]}
        for one in changes
        if one.kind is Kind.INVITE
    ]
    groups = grouping.first_groups(portal_id=context.connection.portal_id, newcomers=rows, now=context.now)
    wanted = {group for found in groups.values() for group in found}
    courses: dict[int, set[int]] = {}
    published = GroupCourse.objects.filter(group__in=wanted, course__status=Course.Status.PUBLISHED)
    for group_id, course_id in published.values_list("group_id", "course_id") if wanted else ():
        courses.setdefault(group_id, set()).add(course_id)
    return {
        key: {"joins_later": found, "enrolls_later": sorted({pk for group in found for pk in courses.get(group, ())})}
        for key, found in groups.items()
        if found
    }
