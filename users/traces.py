"""What a change did to people, part by part, with groups, courses and mails: looked up before and after, taken back.

An image is flat: "state", "email", "value.5" (a custom value), "rule.3" (a rule wants them in group 3), "group.3",
"course.7", "former.7" (progress kept from an earlier time) and "mail.9" name its parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from portals import statements

Image = dict[str, Any]
# {part: [before, after]} of what differs.
Trace = Mapping[str, Sequence[Any]]

NAMES = ("email", "first_name", "last_name")
# Who decides on someone's access decides on all of this at once.
STATE = (
    "status",
    "last_day",
    "ended_by",
    "ended_by_account_id",
    "ended_reason",
    "ended_at",
    "invitation_withdrawn_at",
    "accepted_at",
)
# What the clock changes of the state by itself when the last day is over.
_BY_THE_CLOCK = ("status", "ended_at")

_READ = """
SELECT m.id, jsonb_build_object(
    'email', u.email, 'first_name', u.first_name, 'last_name', u.last_name, 'role', m.role,
    'pins', to_jsonb(m.pinned_fields), 'state', (
        SELECT to_jsonb(s) FROM (
            SELECT m.status, m.last_day, m.ended_by, m.ended_by_account_id, m.ended_reason, m.ended_at,
                m.invitation_withdrawn_at, m.accepted_at
        ) AS s),
    'value', m.custom_data,
    'rule', (SELECT jsonb_object_agg(g, true) FROM unnest(m.rule_groups) AS g),
    'group', (
        SELECT jsonb_object_agg(g.group_id, to_jsonb(g) - 'membership_id' - 'group_id')
        FROM users_groupmembership AS g WHERE g.membership_id = m.id),
    'course', (
        SELECT jsonb_object_agg(
            e.course_id,
            to_jsonb(e) - 'membership_id' - 'course_id' - CASE WHEN e.attempt = 1 THEN 'attempt' ELSE '' END)
        FROM users_enrollment AS e WHERE e.membership_id = m.id),
    'former', (
        SELECT jsonb_object_agg(f.course_id, to_jsonb(f) - 'membership_id' - 'course_id')
        FROM users_formerenrollment AS f WHERE f.membership_id = m.id),
    'mail', (
        SELECT jsonb_object_agg(v.id, jsonb_build_object(
            'kind', v.kind, 'state', v.state, 'nonce', v.nonce, 'failure', v.failure, 'next_try_at', v.next_try_at,
            'times_sent', v.times_sent))
        FROM users_invitation AS v WHERE v.membership_id = m.id)
)::text
FROM users_membership AS m JOIN users_user AS u ON u.id = m.user_id
WHERE m.id = ANY (%(ids)s::bigint[]) ORDER BY m.id FOR NO KEY UPDATE OF m
"""
_GROUPS_OF_PARTS = ("value", "rule", "group", "course", "former", "mail")


def images(membership_ids: Sequence[int]) -> dict[int, Image]:
    """Return what these people are now; nobody else changes them until the transaction ends."""
    if not membership_ids:
        return {}
    rows = statements.rows(_READ, {"ids": statements.integers(membership_ids)})
    return {row[0]: dict(_flat(msgspec.json.decode(row[1]))) for row in rows}


def differences(before: Mapping[int, Image], after: Mapping[int, Image]) -> dict[int, dict[str, list[Any]]]:
    """Return the trace of each person of whom anything differs between two looks."""
    found = {}
    for membership_id, new in after.items():
        old = before.get(membership_id, {})
        parts = {name: [old.get(name), new.get(name)] for name in {**old, **new} if old.get(name) != new.get(name)}
        if parts:
            found[membership_id] = parts
    return found


@dataclass(slots=True)
class TakenBack:
    """What of a trace was taken back, and what somebody had changed since: {part: (value now, value of then)}."""

    taken: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    left: dict[str, tuple[Any, Any]] = field(default_factory=dict)


def take_back(image: Image, trace: Trace, *, allows: Callable[[str, Any, Any], bool]) -> TakenBack:
    """Put the parts of an image that are as the trace left them back to what they were, and return which.

    What is already as it was before counts as neither. `allows` is asked last: the part, its value now and then.
    """
    done = TakenBack()
    for name, (before, after) in trace.items():
        now = image.get(name)
        if now == before:
            continue
        if _is_untouched(name, now, before, after, image) and allows(name, now, before):
            done.taken[name] = (now, before)
        else:
            done.left[name] = (now, before)
    for name, (_now, before) in done.taken.items():
        if before is None:
            image.pop(name)
        else:
            image[name] = before
    return done


def _is_untouched(name: str, now: Any, before: Any, after: Any, image: Image) -> bool:
    """Whether a part is still what the trace made of it."""
    if name == "state":
        return image["role"] == "learner" and _is_state_untouched(now, after)
    if name.startswith("mail."):
        return _is_mail_untouched(name, now, before, after, image)
    # An admin who pinned a value wants to keep it.
    is_pinned = name.startswith("value.") and int(name.removeprefix("value.")) in (image["pins"] or ())
    return bool(now == after) and not is_pinned


def _is_state_untouched(now: Any, after: Any) -> bool:
    if now == after:
        return True
    # The last day that the trace set has come meanwhile.
    has_run_out = now["status"] == "ended" and after["status"] != "ended" and after["last_day"] is not None
    return has_run_out and all(now[name] == after[name] for name in STATE if name not in _BY_THE_CLOCK)


def _is_mail_untouched(name: str, now: Any, before: Any, after: Any, image: Image) -> bool:
    """Whether a mail that the trace made never left, or the one that it withdrew has no successor."""
    if before is None:
        return now is not None and not now["times_sent"] and now["state"] != "accepted"
    if now != after:
        return False
    open_states = ("scheduled", "held", "sent", "failed")
    if before["state"] not in open_states or now["state"] in open_states:
        return True
    others = (one for part, one in image.items() if part.startswith("mail.") and part != name)
    return not any(one["kind"] == before["kind"] and one["state"] in open_states for one in others)


def _flat(read: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in read.items():
        if name not in _GROUPS_OF_PARTS:
            yield name, value
        else:
            for key, part in (value or {}).items():
                yield f"{name}.{key}", part
