"""HubSpot accounts: who they are, what their plan has, and the people in them."""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field

from integrations.sandbox.hubspot.app import APP_OBJECT_SCOPES, CUSTOM_OBJECT_SCOPES
from integrations.sandbox.hubspot.associations import Associations
from integrations.sandbox.hubspot.errors import Json
from integrations.sandbox.hubspot.objects import ObjectType
from integrations.sandbox.hubspot.records import Change
from integrations.sandbox.hubspot.standard import CONTACTS, USERS

FREE = "free"
PROFESSIONAL = "professional"
ENTERPRISE = "enterprise"
TIERS = (FREE, PROFESSIONAL, ENTERPRISE)


@dataclass(slots=True)
class Owner:
    """Somebody who can own records; `user_id` is the provisioning id, None for people who were removed."""

    id: str
    email: str
    first_name: str
    last_name: str
    user_id: int | None
    user_id_including_inactive: int
    created_at: str
    updated_at: str
    is_archived: bool = False
    teams: list[Json] = field(default_factory=list)

    def shown(self) -> Json:
        """Return the owner as the API shows it."""
        return {
            "id": self.id,
            "email": self.email,
            "type": "PERSON",
            "firstName": self.first_name,
            "lastName": self.last_name,
            "userId": self.user_id,
            "userIdIncludingInactive": self.user_id_including_inactive,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "archived": self.is_archived,
            "teams": self.teams,
        }


@dataclass(slots=True)
class Login:
    """A user as the provisioning API knows it; `id` is the `hs_internal_user_id` of the CRM's user record."""

    id: str
    email: str
    first_name: str
    last_name: str
    role_ids: list[str] = field(default_factory=list)
    primary_team_id: str = ""
    is_super_admin: bool = False

    def shown(self) -> Json:
        """Return the user as the API shows it."""
        return {
            "id": self.id,
            "email": self.email,
            "firstName": self.first_name,
            "lastName": self.last_name,
            "roleIds": self.role_ids,
            "primaryTeamId": self.primary_team_id or None,
            "secondaryTeamIds": [],
            "seatNames": ["core"],
            "superAdmin": self.is_super_admin,
        }


@dataclass(slots=True)
class Rules:
    """What an account's admin demands of every write (since version 2026-09 of the API writes too)."""

    required_on_create: dict[str, list[str]] = field(default_factory=dict)  # type id to property names


@dataclass(slots=True)
class Account:
    """One HubSpot account; `types` are its object types by type id."""

    id: int
    name: str
    domain: str
    tier: str
    contacts: ObjectType
    users: ObjectType
    owners: dict[str, Owner]
    logins: dict[str, Login]
    hosting: str = "na1"
    kind: str = "STANDARD"
    time_zone: str = "Europe/Dublin"
    currency: str = "EUR"
    app_objects_enabled: bool = False
    merges_make_new_ids: bool = True
    rules: Rules = field(default_factory=Rules)
    types: dict[str, ObjectType] = field(init=False, default_factory=dict)
    associations: Associations = field(init=False)
    changes: int = 0
    listener: "Callable[[Account, Change], None] | None" = None  # is told what happens to records of every type
    _by_name: dict[str, ObjectType] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.associations = Associations(self.id)
        self.add_type(self.contacts)
        self.add_type(self.users)

    @property
    def ui_domain(self) -> str:
        """Return the host on which the account's pages are."""
        return "app.hubspot.com" if self.hosting == "na1" else f"app-{self.hosting}.hubspot.com"

    @property
    def admin(self) -> Login:
        """Return the super admin who installs apps."""
        return next(login for login in self.logins.values() if login.is_super_admin)

    def add_type(self, kind: ObjectType) -> None:
        """Let the account have one more object type, found by its id, name and aliases."""
        self.types[kind.type_id] = kind
        kind.notify = self._tell
        for name in (kind.type_id, kind.name, *kind.aliases):
            self._by_name[name.lower()] = kind
        self.changes += 1

    def remove_type(self, type_id: str) -> None:
        """Take an object type with all of its records away."""
        gone = self.types.pop(type_id)
        self._by_name = {name: kind for name, kind in self._by_name.items() if kind is not gone}
        self.changes += 1

    def find_type(self, name: str) -> ObjectType | None:
        """Return the object type with this id, name or alias."""
        return self._by_name.get(name.lower())

    def can_grant(self, scope: str) -> bool:
        """Tell whether the account's plan has what a scope opens."""
        if scope in CUSTOM_OBJECT_SCOPES:
            return self.tier == ENTERPRISE
        if scope in APP_OBJECT_SCOPES:
            return self.app_objects_enabled
        if scope == "automation":
            return self.tier != FREE
        return True

    def owner_ids(self) -> Collection[str]:
        """Return the ids that a property of owners may hold."""
        return self.owners.keys()

    def record_url(self, type_id: str, object_id: str) -> str:
        """Return the address of a record's page."""
        return f"https://{self.ui_domain}/contacts/{self.id}/record/{type_id}/{object_id}"

    def progress(self) -> int:
        """Return a number that grows with every change."""
        return self.changes + self.associations.changes + sum(kind.changes for kind in self.types.values())

    def _tell(self, change: Change) -> None:
        if self.listener:
            self.listener(self, change)

    def record(self) -> Json:
        """Return what JSON can hold of everything that differs from the seed."""
        return {
            "tier": self.tier,
            "app_objects_enabled": self.app_objects_enabled,
            "merges_make_new_ids": self.merges_make_new_ids,
            "rules": asdict(self.rules),
            "associations": self.associations.record(),
            "types": {CONTACTS: self.contacts.record(), USERS: self.users.record()},
            "further_types": [
                {"outline": kind.outline(), "content": kind.record()}
                for kind in self.types.values()
                if not kind.is_standard
            ],
        }

    def resume(self, record: Json) -> None:
        """Bring an account of the same seed to a record's state. Raises LookupError, TypeError or ValueError."""
        self.tier = record["tier"]
        self.app_objects_enabled = record["app_objects_enabled"]
        self.merges_make_new_ids = record["merges_make_new_ids"]
        self.rules = Rules(**record["rules"])
        self.associations.restore(record["associations"])
        for type_id, content in record["types"].items():
            self.types[type_id].resume(content)
        for brought in [kind for kind in self.types.values() if not kind.is_standard]:
            self.remove_type(brought.type_id)
        for further in record["further_types"]:
            kind = ObjectType.of_outline(further["outline"])
            kind.resume(further["content"])
            self.add_type(kind)
