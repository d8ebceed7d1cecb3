"""When the ties between people and records end: with another kind of records, or long after a disconnect."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from integrations import providers
from integrations.models import Connection, ExternalIdentity
from integrations.signals import links_dropped
from portals.models import Portal
from users import audit


def to_drop(*, portal: Portal, provider: str, record_type: str) -> int:
    """Return how many links end when the portal connects with this kind of records instead of the one before."""
    return ExternalIdentity.objects.filter(
        connection__in=Connection.objects.filter(portal=portal, provider=provider).exclude(
            record_type__in=["", record_type]
        ),
        state=ExternalIdentity.State.LINKED,
    ).count()


def drop(connection: Connection) -> None:
    """Delete everything that ties a connection's people to records; the people stay as they are.

    The connection itself is left to be saved.
    """
    links_dropped.send(Connection, connection=connection)
    connection.identities.all().delete()
    connection.pages.all().delete()
    connection.last_complete_sync_at = None


def drop_old(*, now: datetime) -> None:
    """Drop the links of connections that were cut so long ago that their provider no longer keeps them.

    After that the portal may connect another account.
    """
    for provider in providers.all_providers():
        if provider.keeps_links is None:
            continue
        cut = Connection.objects.filter(
            provider=provider.key,
            state=Connection.State.DISCONNECTED,
            disconnected_at__lte=now - provider.keeps_links,
        )
        for key in cut.exclude(external_account_id="").values_list("pk", flat=True):
            _forget_account(key)


@transaction.atomic
def _forget_account(key: int) -> None:
    connection = Connection.objects.select_for_update().select_related("portal").get(pk=key)
    if connection.is_connected:
        return
    drop(connection)
    connection.external_account_id = connection.external_account_name = ""
    connection.save()
    audit.record(portal=connection.portal, action="links_dropped", object=connection)
