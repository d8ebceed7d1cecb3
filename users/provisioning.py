"""Add, invite and change learners, end and restore their access: lists in, a bulk statement each out.

Every function runs inside the caller's transaction, writes the audit trail with the change, and costs the same number
of statements for one person as for a thousand. Rows travel as one JSON parameter: the statement's text never changes,
so PostgreSQL keeps its plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import msgspec

from portals import statements
from portals.models import Portal
from users import last_admin, notices, seats, signals
from users.models import Invitation, Membership
from users.models.invitations import new_nonce


@dataclass(frozen=True, slots=True)
class Cause:
    """Who or what makes the change: an account, a sync run, or neither (the clock).

    The mails of a run wait until it is over, unless the people were asked for one by one.
    """

    actor_id: int | None = None
    run_id: int | None = None
    reason: str = ""
    holds_mails: bool = True


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Someone to add. `key` is the caller's name for the row; `mail` is "invite", "welcome" or empty.

    `user_id` names the account when the address is already known in the realm; it keeps its names.
    """

    key: str
    email: str
    first_name: str
    last_name: str
    status: str
    custom_data: dict[str, Any]
    last_day: date | None = None
    user_id: int | None = None
    mail: str = ""
    # What grouping.first_groups said of them.
    rule_groups: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Amendment:
    """What to change of a learner; a missing key keeps the value.

    `fields` may hold email, first_name, last_name, status, last_day and custom_data, a patch in which null removes a
    key; `before` is kept in the audit trail.
    """

    membership_id: int
    fields: dict[str, Any]
    before: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ending:
    """Whose access ends: after `last_day`, or at once when there is none or it has passed."""

    membership_id: int
    last_day: date | None


@dataclass(frozen=True, slots=True)
class Restoration:
    """Whose access comes back; `mail` as for a newcomer."""

    membership_id: int
    status: str
    last_day: date | None = None
    mail: str = ""


_TYPES = {
    "portal": "bigint",
    "realm": "bigint",
    "source": "text",
    "now": "timestamptz",
    "actor": "bigint",
    "run": "bigint",
    "holds": "boolean",
    "reason": "text",
    "by": "text",
    "today": "date",
    "address_changed": "text",
}


def _typed(statement: str) -> str:
    """Give each parameter its type, which a prepared statement cannot guess."""
    for name, type_ in _TYPES.items():
        statement = statement.replace(f"%({name})s", f"%({name})s::{type_}")
    return statement


_ADD = _typed("""
WITH incoming AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(
        key text, email text, first_name text, last_name text, status text, last_day date, custom_data jsonb,
        user_id bigint, mail text, nonce text, rule_groups bigint[])
), accounts AS (
    INSERT INTO users_user (realm_id, email, first_name, last_name, password, is_active, is_superuser, created_at)
    SELECT %(realm)s, email, first_name, last_name, '!' || gen_random_uuid(), true, false, %(now)s
    FROM incoming WHERE user_id IS NULL
    RETURNING id, email
), people AS (
    SELECT coalesce(incoming.user_id, accounts.id) AS account_id, incoming.*
    FROM incoming LEFT JOIN accounts ON accounts.email = incoming.email
), members AS (
    INSERT INTO users_membership (
        portal_id, user_id, role, status, source, custom_data, last_day, ended_by, rule_groups, created_at)
    SELECT %(portal)s, account_id, 'learner', status, %(source)s, custom_data, last_day,
        CASE WHEN last_day IS NULL THEN '' ELSE %(source)s END, rule_groups, %(now)s
    FROM people
    RETURNING id, user_id
), added AS (
    SELECT members.id AS membership_id, people.* FROM members JOIN people ON people.account_id = members.user_id
), joined AS (
    INSERT INTO users_groupmembership (membership_id, group_id, origin, created_at)
    SELECT membership_id, group_id, 'rule', %(now)s FROM added, unnest(rule_groups) AS group_id
), mails AS (
    INSERT INTO users_invitation (
        membership_id, kind, state, nonce, created_at, times_sent, next_try_at, tries, failure, source, sent_by_id,
        run_id)
    SELECT membership_id, mail, CASE WHEN %(holds)s THEN 'held' ELSE 'scheduled' END, nonce, %(now)s, 0,
        %(now)s, 0, '', %(source)s, %(actor)s, %(run)s
    FROM added WHERE mail <> ''
), trail AS (
    INSERT INTO users_auditentry (
        portal_id, at, actor_id, run_id, action, object_type, object_id, before, after, reason)
    SELECT %(portal)s, %(now)s, %(actor)s, %(run)s, 'learner_added', 'users.membership', membership_id, '{}',
        jsonb_build_object('status', status, 'source', %(source)s), %(reason)s
    FROM added
)
SELECT key, membership_id FROM added
""")

