"""What the integrations answer when the rest of the product asks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from integrations import erasure
from integrations.engine.changes import Reason
from integrations.models import ChoiceAlias, Connection, ExternalIdentity, FieldMapping
from portals.signals import choice_renamed
from users import signals
from users.models import Membership

NAMES = ("email", "first_name", "last_name")


@receiver(signals.invitations_allowed)
def forget_cancellation(*, membership_ids: Collection[int], **kwargs: Any) -> None:
    """Stop telling that an invitation was cancelled, once an admin allowed another."""
    told = ExternalIdentity.objects.filter(membership__in=membership_ids, reason=Reason.INVITATION_CANCELLED)
    told.update(reason="")


@receiver(signals.pins_lifted)
def look_again(*, membership_ids: Collection[int], **kwargs: Any) -> None:
    """Let the next sync look at people whose values may follow their source again."""
    # A day that is over in every time zone.
    day = timezone.now().date() - timedelta(days=2)
    ExternalIdentity.objects.filter(membership__in=membership_ids).update(due_on=day)


@receiver(choice_renamed)
def know_the_old_name(*, field_id: int, choice_id: int, old: str, new: str, **kwargs: Any) -> None:
    """Let the mappings of a field take a provider's old value for the renamed choice from now on."""
    mappings = FieldMapping.objects.filter(custom_field=field_id)
    mappings.filter(default=old).update(default=new)
    ChoiceAlias.objects.bulk_create(
        [ChoiceAlias(mapping=mapping, value=old, choice_id=choice_id) for mapping in mappings], ignore_conflicts=True
    )


@receiver(signals.account_erased)
def forget_person(
    *, portal_ids: Collection[int], membership_ids: Collection[int], addresses: Collection[str], **kwargs: Any
) -> None:
    """Forget someone who is deleted for good, but for marks that keep syncs from creating them again."""
    erasure.forget(portal_ids=portal_ids, membership_ids=membership_ids, addresses=addresses, now=timezone.now())


def kept_by_provider(membership_ids: Collection[int]) -> Mapping[int, Mapping[str, str]]:
    """Return the values of linked learners that follow a provider, and its name; costs at most two queries.

    Staff keep their own names and addresses, pinned values are the portal's own, and after a disconnect everything may
    be edited again.
    """
    identities = list(
        ExternalIdentity.objects.filter(membership__in=membership_ids)
        .exclude(connection__state=Connection.State.DISCONNECTED)
        .select_related("connection", "membership")
        .only("connection__provider", "membership__role", "membership__pinned_fields")
    )
    mapped: dict[int, list[str]] = {}
    if identities:
        mappings = FieldMapping.objects.filter(connection__in={one.connection_id for one in identities})
        for connection_id, field_id in mappings.values_list("connection_id", "custom_field_id"):
            mapped.setdefault(connection_id, []).append(str(field_id))
    kept: dict[int, dict[str, str]] = {}
    for one in identities:
        if one.membership is None:
            continue
        names = NAMES if one.membership.role == Membership.Role.LEARNER else ()
        pinned = one.membership.pinned_keys
        keys = [*(key for key in mapped.get(one.connection_id, ()) if key not in pinned), *names]
        kept.setdefault(one.membership.pk, {}).update(dict.fromkeys(keys, one.connection.get_provider_display()))
    return kept
