"""Take back what a change did to people: values, access, groups, courses and mails; a dozen statements for a batch.

What somebody has changed since is left as it is. Every function works inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from portals import statements
from portals.models import Portal
from users import enrollments, grouping, invitations, seats, signals, traces
from users.models import Invitation, Membership, User
from users.provisioning import Cause
from users.traces import NAMES, STATE, Image, TakenBack, Trace

_LOCK = "SELECT FROM users_membership WHERE id = ANY (%(ids)s::bigint[]) ORDER BY id FOR NO KEY UPDATE"

_TAKEN_ADDRESSES = """
SELECT lower(u.email), m.id FROM users_user AS u
LEFT JOIN users_membership AS m ON m.user_id = u.id AND m.portal_id = %(portal)s::bigint
WHERE u.realm_id = %(realm)s::bigint AND lower(u.email) = ANY (%(emails)s::text[])
"""

_MEMBERS = """
UPDATE users_membership AS m SET
    status = r.status, last_day = r.last_day, ended_by = r.ended_by,
    ended_by_account_id = (SELECT id FROM users_user WHERE id = r.ended_by_account_id),
    ended_reason = r.ended_reason, ended_at = r.ended_at, invitation_withdrawn_at = r.invitation_withdrawn_at,
    accepted_at = r.accepted_at, custom_data = r.custom_data, rule_groups = ARRAY(
        SELECT g.id FROM portals_group AS g WHERE g.id = ANY (r.rule_groups) AND g.portal_id = m.portal_id ORDER BY 1)
FROM jsonb_to_recordset(%(rows)s::text::jsonb) AS r(
    id bigint, status text, last_day date, ended_by text, ended_by_account_id bigint, ended_reason text,
    ended_at timestamptz, invitation_withdrawn_at timestamptz, accepted_at timestamptz, custom_data jsonb,
    rule_groups bigint[])
WHERE m.id = r.id AND m.portal_id = %(portal)s::bigint
"""

_ACCOUNTS = """
WITH changed AS (
    UPDATE users_user AS u SET email = r.email, first_name = r.first_name, last_name = r.last_name
    FROM jsonb_to_recordset(%(rows)s::text::jsonb) AS r(
        id bigint, email text, first_name text, last_name text, is_moved boolean)
    JOIN users_membership AS m ON m.id = r.id
    WHERE u.id = m.user_id
    RETURNING u.id, r.is_moved
)
UPDATE users_invitation AS v SET
    state = CASE WHEN v.kind = 'invite' THEN 'failed' ELSE 'cancelled' END,
    failure = CASE WHEN v.kind = 'invite' THEN %(address_changed)s::text ELSE '' END,
    nonce = replace(gen_random_uuid()::text, '-', ''), next_try_at = NULL
