"""Where an account keeps progress: the app's own object, a custom object, or properties of people's records.

Chosen by what the account grants and has, looked at again every night and on demand. Names are read from the account:
an app object's properties get a prefix when they are made ("App objects").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial

from django.conf import settings

from integrations.http import RecordMissing, RequestRejected
from integrations.hubspot import enrollment_properties as wanted
from integrations.hubspot import refusals
from integrations.hubspot.client import Client
from integrations.hubspot.models import ProgressTarget, Strategy
from integrations.hubspot.payloads import Property, Schema
from integrations.hubspot.progress import queue
from integrations.hubspot.progress.values import OWNER
from integrations.hubspot.scopes import CONTACTS
from integrations.models import Connection

# Without these a record of an enrollment says nothing.
NEEDED = (wanted.KEY, wanted.TITLE, "status")
LADDER = (Strategy.APP_OBJECT, Strategy.CUSTOM_OBJECT, Strategy.PROPERTIES)

_PREFIX = re.compile(r"^a[0-9]+_")


class Finding(StrEnum):
    """What stands in the way of a storage."""

    NOT_SET_UP = "not_set_up"
    NO_SCOPE = "no_scope"
    NOT_THERE = "not_there"
    INCOMPLETE = "incomplete"
    REFUSED = "refused"


class Unusable(Exception):
    """A storage cannot be used; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding)
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Place:
    """A storage that can be used: the object type, and the names of its properties by ours.

    Without names it has yet to be made, by `make`.
    """

    object_type: str
    names: Mapping[str, str]
    make: Callable[[], Place] | None = None


def target_of(connection: Connection) -> ProgressTarget:
    """Return where a connection's progress goes; a new one goes nowhere until it is checked."""
    return ProgressTarget.objects.get_or_create(connection=connection)[0]


def check(client: Client, target: ProgressTarget, *, now: datetime) -> None:
    """Look at what the account grants and has, and use the best storage, or an admin's choice where it works.

    After a change of the storage everything is sent once more. Raises ProviderUnavailable, AuthorizationLost.
    """
    connection = target.connection
    findings: dict[str, str] = {}
    found: tuple[Strategy, Place] | None = None
    for strategy in _order(target.chosen):
        try:
            place = _find(strategy, client, connection)
            if found is None and target.chosen != Strategy.NONE:
                found = strategy, place.make() if place.make else place
        except Unusable as reason:
            findings[strategy] = reason.finding
    strategy, place = found or (Strategy.NONE, Place("", {}))
    is_moved = (target.strategy, target.object_type) != (strategy, place.object_type)
    target.strategy, target.object_type, target.names = strategy, place.object_type, dict(place.names)
    target.findings, target.checked_at = findings, now
    target.compared_to = "" if is_moved else target.compared_to
    target.save(update_fields=["strategy", "object_type", "names", "findings", "checked_at", "compared_to"])
    if is_moved and found:
        queue.restart(connection)


def _order(chosen: str) -> Sequence[Strategy]:
    return sorted(LADDER, key=lambda strategy: strategy != chosen)


def _find(strategy: Strategy, client: Client, connection: Connection) -> Place:
    """Return a storage as it can be used. Raises Unusable."""
    scopes = frozenset(connection.grant.scopes.split() if connection.grant else ())
    find = {
        Strategy.APP_OBJECT: _app_object,
        Strategy.CUSTOM_OBJECT: _custom_object,
        Strategy.PROPERTIES: _properties,
    }[strategy]
    try:
        return find(client, connection, scopes)
    except RecordMissing:
        raise Unusable(Finding.NOT_THERE) from None
    except RequestRejected as refusal:
        is_scope = refusal.category == refusals.MISSING_SCOPES
        raise Unusable(Finding.NO_SCOPE if is_scope else Finding.NOT_THERE) from None


