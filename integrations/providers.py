"""What a provider can do, and which providers there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from integrations.engine.records import Person
from integrations.models import Connection


@dataclass(frozen=True, slots=True)
class Attribute:
    """Something that a provider offers for mapping.

    `kind` is one of text, email, date, boolean, integer, decimal, choice; `options` are the values of a choice.
    """

    key: str
    label: str
    kind: str
    options: tuple[str, ...] = ()
    is_sensitive: bool = False
    help: str = ""


@dataclass(frozen=True, slots=True)
class ExternalAccount:
    """The account at the provider that a consent belongs to."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """One page of the provider's list.

    `fingerprint` (16 bytes) covers everything that `people` is made of, or is None when that cannot be told;
    `people` decodes and maps only when called. The totals are what this page's headers announce.
    """

    number: int
    total_pages: int
    total_people: int | None
    fingerprint: bytes | None
    people: Callable[[], list[Person]]


class Provider(Protocol):
    """A kind of system that a portal can be connected to."""

    key: str
    label: str

    def authorize_url(self, *, state: str, redirect_uri: str) -> str:
        """Return the address of the consent page."""

    def exchange(self, *, code: str, redirect_uri: str) -> dict[str, object]:
        """Return the token answer for a code, once. Raises the four errors of integrations.http."""

    def refresh(self, *, refresh_token: str) -> dict[str, object]:
        """Return the token answer for a refresh token."""

    def account(self, *, access_token: str) -> ExternalAccount:
        """Return the account that a fresh token belongs to."""

    def revoke(self, *, access_token: str, refresh_token: str) -> None:
        """Ask the provider to forget a grant."""


class PeopleSource(Provider, Protocol):
    """A provider that says who should have access."""

    def attributes(self, connection: Connection) -> Sequence[Attribute]:
        """Return what can be mapped, the company's own fields included."""

    def standard_attributes(self, connection: Connection) -> Sequence[Attribute]:
        """Return what can be mapped without the company's own fields; asks nobody."""

    def pages(
        self,
        connection: Connection,
        *,
        wanted: Sequence[str],
        first_page: int = 1,
        keep_alive: Callable[[], None] = lambda: None,
    ) -> Iterator[PeoplePage]:
        """Yield the list of people page by page; `keep_alive` is called before and during long waits."""

    def people(
        self,
        connection: Connection,
        keys: Sequence[str],
        *,
        wanted: Sequence[str],
        keep_alive: Callable[[], None] = lambda: None,
    ) -> list[Person]:
        """Return single people by their keys; who is not there is left out."""


_registry: dict[str, Provider] = {}


def register(provider: Provider) -> None:
    """Make a provider known; called by its app when it is ready."""
    _registry[provider.key] = provider


def get(key: str) -> Provider:
    """Return a registered provider. Raises KeyError."""
    return _registry[key]


def people_source(key: str) -> PeopleSource:
    """Return a registered provider that says who should have access. Raises KeyError."""
    return _registry[key]  # type: ignore[return-value]


def all_providers() -> Sequence[Provider]:
    """Return every registered provider, in order of registration."""
    return tuple(_registry.values())
