"""What HubSpot can do for a portal: give consent, and let its records be read and written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any, cast

from django.conf import settings

from integrations import oauth, providers
from integrations.engine.records import Person
from integrations.http import Api, AuthorizationLost, OneToken, RequestRejected
from integrations.hubspot import attributes, people, scopes
from integrations.hubspot.client import Client, read_refusal
from integrations.hubspot.words import RECORD_TYPES, SETUP, TABS, WORDS
from integrations.models import Connection
from integrations.providers import Attribute, ExternalAccount, MissingScope, PeoplePage, RecordType, SetupStep, Tab
from integrations.rate_limits import SlidingWindow

# HubSpot counts calls in rolling windows of ten seconds ("Usage guidelines and limits").
WINDOW_SECONDS = 10.0
# What HubSpot's token endpoint says besides, or instead of, the standard invalid_grant ("Managing tokens").
CONSENT_ENDED = frozenset({"BAD_AUTH_CODE", "BAD_REFRESH_TOKEN"})


class HubSpot:
    """HubSpot as a source of people and a target of progress; `pause` waits, and tests replace it."""

    key = "hubspot"
    label = "HubSpot"
    words = WORDS
    record_types: Sequence[RecordType] = RECORD_TYPES
    tabs: Sequence[Tab] = TABS
    # Workflows say whom to invite, and when.
    hidden_tabs = frozenset({"invite_settings"})
    setup: Sequence[SetupStep] = SETUP
    shares_accounts = True
    starts_at_platform_address = True
    keeps_links: timedelta | None = timedelta(days=30)
    lists_newcomers = False
    # Contacts' addresses may be written by anyone who fills in a form.
    trusts_addresses = False
    finds_people = True

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        self._pause = pause

    def authorize_url(self, *, state: str, redirect_uri: str, record_type: str = "") -> str:
        """Return the address of the consent page; accounts that lack a tool just do not grant what is optional."""
        required, optional = scopes.wanted(record_type)
        return oauth.authorize_url(
            application(),
            state=state,
            redirect_uri=redirect_uri,
            scopes=required,
            optional_scope=" ".join(optional),
        )

    def exchange(self, *, code: str, redirect_uri: str) -> dict[str, object]:
        """Return the token answer for a code, once; raises as oauth.exchange does."""
        return oauth.exchange(application(), code=code, redirect_uri=redirect_uri)

    def refresh(self, *, refresh_token: str) -> dict[str, object]:
        """Return the token answer for a refresh token; raises as oauth.exchange does."""
        return oauth.refresh(application(), refresh_token=refresh_token)

    def account(self, *, access_token: str) -> ExternalAccount:
        """Return the HubSpot account of a fresh token, by its number and the domain that its admins know it by."""
        registration = application()
        client = Client(self._api(bearer=OneToken(access_token)))
        try:
            token = client.introspect(
                access_token, client_id=registration.client_id, client_secret=registration.client_secret
            )
        finally:
            client.close()
        if not token.active or not token.hub_id:
            raise RequestRejected("HubSpot: the token belongs to no account")
        return ExternalAccount(id=str(token.hub_id), name=(token.hub_domain or str(token.hub_id))[:200])

    def revoke(self, *, access_token: str, refresh_token: str) -> None:
        """Take our app out of the account; called when its last portal has left.

        HubSpot keeps the app installed when only tokens are revoked ("Uninstall an app"). An access token lives for
        half an hour, so it is renewed where it has to be. Raises the four errors.
        """
        try:
            self._uninstall(access_token)
        except AuthorizationLost:
            try:
                answer = self.refresh(refresh_token=refresh_token)
            except AuthorizationLost:
                # Somebody has taken the app out of the account already.
                return
            self._uninstall(str(answer["access_token"]))

    def missing_scopes(self, connection: Connection) -> Sequence[MissingScope]:
        """Return what the account withheld, with what each of them disables; asks nobody."""
        if connection.grant is None:
            return ()
        return scopes.missing(connection.record_type, set(connection.grant.scopes.split()))

    def client(self, connection: Connection, keep_alive: Callable[[], None] = lambda: None) -> Client:
        """Return the client of a connection. Raises AuthorizationLost."""
        if connection.grant is None:
            raise AuthorizationLost("HubSpot: not connected")
        api = self._api(
            bearer=oauth.Bearer(connection, application()),
            # One for all portals of the account, as HubSpot counts.
            limit=SlidingWindow(
                f"hubspot:{connection.grant.key}", limit=settings.HUBSPOT_RATE_LIMIT, window=WINDOW_SECONDS
            ),
            keep_alive=keep_alive,
        )
        return Client(api, connection.external_account_id)

    def attributes(self, connection: Connection) -> Sequence[Attribute]:
        """Return the properties of the chosen record type; asks HubSpot."""
        with closing(self.client(connection)) as client:
            return people.offered(client, connection)

    def standard_attributes(self, connection: Connection) -> Sequence[Attribute]:
        """Return what every account has; asks nobody."""
        # Settings from a file may be there before anyone has chosen a kind of records.
        return attributes.standard(connection.record_type) if connection.record_type else ()

    def pages(
        self,
        connection: Connection,
        *,
        wanted: Sequence[str],
        first_page: int = 1,
        keep_alive: Callable[[], None] = lambda: None,
    ) -> Iterator[PeoplePage]:
        """Yield everyone who is linked, page by page. Raises the four errors."""
        with closing(self.client(connection, keep_alive)) as client:
            yield from people.pages(client, connection, wanted=wanted, first_page=first_page)

    def people(
        self,
        connection: Connection,
        keys: Sequence[str],
        *,
        wanted: Sequence[str],
        keep_alive: Callable[[], None] = lambda: None,
    ) -> list[Person]:
        """Return those of these people who are linked; raises as `pages` does."""
        with closing(self.client(connection, keep_alive)) as client:
            return people.people(client, connection, keys, wanted=wanted)

    def find(self, connection: Connection, searched: str, *, wanted: Sequence[str]) -> Person | None:
        """Return one person by record id or e-mail address, linked or not; raises as `pages` does."""
        with closing(self.client(connection)) as client:
            return people.find(client, connection, searched, wanted=wanted)

    def people_by_address(
        self,
        connection: Connection,
        addresses: Sequence[str],
        *,
        wanted: Sequence[str],
        keep_alive: Callable[[], None] = lambda: None,
    ) -> Mapping[str, Sequence[Person]]:
        """Return the people with each of these addresses, linked or not; raises as `pages` does."""
        with closing(self.client(connection, keep_alive)) as client:
            return people.by_address(client, connection, addresses, wanted=wanted)

    def _uninstall(self, access_token: str) -> None:
        client = Client(self._api(bearer=OneToken(access_token)))
        try:
            client.uninstall()
        finally:
            client.close()

    def _api(self, **options: Any) -> Api:
        return Api(settings.HUBSPOT_API_URL, label=self.label, read_refusal=read_refusal, pause=self._pause, **options)


def application() -> oauth.Application:
    """Return our registration with HubSpot, from the settings."""
    host = settings.HUBSPOT_API_URL.rstrip("/")
    return oauth.Application(
        label=HubSpot.label,
        client_id=settings.HUBSPOT_CLIENT_ID,
        client_secret=settings.HUBSPOT_CLIENT_SECRET,
        authorize_url=settings.HUBSPOT_AUTHORIZE_URL,
        token_url=f"{host}/oauth/{settings.HUBSPOT_API_VERSION}/token",
        consent_ended=CONSENT_ENDED,
    )


def client_for(connection: Connection, keep_alive: Callable[[], None] = lambda: None) -> Client:
    """Return the client of a connection, which renews the token and keeps the account's limit.

    `keep_alive` is called before and during long waits. Raises AuthorizationLost.
    """
    return cast(HubSpot, providers.get(HubSpot.key)).client(connection, keep_alive)