_AMEND = _typed("""
WITH incoming AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(membership_id bigint, fields jsonb, before jsonb)
), changed AS (
    UPDATE users_membership AS m SET
        custom_data = CASE WHEN i.fields ? 'custom_data'
            THEN jsonb_strip_nulls(m.custom_data || (i.fields -> 'custom_data')) ELSE m.custom_data END,
        status = coalesce(i.fields ->> 'status', m.status),
        last_day = CASE WHEN i.fields ? 'last_day' THEN (i.fields ->> 'last_day')::date ELSE m.last_day END,
        ended_by = CASE WHEN i.fields ? 'last_day' AND i.fields ->> 'last_day' IS NULL THEN '' ELSE m.ended_by END,
        ended_by_account_id = CASE WHEN i.fields ? 'last_day' AND i.fields ->> 'last_day' IS NULL
            THEN NULL ELSE m.ended_by_account_id END,
        ended_reason = CASE WHEN i.fields ? 'last_day' AND i.fields ->> 'last_day' IS NULL
            THEN '' ELSE m.ended_reason END,
        accepted_at = CASE WHEN m.status = 'pending' AND i.fields ->> 'status' = 'active' THEN %(now)s
            ELSE m.accepted_at END
    FROM incoming AS i WHERE m.id = i.membership_id AND m.portal_id = %(portal)s
    RETURNING m.id, m.user_id, i.fields, i.before
), accounts AS (
    UPDATE users_user AS u SET
        email = coalesce(c.fields ->> 'email', u.email),
        first_name = coalesce(c.fields ->> 'first_name', u.first_name),
        last_name = coalesce(c.fields ->> 'last_name', u.last_name)
    FROM changed AS c
    WHERE u.id = c.user_id AND c.fields ?| ARRAY['email', 'first_name', 'last_name']
), dead_links AS (
    UPDATE users_invitation AS v SET
        state = CASE WHEN v.kind = 'invite' THEN 'failed' ELSE 'cancelled' END,
        failure = CASE WHEN v.kind = 'invite' THEN %(address_changed)s ELSE '' END,
        nonce = replace(gen_random_uuid()::text, '-', ''), next_try_at = NULL
    -- In every portal of the account: each link went to the old address.
    FROM changed AS c JOIN users_membership AS everywhere ON everywhere.user_id = c.user_id
    WHERE v.membership_id = everywhere.id AND c.fields ? 'email' AND v.state IN ('scheduled', 'held', 'sent', 'failed')
), trail AS (
    INSERT INTO users_auditentry (
        portal_id, at, actor_id, run_id, action, object_type, object_id, before, after, reason)
    SELECT %(portal)s, %(now)s, %(actor)s, %(run)s, 'learner_changed', 'users.membership', id, before, fields,
        %(reason)s
    FROM changed
)
SELECT count(*) FROM changed
""")

