"""Pure: what a sync speaks about: people as a provider reports them, learners as we have them, the policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property, lru_cache
from hashlib import blake2b

from portals.field_types import FieldType, Scalar, Stored, reader

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
    """Attribute → custom field."""

    attribute: str
    target: TargetField
    keeps_when_empty: bool = False


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
    # Changes whenever any of the above does.
    version: str = ""

    @property
    def wanted_attributes(self) -> tuple[str, ...]:
        return tuple(sorted({rule.attribute for rule in self.mappings}))

    @cached_property
    def readers(self) -> tuple[tuple[str, str, Callable[[str], Stored | None], bool], ...]:
        """Attribute, field key, how to read the value, whether an empty one keeps the old: once for all people."""
        return tuple(
            (
                rule.attribute,
                rule.target.key,
                lru_cache(REMEMBERED_TEXTS)(
                    reader(rule.target.type, choices=rule.target.choices, is_multiple=rule.target.is_multiple)
                ),
                rule.keeps_when_empty,
            )
            for rule in self.mappings
        )


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
