"""Database → Policy: everything that decides what a sync does, with a version that changes when any of it does."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import Any

import msgspec

from integrations.engine.records import InvitePolicy, MappingRule, Policy, TargetField
from integrations.models import Connection, FieldMapping, InviteSettings
from portals.field_types import FieldType, read_choices


def policy_for(connection: Connection) -> Policy:
    """Return the policy in force now; costs three queries."""
    portal = connection.portal
    settings = InviteSettings.objects.filter(connection=connection).first() or InviteSettings()
    mappings = (
        FieldMapping.objects.filter(connection=connection)
        .select_related("custom_field")
        .prefetch_related("custom_field__choices")
        .order_by("custom_field_id")
    )
    policy = Policy(
        provider=connection.provider,
        invite=_invite_policy(settings, uses_passwords=portal.uses_passwords),
        mappings=tuple(_mapping_rule(mapping) for mapping in mappings),
        may_add_people_known_elsewhere=portal.may_add_people_known_elsewhere,
    )
    return replace(policy, version=_version(policy))


def to_json(policy: Policy) -> dict[str, Any]:
    """Return the policy as it is stored with a run."""
    return msgspec.to_builtins(policy)  # type: ignore[no-any-return]


def from_json(stored: dict[str, Any]) -> Policy:
    """Return the policy that a run began with."""
    return msgspec.convert(stored, Policy)


def _invite_policy(settings: InviteSettings, *, uses_passwords: bool) -> InvitePolicy:
    is_pending = uses_passwords and settings.how == InviteSettings.How.PENDING_INVITE
    return InvitePolicy(
        waits_for_hire_date=settings.when == InviteSettings.When.HIRE_DATE,
        adds_as="pending" if is_pending else "active",
        sends_mail=uses_passwords and settings.how != InviteSettings.How.ACTIVE,
        address=settings.address,
        activates_pending=not uses_passwords,
    )


def _mapping_rule(mapping: FieldMapping) -> MappingRule:
    field = mapping.custom_field
    type_ = FieldType(field.type)
    choices = [choice.value for choice in field.choices.all()] if type_.is_choice else []
    return MappingRule(
        attribute=mapping.attribute,
        target=TargetField(
            key=field.key,
            type=type_,
            is_multiple=field.is_multiple,
            choices=read_choices(choices, type_) if choices else frozenset(),
        ),
        keeps_when_empty=mapping.when_empty == FieldMapping.WhenEmpty.KEEP,
    )


def _version(policy: Policy) -> str:
    stable = msgspec.json.encode(policy, order="deterministic")
    return blake2b(stable, digest_size=12).hexdigest()
