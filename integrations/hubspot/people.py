"""HubSpot's list of people: the records that are linked to learners, read in batches of 100.

Whoever is not linked yet comes in by a workflow, or by linking learners by e-mail; nobody is proposed by a read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b

from django.core.cache import cache
from django.db.models import QuerySet

from integrations.engine.records import Person
from integrations.http import ProviderUnavailable
from integrations.hubspot import attributes, mapper
from integrations.hubspot.client import BATCH, BatchAnswer, Client
from integrations.hubspot.mapper import Mapper, OwnerName, Reading, Surroundings
from integrations.hubspot.payloads import Owner, Property, Record
from integrations.models import Connection, ExternalIdentity
from integrations.providers import Attribute, PeoplePage

FINGERPRINT_BYTES = 16
# A contact's secondary addresses, separated by semicolons.
FURTHER_ADDRESSES = "hs_additional_emails"
# How long property definitions and owners are remembered for reads of single people.
FRESH_SECONDS = 10 * 60


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of up to 100 people, by their keys; `unreadable` came in a shape that nobody knows."""

    records: Mapping[str, Record]
    unreadable: frozenset[str]

    def people(self, make: Mapper) -> list[Person]:
        """Return those who are there, in the order in which they were asked for."""
        found = {key: make.person(record) for key, record in self.records.items()}
        return [*found.values(), *(mapper.unreadable(key) for key in sorted(self.unreadable))]


def offered(client: Client, connection: Connection) -> list[Attribute]:
    """Return what can be mapped, as HubSpot says now."""
    definitions = client.properties(connection.record_type)
    _remember(connection, "properties", attributes.offered(definitions))
    return attributes.available(definitions)


