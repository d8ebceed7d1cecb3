"""File → database, what is set for the syncs: mappings with their aliases, invite configuration, scope and safety."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _
from msgspec.structs import asdict

from integrations import providers
from integrations.forms import unfit
from integrations.models import ChoiceAlias, Connection, FieldMapping, InviteSettings, SafetySettings
from integrations.portal_settings import document
from integrations.portal_settings.definitions import checked
from integrations.portal_settings.difference import Difference, Section
from integrations.portal_settings.document import Unfit, key
from integrations.providers import Attribute
from portals.field_types import FieldType, ValueRefused, read, read_choices
from portals.models import CustomField, Portal

CONCERNED = (Section.MAPPINGS, Section.INVITES, Section.SAFETY)


def write(portal: Portal, difference: Difference) -> list[str]:
    """Write what differs and return sentences on what an admin should look at. Raises Unfit.

    A portal that was never connected gets an unconnected row for its settings, which wait for the consent.
    """
    concerned = {section: difference.names(section) for section in CONCERNED}
    notes: list[str] = []
    for provider, wanted in difference.merged.connections.items():
        is_mapped = any(name.startswith(f"{key(provider)}: ") for name in concerned[Section.MAPPINGS])
        is_set = key(provider) in concerned[Section.INVITES] | concerned[Section.SAFETY]
        if not is_mapped and not is_set:
            continue
        _refuse_unknown(portal, provider)
        connection = Connection.objects.get_or_create(portal=portal, provider=provider)[0]
        notes += _write_mappings(connection, wanted.mappings, concerned[Section.MAPPINGS])
        _write_settings(connection, wanted, concerned)
    return notes


def _refuse_unknown(portal: Portal, provider: str) -> None:
    try:
        label = providers.get(provider).label
    except KeyError:
        raise Unfit(_("This installation has no integration “%s”.") % provider) from None
    if provider not in portal.enabled_integrations:
        raise Unfit(_("%s is not turned on for this portal; the operator can do that.") % label)


def _write_settings(
    connection: Connection, wanted: document.Connection, concerned: Mapping[Section, set[str]]
) -> None:
    mark = key(connection.provider)
    if wanted.invites and mark in concerned[Section.INVITES]:
        invites = InviteSettings.objects.filter(connection=connection).first() or InviteSettings(connection=connection)
        for name, value in asdict(wanted.invites).items():
            setattr(invites, name, value)
        checked(invites, connection.provider)
        invites.save()
    if wanted.safety and mark in concerned[Section.SAFETY]:
        safety = SafetySettings.objects.filter(connection=connection).first() or SafetySettings(connection=connection)
        scope = [asdict(line) for line in wanted.safety.scope]
        for name, value in {**asdict(wanted.safety), "scope": scope}.items():
            setattr(safety, name, value)
        checked(safety, connection.provider)
        safety.save()


def _write_mappings(connection: Connection, wanted: Sequence[document.Mapping], concerned: set[str]) -> list[str]:
    fields = {
        key(one.label): one
        for one in CustomField.objects.filter(portal=connection.portal_id).prefetch_related("choices")
    }
    known = {one.custom_field_id: one for one in FieldMapping.objects.filter(connection=connection)}
    offered = {one.key: one for one in providers.people_source(connection.provider).standard_attributes(connection)}
    from_company = []
    for one in wanted:
        if key(f"{connection.provider}: {one.field}") not in concerned:
            continue
        field = fields.get(key(one.field))
        if field is None:
            raise Unfit(_("A mapping fills a custom field that is nowhere: “%s”.") % one.field)
        _check(one, field, offered)
        if one.attribute not in offered:
            from_company.append(field.label)
        mapping = known.get(field.pk) or FieldMapping(connection=connection, custom_field=field)
        mapping.attribute, mapping.fallback_attribute = one.attribute, one.fallback_attribute
        mapping.default, mapping.when_empty = one.default, one.when_empty
        checked(mapping, one.field)
        mapping.save()
        _write_aliases(mapping, field, one)
    if not from_company:
        return []
    return [
        _("Filled from a field that the company made itself; check that yours has the same: %s.")
        % ", ".join(from_company)
    ]


def _check(wanted: document.Mapping, field: CustomField, offered: Mapping[str, Attribute]) -> None:
    """Refuse attributes that cannot fill the field, and a default that is no value of it; unknown ones pass."""
    for name in (wanted.attribute, wanted.fallback_attribute):
        attribute = offered.get(name)
        if attribute and (problem := unfit(attribute, field)):
            raise Unfit(problem)
    type_ = FieldType(field.type)
    choices = read_choices([choice.value for choice in field.choices.all()], type_) if type_.is_choice else ()
    try:
        read(wanted.default, type_, choices=choices, is_multiple=field.is_multiple)
    except ValueRefused:
        names = {"field": field.label, "value": wanted.default}
        raise Unfit(_("The default “%(value)s” is no value of the field “%(field)s”.") % names) from None


def _write_aliases(mapping: FieldMapping, field: CustomField, wanted: document.Mapping) -> None:
    choices = {choice.value: choice for choice in field.choices.all()}
    if missing := sorted(set(wanted.aliases.values()) - set(choices)):
        raise Unfit(
            _("An alias stands for a choice that the field “%(field)s” does not have: “%(value)s”.")
            % {"field": field.label, "value": missing[0]}
        )
    ChoiceAlias.objects.bulk_create(
        [ChoiceAlias(mapping=mapping, value=value, choice=choices[one]) for value, one in wanted.aliases.items()],
        update_conflicts=True,
        unique_fields=["mapping", "value"],
        update_fields=["choice"],
    )
