"""What a large portal has behind it: a connection with everyone linked, the syncs that brought them in, mails, trail.

Written with a few statements, because only what an admin's pages read of it matters.
"""

from datetime import timedelta
from typing import Any, NamedTuple

from django.utils import timezone

from integrations.models import Connection, FieldMapping, SyncRun
from portals import statements
from portals.models import Portal

# People of the company who are left out, and people who are pending.
LEFT_OUT, PENDING = 5_000, 10_000
# One in so many has a value that was refused, or waits for an approval.
FLAWED, HELD = 20, 100

_IDENTITIES = """
INSERT INTO integrations_externalidentity
    (connection_id, external_id, membership_id, state, reason, digest, snapshot, times_missing, flaws)
SELECT %(connection)s, 'uuid-' || m.id, m.id, 'linked', '', '\\x00'::bytea, jsonb_build_object(
        'key', 'uuid-' || m.id, 'first_name', u.first_name, 'last_name', u.last_name, 'work_email', u.email,
        'hired_on', '2020-05-04', 'attributes', jsonb_build_object('department', m.custom_data ->> %(department)s)),
    0, CASE WHEN m.id %% %(flawed)s = 0
        THEN jsonb_build_array(jsonb_build_array('department', 'unknown_choice', 'Space ' || m.id %% 300)) END
FROM users_membership AS m JOIN users_user AS u ON u.id = m.user_id
WHERE m.portal_id = %(portal)s
UNION ALL
SELECT %(connection)s, 'left-out-' || n, NULL, 'skipped', CASE WHEN n %% 5 = 0 THEN 'no_email' ELSE 'out_of_scope' END,
    '\\x00'::bytea,
    jsonb_build_object('key', 'left-out-' || n, 'first_name', 'Robin', 'last_name', 'Vale ' || n), 0, NULL
FROM generate_series(1, %(left_out)s) AS n
"""
_LINES = """
INSERT INTO integrations_plannedchange
    (run_id, external_id, person, membership_id, kind, reason, state, before, after, warnings, trace)
SELECT %(run)s, external_id, '', membership_id, %(kind)s, %(reason)s, %(state)s::varchar, '{}',
    jsonb_build_object('first_name', snapshot ->> 'first_name', 'email', snapshot ->> 'work_email'),
    coalesce(flaws, '[]'), CASE WHEN %(state)s::varchar = 'applied' THEN '{"status": ["", "active"]}'::jsonb END
FROM integrations_externalidentity
WHERE connection_id = %(connection)s AND membership_id IS NOT NULL AND id %% %(every)s = 0
ORDER BY id
"""
_MAILS = """
INSERT INTO users_invitation (
    membership_id, kind, state, nonce, created_at, last_sent_at, expires_at, times_sent, tries, failure, source,
    run_id)
SELECT id, CASE WHEN status = 'pending' THEN 'invite' ELSE 'welcome' END,
    CASE WHEN status = 'pending' AND id %% 2 = 0 THEN 'held' ELSE 'sent' END, 'n' || id, created_at, created_at,
    created_at + interval '3 days', 1, 0, '', 'gusto', %(run)s
FROM users_membership WHERE portal_id = %(portal)s
"""
_TRAIL = """
INSERT INTO users_auditentry (portal_id, at, run_id, action, object_type, object_id, before, after, reason)
SELECT portal_id, created_at, %(run)s, 'learner_added', 'users.membership', id, '{}', '{"status": "active"}', ''
FROM users_membership WHERE portal_id = %(portal)s
"""
_PENDING = """
UPDATE users_membership SET status = 'pending'
WHERE id IN (SELECT id FROM users_membership WHERE portal_id = %(portal)s AND role = 'learner' AND status = 'active'
    ORDER BY md5(id::text) LIMIT %(pending)s)
"""


class Known(NamedTuple):
    """Ids for addresses: a first import, a run that holds people, a linked person, somebody who is left out."""

    imported: int
    held: int
    person: int
    left_out: int


def fill(portal: Portal, *, department: str) -> Known:
    """Write it for the people who are there; `department` is the key of a field that is mapped."""
    now = timezone.now()
    Portal.objects.filter(pk=portal.pk).update(enabled_integrations=["gusto"])
    connection = Connection.objects.create(
        portal=portal,
        provider="gusto",
        state=Connection.State.ACTIVE,
        external_account_id="company-1",
        last_complete_sync_at=now,
    )
    FieldMapping.objects.create(connection=connection, attribute="department", custom_field_id=int(department))
    total = portal.memberships.count()
    imported = _run(connection, now - timedelta(hours=30), {"seen": total, "add": total})
    held = _run(connection, now - timedelta(hours=2), {"seen": total, "held": total // HELD})
    statements.rows(_PENDING, {"portal": portal.pk, "pending": PENDING})
    identities = {"portal": portal.pk, "department": department, "flawed": FLAWED, "left_out": LEFT_OUT}
    statements.rows(_IDENTITIES, {"connection": connection.pk, **identities})
    line = {"connection": connection.pk}
    statements.rows(_LINES, {**line, "run": imported.pk, "kind": "add", "reason": "", "state": "applied", "every": 1})
    statements.rows(
        _LINES,
        {**line, "run": held.pk, "kind": "end_access", "reason": "too_many_removals", "state": "held", "every": HELD},
    )
    for statement in (_MAILS, _TRAIL):
        statements.rows(statement, {"portal": portal.pk, "run": imported.pk})
    people = connection.identities
    person = people.filter(flaws__isnull=False).latest("pk").membership_id
    assert person is not None
    return Known(imported.pk, held.pk, person, people.filter(reason="no_email").latest("pk").pk)


def _run(connection: Connection, at: Any, totals: dict[str, int]) -> SyncRun:
    return SyncRun.objects.create(
        connection=connection,
        trigger=SyncRun.Trigger.COMMAND,
        state=SyncRun.State.COMPLETED,
        created_at=at,
        started_at=at,
        finished_at=at,
        totals=totals,
        plan_hash="plan",
    )