def _app_object(client: Client, connection: Connection, scopes: Collection[str]) -> Place:
    if not (settings.HUBSPOT_APP_ID and settings.HUBSPOT_APP_OBJECT_SCOPES):
        raise Unusable(Finding.NOT_SET_UP)
    _insist(scopes, settings.HUBSPOT_APP_OBJECT_SCOPES)
    object_type = f"a{settings.HUBSPOT_APP_ID}_{wanted.OBJECT_NAME.lower()}"
    return Place(object_type, _record_names(client.properties(object_type)))


def _custom_object(client: Client, connection: Connection, scopes: Collection[str]) -> Place:
    _insist(scopes, ("crm.objects.custom.read", "crm.objects.custom.write"))
    own = next((one for one in client.schemas() if _is_ours(one)), None)
    if own is not None:
        object_type = own.object_type_id or own.fully_qualified_name
        return Place(object_type, _record_names(client.properties(object_type)))
    if "crm.schemas.custom.write" not in scopes:
        raise Unusable(Finding.NOT_THERE)
    return Place("", {}, lambda: _make_custom_object(client))


def _is_ours(schema: Schema) -> bool:
    """Whether it is the account's custom object for enrollments; app objects are listed too, with other ids."""
    is_custom = schema.object_type_id.startswith("2-") or schema.fully_qualified_name.startswith("p")
    return is_custom and schema.name == wanted.OBJECT_NAME.lower() and not schema.archived


def _make_custom_object(client: Client) -> Place:
    """Define the custom object; plans below Enterprise refuse, and apps without approval ("Custom objects")."""
    try:
        made = client.create_schema(wanted.custom_object())
        object_type = made.object_type_id or made.fully_qualified_name
        return Place(object_type, _record_names(client.properties(object_type)))
    except (RequestRejected, RecordMissing):
        raise Unusable(Finding.REFUSED) from None


def _properties(client: Client, connection: Connection, scopes: Collection[str]) -> Place:
    kind = connection.record_type
    _insist(scopes, (f"crm.objects.{kind}.write",))
    there = {one.name for one in client.properties(kind)}
    names = {one.name: one.name for one in wanted.PERSON}
    if there.issuperset(names):
        return Place(kind, names)
    # "Scopes": definitions of contacts have a scope of their own, those of users come with their records.
    _insist(scopes, ("crm.schemas.contacts.write" if kind == CONTACTS else "crm.objects.users.write",))
    return Place("", {}, lambda: _make_properties(client, kind, there))


def _make_properties(client: Client, kind: str, there: Collection[str]) -> Place:
    group, label = wanted.PERSON_GROUP
    try:
        _unless_there(lambda: client.create_property_group(kind, {"name": group, "label": label, "displayOrder": -1}))
        for one in wanted.PERSON:
            if one.name not in there:
                body = one.definition(groupName=group, formField=False)
                _unless_there(partial(client.create_property, kind, body))
    except (RequestRejected, RecordMissing):
        raise Unusable(Finding.REFUSED) from None
    return Place(kind, {one.name: one.name for one in wanted.PERSON})


def _unless_there(make: Callable[[], object]) -> None:
    try:
        make()
    except RequestRejected as refusal:
        if refusal.status != 409 and refusal.category != refusals.CONFLICT:
            raise


def _insist(scopes: Collection[str], needed: Iterable[str]) -> None:
    if not set(needed).issubset(scopes):
        raise Unusable(Finding.NO_SCOPE)


def _record_names(definitions: Sequence[Property]) -> dict[str, str]:
    """Return the names of the properties that we fill, by ours. Raises Unusable."""
    ours = {one.name for one in wanted.ENROLLMENT}
    names: dict[str, str] = {}
    for one in definitions:
        name = _PREFIX.sub("", one.name)
        # The prefixed one is the app's, whatever else is called the same.
        if (name in ours and (name not in names or name != one.name)) or one.name == OWNER:
            names[name] = one.name
    if not set(NEEDED).issubset(names):
        raise Unusable(Finding.INCOMPLETE)
    return names
