"""Learners who have a record at the provider under the same address, for an admin who wants them linked.

Read like a preview: nobody is linked before the admin has seen whom it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet

from integrations.engine.changes import Kind, Reason
from integrations.engine.records import Person, digest
from integrations.models import Connection, ExternalIdentity, PlannedChange, tombstones
from integrations.providers import AddressBook
from integrations.sync import snapshot
from integrations.sync.batches import Batch, Context
from users.models import Membership

# The addresses of one call.
BATCH = 100


@dataclass(frozen=True, slots=True)
class Offers:
    """People with a learner's address, and the learners who cannot be linked and why; how many were looked at."""

    batch: Batch
    left_out: Sequence[PlannedChange]
    learners: int
    last: int


def without_link(connection: Connection) -> QuerySet[Membership, Membership]:
    """Return the people of the portal who have, or may get, access and are linked with no record."""
    linked = ExternalIdentity.objects.filter(connection=connection, membership=OuterRef("pk"))
    people = Membership.objects.filter(~Exists(linked), portal=connection.portal_id)
    return people.exclude(status=Membership.Status.ENDED)


def next_batch(context: Context, source: AddressBook, *, after: int, keep_alive: Callable[[], None]) -> Offers | None:
    """Look for the records of the next learners, or return None at the end; raises the provider's errors."""
    connection = context.connection
    rows = without_link(connection).filter(pk__gt=after).select_related("user").order_by("pk")
    learners = list(rows[:BATCH])
    if not learners:
        return None
    out = refused(connection, learners)
    asked = {one.user.email.lower(): one for one in learners if one.pk not in out}
    found = source.people_by_address(
        connection, list(asked), wanted=context.policy.wanted_attributes, keep_alive=keep_alive
    )
    identities = snapshot.known(connection, [person.key for people in found.values() for person in people])
    taken = {key for key, one in identities.items() if one.state == ExternalIdentity.State.LINKED}
    obstacles = {address: _obstacle(address, people, taken) for address, people in found.items() if people}
    people = [found[address][0] for address, obstacle in obstacles.items() if obstacle is None]
    left_out = [
        _line(context, asked[address], found[address][0].key, obstacle)
        for address, obstacle in obstacles.items()
        if obstacle is not None
    ]
    left_out += [_line(context, one, "", Reason.DATA_DELETED) for one in learners if one.pk in out]
    digests = {one.key: digest(one, context.policy.version) for one in people}
    return Offers(Batch(people, identities, digests), left_out, len(learners), learners[-1].pk)


def refused(connection: Connection, learners: Sequence[Membership]) -> set[int]:
    """Return those whose data the provider was asked to delete: it is not even asked about them."""
    marks = {
        mark: one.pk
        for one in learners
        for mark in tombstones.marks_of_learner(
            connection.provider, connection.external_account_id, one.pk, one.user.email
        )
    }
    return {marks[mark] for mark in tombstones.known_marks(connection.portal_id, marks)}


def _obstacle(address: str, people: Sequence[Person], taken: set[str]) -> Reason | None:
    """Return why the one who was found under an address cannot be the learner with that address."""
    if len(people) > 1:
        return Reason.SHARED_EMAIL
    if people[0].key in taken:
        return Reason.TWO_LEARNERS
    return None if people[0].work_email.lower() == address else Reason.SECOND_ADDRESS


def _line(context: Context, learner: Membership, external_id: str, reason: Reason) -> PlannedChange:
    return PlannedChange(
        run_id=context.run_id,
        external_id=external_id,
        person=f"{learner.user.full_name} <{learner.user.email}>"[:330],
        membership_id=learner.pk,
        kind=Kind.SKIP,
        reason=reason,
        state=PlannedChange.State.SKIPPED,
    )