-- In every portal of the account: each link went to the address that was taken back.
FROM changed AS c JOIN users_membership AS everywhere ON everywhere.user_id = c.id
WHERE c.is_moved AND v.membership_id = everywhere.id AND v.state IN ('scheduled', 'held', 'sent', 'failed')
"""

# A row that is to go, or to be as it was, is deleted; one that is to be there is written as it was.
_GROUPS = """
WITH r AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::text::jsonb) AS r(
        membership_id bigint, target bigint, id bigint, origin text, created_at timestamptz)
), gone AS (
    DELETE FROM users_groupmembership AS x USING r WHERE x.membership_id = r.membership_id AND x.group_id = r.target
        AND r.id IS NULL
)
INSERT INTO users_groupmembership AS x (id, membership_id, group_id, origin, created_at)
SELECT r.id, r.membership_id, r.target, r.origin, r.created_at FROM r JOIN portals_group AS g ON g.id = r.target
WHERE r.id IS NOT NULL
ON CONFLICT (membership_id, group_id) DO UPDATE SET origin = excluded.origin, created_at = excluded.created_at
"""

# The version goes up whatever happens, so that nobody reports an older state after this one.
_COURSES = """
WITH r AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::text::jsonb) AS r(
        membership_id bigint, target bigint, id bigint, status text, percent int, score numeric, is_required boolean,
        due_on date, source_group_id bigint, enrolled_at timestamptz, started_at timestamptz, completed_at timestamptz,
        recorded_by text, note text, attempt int, version int)
), gone AS (
    DELETE FROM users_enrollment AS x USING r WHERE x.membership_id = r.membership_id AND x.course_id = r.target
        AND r.id IS NULL
    RETURNING x.id
), put_back AS (
    INSERT INTO users_enrollment AS x (
        id, membership_id, course_id, status, percent, score, is_required, due_on, source_group_id, enrolled_at,
        started_at, completed_at, recorded_by, note, attempt, version)
    SELECT r.id, r.membership_id, r.target, r.status, r.percent, r.score, r.is_required, r.due_on,
        (SELECT id FROM portals_group WHERE id = r.source_group_id), r.enrolled_at, r.started_at, r.completed_at,
        r.recorded_by, r.note, coalesce(r.attempt, 1), r.version + 1
    FROM r JOIN portals_course AS c ON c.id = r.target
    WHERE r.id IS NOT NULL
    ON CONFLICT (membership_id, course_id) DO UPDATE SET
        status = excluded.status, percent = excluded.percent, score = excluded.score,
        is_required = excluded.is_required, due_on = excluded.due_on, source_group_id = excluded.source_group_id,
        enrolled_at = excluded.enrolled_at, started_at = excluded.started_at, completed_at = excluded.completed_at,
        recorded_by = excluded.recorded_by, note = excluded.note, attempt = excluded.attempt, version = x.version + 1
    RETURNING x.id
)
SELECT id FROM gone UNION SELECT id FROM put_back
"""

_FORMER = """
WITH r AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::text::jsonb) AS r(
        membership_id bigint, target bigint, id bigint, percent int, score numeric, started_at timestamptz,
        recorded_by text, note text)
), gone AS (
    DELETE FROM users_formerenrollment AS x USING r
    WHERE x.membership_id = r.membership_id AND x.course_id = r.target AND r.id IS NULL
)
INSERT INTO users_formerenrollment AS x (
    id, membership_id, course_id, percent, score, started_at, recorded_by, note)
SELECT r.id, r.membership_id, r.target, r.percent, r.score, r.started_at, r.recorded_by, r.note
FROM r JOIN portals_course AS c ON c.id = r.target
WHERE r.id IS NOT NULL
ON CONFLICT (membership_id, course_id) DO UPDATE SET
    percent = excluded.percent, score = excluded.score, started_at = excluded.started_at,
    recorded_by = excluded.recorded_by, note = excluded.note
"""

_MAILS = """
WITH r AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::text::jsonb) AS r(
        membership_id bigint, target bigint, kind text, state text, nonce text, failure text, next_try_at timestamptz)
), gone AS (
    DELETE FROM users_invitation AS x USING r WHERE x.id = r.target AND x.membership_id = r.membership_id
        AND r.kind IS NULL AND x.times_sent = 0
)
UPDATE users_invitation AS x SET state = r.state, nonce = r.nonce, failure = r.failure, next_try_at = r.next_try_at
FROM r WHERE x.id = r.target AND x.membership_id = r.membership_id AND r.kind IS NOT NULL
"""

_TRAIL = """
INSERT INTO users_auditentry (portal_id, at, actor_id, run_id, action, object_type, object_id, before, after, reason)
SELECT %(portal)s::bigint, %(now)s::timestamptz, %(actor)s::bigint, %(run)s::bigint, %(action)s::text,
    'users.membership', r.id, r.before, r.after, %(reason)s::text
FROM jsonb_to_recordset(%(rows)s::text::jsonb) AS r(id bigint, before jsonb, after jsonb)
"""

_ROWS = {"group": _GROUPS, "course": _COURSES, "former": _FORMER, "mail": _MAILS}

# Whoever was added and has done nothing, and to whom nothing was done but by these runs. An account that was there
# before, in another portal, stays; its owner may have come in only after signing in since.
_UNTOUCHED = """
SELECT m.id, CASE WHEN u.created_at = m.created_at THEN m.user_id END
FROM users_membership AS m JOIN users_user AS u ON u.id = m.user_id
WHERE m.id = ANY (%(ids)s::bigint[]) AND m.portal_id = %(portal)s::bigint AND m.role = 'learner'
    AND NOT u.is_superuser AND CASE WHEN u.created_at = m.created_at THEN
        u.last_login IS NULL AND u.sign_in_count = 0 AND left(u.password, 1) = '!'
        AND NOT EXISTS (SELECT FROM users_membership AS o WHERE o.user_id = u.id AND o.id <> m.id)
    ELSE m.status = 'pending' OR u.last_login IS NULL OR u.last_login < m.created_at END
    AND NOT EXISTS (
        SELECT FROM users_invitation AS v
        WHERE v.membership_id = m.id AND (v.times_sent > 0 OR v.state = 'accepted' OR v.source <> m.source))
    AND NOT EXISTS (
        SELECT FROM users_enrollment AS e
        WHERE e.membership_id = m.id AND (e.status <> 'not_started' OR e.source_group_id IS NULL))
    AND NOT EXISTS (SELECT FROM users_groupmembership AS g WHERE g.membership_id = m.id AND g.origin <> 'rule')
    AND NOT EXISTS (
        SELECT FROM users_auditentry AS a
        WHERE a.object_type IN ('users.membership', 'users.pendinguser') AND a.object_id = m.id
            AND (a.run_id IS NULL OR a.run_id <> ALL (%(runs)s::bigint[])))"""


@dataclass(frozen=True, slots=True)
class Reversal:
    """One change to take back of one person; `key` is the caller's name for it."""

    key: int
    membership_id: int
    trace: Trace