def pages(
    client: Client, connection: Connection, *, wanted: Sequence[str], first_page: int = 1
) -> Iterator[PeoplePage]:
    """Yield everyone who is linked, in order of their links; raises the four errors of integrations.http.

    A record that HubSpot no longer has is simply not in its page: absence is no evidence. Who gets linked meanwhile
    is read the next time.
    """
    linked = _linked(connection)
    total_pages = max(1, -(-linked.count() // BATCH))
    surroundings, gone = _surroundings(client, connection, wanted, is_fresh=True)
    make = Mapper(wanted, surroundings)
    seal = _digest(wanted, surroundings)
    after = _last_before(linked, first_page)
    for number in range(first_page, total_pages + 1):
        rows = list(linked.filter(pk__gt=after).values_list("pk", "external_id")[:BATCH])
        after = rows[-1][0] if rows else after
        batch = _read(client, connection, [key for _pk, key in rows], make.properties)
        yield PeoplePage(
            number=number,
            total_pages=total_pages,
            # How many of them HubSpot still has is known only at the end.
            total_people=None,
            fingerprint=_fingerprint(batch, rows, make.properties, seal),
            people=partial(batch.people, make),
            gone=gone,
        )


def people(client: Client, connection: Connection, keys: Sequence[str], *, wanted: Sequence[str]) -> list[Person]:
    """Return those of these people who are linked and whom HubSpot has; raises as `pages` does."""
    linked = list(_linked(connection).filter(external_id__in=keys).values_list("external_id", flat=True))
    if not linked:
        return []
    surroundings, _gone = _surroundings(client, connection, wanted, is_fresh=False)
    make = Mapper(wanted, surroundings)
    found: list[Person] = []
    for start in range(0, len(linked), BATCH):
        found += _read(client, connection, linked[start : start + BATCH], make.properties).people(make)
    return found


def find(client: Client, connection: Connection, searched: str, *, wanted: Sequence[str]) -> Person | None:
    """Return any one person by record id or, of contacts, by e-mail address, linked or not; raises as `pages` does."""
    is_address = "@" in searched and connection.record_type == mapper.CONTACTS
    if not is_address and not (searched.isascii() and searched.isdigit()):
        return None
    surroundings, _gone = _surroundings(client, connection, wanted, is_fresh=False)
    make = Mapper(wanted, surroundings)
    # A batch of one: the address stays out of the request's line, and any number of properties fits.
    id_property = "email" if is_address else ""
    answer = client.batch_read(connection.record_type, [searched], make.properties, id_property)
    return make.person(answer.results[0]) if answer.results else None


def by_address(
    client: Client, connection: Connection, addresses: Sequence[str], *, wanted: Sequence[str]
) -> dict[str, list[Person]]:
    """Return the people with each of up to 100 lower-case addresses, linked or not; raises as `pages` does.

    Contacts are found by a further address, too; several users may have the same.
    """
    surroundings, _gone = _surroundings(client, connection, wanted, is_fresh=False)
    make = Mapper(wanted, surroundings)
    if connection.record_type == mapper.CONTACTS:
        answer = client.batch_read(
            mapper.CONTACTS, addresses, [*make.properties, FURTHER_ADDRESSES], mapper.IDENTITIES[mapper.CONTACTS].email
        )
        # Two of the addresses may be one contact's.
        _missing(answer)
        records = {record.id: record for record in answer.results if not record.archived}
    else:
        ids = [key for address in addresses for key in _user_ids(client, connection).get(address, ())]
        records = {}
        for start in range(0, len(ids), BATCH):
            batch = _read(client, connection, ids[start : start + BATCH], make.properties)
            records.update(batch.records)
    found: dict[str, list[Person]] = {address: [] for address in addresses}
    for record in records.values():
        person = make.person(record)
        further = (record.properties.get(FURTHER_ADDRESSES) or "").lower().split(";")
        for address in {person.work_email, *(one.strip() for one in further)} & found.keys():
            found[address].append(person)
    return found


def _user_ids(client: Client, connection: Connection) -> Mapping[str, Sequence[str]]:
    """Return the ids of HubSpot's users by their addresses; users cannot be asked for by address."""
    known: dict[str, list[str]] | None = cache.get(_key(connection, "user-ids"))
    if known is None:
        known, after = {}, ""
        address = mapper.IDENTITIES[mapper.USERS].email
        while True:
            page = client.list_records(mapper.USERS, [address], after)
            for record in page.results:
                known.setdefault((record.properties.get(address) or "").strip().lower(), []).append(record.id)
            if not page.after:
                break
            after = page.after
        _remember(connection, "user-ids", known)
    return known


def _linked(connection: Connection) -> QuerySet[ExternalIdentity, ExternalIdentity]:
    linked = ExternalIdentity.objects.filter(
        connection=connection, state=ExternalIdentity.State.LINKED, membership__isnull=False
    )
    return linked.order_by("pk")


def _last_before(linked: QuerySet[ExternalIdentity, ExternalIdentity], page: int) -> int:
    """Return the id of the last link on the pages before this one."""
    if page <= 1:
        return 0
    place = (page - 1) * BATCH
    return next(iter(linked.values_list("pk", flat=True)[place - 1 : place]), 0)


def _read(client: Client, connection: Connection, keys: Sequence[str], properties: Sequence[str]) -> Batch:
    """Return what HubSpot has of these records. Raises ProviderUnavailable when it does not say it of each."""
    answer = client.batch_read(connection.record_type, keys, properties)
    records = {record.id: record for record in answer.results if not record.archived}
    batch = Batch(
        {key: records[key] for key in keys if key in records}, frozenset(answer.unreadable).intersection(keys)
    )
    _check_completeness(answer, keys)
    return batch


def _check_completeness(answer: BatchAnswer, keys: Sequence[str]) -> None:
    missing = _missing(answer)
    answered = len({record.id for record in answer.results}) + len(answer.unreadable) + len(missing.intersection(keys))
    if answered < len(set(keys)):
        raise ProviderUnavailable("HubSpot: the answer leaves records out")


def _missing(answer: BatchAnswer) -> set[str]:
    """Return what HubSpot does not have. Raises ProviderUnavailable when something else was wrong."""
    missing: set[str] = set()
    for error in answer.errors:
        if not error.is_missing:
            raise ProviderUnavailable(f"HubSpot: records could not be read: {error.category} {error.detail}".rstrip())
        missing.update(error.ids)
    return missing


def _surroundings(
    client: Client, connection: Connection, wanted: Sequence[str], *, is_fresh: bool
) -> tuple[Surroundings, tuple[str, ...]]:
    """Return how the wanted attributes are read, and those that HubSpot does not have any more."""
    definitions = {one.name: one for one in _definitions(client, connection, is_fresh=is_fresh)}
    names = {key: mapper.property_of(key) for key in wanted}
    readings: dict[str, Reading] = {}
    for name in names.values():
        reading = mapper.reading_of(definitions[name]) if name in definitions else None
        if reading is not None:
            readings[name] = reading
    owners: Mapping[str, OwnerName] = {}
    if Reading.OWNER in readings.values():
        owners = _owners(client, connection, is_fresh=is_fresh)
    surroundings = Surroundings(connection.record_type, readings, owners, connection.portal.zone)
    return surroundings, tuple(sorted(key for key, name in names.items() if name not in readings))


def _definitions(client: Client, connection: Connection, *, is_fresh: bool) -> list[Property]:
    known: list[Property] | None = None if is_fresh else cache.get(_key(connection, "properties"))
    if known is None:
        known = attributes.offered(client.properties(connection.record_type))
        _remember(connection, "properties", known)
    return known


def _owners(client: Client, connection: Connection, *, is_fresh: bool) -> Mapping[str, OwnerName]:
    """Return every owner by id; records keep the owners who were deactivated."""
    known: dict[str, OwnerName] | None = None if is_fresh else cache.get(_key(connection, "owners"))
    if known is None:
        known = {
            one.id: owner_name(one) for is_archived in (True, False) for one in client.owners(archived=is_archived)
        }
        _remember(connection, "owners", known)
    return known


def owner_name(owner: Owner) -> OwnerName:
    """Return an owner in words."""
    email = (owner.email or "").strip().lower()
    name = f"{owner.first_name or ''} {owner.last_name or ''}".strip()
    return OwnerName(name or email, email)


def _remember(connection: Connection, what: str, value: object) -> None:
    cache.set(_key(connection, what), value, FRESH_SECONDS)


def _key(connection: Connection, what: str) -> str:
    return f"hubspot:{what}:{connection.portal_id}:{connection.pk}:{connection.record_type}"


def _fingerprint(batch: Batch, links: Sequence[tuple[int, str]], properties: Sequence[str], seal: bytes) -> bytes:
    """Return 16 bytes that differ whenever somebody of the page could be read differently, or was linked anew.

    Records come with more than what was asked for, as the time of their last change; 0 stands for not delivered.
    """
    digest = blake2b(seal, digest_size=FINGERPRINT_BYTES)
    told = [[record.id, *(record.properties.get(name, 0) for name in properties)] for record in batch.records.values()]
    digest.update(json.dumps([links, told, sorted(batch.unreadable)]).encode())
    return digest.digest()


def _digest(wanted: Iterable[str], surroundings: Surroundings) -> bytes:
    told = [
        sorted(wanted),
        surroundings.record_type,
        sorted(surroundings.readings.items()),
        sorted(surroundings.owners.items()),
        str(surroundings.zone),
    ]
    return blake2b(json.dumps(told).encode(), digest_size=FINGERPRINT_BYTES).digest()
