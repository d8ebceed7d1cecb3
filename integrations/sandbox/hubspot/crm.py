"""What people do in HubSpot's own pages: enter, change, merge, delete and restore contacts, and change users."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from integrations.sandbox.clock import Clock
from integrations.sandbox.hubspot import values
from integrations.sandbox.hubspot.accounts import Account
from integrations.sandbox.hubspot.errors import Unacceptable
from integrations.sandbox.hubspot.objects import ObjectType
from integrations.sandbox.hubspot.records import Moment, Record
from integrations.sandbox.hubspot.standard import EMAIL, FURTHER_EMAILS

SOURCE = "CRM_UI"

Result = TypeVar("Result")


class Crm(ABC):
    """The methods of the state that change records; `account` is an id or a name, the main account for None.

    A contact or user is named by id or e-mail address. Every method raises ValueError for what cannot be done.
    """

    lock: threading.RLock
    clock: Clock

    @abstractmethod
    def find_account(self, account: int | str | None = None) -> Account:
        """Return an account. Raises ValueError."""

    def now(self) -> Moment:
        """Return the sandbox's time."""
        return Moment.of(self.clock.now())

    def add_contact(self, *, account: int | str | None = None, **properties: Any) -> Record:
        """Enter a contact."""
        with self.lock:
            known = self.find_account(account)
            return _saying(
                lambda: known.contacts.add(_checked(known, known.contacts, properties), self.now(), source=SOURCE)
            )

    def change_contact(self, contact: str, *, account: int | str | None = None, **properties: Any) -> Record:
        """Change properties of a contact; an empty text clears one."""
        with self.lock:
            known = self.find_account(account)
            return self._change(known, known.contacts, record_of(known.contacts, contact), properties)

    def change_user(self, user: str, *, account: int | str | None = None, **properties: Any) -> Record:
        """Change properties of a user, names and address included, which only HubSpot itself can set."""
        with self.lock:
            known = self.find_account(account)
            record = record_of(known.users, user)
            known.users.change(
                record, {name: str(value) for name, value in properties.items()}, self.now(), source=SOURCE
            )
            return record

    def set_further_emails(self, contact: str, emails: str, *, account: int | str | None = None) -> Record:
        """Give a contact these additional addresses, separated by semicolons, though somebody else may have them."""
        with self.lock:
            kind = self.find_account(account).contacts
            record = record_of(kind, contact)
            kind.change(record, {FURTHER_EMAILS: emails}, self.now(), source=SOURCE)
            return record

    def delete_contact(self, contact: str, *, account: int | str | None = None) -> None:
        """Put a contact into the bin."""
        with self.lock:
            kind = self.find_account(account).contacts
            kind.archive(record_of(kind, contact), self.now(), source=SOURCE)

    def restore_contact(self, contact: str, *, account: int | str | None = None) -> Record:
        """Take a contact out of the bin; named by id."""
        with self.lock:
            kind = self.find_account(account).contacts
            record = kind.archived.get(str(contact))
            if record is None:
                raise ValueError(f"There is no deleted contact {contact}.")
            _saying(lambda: kind.restore(record, self.now(), source=SOURCE))
            return record

    def delete_for_privacy(self, contact: str, *, account: int | str | None = None) -> None:
        """Delete a contact for good, as the law on privacy demands; one in the bin is named by id."""
        with self.lock:
            kind = self.find_account(account).contacts
            record = kind.archived.get(str(contact)) or record_of(kind, contact)
            kind.erase(record, self.now(), source=SOURCE)

    def merge_contacts(
        self, primary: str, other: str, *, account: int | str | None = None, makes_new_id: bool | None = None
    ) -> Record:
        """Make one contact of two; without `makes_new_id` the account's own way counts."""
        with self.lock:
            known = self.find_account(account)
            first, second = record_of(known.contacts, primary), record_of(known.contacts, other)
            if first is second:
                raise ValueError("A contact cannot be merged with itself.")
            makes_new = known.merges_make_new_ids if makes_new_id is None else makes_new_id
            return known.contacts.merge(first, second, self.now(), makes_new_id=makes_new, source=SOURCE)

    def _change(self, account: Account, kind: ObjectType, record: Record, properties: Mapping[str, Any]) -> Record:
        checked = _checked(account, kind, properties, record)
        _saying(lambda: kind.change(record, checked, self.now(), source=SOURCE))
        return record


def record_of(kind: ObjectType, which: str) -> Record:
    """Return a living record by id or address. Raises ValueError."""
    address = EMAIL if kind.is_unique(EMAIL) else "hs_email"
    found = kind.find(str(which)) or kind.find(str(which), EMAIL)
    if found is None and address != EMAIL:
        found = next((one for one in kind if one.properties.get(address) == which), None)
    if found is None:
        raise ValueError(f"There is no {kind.name} {which}.")
    return found


def _checked(
    account: Account, kind: ObjectType, properties: Mapping[str, Any], record: Record | None = None
) -> dict[str, str]:
    return _saying(
        lambda: values.accepted(
            kind,
            properties,
            account_id=account.id,
            owner_ids=account.owner_ids(),
            current=record.properties if record else {},
        )
    )


def _saying(deed: Callable[[], Result]) -> Result:
    """Do something and turn a refusal into words for the control page."""
    try:
        return deed()
    except Unacceptable as refusal:
        raise ValueError(refusal.message) from refusal
