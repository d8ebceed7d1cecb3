"""What the integrations answer when the rest of the product asks."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.models import Connection, ExternalIdentity, FieldMapping
from users.models import Membership

NAMES = ("email", "first_name", "last_name")


def kept_by_provider(membership: Membership) -> Mapping[str, str]:
    """Return the values of a linked learner that follow a provider, and its name; costs at most two queries.

    Staff keep their own names and addresses, and after a disconnect everything may be edited again.
    """
    identity = (
        ExternalIdentity.objects.filter(membership=membership)
        .exclude(connection__state=Connection.State.DISCONNECTED)
        .select_related("connection")
        .first()
    )
    if identity is None:
        return {}
    provider = identity.connection.get_provider_display()
    mapped = FieldMapping.objects.filter(connection=identity.connection).values_list("custom_field_id", flat=True)
    kept = [str(field_id) for field_id in mapped]
    if membership.role == Membership.Role.LEARNER:
        kept += NAMES
    return dict.fromkeys(kept, provider)