_END = _typed("""
WITH incoming AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(membership_id bigint, last_day date)
), ending AS (
    SELECT m.id, m.status, m.last_day AS old_last_day, i.last_day,
        i.last_day IS NULL OR i.last_day < %(today)s AS is_over
    FROM users_membership AS m JOIN incoming AS i ON i.membership_id = m.id
    WHERE m.portal_id = %(portal)s AND m.status <> 'ended'
    ORDER BY m.id FOR UPDATE OF m
), changed AS (
    UPDATE users_membership AS m SET
        last_day = coalesce(e.last_day, %(today)s),
        ended_by = %(by)s,
        ended_by_account_id = %(actor)s,
        ended_reason = %(reason)s,
        status = CASE WHEN e.is_over THEN 'ended' ELSE m.status END,
        ended_at = CASE WHEN e.is_over THEN %(now)s ELSE m.ended_at END
    FROM ending AS e WHERE m.id = e.id
    RETURNING m.id, m.status, m.last_day, e.is_over, e.status AS old_status, e.old_last_day
), dead_links AS (
    UPDATE users_invitation AS v SET
        state = 'cancelled', nonce = replace(gen_random_uuid()::text, '-', ''), next_try_at = NULL
    FROM changed AS c
    WHERE v.membership_id = c.id AND c.is_over AND v.state IN ('scheduled', 'held', 'sent', 'failed')
), trail AS (
    INSERT INTO users_auditentry (
        portal_id, at, actor_id, run_id, action, object_type, object_id, before, after, reason)
    SELECT %(portal)s, %(now)s, %(actor)s, %(run)s,
        CASE WHEN is_over THEN 'access_ended' ELSE 'last_day_set' END, 'users.membership', id,
        jsonb_build_object('status', old_status, 'last_day', old_last_day),
        jsonb_build_object('status', status, 'last_day', last_day), %(reason)s
    FROM changed
)
SELECT id FROM changed
""")

_RESTORE = _typed("""
WITH incoming AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(
        membership_id bigint, status text, last_day date, mail text, nonce text)
), restoring AS (
    SELECT m.id, m.status AS old_status, m.last_day AS old_last_day, i.status, i.last_day, i.mail, i.nonce
    FROM users_membership AS m JOIN incoming AS i ON i.membership_id = m.id
    WHERE m.portal_id = %(portal)s ORDER BY m.id FOR UPDATE OF m
), changed AS (
    UPDATE users_membership AS m SET
        status = r.status, last_day = r.last_day, ended_at = NULL,
        invitation_withdrawn_at = CASE WHEN r.status = 'active' THEN NULL ELSE m.invitation_withdrawn_at END,
        ended_by = CASE WHEN r.last_day IS NULL THEN '' ELSE m.ended_by END,
        ended_by_account_id = CASE WHEN r.last_day IS NULL THEN NULL ELSE m.ended_by_account_id END,
        ended_reason = CASE WHEN r.last_day IS NULL THEN '' ELSE m.ended_reason END
    FROM restoring AS r WHERE m.id = r.id
    RETURNING m.id
), mails AS (
    INSERT INTO users_invitation (
        membership_id, kind, state, nonce, created_at, times_sent, next_try_at, tries, failure, source, sent_by_id,
        run_id)
    SELECT id, mail, CASE WHEN %(holds)s THEN 'held' ELSE 'scheduled' END, nonce, %(now)s, 0, %(now)s, 0, '',
        %(source)s, %(actor)s, %(run)s
    FROM restoring WHERE mail <> ''
    ON CONFLICT DO NOTHING
), trail AS (
    INSERT INTO users_auditentry (
        portal_id, at, actor_id, run_id, action, object_type, object_id, before, after, reason)
    SELECT %(portal)s, %(now)s, %(actor)s, %(run)s, 'access_restored', 'users.membership', id,
        jsonb_build_object('status', old_status, 'last_day', old_last_day),
        jsonb_build_object('status', status, 'last_day', last_day), %(reason)s
    FROM restoring
)
SELECT id FROM changed
""")


def add_learners(
    *, portal: Portal, newcomers: Sequence[Newcomer], source: str, cause: Cause, now: datetime
) -> dict[str, int]:
    """Return the new membership's id for each key; mails wait in the outbox, those of a sync run usually longer.

    Raises IntegrityError when an address or a membership exists already, NoSeat when the portal has not enough seats:
    nothing is written then.
    """
    seats.check(portal, wanted=sum(one.status == Membership.Status.ACTIVE for one in newcomers), now=now)
    rows = [
        {
            "key": one.key,
            "email": one.email.lower(),
            "first_name": one.first_name,
            "last_name": one.last_name,
            "status": one.status,
            "last_day": one.last_day.isoformat() if one.last_day else None,
            "custom_data": one.custom_data,
            "user_id": one.user_id,
            "mail": one.mail if portal.uses_passwords else "",
            "nonce": new_nonce(),
            "rule_groups": one.rule_groups,
        }
        for one in newcomers
    ]
    found = _rows(_ADD, rows, portal, cause, now, realm=portal.realm_id, source=source)
    added = dict(found)
    _announce(signals.learners_added, portal, list(added.values()))
    return added


