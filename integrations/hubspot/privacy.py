"""What happens when somebody asks HubSpot to delete their data: everything of HubSpot's goes, the account stays.

HubSpot: "GDPR delete" and the event contact.privacyDeletion, which comes besides contact.deletion, in any order, late
and more than once. There is no such event for users of HubSpot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from integrations import erasure
from integrations.hubspot import links
from integrations.hubspot.models import PrivacyReceipt, RecordAlias, WorkflowCall
from integrations.hubspot.progress import queue
from integrations.hubspot.scopes import CONTACTS
from integrations.models import Connection, ExternalIdentity, PlannedChange, Tombstone, WebhookEvent
from integrations.models.tombstones import digest_of, digests_of, known_marks, mark_of_record
from users import audit
from users.models import Membership

# Why a link went, in the audit trail.
REASON = "hubspot_privacy"


@transaction.atomic
def forget_record(account_id: str, object_id: str, now: datetime, *, asked_at: datetime | None = None) -> int:
    """Remove what the account's portals store of a contact and return how many of them stored anything.

    The learner, the account, groups, courses and progress stay. Keyed marks keep the contact from being linked again,
    unless a workflow asks for it. Doing it again changes nothing.
    """
    connections = links.locked_connections(account_id, CONTACTS)
    ids = _all_ids(connections, object_id)
    people = {one.pk: _people(one, ids) for one in connections}
    counts = {one.pk: _forget(one, ids, people[one.pk]) for one in connections}
    calls = sum(WorkflowCall.objects.forget(account_id=account_id, record_id=one) for one in ids)
    _forget_events(account_id, connections, ids)
    concerned = [one for one in connections if counts[one.pk]]
    if concerned or calls:
        addresses = Membership.objects.filter(pk__in=[pk for found in people.values() for pk in found])
        _mark(connections, ids, people, set(addresses.values_list("user__email", flat=True)), now)
    for one in concerned:
        _give_receipt(one, object_id, counts[one.pk], asked_at or now, now)
    return len(concerned)


def lift(connection: Connection, object_id: str) -> None:
    """Let a contact be linked again, because a workflow asks for just that."""
    mark = mark_of_record(links.PROVIDER, connection.external_account_id, object_id)
    Tombstone.objects.filter(portal=connection.portal_id, digest__in=digests_of([mark])).delete()


def refuses(connection: Connection, memberships: Collection[Membership]) -> set[int]:
    """Return those whose data HubSpot was asked to delete: nobody links them again without being asked to."""
    marks: dict[str, int] = {}
    for one in memberships:
        marks[_mark_of_address(connection, one.user.email)] = one.pk
        marks[_mark_of_person(connection, one.pk)] = one.pk
    return {marks[mark] for mark in known_marks(connection.portal_id, marks)}


def receipts_of(connection: Connection, object_id: str) -> list[PrivacyReceipt]:
    """Return the receipts of a record, for whoever has its id."""
    mark = mark_of_record(links.PROVIDER, connection.external_account_id, object_id)
    return list(connection.privacy_receipts.filter(digest__in=digests_of([mark])).order_by("-asked_at"))


def _all_ids(connections: Collection[Connection], object_id: str) -> set[str]:
    """Return every id that HubSpot gave the contact: those that were merged into it, and it into others.

    A link that was made anew after a record had been deleted is another record's.
    """
    ids, found = {object_id}, Q(connection__in=connections)
    while True:
        merged = RecordAlias.objects.filter(found, external_id__in=ids, kind=RecordAlias.Kind.MERGED)
        identities = ExternalIdentity.objects.filter(found, membership__isnull=False)
        pairs = {
            *merged.values_list("connection", "membership"),
            *identities.filter(external_id__in=ids).values_list("connection", "membership"),
        }
        theirs = Q(pk__in=[])
        for connection_id, membership_id in pairs:
            theirs |= Q(connection=connection_id, membership=membership_id)
        more = {
            *RecordAlias.objects.filter(theirs).values_list("external_id", flat=True),
            *ExternalIdentity.objects.filter(theirs).values_list("external_id", flat=True),
        }
        if more <= ids:
            return ids
        ids |= more


def _people(connection: Connection, ids: Collection[str]) -> list[int]:
    """Return the memberships that these records belong or belonged to."""
    linked = connection.identities.filter(external_id__in=ids, membership__isnull=False)
    earlier = connection.record_aliases.filter(external_id__in=ids)
    return sorted({*linked.values_list("membership", flat=True), *earlier.values_list("membership", flat=True)})


def _forget(connection: Connection, ids: Collection[str], people: Collection[int]) -> Counter[str]:
    """Remove what one portal stores, and return how much of what that was."""
    lines = PlannedChange.objects.filter(run__connection=connection, external_id__in=ids)
    unlinked = list(
        Membership.objects.filter(external_identities__connection=connection, external_identities__external_id__in=ids)
    )
    # A link that was made anew to another record speaks of it with reason.
    elsewhere = connection.identities.filter(membership__in=people).exclude(external_id__in=ids)
    still_linked = set(elsewhere.values_list("membership", flat=True))
    pushes = connection.progress_pushes.filter(membership_id__in=set(people) - still_linked)
    counts = Counter(
        lines=lines.count(),
        records=pushes.count(),
        calls=WorkflowCall.objects.filter(connection=connection, record_id__in=ids).count(),
    )
    queue.withdraw(connection, sorted(set(people) - still_linked), forgets=True)
    erasure.withdraw_lines([connection.pk], ids)
    erasure.forget_lines([connection.pk], ids)
    counts["links"] = connection.identities.filter(external_id__in=ids).delete()[0]
    counts["earlier"] = connection.record_aliases.filter(external_id__in=ids).delete()[0]
    for membership in unlinked:
        audit.record(portal=connection.portal, action="hubspot_link_removed", object=membership, reason=REASON)
    return +counts


def _forget_events(account_id: str, connections: Collection[Connection], ids: Collection[str]) -> None:
    """Take the ids out of the inbox; what waited there is nobody's any more."""
    events = WebhookEvent.objects.filter(provider=links.PROVIDER, account_id=account_id)
    about = events.filter(connection__in=connections, person_id__in=ids) | events.filter(
        connection=None, details__record_type=CONTACTS, person_id__in=ids
    )
    named = Q()
    for one in ids:
        named |= Q(details__ids__contains=[one])
    rows = about | events.filter(named, connection=None, details__record_type=CONTACTS)
    rows.filter(state=WebhookEvent.State.WAITING).update(state=WebhookEvent.State.IGNORED)
    rows.update(person_id="", details={})


