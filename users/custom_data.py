"""Set the custom values of one person by hand."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.db import transaction

from portals.models import CustomField
from users import audit, signals
from users.models import Membership, User


def set_values(*, membership: Membership, values: Mapping[str, Any], actor: User | None = None) -> bool:
    """Write values by field id, None clearing one; return whether anything changed.

    Other keys stay, also those written meanwhile by a sync. The caller evaluates the rules afterwards.
    """
    with transaction.atomic():
        current = Membership.objects.select_for_update().get(pk=membership.pk)
        before = {key: current.custom_data.get(key) for key in values}
        changed = {key: value for key, value in values.items() if value != before[key]}
        if not changed:
            return False
        data = {**current.custom_data, **changed}
        current.custom_data = {key: value for key, value in data.items() if value is not None}
        current.save(update_fields=["custom_data"])
        audit.record(
            portal=current.portal,
            action="learner_changed",
            object=current,
            before={"custom_data": {key: before[key] for key in changed}},
            after={"custom_data": changed},
            actor=actor,
        )
        signals.learners_changed.send(sender=None, portal_id=current.portal_id, membership_ids=[current.pk])
    membership.custom_data = current.custom_data
    return True


def missing_fields(membership: Membership) -> list[CustomField]:
    """Return the required fields without a value that the person may fill in; one query while nothing is missing."""
    wanted = CustomField.objects.offered().filter(portal=membership.portal_id, is_required=True, learner_may_edit=True)
    known = membership.custom_data
    missing = [
        field
        for field in wanted.prefetch_related("choices").order_by("position", "pk")
        if known.get(field.key) in (None, "", [])
    ]
    locked = locked_fields(membership) if missing else {}
    return [field for field in missing if field.key not in locked]


def missing_names(membership: Membership) -> list[str]:
    """Return first and last name, as far as nobody has entered them and no other system keeps them."""
    missing = [name for name in ("first_name", "last_name") if not getattr(membership.user, name)]
    locked = locked_fields(membership) if missing else {}
    return [name for name in missing if name not in locked]


def is_incomplete(membership: Membership) -> bool:
    """Whether the person has to be asked before the courses: for required fields, or for a name when there is none."""
    return bool(missing_fields(membership)) or (not membership.user.full_name and bool(missing_names(membership)))


# Given memberships by id: what another system keeps of each, {membership id: {custom field id as text, "email" or a
# name: the system's name}}; people of whom nothing is kept may be left out.
Keeper = Callable[[Collection[int]], Mapping[int, Mapping[str, str]]]
_keepers: list[Keeper] = []


def add_keeper(keeper: Keeper) -> None:
    """Ask this function too, from now on, which values people may not change by hand."""
    _keepers.append(keeper)


def locked_fields(membership: Membership) -> dict[str, str]:
    """Return what another system keeps of this person, and which: such values are shown, not edited."""
    return locked_fields_of([membership.pk]).get(membership.pk, {})


def locked_fields_of(membership_ids: Collection[int]) -> dict[int, dict[str, str]]:
    """Return the same for many people, in the same number of queries."""
    locked: dict[int, dict[str, str]] = {}
    for keeper in _keepers:
        for membership_id, kept in keeper(membership_ids).items():
            locked.setdefault(membership_id, {}).update(kept)
    return locked
