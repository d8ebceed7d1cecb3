"""Looking people up in an account, for the control pages and their API."""

from collections.abc import Mapping
from dataclasses import dataclass

from integrations.sandbox.hubspot.accounts import Account
from integrations.sandbox.hubspot.definitions import Group
from integrations.sandbox.hubspot.errors import Json
from integrations.sandbox.hubspot.objects import ObjectType
from integrations.sandbox.hubspot.records import Record

PER_PAGE = 25
OWN_GROUP = "rollcall"  # the group of properties that the application makes
_NAME_PARTS = ("firstname", "lastname", "hs_given_name", "hs_family_name")
_SEARCHED = (*_NAME_PARTS, "email", "hs_email", "hs_additional_emails")


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of the contacts or users of an account; `query` is what was asked for."""

    account: Account
    kind: ObjectType
    query: Mapping[str, str]
    people: list[Record]
    total: int

    @property
    def name(self) -> str:
        """Return what the kind of people is called in addresses."""
        return _plural(self.account, self.kind)

    @property
    def number(self) -> int:
        """Return the number of the page."""
        return page_number(self.query)


@dataclass(frozen=True, slots=True)
class Shown:
    """One contact or user whose page is shown."""

    account: Account
    kind: ObjectType
    record: Record

    @property
    def is_user(self) -> bool:
        """Tell whether it is a user and not a contact."""
        return self.kind is self.account.users

    @property
    def name(self) -> str:
        """Return what the kind of people is called in addresses."""
        return _plural(self.account, self.kind)

    @property
    def path(self) -> str:
        """Return the address of the page."""
        return f"/accounts/{self.account.id}/{self.name}/{self.record.id}"


def page_number(query: Mapping[str, str]) -> int:
    """Return the number of the page that is asked for, the first one without a sensible one."""
    given = query.get("page", "1")
    return int(given) if given.isdigit() and int(given) else 1


def name_of(record: Record) -> str:
    """Return what a person is called, for lack of a name the address or id."""
    parts = [record.properties.get(name, "") for name in _NAME_PARTS]
    return " ".join(filter(None, parts)) or address_of(record) or f"Record {record.id}"


def address_of(record: Record) -> str:
    """Return the e-mail address of a contact or user, or nothing."""
    return record.properties.get("email") or record.properties.get("hs_email") or ""


def search(account: Account, kind: ObjectType, query: Mapping[str, str]) -> Listing:
    """Return one page of the living records whose name or address holds the words of `search`."""
    wanted = query.get("search", "").casefold()
    found = [one for one in kind if not wanted or wanted in _text(one)]
    first = (page_number(query) - 1) * PER_PAGE
    return Listing(account, kind, query, found[first : first + PER_PAGE], len(found))


def record_shown(account: Account, kind: ObjectType, record: Record) -> Json:
    """Return a record for the control API, with what is associated with it."""
    return {
        "id": record.id,
        "properties": dict(record.properties),
        "archived": bool(record.archived_at),
        "associated": {
            partner.name: [one.properties | {"id": one.id} for one in records]
            for partner, records in associated(account, kind, record)
        },
    }


def associated(account: Account, kind: ObjectType, record: Record) -> list[tuple[ObjectType, list[Record]]]:
    """Return the records of custom and app objects that belong to a record, by type.

    Users cannot be associated: theirs are found by the user's id in a property of the record.
    """
    found = []
    for partner in account.types.values():
        if partner.is_standard:
            continue
        if kind is account.users:
            own = [one for one in partner if _is_of_user(one, record)]
        else:
            ids = [to_id for to_id, _ in account.associations.of(kind.type_id, record.id, partner.type_id)]
            own = [one for one in map(partner.get, ids) if one]
        found.append((partner, own))
    return found


def own_properties(kind: ObjectType, record: Record) -> dict[str, str]:
    """Return label and value of the properties that the application keeps on the record itself."""
    if OWN_GROUP not in kind.groups:
        return {}
    return {
        one.label: record.properties[one.name]
        for one in kind.definitions.values()
        if one.group == OWN_GROUP and record.properties.get(one.name)
    }


def headings(kind: ObjectType) -> list[Group]:
    """Return the groups of a type in the order in which they are shown."""
    return sorted(kind.groups.values(), key=lambda group: (group.display_order < 0, group.display_order))


def _plural(account: Account, kind: ObjectType) -> str:
    return "users" if kind is account.users else "contacts"


def _is_of_user(record: Record, user: Record) -> bool:
    return any(name.endswith("hubspot_user_id") and value == user.id for name, value in record.properties.items())


def _text(record: Record) -> str:
    return " ".join(record.properties.get(name, "") for name in _SEARCHED).casefold()