@dataclass(slots=True)
class Reversed:
    """What came of each reversal, by key; whose access could not come back for want of a seat."""

    done: dict[int, TakenBack] = field(default_factory=dict)
    without_seat: set[int] = field(default_factory=set)


def take_back(*, portal: Portal, reversals: Sequence[Reversal], cause: Cause, now: datetime) -> Reversed:
    """Take changes back in the given order, the latest first, as far as nobody has changed anything since.

    Then the rules have their say, as with every change.
    """
    ids = sorted({one.membership_id for one in reversals})
    supply = seats.supply(portal, now=now)
    statements.rows(_LOCK, {"ids": statements.integers(ids)})
    before = traces.images(ids)
    wanted = {pk: dict(image) for pk, image in before.items()}
    owners = _owners_of_addresses(portal, reversals)
    result = Reversed()
    for one in reversals:
        if one.membership_id not in wanted:
            continue

        def allows(name: str, now_: Any, then: Any, pk: int = one.membership_id) -> bool:
            if name == "email":
                return owners.get(then.lower(), pk) == pk
            if name == "state" and then["status"] == "active" != now_["status"] and not supply.take():
                result.without_seat.add(pk)
                return False
            return True

        result.done[one.key] = traces.take_back(wanted[one.membership_id], one.trace, allows=allows)
    _write(portal, before, wanted, cause, now)
    return result


def untouched(
    *, portal: Portal, membership_ids: Sequence[int], run_ids: Collection[int], locks: bool = False
) -> dict[int, int | None]:
    """Return, by membership, the accounts of those to whom nothing has happened but through these sync runs.

    None stands for an account that was there before, and stays. With `locks` nothing does until the transaction ends.
    """
    statement = f"{_UNTOUCHED} ORDER BY m.id FOR UPDATE" if locks else _UNTOUCHED
    parameters = {
        "ids": statements.integers(membership_ids),
        "portal": portal.pk,
        "runs": statements.integers(run_ids),
    }
    return dict(statements.rows(statement, parameters)) if membership_ids else {}


def remove(*, portal: Portal, accounts: Mapping[int, int | None], cause: Cause, now: datetime) -> None:
    """Remove people as if they had never been added, with accounts that were made for it; see `untouched`."""
    if not accounts:
        return
    Membership.objects.filter(portal=portal, pk__in=accounts).delete()
    made = [pk for pk in accounts.values() if pk is not None]
    User.objects.filter(realm=portal.realm_id, pk__in=made).delete()
    _record("learner_removed", portal, [{"id": pk, "before": {}, "after": {}} for pk in accounts], cause, now)


def _owners_of_addresses(portal: Portal, reversals: Sequence[Reversal]) -> dict[str, int | None]:
    """Return who has an address now that may be put back; None for somebody outside the portal."""
    emails = {one.trace["email"][0].lower() for one in reversals if "email" in one.trace}
    if not emails:
        return {}
    parameters = {"portal": portal.pk, "realm": portal.realm_id, "emails": statements.texts(emails)}
    return dict(statements.rows(_TAKEN_ADDRESSES, parameters))


