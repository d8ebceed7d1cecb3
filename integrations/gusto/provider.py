"""What Gusto can do for a portal: give consent, say who is there and which attributes they have."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from hashlib import blake2b
from typing import Any

from django.conf import settings
from django.utils import timezone
from msgspec import UNSET

from integrations import oauth
from integrations.engine.records import Person
from integrations.gusto import attributes, mapper, payloads
from integrations.gusto.client import Client, Page
from integrations.gusto.mapper import Mapper, Surroundings
from integrations.gusto.words import WORDS
from integrations.http import (
    AnotherAccount,
    Api,
    AuthorizationLost,
    OneToken,
    ProviderUnavailable,
    RecordMissing,
    RequestRejected,
)
from integrations.models import Connection, InviteSettings
from integrations.providers import Attribute, ExternalAccount, MissingScope, PeoplePage, RecordType, SetupStep, Tab
from integrations.rate_limits import SlidingWindow

ADDRESSES = {
    InviteSettings.Address.WORK_FIRST: ("work_email", "email"),
    InviteSettings.Address.PERSONAL_FIRST: ("email", "work_email"),
    InviteSettings.Address.WORK_ONLY: ("work_email",),
}
FINGERPRINT_BYTES = 16


class Gusto:
    """Gusto as a source of people; `pause` waits, and tests replace it."""

    key = "gusto"
    label = "Gusto"
    words = WORDS
    record_types: Sequence[RecordType] = ()
    tabs: Sequence[Tab] = ()
    hidden_tabs = frozenset[str]()
    setup: Sequence[SetupStep] = ()
    # Each portal needs a company of its own.
    shares_accounts = False
    starts_at_platform_address = False
    keeps_links: timedelta | None = None
    lists_newcomers = True
    trusts_addresses = True
    # What an attribute costs in calls is spent by syncs only.
    finds_people = False

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        self._pause = pause

    def authorize_url(self, *, state: str, redirect_uri: str, record_type: str = "") -> str:
        """Return the address of the consent page."""
        return oauth.authorize_url(application(), state=state, redirect_uri=redirect_uri)

    def exchange(self, *, code: str, redirect_uri: str) -> dict[str, object]:
        """Return the token answer for a code, once; raises as oauth.exchange does."""
        return oauth.exchange(application(), code=code, redirect_uri=redirect_uri)

    def refresh(self, *, refresh_token: str) -> dict[str, object]:
        """Return the token answer for a refresh token; raises as oauth.exchange does."""
        return oauth.refresh(application(), refresh_token=refresh_token)

    def account(self, *, access_token: str) -> ExternalAccount:
        """Return the company of a fresh token: since strict access (2023-05-01) it belongs to exactly one."""
        client = Client(self._api(bearer=OneToken(access_token)))
        resource = client.token_info().resource
        if resource.type != "Company":
            raise RequestRejected("Gusto: the token belongs to no company")
        return ExternalAccount(id=resource.uuid, name=(client.company(resource.uuid).name or resource.uuid)[:200])

    def revoke(self, *, access_token: str, refresh_token: str) -> None:
        """End one grant; a second portal's grant of the same company is left alone."""
        registration = application()
        Client(self._api()).revoke(
            client_id=registration.client_id, client_secret=registration.client_secret, token=access_token
        )

    def missing_scopes(self, connection: Connection) -> Sequence[MissingScope]:
        """Return nothing: what Gusto did not grant shows as attributes that cannot be mapped."""
        return ()

    def attributes(self, connection: Connection) -> Sequence[Attribute]:
        """Return what can be mapped, the company's own fields included; asks Gusto for those."""
        client = self._client(connection)
        return attributes.available(_scopes(connection), list(client.custom_fields()))

    def standard_attributes(self, connection: Connection) -> Sequence[Attribute]:
        """Return what can be mapped without the company's own fields; asks nobody."""
        return attributes.available(_scopes(connection), [])

    def pages(
        self,
        connection: Connection,
        *,
        wanted: Sequence[str],
        first_page: int = 1,
        keep_alive: Callable[[], None] = lambda: None,
    ) -> Iterator[PeoplePage]:
        """Yield everyone page by page; what needs calls of its own is read first. Raises the four errors."""
        client = self._client(connection, keep_alive)
        try:
            surroundings = _surroundings(connection, client, wanted)
            make = Mapper(wanted, surroundings)
            history = _history_wanted(connection, wanted)
            seal = _digest(wanted, surroundings)
            number, last = first_page, first_page
            while number <= last:
                page = client.employees(number, include=_include(wanted))
                yield PeoplePage(
                    number=number,
                    total_pages=page.total_pages,
                    total_people=page.total_count,
                    # What was asked per person is not in the page's bytes.
                    fingerprint=None if history else blake2b(page.body + seal, digest_size=FINGERPRINT_BYTES).digest(),
                    people=partial(_people, page, make, client, history, connection.external_account_id),
                )
                number, last = number + 1, page.total_pages
        finally:
            client.close()

    def people(
        self,
        connection: Connection,
        keys: Sequence[str],
        *,
        wanted: Sequence[str],
        keep_alive: Callable[[], None] = lambda: None,
    ) -> list[Person]:
        """Return single employees as the list would show them; raises as `pages` does."""
        client = self._client(connection, keep_alive)
        found: list[Person] = []
        try:
            make = Mapper(wanted, _surroundings(connection, client, wanted, keys))
            history = _history_wanted(connection, wanted)
            for number, key in enumerate(keys, start=1):
                try:
                    page = client.employee(key, number, include=_include(wanted))
                except RecordMissing:
                    continue
                found += _people(page, make, client, history, connection.external_account_id)
        finally:
            client.close()
        return found

    def find(self, connection: Connection, searched: str, *, wanted: Sequence[str]) -> Person | None:
        """Return nobody."""
        return None

    def _client(self, connection: Connection, keep_alive: Callable[[], None] = lambda: None) -> Client:
        grant = connection.grant
        if grant is None:
            raise AuthorizationLost("Gusto: not connected")
        api = self._api(
            bearer=oauth.Bearer(connection, application()),
            limit=SlidingWindow(f"gusto:{grant.key}", limit=settings.GUSTO_RATE_LIMIT),
            keep_alive=keep_alive,
        )
        return Client(api, connection.external_account_id)

    def _api(self, **options: Any) -> Api:
        headers = {"X-Gusto-API-Version": settings.GUSTO_API_VERSION}
        return Api(settings.GUSTO_API_URL, label=self.label, headers=headers, pause=self._pause, **options)