def _mark(
    connections: Iterable[Connection],
    ids: Collection[str],
    people: dict[int, list[int]],
    addresses: Collection[str],
    now: datetime,
) -> None:
    """Leave marks of the records in every portal, and of the learners who may not be linked by their address."""
    rows = []
    for one in connections:
        marks = [mark_of_record(links.PROVIDER, one.external_account_id, record_id) for record_id in ids]
        marks += [_mark_of_address(one, address) for address in addresses]
        marks += [_mark_of_person(one, membership_id) for membership_id in people[one.pk]]
        rows += [Tombstone(portal_id=one.portal_id, digest=digest_of(mark), created_at=now) for mark in marks]
    Tombstone.objects.bulk_create(rows, ignore_conflicts=True)


def _give_receipt(
    connection: Connection, object_id: str, counts: Counter[str], asked_at: datetime, now: datetime
) -> None:
    digest = digest_of(mark_of_record(links.PROVIDER, connection.external_account_id, object_id))
    PrivacyReceipt.objects.get_or_create(
        connection=connection, digest=digest, asked_at=asked_at, defaults={"done_at": now, "removed": dict(counts)}
    )


def _mark_of_address(connection: Connection, address: str) -> str:
    return mark_of_record(links.PROVIDER, connection.external_account_id, f"address:{address.strip().lower()}")


def _mark_of_person(connection: Connection, membership_id: int) -> str:
    return mark_of_record(links.PROVIDER, connection.external_account_id, f"membership:{membership_id}")