def _write(
    portal: Portal, before: Mapping[int, Image], wanted: Mapping[int, Image], cause: Cause, now: datetime
) -> None:
    parts = traces.differences(before, wanted)
    if not parts:
        return
    _write_people(portal, wanted, parts)
    enrollment_ids: list[int] = []
    for kind, statement in _ROWS.items():
        if rows := list(_rows(kind, parts)):
            found = statements.rows(statement, {"rows": _json(rows)})
            enrollment_ids += [row[0] for row in found] if kind == "course" else []
    ended = [pk for pk, image in wanted.items() if _has_ended(image) and not _has_ended(before[pk])]
    if ended:
        invitations.cancel_open(membership_ids=ended)
    _record("change_undone", portal, list(_entries(parts)), cause, now)
    enrollments.announce(enrollment_ids)
    grouping.regroup(portal_id=portal.pk, membership_ids=list(parts), now=now)
    if returned := _returned_to_new_groups(before, wanted):
        enrollments.enroll_missed(membership_ids=returned, now=now)
    signals.learners_changed.send(sender=None, portal_id=portal.pk, membership_ids=list(parts))
    if moved := [pk for pk, own in parts.items() if "state" in own]:
        signals.access_changed.send(sender=None, portal_id=portal.pk, membership_ids=moved)


def _write_people(portal: Portal, wanted: Mapping[int, Image], parts: Mapping[int, Trace]) -> None:
    members = [
        _member_row(pk, wanted[pk])
        for pk, own in parts.items()
        if any(name == "state" or name.startswith(("value.", "rule.")) for name in own)
    ]
    if members:
        statements.rows(_MEMBERS, {"rows": _json(members), "portal": portal.pk})
    accounts = [
        {"id": pk, "is_moved": "email" in own, **{name: wanted[pk][name] for name in NAMES}}
        for pk, own in parts.items()
        if any(name in own for name in NAMES)
    ]
    if accounts:
        statements.rows(_ACCOUNTS, {"rows": _json(accounts), "address_changed": Invitation.ADDRESS_CHANGED})


def _member_row(pk: int, image: Image) -> dict[str, Any]:
    return {
        "id": pk,
        **{name: image["state"][name] for name in STATE},
        "custom_data": dict(_named(image, "value")),
        "rule_groups": [int(key) for key, _value in _named(image, "rule")],
    }


def _rows(kind: str, parts: Mapping[int, Trace]) -> Iterator[dict[str, Any]]:
    """Yield what to write of a kind of part; without the values of a row, it is to go."""
    for pk, own in parts.items():
        for key, (_now, then) in _named(own, kind):
            yield {**(then or {}), "membership_id": pk, "target": int(key)}


def _named(parts: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a kind, by the key within it."""
    for name, value in parts.items():
        prefix, separator, key = name.partition(".")
        if separator and prefix == kind:
            yield key, value


def _has_ended(image: Image) -> bool:
    return bool(image["state"]["status"] == Membership.Status.ENDED)


def _returned_to_new_groups(before: Mapping[int, Image], wanted: Mapping[int, Image]) -> list[int]:
    """Return who has access again and came into a group meanwhile, whose courses wait for them."""
    found = []
    for pk, image in wanted.items():
        ended_at = before[pk]["state"]["ended_at"]
        if _has_ended(before[pk]) and not _has_ended(image) and ended_at:
            joined = [value["created_at"] for _key, value in _named(image, "group")]
            found += [pk] if any(at > ended_at for at in joined) else []
    return found


def _entries(parts: Mapping[int, Trace]) -> Iterator[dict[str, Any]]:
    """Yield what the audit trail keeps of each person; groups and courses tell their own story."""
    for pk, own in parts.items():
        told = told_of({name: (now, then) for name, (now, then) in own.items()})
        if told[0] or told[1]:
            yield {"id": pk, "before": told[0], "after": told[1]}


def told_of(parts: Mapping[str, tuple[Any, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return values before and after a reversal as plans and the audit trail tell them."""
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    for name, (now, then) in parts.items():
        if name in NAMES:
            old[name], new[name] = now, then
        elif name == "state":
            for one in ("status", "last_day"):
                if now[one] != then[one]:
                    old[one], new[one] = now[one], then[one]
        elif name.startswith("value."):
            key = name.partition(".")[2]
            old.setdefault("custom_data", {})[key] = now
            new.setdefault("custom_data", {})[key] = then
    return old, new


def _record(action: str, portal: Portal, rows: Sequence[dict[str, Any]], cause: Cause, now: datetime) -> None:
    parameters = {"portal": portal.pk, "now": now, "actor": cause.actor_id, "run": cause.run_id, "action": action}
    if rows:
        statements.rows(_TRAIL, {**parameters, "reason": cause.reason, "rows": _json(list(rows))})


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