def application() -> oauth.Application:
    """Return our registration with Gusto, from the settings."""
    host = settings.GUSTO_API_URL.rstrip("/")
    return oauth.Application(
        label=Gusto.label,
        client_id=settings.GUSTO_CLIENT_ID,
        client_secret=settings.GUSTO_CLIENT_SECRET,
        authorize_url=f"{host}/oauth/authorize",
        token_url=f"{host}/oauth/token",
        headers={"X-Gusto-API-Version": settings.GUSTO_API_VERSION},
    )


def _scopes(connection: Connection) -> list[str]:
    return connection.grant.scopes.split() if connection.grant else []


def _include(wanted: Sequence[str]) -> str:
    parts = []
    if any(key.startswith(mapper.CUSTOM) for key in wanted):
        parts.append("custom_fields")
    if any(key.startswith("home_") for key in wanted):
        parts.append("current_home_address")
    return ",".join(parts)


def _history_wanted(connection: Connection, wanted: Sequence[str]) -> list[str]:
    """Return the attributes that only calls about one person tell, as far as we may ask."""
    return sorted(mapper.HISTORY.intersection(wanted)) if "employments:read" in _scopes(connection) else []


def _surroundings(
    connection: Connection, client: Client, wanted: Sequence[str], keys: Sequence[str] | None = None
) -> Surroundings:
    """Read what is not in the list of employees, each only when it is wanted; for some people or for everyone."""
    company: dict[str, str] = {}
    if mapper.COMPANY.intersection(wanted):
        found = client.company(connection.external_account_id)
        company = {"company_name": found.name or "", "company_trade_name": found.trade_name or ""}
    chosen = InviteSettings()
    if mapper.LOGIN in wanted:
        chosen = InviteSettings.objects.filter(connection=connection).first() or chosen
    return Surroundings(
        today=connection.portal.today(timezone.now()),
        company=company,
        work_places=_work_places(client, keys) if mapper.WORK.intersection(wanted) else {},
        addresses=ADDRESSES[InviteSettings.Address(chosen.address)],
    )


def _work_places(client: Client, keys: Sequence[str] | None) -> dict[str, Mapping[str, str]]:
    """Return who works where: a walk through the list per location, not a call per person, unless they are few."""
    places: dict[str, Mapping[str, str]] = {}
    if keys is not None:
        known = {location.uuid: mapper.work_values(location) for location in client.locations()}
        for key in keys:
            place = known.get(client.work_location(key))
            if place is not None:
                places[key] = place
        return places
    for location in client.locations():
        place = mapper.work_values(location)
        places.update((uuid, place) for uuid in client.employees_at(location.uuid))
    return places


def _digest(wanted: Sequence[str], surroundings: Surroundings) -> bytes:
    """Return 16 bytes that change when the same page would be read differently."""
    # Somebody's status can change on a day on which the page does not.
    day = surroundings.today.isoformat() if "employment_status" in wanted else ""
    digest = blake2b(digest_size=FINGERPRINT_BYTES)
    digest.update(json.dumps([sorted(wanted), day, surroundings.company, surroundings.addresses]).encode())
    for uuid, place in surroundings.work_places.items():
        digest.update(f"{uuid} {place['work_location_uuid']} {place['work_location']}\n".encode())
    return digest.digest()


def _people(page: Page, make: Mapper, client: Client, history: Sequence[str], company: str) -> list[Person]:
    try:
        employees = payloads.employees(page.body)
    except (ValueError, RecursionError):
        raise ProviderUnavailable(f"Gusto: page {page.number} of the employees cannot be read") from None
    # Somebody without a company's id says nothing about whose list it is.
    if any(getattr(employee, "company_uuid", None) not in {None, UNSET, "", company} for employee in employees):
        raise AnotherAccount(f"Gusto: page {page.number} of the employees is of another company")
    return [make.person(employee, _history(client, employee, history)) for employee in employees]


def _history(
    client: Client, employee: payloads.Employee | payloads.Unreadable, wanted: Sequence[str]
) -> dict[str, str]:
    """Return what only calls about one person tell; nothing for somebody who is gone by now."""
    found: dict[str, str] = {}
    if not wanted or isinstance(employee, payloads.Unreadable):
        return found
    try:
        if "original_hire_date" in wanted:
            stays = client.employment_history(employee.uuid)
            found["original_hire_date"] = min((stay.hire_date for stay in stays if stay.hire_date), default="")
        if "rehire_date" in wanted:
            rehire = client.rehire(employee.uuid)
            found["rehire_date"] = (rehire and rehire.effective_date) or ""
    except RecordMissing:
        return {}
    return found
