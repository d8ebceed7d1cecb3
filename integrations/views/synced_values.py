"""The values of one person that come from other systems: where from, what was there, what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from integrations import explanations
from integrations.models import ExternalIdentity, FieldMapping, InviteSettings
from integrations.views import attributes
from integrations.views.change_rows import day_text
from integrations.views.trail import Trail, Writer
from portals.field_types import FieldType, to_text
from portals.models import CustomField
from users.models import Membership

Text = str | Promise


@dataclass(frozen=True, slots=True)
class SyncedValue:
    """One value that a provider fills; `raw` is None when nothing was delivered."""

    label: Text
    source: Text
    raw: str | None
    current: str
    rule: Text = ""
    refused: list[Text] = field(default_factory=list)
    writer: Writer | None = None
    is_pinned: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A link of the person to a provider, with the values that it fills."""

    identity: ExternalIdentity
    label: str
    values: list[SyncedValue]


def sources_of(person: Membership, trail: Trail) -> list[Source]:
    """Return the person's links with the values that each fills; three statements for any number of fields."""
    identities = list(
        person.external_identities.filter(connection__portal=person.portal_id)
        .select_related("connection__portal", "connection__invite_settings")
        .order_by("connection__provider")
    )
    mappings = FieldMapping.objects.filter(connection__in=[one.connection_id for one in identities])
    by_connection: dict[int, list[FieldMapping]] = {one.connection_id: [] for one in identities}
    for mapping in mappings.select_related("custom_field").order_by("custom_field__position", "pk"):
        by_connection[mapping.connection_id].append(mapping)
    return [
        Source(
            identity=one,
            label=one.connection.get_provider_display(),
            values=[*_own_values(person, one, trail), *_mapped_values(person, one, by_connection, trail)],
        )
        for one in identities
    ]


def _own_values(person: Membership, identity: ExternalIdentity, trail: Trail) -> Iterator[SyncedValue]:
    """Yield names, address and last day, which always follow the provider."""
    told, system = identity.snapshot, identity.connection.get_provider_display()
    flaws = _flaws(identity)
    source, address = _address(identity)
    yield SyncedValue(
        label=_("E-mail"),
        source=source,
        raw=address,
        current=person.user.email,
        refused=flaws.get("email", []),
        writer=trail.writer_of("email"),
    )
    for name, label in (("first_name", _("First name")), ("last_name", _("Last name"))):
        raw, current = told.get(name), getattr(person.user, name)
        yield SyncedValue(label, label, raw, current, refused=flaws.get(name, []), writer=trail.writer_of(name))
    last_day = told.get("last_day")
    if last_day or person.last_day:
        yield SyncedValue(
            label=_("Last day of access"),
            source=_("Termination date"),
            raw=day_text(last_day) if last_day else None,
            current=day_text(person.last_day.isoformat()) if person.last_day else "",
            rule=_("Set from %(system)s") % {"system": system}
            if person.ended_by == identity.connection.provider
            else "",
            refused=flaws.get("last_day", []),
            writer=trail.writer_of("last_day"),
        )


def _address(identity: ExternalIdentity) -> tuple[Text, str | None]:
    """Return which of the addresses is used, and the address."""
    told = identity.snapshot
    settings = getattr(identity.connection, "invite_settings", None) or InviteSettings()
    kinds = [("work_email", _("Work e-mail")), ("personal_email", _("Personal e-mail"))]
    if settings.address == InviteSettings.Address.PERSONAL_FIRST:
        kinds.reverse()
    if settings.address == InviteSettings.Address.WORK_ONLY:
        kinds = kinds[:1]
    used = next(((label, told[name]) for name, label in kinds if told.get(name)), None)
    return used or (settings.get_address_display(), told.get(kinds[0][0]))


def _mapped_values(
    person: Membership, identity: ExternalIdentity, mappings: Mapping[int, list[FieldMapping]], trail: Trail
) -> Iterator[SyncedValue]:
    labels = {one.key: one.label for one in attributes.remembered(identity.connection)}
    raw: dict[str, str] = identity.snapshot.get("attributes") or {}
    flaws, pinned = _flaws(identity), set(person.pinned_fields or ())
    for mapping in mappings[identity.connection_id]:
        names = [name for name in (mapping.attribute, mapping.fallback_attribute) if name]
        used = next((name for name in names if raw.get(name)), mapping.attribute)
        target = mapping.custom_field
        yield SyncedValue(
            label=target.label,
            source=labels.get(used, used),
            raw=raw.get(used),
            current=value_text(target, person.custom_data.get(target.key)),
            rule=_rule(mapping, labels),
            refused=[problem for name in names for problem in flaws.get(name, [])],
            writer=trail.writer_of(target.key),
            is_pinned=target.pk in pinned,
        )


def _rule(mapping: FieldMapping, labels: Mapping[str, str]) -> str:
    """Return the mapping in words."""
    parts = [labels.get(mapping.attribute, mapping.attribute)]
    if other := mapping.fallback_attribute:
        parts.append(_("otherwise %(attribute)s") % {"attribute": labels.get(other, other)})
    if mapping.default:
        parts.append(_("otherwise “%(value)s”") % {"value": mapping.default})
    parts.append(_("if empty: %(what)s") % {"what": str(mapping.get_when_empty_display()).lower()})
    return "; ".join(str(part) for part in parts)


def _flaws(identity: ExternalIdentity) -> dict[str, list[Text]]:
    found: dict[str, list[Text]] = {}
    for attribute, code, value in identity.flaws or []:
        words = _("“%(value)s”: %(problem)s") % {"value": value, "problem": explanations.field_problem(code)}
        found.setdefault(attribute, []).append(words)
    return found


def value_text(target: CustomField, value: Any) -> str:
    """Return a custom value as people read it."""
    return day_text(value) if value and target.type == FieldType.DATE else to_text(value)
