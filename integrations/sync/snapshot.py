"""Database → records: what we know about a batch of people; a statement each, whatever the size of the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from integrations.engine.matching import Surroundings, addresses, shared_addresses
from integrations.engine.records import Learner, Person, Policy
from integrations.engine.seen import SeenIds
from integrations.models import Connection, SyncRun, tombstones
from portals import statements

NO_PINS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Known:
    """An external identity as stored."""

    id: int
    digest: bytes
    membership_id: int | None
    state: str
    reason: str
    due_on: date | None
    # Changes that an admin rejected: kind → values.
    rejected: dict[str, Any] | None = None


_KNOWN = """
SELECT external_id, id, digest, membership_id, state, reason, due_on, rejected::text
FROM integrations_externalidentity
WHERE connection_id = %(connection)s AND external_id = ANY(%(keys)s::text[])
"""

# The first row has nothing but the marks of people who were deleted for good: no page of a sync asks for them apart.
_LEARNERS = """
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    ARRAY(SELECT digest FROM integrations_tombstone WHERE portal_id = %(portal)s)
UNION ALL
SELECT u.id, u.email, u.first_name, u.last_name, u.last_login IS NOT NULL, m.id, m.role, m.status, m.custom_data,
    m.last_day, m.ended_by, m.invitation_withdrawn_at IS NOT NULL, m.pinned_fields, i.external_id, NULL
FROM users_user AS u
LEFT JOIN users_membership AS m ON m.user_id = u.id AND m.portal_id = %(portal)s
LEFT JOIN integrations_externalidentity AS i ON i.membership_id = m.id AND i.connection_id = %(connection)s
WHERE u.id IN (
    SELECT id FROM users_user WHERE realm_id = %(realm)s AND lower(email) = ANY(%(emails)s::text[])
    UNION
    SELECT user_id FROM users_membership WHERE id = ANY(%(memberships)s::bigint[])
)
"""

_DUE = """
SELECT i.external_id, i.id, i.digest, i.membership_id, i.state, i.reason, i.due_on, i.rejected::text, i.snapshot::text
FROM integrations_externalidentity AS i
WHERE i.connection_id = %(connection)s AND i.due_on <= %(today)s AND i.id > %(after)s AND NOT EXISTS (
    SELECT FROM integrations_plannedchange AS c
    WHERE c.run_id = %(run)s AND c.external_id = i.external_id AND (c.state = 'planned' OR %(is_preview)s)
) AND (%(seen)s::int8multirange IS NULL OR i.id <@ %(seen)s::int8multirange)
ORDER BY i.id LIMIT %(limit)s
"""


def known(connection: Connection, keys: Sequence[str]) -> dict[str, Known]:
    """Return the stored identities among these external ids."""
    found = statements.rows(_KNOWN, {"connection": connection.pk, "keys": statements.texts(keys)})
    return {row[0]: known_of(row) for row in found}


def known_of(row: Sequence[Any]) -> Known:
    """Return the identity of a row that begins as `_KNOWN` selects it."""
    rejected = msgspec.json.decode(row[7]) if row[7] else None
    return Known(row[1], bytes(row[2]), row[3], row[4], row[5], row[6], rejected)


def surroundings(
    connection: Connection, people: Sequence[Person], identities: Mapping[str, Known], policy: Policy
) -> Surroundings:
    """Return the learners and accounts that these people are, or could be."""
    # The identities may be those of ten pages, of which a few people changed.
    stored = {person.key: identities[person.key] for person in people if person.key in identities}
    memberships = {one.membership_id: key for key, one in stored.items() if one.membership_id is not None}
    emails = {address for person in people for address in addresses(person, policy)}
    found = statements.rows(
        _LEARNERS,
        {
            "portal": connection.portal_id,
            "realm": connection.portal.realm_id,
            "connection": connection.pk,
            "emails": statements.texts(emails),
            "memberships": statements.integers(memberships),
        },
    )
    linked: dict[str, Learner] = {}
    by_email: dict[str, Learner] = {}
    accounts: dict[str, int] = {}
    erased: set[bytes] = set()
    for user_id, email, first, last, has_signed_in, membership_id, *rest in found:
        if user_id is None:
            erased = {bytes(digest) for digest in rest[-1]}
            continue
        if membership_id is None:
            accounts[email.lower()] = user_id
            continue
        role, status, custom_data, last_day, ended_by, invitation_cancelled, pinned, linked_key, _ = rest
        learner = Learner(
            membership_id=membership_id,
            user_id=user_id,
            email=email,
            first_name=first,
            last_name=last,
            role=role,
            status=status,
            custom_data=msgspec.json.decode(custom_data),
            last_day=last_day,
            ended_by=ended_by,
            has_signed_in=has_signed_in,
            invitation_cancelled=invitation_cancelled,
            pinned=frozenset(map(str, pinned)) if pinned else NO_PINS,
            linked_key=linked_key or "",
        )
        by_email[email.lower()] = learner
        if membership_id in memberships:
            linked[memberships[membership_id]] = learner
    return Surroundings(
        linked=linked,
        by_email=by_email,
        accounts=accounts,
        removed=frozenset(key for key, one in stored.items() if one.state == "linked" and one.membership_id is None),
        erased=_erased(connection, [person for person in people if person.key not in linked], policy, erased),
        shared=shared_addresses(people, policy),
    )


def _erased(connection: Connection, people: Sequence[Person], policy: Policy, found: Set[bytes]) -> frozenset[str]:
    """Return which of these people were deleted for good, by their record or by one of their addresses."""
    if not people or not found:
        return frozenset()
    marks: dict[str, str] = {}
    for person in people:
        account = connection.external_account_id
        marks[tombstones.mark_of_record(connection.provider, account, person.key)] = person.key
        marks |= {tombstones.mark_of_address(address): person.key for address in addresses(person, policy)}
    digests = tombstones.digests_of(marks)
    return frozenset(marks[digests[digest]] for digest in digests.keys() & found)


def due(
    run: SyncRun, *, today: date, seen: SeenIds | None, after: int, limit: int
) -> tuple[list[Person], dict[str, Known]]:
    """Return people who must be looked at again by the clock, as last read, with their identities.

    In order of the identities' ids, above `after`. Left out are those for whom the run has something planned; those of
    whom a preview spoke, which read them anew and stored nothing; and who is not among `seen`, if that is given:
    nobody is added because a day has come who is no longer listed.
    """
    parameters = {
        "connection": run.connection_id,
        "run": run.pk,
        "is_preview": run.is_preview,
        "today": today,
        "seen": None if seen is None else seen.as_multirange(),
        "after": after,
        "limit": limit,
    }
    found = statements.rows(_DUE, parameters)
    people = [msgspec.json.decode(row[8], type=Person) for row in found]
    return people, {row[0]: known_of(row) for row in found}