def amend_learners(*, portal: Portal, amendments: Sequence[Amendment], cause: Cause, now: datetime) -> None:
    """Write changed names, addresses, custom values, states and last days.

    A new address kills open links and sends nothing: an invitation waits for an admin to send it again. Raises NoSeat.
    """
    wanted = sum(one.fields.get("status") == Membership.Status.ACTIVE for one in amendments)
    seats.check(portal, wanted=wanted, now=now)
    rows = [{"membership_id": one.membership_id, "fields": one.fields, "before": one.before} for one in amendments]
    for row in rows:
        if "email" in row["fields"]:  # type: ignore[operator]
            row["fields"] = {**row["fields"], "email": row["fields"]["email"].lower()}  # type: ignore[dict-item,index]
    addresses = {row["membership_id"]: row["fields"]["email"] for row in rows if "email" in row["fields"]}  # type: ignore[index,operator]
    notices.announce_new_addresses(addresses=addresses, portal=portal, now=now)  # type: ignore[arg-type]
    _rows(_AMEND, rows, portal, cause, now, address_changed=Invitation.ADDRESS_CHANGED)
    if addresses:
        moved = [one.membership_id for one in amendments if "email" in one.fields]
        users = Membership.objects.filter(pk__in=moved).values_list("user", flat=True)
        signals.addresses_changed.send(sender=None, user_ids=list(users), portal_id=portal.pk)
    _announce(signals.learners_changed, portal, [one.membership_id for one in amendments])


def end_access(*, portal: Portal, endings: Sequence[Ending], by: str, cause: Cause, now: datetime) -> list[int]:
    """End access after each last day and return the ids that changed; of providers, `by` alone may take it back.

    The cause's reason is shown with the person. Raises LastAdmin.
    """
    if endings:
        last_admin.check_stays(portal=portal, membership_ids=[one.membership_id for one in endings])
    rows = [
        {"membership_id": one.membership_id, "last_day": one.last_day.isoformat() if one.last_day else None}
        for one in endings
    ]
    ids = [row[0] for row in _rows(_END, rows, portal, cause, now, by=by, today=portal.today(now))]
    _announce(signals.access_changed, portal, ids)
    return ids


def restore_access(
    *, portal: Portal, restorations: Sequence[Restoration], source: str, cause: Cause, now: datetime
) -> list[int]:
    """Give access back, with history as it was, and return the ids; groups are the caller's next step.

    Raises NoSeat.
    """
    seats.check(portal, wanted=sum(one.status == Membership.Status.ACTIVE for one in restorations), now=now)
    rows = [
        {
            "membership_id": one.membership_id,
            "status": one.status,
            "last_day": one.last_day.isoformat() if one.last_day else None,
            "mail": one.mail if portal.uses_passwords else "",
            "nonce": new_nonce(),
        }
        for one in restorations
    ]
    ids = [row[0] for row in _rows(_RESTORE, rows, portal, cause, now, source=source)]
    _announce(signals.access_changed, portal, ids)
    return ids


def _rows(
    statement: str, rows: list[dict[str, Any]], portal: Portal, cause: Cause, now: datetime, **more: Any
) -> list[tuple[Any, ...]]:
    if not rows:
        return []
    return statements.rows(
        statement,
        {
            "rows": msgspec.json.encode(rows).decode(),
            "portal": portal.pk,
            "now": now,
            "actor": cause.actor_id,
            "run": cause.run_id,
            "holds": cause.run_id is not None and cause.holds_mails,
            "reason": cause.reason,
            **more,
        },
        keeps_plan=statement is _ADD,
    )


def _announce(signal: Any, portal: Portal, membership_ids: list[int]) -> None:
    if membership_ids and signal.has_listeners():
        signal.send(sender=None, portal_id=portal.pk, membership_ids=membership_ids)
