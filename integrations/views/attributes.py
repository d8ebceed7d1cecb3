"""What a provider offers for mapping, remembered for a while so that pages need not ask it."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.cache import cache
from django.utils.functional import Promise

from integrations import providers
from integrations.http import ProviderError
from integrations.models import Connection
from integrations.providers import Attribute

FRESH_SECONDS = 10 * 60
# What is shown while the provider is down.
REMEMBERED_SECONDS = 30 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Offer:
    """The attributes, and why they may be out of date (an empty text when they are not)."""

    attributes: tuple[Attribute, ...]
    trouble: str | Promise = ""


def offered(connection: Connection) -> Offer:
    """Return what can be mapped: as asked within the last ten minutes, else as the provider says now."""
    fresh = cache.get(_key(connection, "fresh"))
    if fresh is not None:
        return Offer(fresh)
    source = providers.people_source(connection.provider)
    try:
        attributes = tuple(source.attributes(connection))
    except ProviderError as trouble:
        return Offer(remembered(connection), trouble.explanation)
    cache.set(_key(connection, "fresh"), attributes, FRESH_SECONDS)
    cache.set(_key(connection, "remembered"), attributes, REMEMBERED_SECONDS)
    return Offer(attributes)


def refresh(connection: Connection) -> Offer:
    """Ask the provider now."""
    cache.delete(_key(connection, "fresh"))
    return offered(connection)


def remembered(connection: Connection) -> tuple[Attribute, ...]:
    """Return what was offered when last asked, else what every company has; asks nobody."""
    found: tuple[Attribute, ...] | None = cache.get(_key(connection, "remembered"))
    if found is not None:
        return found
    return tuple(providers.people_source(connection.provider).standard_attributes(connection))


def _key(connection: Connection, what: str) -> str:
    return f"attributes:2:{what}:{connection.portal_id}:{connection.pk}:{connection.record_type}"
