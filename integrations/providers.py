"""What a provider can do, and which providers there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, runtime_checkable

from django.utils.functional import Promise

from integrations.engine.records import Person
from integrations.models import Connection
from users.models import Membership


@dataclass(frozen=True, slots=True)
class Attribute:
    """Something that a provider offers for mapping.

    `kind` is one of text, email, date, boolean, integer, decimal, choice; `options` are the values of a choice, and
    `option_labels`, if there are any, what each of them is called there.
    """

    key: str
    label: str
    kind: str
    options: tuple[str, ...] = ()
    is_sensitive: bool = False
    help: str = ""
    option_labels: tuple[str, ...] = ()
    # Whether somebody may have several of the options, with a semicolon between them.
    is_multiple: bool = False
    # Whether the company made it, other than what every account has.
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class ExternalAccount:
    """The account at the provider that a consent belongs to."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """One page of the provider's list.

    `fingerprint` (16 bytes) covers everything that `people` is made of, or is None when that cannot be told;
    `people` decodes and maps only when called. The totals are what this page announces; `total_people` is None where
    that is known only at the end. `gone` are wanted attributes that the provider does not have any more.
    """

    number: int
    total_pages: int
    total_people: int | None
    fingerprint: bytes | None
    people: Callable[[], list[Person]]
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordType:
    """One of the kinds of records that a system can take people from; an admin chooses when connecting."""

    key: str
    label: str | Promise
    help: str | Promise


@dataclass(frozen=True, slots=True)
class Tab:
    """A page that only this provider's connections have; `url_name` names it with its namespace."""

    label: str | Promise
    url_name: str


@dataclass(frozen=True, slots=True)
class MissingScope:
    """A right that the account did not grant, and a sentence on what does not work without it."""

    scope: str
    disables: str | Promise


@dataclass(frozen=True, slots=True)
class SetupStep:
    """A step of the first-time set-up on a page of the provider's own."""

    label: str | Promise
    help: str | Promise
    url_name: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A line that a provider adds to the page that explains a person: what is so, what is wrong, where to read on."""

    label: str | Promise
    sentence: str | Promise
    problems: Sequence[str | Promise] = ()
    tab: Tab | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """How the shared pages speak of a provider; sentences may name %(system)s, %(account)s and %(portal)s."""

    # The heading and the text in the catalogue.
    section: str | Promise
    description: str | Promise
    # What an external account is called, at the beginning of a line.
    account: str | Promise
    # On the page to connect: what the system becomes, what the admin needs, what is received.
    purpose: str | Promise
    needs: Sequence[str | Promise]
    receives: Sequence[str | Promise]
    # What follows from connecting, from syncing for the first time, and from disconnecting.
    connecting: Sequence[str | Promise]
    first_sync: str | Promise
    disconnecting: Sequence[str | Promise]
    # While nobody has come in yet; and what to check for somebody who is in no list of ours.
    nobody: str | Promise
    missing: str | Promise
    # What happens when the last portal that uses an account disconnects.
    leaving: str | Promise


class Provider(Protocol):
    """A kind of system that a portal can be connected to."""

    key: str
    label: str
    words: Words
    # What an admin chooses from when connecting; empty where there is only one kind.
    record_types: Sequence[RecordType]
    # Pages of its own, after the shared ones, and the shared ones (keys of views.base.TABS) that make no sense here.
    tabs: Sequence[Tab]
    hidden_tabs: frozenset[str]
    # Steps of the first-time set-up, before the first sync.
    setup: Sequence[SetupStep]
    # Whether several portals of one realm may use the same account.
    shares_accounts: bool
    # Whether portals with a domain of their own begin the consent at their platform address.
    starts_at_platform_address: bool
    # How long the links of a cut connection wait for a new consent; None: for ever.
    keeps_links: timedelta | None

    def authorize_url(self, *, state: str, redirect_uri: str, record_type: str = "") -> str:
        """Return the address of the consent page."""

    def exchange(self, *, code: str, redirect_uri: str) -> dict[str, object]:
        """Return the token answer for a code, once. Raises the four errors of integrations.http."""

    def refresh(self, *, refresh_token: str) -> dict[str, object]:
        """Return the token answer for a refresh token."""

    def account(self, *, access_token: str) -> ExternalAccount:
        """Return the account that a fresh token belongs to."""

    def revoke(self, *, access_token: str, refresh_token: str) -> None:
        """Ask the provider to forget a grant."""

    def missing_scopes(self, connection: Connection) -> Sequence[MissingScope]:
        """Return the rights that the account withheld, with what each of them disables; asks nobody."""


class PeopleSource(Provider, Protocol):
    """A provider that says who should have access."""

    # Whether `pages` may name people whom nobody asked for; else it only tells of those who are linked.
    lists_newcomers: bool
    # Whether a changed address is taken over unasked.
    trusts_addresses: bool
    # Whether `find` can ask for anybody.
    finds_people: bool

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

    def find(self, connection: Connection, searched: str, *, wanted: Sequence[str]) -> Person | None:
        """Return the person whose key or address this is, linked or not; None when there is nobody."""


@runtime_checkable
class AddressBook(Protocol):
    """A provider that can be asked who has an address, so that an admin may have learners linked by theirs."""

    def people_by_address(
        self,
        connection: Connection,
        addresses: Sequence[str],
        *,
        wanted: Sequence[str],
        keep_alive: Callable[[], None] = lambda: None,
    ) -> Mapping[str, Sequence[Person]]:
        """Return the people with each of up to a hundred lower-case addresses, as their main or a further one."""


# What a provider has to say about somebody of a connected portal, linked or not; asks nobody.
FindFacts = Callable[[Connection, Membership], Sequence[Fact]]

_registry: dict[str, Provider] = {}
_facts: dict[str, FindFacts] = {}


def register(provider: Provider, *, facts: FindFacts | None = None) -> None:
    """Make a provider known, with what it adds to the page about a person; called by its app when it is ready."""
    _registry[provider.key] = provider
    if facts is not None:
        _facts[provider.key] = facts


def facts_of(person: Membership, connections: Iterable[Connection]) -> list[Fact]:
    """Return what the providers of these connections add to the page about a person."""
    return [
        fact
        for connection in connections
        if connection.provider in _facts
        for fact in _facts[connection.provider](connection, person)
    ]


def get(key: str) -> Provider:
    """Return a registered provider. Raises KeyError."""
    return _registry[key]


def people_source(key: str) -> PeopleSource:
    """Return a registered provider that says who should have access. Raises KeyError."""
    return _registry[key]  # type: ignore[return-value]


def address_book(key: str) -> AddressBook | None:
    """Return a registered provider that can be asked who has an address, else None. Raises KeyError."""
    found = _registry[key]
    return found if isinstance(found, AddressBook) else None


def all_providers() -> Sequence[Provider]:
    """Return every registered provider, in order of registration."""
    return tuple(_registry.values())
