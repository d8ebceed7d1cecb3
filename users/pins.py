"""Pins: values that an admin keeps here although another system has others."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from portals.models import CustomField
from users import audit, signals
from users.models import AuditEntry, Membership, User


@transaction.atomic
def pin(*, membership: Membership, fields: Collection[CustomField], request: HttpRequest) -> int:
    """Keep the values of these fields from now on, whatever a sync reads; return how many pins are new."""
    current = Membership.objects.select_for_update().get(pk=membership.pk)
    known = set(current.pinned_fields or ())
    new = [field for field in fields if field.pk not in known]
    if not new:
        return 0
    current.pinned_fields = sorted(known | {field.pk for field in new})
    current.save(update_fields=["pinned_fields"])
    audit.record(
        portal=current.portal,
        action="values_pinned",
        object=current,
        after={"fields": sorted(field.label for field in new)},
        request=request,
    )
    return len(new)


@transaction.atomic
def lift(*, membership_ids: Collection[int], fields: Collection[CustomField], actor: User | None = None) -> int:
    """Let the source have its say again at the next sync; return how many pins were lifted."""
    labels = {field.pk: field.label for field in fields}
    rows = Membership.objects.select_for_update().filter(pk__in=membership_ids, pinned_fields__overlap=list(labels))
    people = list(rows.order_by("pk"))
    now, entries, lifted = timezone.now(), [], 0
    for person in people:
        known = person.pinned_fields or []
        gone = [pk for pk in known if pk in labels]
        person.pinned_fields = [pk for pk in known if pk not in labels] or None
        lifted += len(gone)
        before = {"fields": sorted(labels[pk] for pk in gone)}
        entry = audit.entry(portal_id=person.portal_id, action="pins_lifted", object=person, at=now, before=before)
        entry.actor_id = actor.pk if actor else None
        entries.append(entry)
    Membership.objects.bulk_update(people, ["pinned_fields"])
    AuditEntry.objects.bulk_create(entries)
    if people:
        signals.pins_lifted.send(sender=None, membership_ids=[person.pk for person in people])
    return lifted
