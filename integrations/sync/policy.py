"""Database → Policy: everything that decides what a sync does, with a version that changes when any of it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import msgspec

from integrations import providers
from integrations.engine.records import InvitePolicy, MappingRule, Policy, TargetField
from integrations.engine.scope import Condition
from integrations.models import ChoiceAlias, Connection, FieldMapping, InviteSettings, SafetySettings
from portals.field_types import FieldType, read_choices
from portals.models import CustomFieldChoice


def policy_for(
    connection: Connection,
    *,
    mappings: Sequence[FieldMapping] | None = None,
    invite_settings: InviteSettings | None = None,
    safety: SafetySettings | None = None,
) -> Policy:
    """Return the policy in force now, or with other settings that may be unsaved; costs five queries at most."""
    portal = connection.portal
    invite_settings = invite_settings or InviteSettings.objects.filter(connection=connection).first()
    safety = safety or SafetySettings.objects.filter(connection=connection).first() or SafetySettings()
    policy = Policy(
        provider=connection.provider,
        invite=_invite_policy(invite_settings or InviteSettings(), uses_passwords=portal.uses_passwords),
        mappings=tuple(mapping_rules(stored_mappings(connection) if mappings is None else mappings, connection)),
        may_add_people_known_elsewhere=portal.may_add_people_known_elsewhere,
        scope=scope_of(safety),
        ends_out_of_scope=bool(safety.scope) and safety.out_of_scope == SafetySettings.OutOfScope.END_ACCESS,
        trusts_addresses=providers.people_source(connection.provider).trusts_addresses,
    )
    return replace(policy, version=_version(policy))


def stored_mappings(connection: Connection) -> list[FieldMapping]:
    """Return a connection's mappings with their fields, in the order of the fields."""
    rows = FieldMapping.objects.filter(connection=connection).select_related("custom_field")
    return list(rows.order_by("custom_field_id"))


def mapping_rules(mappings: Sequence[FieldMapping], connection: Connection) -> list[MappingRule]:
    """Return mappings, saved or not, as the rules of a policy; aliases belong to a field, whatever fills it."""
    fields = {mapping.custom_field_id: mapping.custom_field for mapping in mappings}
    choices: dict[int, list[str]] = {pk: [] for pk, field in fields.items() if field.is_choice}
    aliases: dict[int, dict[str, str]] = {}
    if choices:
        offered = CustomFieldChoice.objects
        for field_id, value in offered.filter(field__in=choices).values_list("field_id", "value"):
            choices[field_id].append(value)
        known = ChoiceAlias.objects.filter(mapping__connection=connection, mapping__custom_field__in=choices)
        for field_id, text, choice in known.values_list("mapping__custom_field_id", "value", "choice__value"):
            aliases.setdefault(field_id, {})[text] = choice
    ordered = sorted(mappings, key=lambda mapping: mapping.custom_field_id)
    return [_mapping_rule(one, choices.get(one.custom_field_id, ()), aliases) for one in ordered]


def scope_of(safety: SafetySettings) -> tuple[Condition, ...]:
    """Return the conditions that people must satisfy."""
    return msgspec.convert(safety.scope, tuple[Condition, ...])


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


def _mapping_rule(mapping: FieldMapping, choices: Sequence[str], aliases: dict[int, dict[str, str]]) -> MappingRule:
    field = mapping.custom_field
    type_ = FieldType(field.type)
    return MappingRule(
        attribute=mapping.attribute,
        target=TargetField(
            key=field.key,
            type=type_,
            is_multiple=field.is_multiple,
            choices=read_choices(choices, type_) if choices else frozenset(),
        ),
        keeps_when_empty=mapping.when_empty == FieldMapping.WhenEmpty.KEEP,
        fallback=mapping.fallback_attribute,
        default=mapping.default,
        aliases=aliases.get(field.pk, {}),
    )


def _version(policy: Policy) -> str:
    stable = msgspec.json.encode(policy, order="deterministic")
    return blake2b(stable, digest_size=12).hexdigest()
