"""Tells the application by webhooks what happens to records, and keeps their associations in step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from integrations.sandbox.hubspot.accounts import Account
from integrations.sandbox.hubspot.events import Event, Webhooks
from integrations.sandbox.hubspot.records import Change
from integrations.sandbox.hubspot.standard import CONTACTS, USERS

_FLAGS = {
    "creation": "CREATED",
    "deletion": "DELETED",
    "privacyDeletion": "DELETED",
    "restore": "RESTORED",
}


class Announcements:
    """Listens to the records of the accounts. The caller holds the world's lock."""

    def __init__(self, webhooks: Webhooks, is_open: Callable[[Account, str], bool]) -> None:
        self._webhooks = webhooks
        self._is_open = is_open
        self._kept: list[Event] | None = None

    @contextmanager
    def kept(self) -> Iterator[list[Event]]:
        """Collect events instead of sending them; who collects sends them."""
        self._kept = []
        try:
            yield self._kept
        finally:
            self._kept = None

    def hear(self, account: Account, change: Change) -> None:
        """Act upon what happened to a record."""
        _associate(account, change)
        # Neither custom nor app objects have webhooks for such an application, and privacy is for contacts.
        if change.type_id not in (CONTACTS, USERS) or not self._is_open(account, change.type_id):
            return
        if change.type_id == USERS and change.kind == "privacyDeletion":
            return
        event = self._event(account, change)
        if self._kept is not None:
            self._kept.append(event)
        else:
            self._webhooks.tell(event)

    def _event(self, account: Account, change: Change) -> Event:
        more: Event = {"changeSource": change.source}
        if change.kind in _FLAGS:
            more["changeFlag"] = _FLAGS[change.kind]
        object_id = change.object_id
        if change.kind == "propertyChange":
            definition = account.types[change.type_id].definition(change.property_name)
            more |= {
                "propertyName": change.property_name,
                "propertyValue": change.property_value,
                "isSensitive": bool(definition and definition.sensitivity != "non_sensitive"),
            }
        elif change.kind == "merge":
            object_id = change.primary_id
            more |= {
                "primaryObjectId": int(change.primary_id),
                "mergedObjectIds": [int(one) for one in change.merged_ids],
                "numberOfPropertiesMoved": change.was_merged,
            }
            if change.new_id:
                more["newObjectId"] = int(change.new_id)
        return self._webhooks.event(
            account.id, change.kind, object_type=change.type_id, object_id=object_id, more=more
        )


def _associate(account: Account, change: Change) -> None:
    if change.kind == "privacyDeletion":
        account.associations.forget(change.type_id, change.object_id)
    elif change.kind == "merge":
        survivor = change.new_id or change.primary_id
        for old_id in {change.primary_id, *change.merged_ids} - {survivor}:
            account.associations.move(change.type_id, old_id, survivor)
