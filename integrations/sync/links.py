"""Providers that speak only of those who were asked for: nobody is linked again by what was read before.

Whoever ends links locks the connection first, and here the connection is held: either the link is gone already, or it
goes after this transaction, with all that was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from integrations import providers
from integrations.engine.records import Person
from integrations.models import Connection, ExternalIdentity, tombstones
from integrations.sync import snapshot
from integrations.sync.batches import Admission, Batch, Context
from portals import statements

_HOLD = "SELECT FROM integrations_connection WHERE id = %(connection)s FOR KEY SHARE"


def as_they_are_now(context: Context, batch: Batch) -> Batch:
    """Return the batch with its identities as they are now, without people whose link has ended since it was read."""
    connection = context.connection
    if batch.is_current or providers.people_source(connection.provider).lists_newcomers:
        return batch
    statements.rows(_HOLD, {"connection": connection.pk})
    identities = snapshot.known(connection, [person.key for person in batch.people])
    linked = {key for key, one in identities.items() if one.state == ExternalIdentity.State.LINKED}
    people = batch.people
    if context.admission is Admission.LINKED:
        people = [person for person in people if person.key in linked]
    elif context.admission is Admission.LEARNERS:
        barred = _barred(connection, [person for person in people if person.key not in linked])
        people = [person for person in people if person.key not in barred]
    return replace(batch, people=people, identities=identities)


def _barred(connection: Connection, people: Sequence[Person]) -> set[str]:
    """Return who asked the other system to delete their data: only an explicit request links them again."""
    account = connection.external_account_id
    marks = {tombstones.mark_of_record(connection.provider, account, one.key): one.key for one in people}
    return {marks[mark] for mark in tombstones.known_marks(connection.portal_id, marks)}
