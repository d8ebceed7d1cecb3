"""Pure: what a sync speaks about: people as a provider reports them, learners as we have them, the policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property, lru_cache
from hashlib import blake2b

from portals.field_types import FieldType, Scalar, Stored, reader, to_text

from .scope import Condition

# Attributes that speak of other people: known only when the whole list was read, and filled in then.
LATE = ("manager_name", "manager_email", "is_manager")
# Texts of each mapped field whose value is remembered: a company has few departments, dates and amounts.
REMEMBERED_TEXTS = 2000


class EmploymentStatus(StrEnum):
    ACTIVE = "active"
    PENDING = "pending"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something in a record that could not be taken over: which attribute, a short code, the value as text."""

    attribute: str
    code: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """One human as a provider reports them.

    `attributes` holds the text of each mapped attribute that was delivered; an empty text was delivered empty, a
    missing key was not delivered and changes nothing.
    """

    key: str
    first_name: str = ""
    last_name: str = ""
    work_email: str = ""
    personal_email: str = ""
    status: EmploymentStatus = EmploymentStatus.ACTIVE
    hired_on: date | None = None
    last_day: date | None = None
    manager_key: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    flaws: tuple[Flaw, ...] = ()
    # False when the record could not be decoded: only the key is known.
    is_readable: bool = True


@dataclass(frozen=True, slots=True)
class Learner:
    """A membership of the portal, as far as a sync looks at it."""

    membership_id: int
    user_id: int
    email: str
    first_name: str
    last_name: str
    role: str
    status: str
    custom_data: dict[str, Stored]
    last_day: date | None = None
    ended_by: str = ""
    has_signed_in: bool = False
    # An admin cancelled the invitation: nobody but an admin may let another one go out.
    invitation_cancelled: bool = False
    # Keys of custom fields whose value an admin pinned: no sync writes them.
    pinned: frozenset[str] = frozenset()
    # The person that this connection linked the membership to, or an empty text.
    linked_key: str = ""

    @property
    def is_staff(self) -> bool:
        return self.role != "learner"

    @property
    def has_access(self) -> bool:
        return self.status == "active"

    @property
    def has_ended(self) -> bool:
        return self.status == "ended"


@dataclass(frozen=True, slots=True)
class TargetField:
    """A custom field that a mapping fills, with what is needed to read a value."""

    key: str
    type: FieldType
    is_multiple: bool = False
    choices: frozenset[Scalar] = frozenset()


@dataclass(frozen=True, slots=True)
class MappingRule:
    """Attribute → custom field; an empty attribute gives way to the fallback, an empty fallback to the default."""

    attribute: str
    target: TargetField
    keeps_when_empty: bool = False
    fallback: str = ""
    # As text, read like a value.
    default: str = ""
    # Values that stand for a choice: the provider's text → the choice as text.
    aliases: dict[str, str] = field(default_factory=dict)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that are looked at, in order."""
        return (self.attribute, self.fallback) if self.fallback else (self.attribute,)


@dataclass(frozen=True, slots=True)
class InvitePolicy:
    """When and how new people are added."""

    waits_for_hire_date: bool
    adds_as: str  # "active" or "pending"
    sends_mail: bool
    address: str  # "work_first", "personal_first" or "work_only"
    # The portal signs people in by single sign-on: nobody needs an invitation any more.
    activates_pending: bool = False


@dataclass(frozen=True)
class Policy:
    """Everything that decides what a sync does with a person; frozen for the length of a run."""

    provider: str
    invite: InvitePolicy
    mappings: tuple[MappingRule, ...] = ()
    may_add_people_known_elsewhere: bool = False
    # Conditions that all must hold of a person; empty: everyone is wanted.
    scope: tuple[Condition, ...] = ()
    ends_out_of_scope: bool = False
    # Whether somebody's new address is taken over unasked even if they have signed in with the old one.
    trusts_addresses: bool = True
    # Changes whenever any of the above does.
    version: str = ""

    @property
    def wanted_attributes(self) -> tuple[str, ...]:
        mapped = {attribute for rule in self.mappings for attribute in rule.attributes}
        return tuple(sorted(mapped | {condition.attribute for condition in self.scope}))

    @cached_property
    def readers(self) -> tuple[tuple[MappingRule, Callable[[str], Stored | None]], ...]:
        """Each rule with how its values are read: once for all people."""
        return tuple((rule, lru_cache(REMEMBERED_TEXTS)(value_reader(rule))) for rule in self.mappings)


def value_reader(rule: MappingRule) -> Callable[[str], Stored | None]:
    """Return how a text of the rule's attributes becomes a value; a text that is a choice is never an alias."""
    target = rule.target
    read = reader(target.type, choices=target.choices, is_multiple=target.is_multiple)
    choices = {to_text(choice) for choice in target.choices}
    aliases = {text: choice for text, choice in rule.aliases.items() if text not in choices}
    if not aliases:
        return read

    def read_alias(text: str) -> Stored | None:
        parts = text.split(";") if target.is_multiple else [text]
        return read(";".join(aliases.get(part.strip(), part) for part in parts))

    return read_alias


def digest(person: Person, version: str) -> bytes:
    """Return 16 bytes that differ whenever a sync could treat the person differently."""
    parts = [
        version,
        person.key,
        person.first_name,
        person.last_name,
        person.work_email,
        person.personal_email,
        person.status.value,
        str(person.hired_on),
        str(person.last_day),
        person.manager_key,
        str(person.is_readable),
    ]
    for attribute, text in person.attributes.items():
        parts += (attribute, text)
    for flaw in person.flaws:
        parts += (flaw.attribute, flaw.code, flaw.value)
    return blake2b("\x1f".join(parts).encode(errors="replace"), digest_size=16).digest()
