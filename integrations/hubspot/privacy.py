"""What happens when somebody asks HubSpot to delete their data: everything of HubSpot's goes, the account stays.

HubSpot: "GDPR delete" and the event contact.privacyDeletion, which comes besides contact.deletion, in any order, late
and more than once. There is no such event for users of HubSpot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from integrations import erasure
from integrations.hubspot import links
from integrations.hubspot.models import PrivacyReceipt, RecordAlias, WorkflowCall
from integrations.hubspot.progress import queue
from integrations.hubspot.scopes import CONTACTS
from integrations.models import Connection, ExternalIdentity, PlannedChange, Tombstone, WebhookEvent
from integrations.models.tombstones import digest_of, digests_of, mark_of_record, marks_of_learner
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
        _mark(connections, ids, people, now)
    for one in concerned:
        _give_receipt(one, object_id, counts[one.pk], asked_at or now, now)
    return len(concerned)


def receipts_of(connection: Connection, object_id: str) -> list[PrivacyReceipt]:
    """Return the receipts of a record, for whoever has its id."""
    mark = mark_of_record(links.PROVIDER, connection.external_account_id, object_id)
    return list(connection.privacy_receipts.filter(digest__in=digests_of([mark])).order_by("-asked_at"))


def _all_ids(connections: Collection[Connection], object_id: str) -> set[str]:
    """Return every id that HubSpot gave the contact: those that were merged into it, and it into others.

    Links that were made anew after the record had been deleted are other records'.
    """
    aliases = RecordAlias.objects.filter(connection__in=connections)
    identities = ExternalIdentity.objects.filter(connection__in=connections, membership__isnull=False)
    ids: set[str] = set()
    more = {object_id}
    while more - ids:
        ids |= more
        owners: set[tuple[int, int | None, str]] = {
            (*one, RecordAlias.Kind.MERGED.value)
            for one in identities.filter(external_id__in=ids).values_list("connection", "membership")
        }
        owners |= set(aliases.filter(external_id__in=ids).values_list("connection", "membership", "kind"))
        for connection_id, membership_id, kind in owners:
            theirs = {"connection": connection_id, "membership": membership_id}
            more |= set(aliases.filter(**theirs, kind=kind).values_list("external_id", flat=True))
            if kind == RecordAlias.Kind.MERGED:
                more |= set(identities.filter(**theirs).values_list("external_id", flat=True))
    return ids


def _people(connection: Connection, ids: Collection[str]) -> list[int]:
    """Return the memberships that these records belong or belonged to."""
    linked = connection.identities.filter(external_id__in=ids, membership__isnull=False)
    earlier = connection.record_aliases.filter(external_id__in=ids)
    return sorted({*linked.values_list("membership", flat=True), *earlier.values_list("membership", flat=True)})


def _forget(connection: Connection, ids: Collection[str], people: Collection[int]) -> Counter[str]:
    """Remove what one portal stores, and return how much of what that was."""
    lines = PlannedChange.objects.filter(run__connection=connection, external_id__in=ids)
    # A link that was made anew to another record speaks of it with reason.
    elsewhere = connection.identities.filter(membership__in=people).exclude(external_id__in=ids)
    unlinked = sorted(set(people) - set(elsewhere.values_list("membership", flat=True)))
    pushes = connection.progress_pushes.filter(membership_id__in=unlinked)
    counts = Counter(
        lines=lines.count(),
        records=pushes.count(),
        calls=WorkflowCall.objects.filter(connection=connection, record_id__in=ids).count(),
    )
    queue.withdraw(connection, unlinked, forgets=True)
    erasure.withdraw_lines([connection.pk], ids)
    erasure.forget_lines([connection.pk], ids)
    # A link that the ordinary deletion has taken was one all the same.
    identities = connection.identities.filter(external_id__in=ids)
    counts["links"] = len(people)
    counts["left_out"] = identities.filter(membership=None).count()
    links_left = identities.delete()[0] - counts["left_out"]
    aliases = connection.record_aliases.filter(external_id__in=ids).delete()[0]
    counts["earlier"] = aliases - (len(people) - links_left)
    for membership in Membership.objects.filter(pk__in=unlinked):
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
    connections: Iterable[Connection], ids: Collection[str], people: Mapping[int, Collection[int]], now: datetime
) -> None:
    """Leave marks in every portal: of the record, and of the learners who may not be linked by their address."""
    learners = Membership.objects.filter(pk__in=[pk for found in people.values() for pk in found])
    known = list(learners.values_list("pk", "user__email"))
    rows = []
    for one in connections:
        account = one.external_account_id
        marks = {mark_of_record(links.PROVIDER, account, record_id) for record_id in ids}
        marks |= {mark for pk, email in known for mark in marks_of_learner(links.PROVIDER, account, pk, email)}
        rows += [Tombstone(portal_id=one.portal_id, digest=digest_of(mark), created_at=now) for mark in marks]
    Tombstone.objects.bulk_create(rows, ignore_conflicts=True)


def _give_receipt(
    connection: Connection, object_id: str, counts: Counter[str], asked_at: datetime, now: datetime
) -> None:
    digest = digest_of(mark_of_record(links.PROVIDER, connection.external_account_id, object_id))
    PrivacyReceipt.objects.get_or_create(
        connection=connection, digest=digest, asked_at=asked_at, defaults={"done_at": now, "removed": dict(counts)}
    )
