"""Gusto's webhooks: the subscription, its handshake, and which events matter.

Reference: docs.gusto.com/app-integrations, "Webhooks" and "Events". A subscription belongs to the application: one
address gets the events of every connected company.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from django.conf import settings

from integrations import webhooks
from integrations.gusto import payloads
from integrations.gusto.client import Client
from integrations.gusto.provider import Gusto, application
from integrations.http import Api, RequestRejected

PROVIDER = Gusto.key
TYPES = ("Company", "Employee")
CONSENT_ENDED = "company.deprovisioned"
# A record that is gone proves nothing, so its deletion changes nobody.
IGNORED = "employee.deleted"

_Shape = TypeVar("_Shape")

_EVENTS = msgspec.json.Decoder(payloads.Event)
_VERIFICATIONS = msgspec.json.Decoder(payloads.Verification)


def event_of(body: bytes) -> webhooks.Event | None:
    """Return what an event says, or None for one that does not matter. Raises ValueError for no event."""
    found = _decoded(_EVENTS, body)
    happened_at = datetime.fromtimestamp(found.timestamp, tz=UTC)
    if found.event_type == CONSENT_ENDED:
        return webhooks.Event(found.uuid, webhooks.Kind.CONSENT_ENDED, found.resource_uuid, happened_at)
    is_person = found.event_type.startswith("employee.") and found.event_type != IGNORED
    if is_person and found.entity_type == "Employee" and found.entity_uuid:
        return webhooks.Event(
            found.uuid, webhooks.Kind.PERSON, found.resource_uuid, happened_at, person_id=found.entity_uuid
        )
    return None


def verification_token_of(body: bytes) -> str:
    """Return the token of the first message of a subscription, or an empty text. Raises ValueError for no JSON."""
    try:
        return _decoded(_VERIFICATIONS, body).verification_token
    except msgspec.ValidationError:
        return ""


def subscribe(*, url: str, now: datetime) -> str:
    """Ask Gusto to send events to an address, and return the subscription's id. Raises as the client does."""
    client, token = _client()
    external_id = client.subscribe(token=token, url=url, types=TYPES)
    webhooks.open_subscription(provider=PROVIDER, external_id=external_id, now=now)
    return external_id


def verify(*, now: datetime) -> bool:
    """Send the tokens that came back to Gusto, and return whether it took one: that one signs the events."""
    external_id, tokens = webhooks.candidates(PROVIDER)
    if not tokens:
        return False
    client, system_token = _client()
    for token in tokens:
        try:
            client.verify_subscription(token=system_token, uuid=external_id, verification_token=token)
        except RequestRejected:
            # Anyone can post a token to a public address; Gusto knows its own.
            continue
        webhooks.confirm(provider=PROVIDER, external_id=external_id, token=token, now=now)
        return True
    return False


def _decoded(decoder: msgspec.json.Decoder[_Shape], body: bytes) -> _Shape:
    try:
        return decoder.decode(body)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _client() -> tuple[Client, str]:
    """Return a client and a token of the application."""
    headers = {"X-Gusto-API-Version": settings.GUSTO_API_VERSION}
    client = Client(Api(settings.GUSTO_API_URL, label=Gusto.label, headers=headers))
    ours = application()
    return client, client.system_token(client_id=ours.client_id, client_secret=ours.client_secret)
